//! An authority from its configuration: the files it names, its store, its key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepless_core::authority::{Authority, AuthorityParts, IssuedAtCheck, Persistence};
use stepless_core::clock::Clock;
use stepless_core::config::{CaConfig, DatabaseConfig, KeySource};
use stepless_core::key::{LocalSigner, PrivateKey, PrivateKeyError, SignatureAlgorithm};
use stepless_core::provisioner::Provisioners;
use stepless_core::secret::SecretBytes;
use stepless_core::store::{MemoryStore, Store};
use stepless_core::x509::{Certificate, IssuerChain};
use stepless_embedded::EmbeddedStore;
use stepless_net::SystemRandom;
use tracing::warn;

use crate::error::{CliError, Context};
use crate::{files, password};

/// A configuration, and what was doubtful about it.
pub(crate) struct LoadedConfig {
    pub(crate) config: CaConfig,
    pub(crate) warnings: Vec<String>,
}

/// Whether a configuration with keys that are not known is refused.
#[derive(Clone, Copy)]
pub(crate) enum Strictness {
    Strict,
    Lenient,
}

/// Reads a `ca.json`.
pub(crate) fn load_config(path: &Path, strictness: Strictness) -> Result<LoadedConfig, CliError> {
    let text = files::read_text(path)?;
    let parsed = match strictness {
        Strictness::Strict => CaConfig::parse_strict(&text),
        Strictness::Lenient => CaConfig::parse(&text),
    };
    let (config, warnings) = parsed.context(format_args!("{} cannot be used", path.display()))?;
    Ok(LoadedConfig { config, warnings: warnings.iter().map(ToString::to_string).collect() })
}

/// Opens the authority of a configuration, with the time from `clock`.
pub(crate) async fn open(
    config: &CaConfig,
    password_file: Option<&Path>,
    clock: Arc<dyn Clock>,
) -> Result<Authority, CliError> {
    Authority::open(parts(config, password_file, clock)?).await.context("the authority cannot be opened")
}

/// What the authority of a configuration is made of.
pub(crate) fn parts(
    config: &CaConfig,
    password_file: Option<&Path>,
    clock: Arc<dyn Clock>,
) -> Result<AuthorityParts, CliError> {
    let (store, persistence) = open_store(config.db.as_ref(), &clock)?;
    let issuers = IssuerChain::from_pem(&files::read_text(&config.crt)?)
        .context(format_args!("{} is not an issuing chain", config.crt.display()))?;
    let signer = issuer_signer(config, password_file, &issuers)?;
    let provisioners = Provisioners::from_config(config).context("the provisioners cannot be used")?;
    Ok(AuthorityParts {
        issuers,
        signer: Arc::new(signer),
        roots: certificates(&config.root)?,
        federated_roots: certificates(&config.federated_roots)?,
        provisioners,
        store,
        persistence,
        clock,
        random: Arc::new(SystemRandom),
        dns_names: config.dns_names.clone(),
        common_name: config.common_name.clone(),
        subject_template: config.authority.template.clone(),
        backdate: config.authority.backdate.to_signed(),
        issued_at_check: match config.authority.disable_issued_at_check {
            true => IssuedAtCheck::Disabled,
            false => IssuedAtCheck::Enabled,
        },
        tls_options: config.tls.clone(),
    })
}

fn open_store(
    db: Option<&DatabaseConfig>,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn Store>, Persistence), CliError> {
    let Some(db) = db else {
        warn!("no db is configured: spent tokens are forgotten at the end, and nothing can be revoked");
        return Ok((Arc::new(MemoryStore::new(Arc::clone(clock))), Persistence::UntilRestart));
    };
    files::create_folder(&db.data_source)?;
    warn_of_another_database(&db.data_source);
    let path = db.data_source.join(STORE_FILE);
    let store = EmbeddedStore::open(&path, Arc::clone(clock))
        .context(format_args!("the database {} cannot be opened", path.display()))?;
    Ok((Arc::new(store), Persistence::Durable))
}

/// What another program keeps in the same folder is not read: certificates that it revoked are not revoked here.
fn warn_of_another_database(folder: &Path) {
    let other = OTHER_DATABASES.into_iter().map(|file| folder.join(file)).find(|path| path.exists());
    if let Some(path) = other {
        warn!(
            path = %path.display(),
            "this is the database of another program; its certificates, revocations and spent tokens are not read"
        );
    }
}

/// The issuer's key. An RSA issuer signs as its own certificate is signed, where that is RSA too: clients that could
/// verify the one can verify the others.
fn issuer_signer(
    config: &CaConfig,
    password_file: Option<&Path>,
    issuers: &IssuerChain,
) -> Result<LocalSigner, CliError> {
    let key = issuer_key(config, password_file)?;
    let certificate = issuers.issuer();
    match certificate.signature_algorithm() {
        Some(algorithm @ (SignatureAlgorithm::RsaPkcs1(_) | SignatureAlgorithm::RsaPss(_)))
            if algorithm.fits(key.public_key().kind()) =>
        {
            LocalSigner::with_algorithm(key, algorithm)
                .context("the key cannot sign as its certificate is signed")
        }
        _ => Ok(LocalSigner::new(key)),
    }
}

fn issuer_key(config: &CaConfig, password_file: Option<&Path>) -> Result<PrivateKey, CliError> {
    let path = match &config.key {
        KeySource::File(path) => path,
        KeySource::Uri(uri) => {
            let scheme = uri.scheme().name();
            return Err(CliError::new(format!("key names a key in {scheme}, which this program cannot use")));
        }
    };
    let pem = SecretBytes::new(files::read(path)?);
    let password = match (password_file, &config.password) {
        (Some(file), _) => Some(password::from_file(file)?),
        (None, password) => password.clone(),
    };
    let key = match PrivateKey::from_pem(pem.expose(), password.as_ref()) {
        Err(PrivateKeyError::PasswordNeeded) => {
            let prompt = format!("Password of {}: ", path.display());
            PrivateKey::from_pem(pem.expose(), Some(&password::ask(&prompt)?))
        }
        other => other,
    };
    key.context(format_args!("the key {} cannot be used", path.display()))
}

fn certificates(paths: &[PathBuf]) -> Result<Vec<Certificate>, CliError> {
    let mut all = Vec::new();
    for path in paths {
        let bundle = Certificate::parse_pem_bundle(&files::read_text(path)?)
            .context(format_args!("{} holds no certificates", path.display()))?;
        all.extend(bundle);
    }
    Ok(all)
}

/// The file of the embedded store, in the folder that `db.dataSource` names.
const STORE_FILE: &str = "stepless.redb";
/// What the databases that step-ca can use leave in their folder.
const OTHER_DATABASES: [&str; 2] = ["MANIFEST", "KEYREGISTRY"];
