//! An authority from its configuration: its certificates, its store, its key, each in files or on AWS.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fmt};

use stepless_aws::authority::open_signer;
use stepless_aws::configuration::{ConfigurationPlace, ConfigurationSource, Found};
use stepless_core::authority::{Authority, AuthorityParts, Platform};
use stepless_core::clock::Clock;
use stepless_core::config::{CaConfig, CertificateSource, KeySource};
use stepless_core::key::{LocalSigner, PrivateKey, PrivateKeyError, SignatureAlgorithm, Signer};
use stepless_core::secret::SecretBytes;
use stepless_core::x509::{Certificate, IssuerChain};
use stepless_net::{SystemClock, SystemRandom};

use crate::error::{CliError, Context};
use crate::{files, password, store};

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

impl Strictness {
    /// What a flag `--strict` says.
    pub(crate) fn of(strict: bool) -> Self {
        if strict { Self::Strict } else { Self::Lenient }
    }
}

impl LoadedConfig {
    /// Reads the text of a `ca.json`; `origin` is where it was found.
    pub(crate) fn parse(
        text: &str,
        origin: impl fmt::Display,
        strictness: Strictness,
    ) -> Result<Self, CliError> {
        let parsed = match strictness {
            Strictness::Strict => CaConfig::parse_strict(text),
            Strictness::Lenient => CaConfig::parse(text),
        };
        let (config, warnings) = parsed.context(format_args!("{origin} cannot be used"))?;
        Ok(Self { config, warnings: warnings.iter().map(ToString::to_string).collect() })
    }
}

/// Where a configuration lies: where an argument says, or where `step` has it.
pub(crate) fn config_place(said: Option<&ConfigurationPlace>) -> Result<ConfigurationPlace, CliError> {
    if let Some(place) = said {
        return Ok(place.clone());
    }
    let folder = match env::var_os("STEPPATH") {
        Some(folder) => PathBuf::from(folder),
        None => env::home_dir()
            .ok_or_else(|| CliError::new("there is no home folder: name the ca.json"))?
            .join(".step"),
    };
    Ok(ConfigurationPlace::File(folder.join("config/ca.json")))
}

/// Reads a `ca.json`, wherever it lies.
pub(crate) async fn load_config(
    place: &ConfigurationPlace,
    strictness: Strictness,
) -> Result<LoadedConfig, CliError> {
    LoadedConfig::parse(&config_text(place).await?, place, strictness)
}

/// The text of a `ca.json`, wherever it lies.
pub(crate) async fn config_text(place: &ConfigurationPlace) -> Result<String, CliError> {
    if let ConfigurationPlace::File(path) = place {
        return files::read_text(path);
    }
    let source = ConfigurationSource::open(place, Arc::new(SystemClock))
        .await
        .context(format_args!("{place} cannot be read"))?;
    match source.read(None).await.context(format_args!("{place} cannot be read"))? {
        Found::Configuration(found) => Ok(found.text),
        Found::Absent | Found::Unchanged => {
            Err(CliError::new(format!("{place} holds no configuration: stepless init makes one")))
        }
    }
}

/// Opens the authority of a configuration, with the time from `clock`.
pub(crate) async fn open(
    config: &CaConfig,
    password_file: Option<&Path>,
    clock: Arc<dyn Clock>,
) -> Result<Authority, CliError> {
    Authority::open(parts(config, password_file, clock).await?)
        .await
        .context("the authority cannot be opened")
}

/// What the authority of a configuration is made of.
pub(crate) async fn parts(
    config: &CaConfig,
    password_file: Option<&Path>,
    clock: Arc<dyn Clock>,
) -> Result<AuthorityParts, CliError> {
    let (store, persistence) = store::open(config.db.as_ref(), &clock).await?;
    let issuers = IssuerChain::from_pem(&pem(&config.crt)?)
        .context(format_args!("{} is not an issuing chain", config.crt))?;
    let signer = issuer_signer(config, password_file, &issuers).await?;
    let platform = Platform {
        issuers,
        signer,
        roots: certificates(&config.root)?,
        federated_roots: certificates(&config.federated_roots)?,
        store,
        persistence,
        clock,
        random: Arc::new(SystemRandom),
    };
    AuthorityParts::from_config(config, platform).context("the provisioners cannot be used")
}

/// The issuer's key. An RSA issuer signs as its own certificate is signed, where that is RSA too: clients that could
/// verify the one can verify the others.
async fn issuer_signer(
    config: &CaConfig,
    password_file: Option<&Path>,
    issuers: &IssuerChain,
) -> Result<Arc<dyn Signer>, CliError> {
    let path = match &config.key {
        KeySource::File(path) => path,
        KeySource::Uri(uri) => {
            return open_signer(uri, &config.kms, issuers).await.context("key cannot be used");
        }
    };
    let key = issuer_key(path, config, password_file)?;
    Ok(Arc::new(match issuers.issuer().signature_algorithm() {
        Some(algorithm @ (SignatureAlgorithm::RsaPkcs1(_) | SignatureAlgorithm::RsaPss(_)))
            if algorithm.fits(key.public_key().kind()) =>
        {
            LocalSigner::with_algorithm(key, algorithm)
                .context("the key cannot sign as its certificate is signed")?
        }
        _ => LocalSigner::new(key),
    }))
}

fn issuer_key(path: &Path, config: &CaConfig, password_file: Option<&Path>) -> Result<PrivateKey, CliError> {
    let password = match (password_file, &config.password) {
        (Some(file), _) => Some(password::from_file(file)?),
        (None, password) => password.clone(),
    };
    private_key(path, password.as_ref())
}

/// The key of a file. Its password is asked for if it needs one and none is given.
pub(crate) fn private_key(path: &Path, password: Option<&SecretBytes>) -> Result<PrivateKey, CliError> {
    let pem = SecretBytes::new(files::read(path)?);
    let key = match PrivateKey::from_pem(pem.expose(), password) {
        Err(PrivateKeyError::PasswordNeeded) => {
            let prompt = format!("Password of {}: ", path.display());
            PrivateKey::from_pem(pem.expose(), Some(&password::ask(&prompt)?))
        }
        other => other,
    };
    key.context(format_args!("the key {} cannot be used", path.display()))
}

/// The certificates of these sources, in order.
pub(crate) fn certificates(sources: &[CertificateSource]) -> Result<Vec<Certificate>, CliError> {
    let mut all = Vec::new();
    for source in sources {
        let bundle = Certificate::parse_pem_bundle(&pem(source)?)
            .context(format_args!("{source} holds no certificates"))?;
        all.extend(bundle);
    }
    Ok(all)
}

/// The text of a source.
pub(crate) fn pem(source: &CertificateSource) -> Result<Cow<'_, str>, CliError> {
    match source {
        CertificateSource::File(path) => files::read_text(path).map(Cow::Owned),
        CertificateSource::Pem(text) => Ok(Cow::Borrowed(text)),
    }
}
