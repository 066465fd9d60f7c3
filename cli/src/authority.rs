//! An authority from its configuration: its certificates, its store, its key, each in files or on AWS.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepless_aws::authority::open_signer;
use stepless_aws::configuration::{ConfigurationPlace, ConfigurationSource, Found};
use stepless_aws::dynamodb::DynamoDbStore;
use stepless_core::authority::{Authority, AuthorityParts, Persistence, Platform};
use stepless_core::clock::Clock;
use stepless_core::config::{
    CaConfig, CertificateSource, DatabaseConfig, EmbeddedDatabase, EmbeddedKind, KeySource,
};
use stepless_core::key::{LocalSigner, PrivateKey, PrivateKeyError, SignatureAlgorithm, Signer};
use stepless_core::secret::SecretBytes;
use stepless_core::store::{MemoryStore, Store};
use stepless_core::x509::{Certificate, IssuerChain};
use stepless_embedded::EmbeddedStore;
use stepless_net::{SystemClock, SystemRandom};
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
    let (store, persistence) = open_store(config.db.as_ref(), &clock).await?;
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

async fn open_store(
    db: Option<&DatabaseConfig>,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn Store>, Persistence), CliError> {
    let Some(db) = db else {
        warn!("no db is configured: spent tokens are forgotten at the end, and nothing can be revoked");
        return Ok((Arc::new(MemoryStore::new(Arc::clone(clock))), Persistence::UntilRestart));
    };
    let db = match db {
        DatabaseConfig::Embedded(db) => db,
        DatabaseConfig::DynamoDb(table) => {
            let store = DynamoDbStore::open(table, Arc::clone(clock))
                .await
                .context("db.dataSource: the table cannot be used")?;
            return Ok((Arc::new(store), Persistence::Durable));
        }
    };
    let folder = store_folder(db);
    files::create_folder(folder)?;
    if let Some(path) = another_database(db) {
        warn!(
            path = %path.display(),
            "this is the database of another program; its certificates, revocations and spent tokens are not read"
        );
    }
    let path = folder.join(STORE_FILE);
    let store = EmbeddedStore::open(&path, Arc::clone(clock))
        .context(format_args!("the database {} cannot be opened", path.display()))?;
    Ok((Arc::new(store), Persistence::Durable))
}

/// Where our own store lies. `db.dataSource` names a folder, but a file for bbolt: then it lies beside that file.
fn store_folder(db: &EmbeddedDatabase) -> &Path {
    match db.kind {
        EmbeddedKind::BadgerV1 | EmbeddedKind::BadgerV2 => &db.data_source,
        EmbeddedKind::Bbolt => match db.data_source.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        },
    }
}

/// What another program keeps in the same place is not read: certificates that it revoked are not revoked here.
fn another_database(db: &EmbeddedDatabase) -> Option<PathBuf> {
    let candidates = match db.kind {
        EmbeddedKind::BadgerV1 | EmbeddedKind::BadgerV2 => {
            BADGER_FILES.into_iter().map(|file| db.data_source.join(file)).collect()
        }
        EmbeddedKind::Bbolt => vec![db.data_source.clone()],
    };
    candidates.into_iter().find(|path| path.exists())
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

/// The file of the embedded store.
const STORE_FILE: &str = "stepless.redb";
/// What a badger database leaves in its folder.
const BADGER_FILES: [&str; 2] = ["MANIFEST", "KEYREGISTRY"];

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened(kind: EmbeddedKind, data_source: &Path) -> Result<Persistence, CliError> {
        let db = EmbeddedDatabase { kind, data_source: data_source.to_owned() };
        let clock: Arc<dyn Clock> = Arc::new(stepless_net::SystemClock);
        open_store(Some(&DatabaseConfig::Embedded(db)), &clock).await.map(|(_, persistence)| persistence)
    }

    #[tokio::test]
    async fn the_store_lies_in_the_folder_of_a_badger_database() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("new/db");

        assert!(matches!(opened(EmbeddedKind::BadgerV2, &source).await, Ok(Persistence::Durable)));

        assert!(source.join(STORE_FILE).is_file());
    }

    #[tokio::test]
    async fn the_store_lies_beside_the_file_of_a_bbolt_database_and_leaves_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("step.db");
        std::fs::write(&source, "bbolt").unwrap();

        assert!(matches!(opened(EmbeddedKind::Bbolt, &source).await, Ok(Persistence::Durable)));

        assert!(folder.path().join(STORE_FILE).is_file());
        assert_eq!(std::fs::read(&source).unwrap(), b"bbolt");
    }

    #[tokio::test]
    async fn a_bbolt_database_that_is_not_there_yet_is_not_made_as_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("new/step.db");

        assert!(matches!(opened(EmbeddedKind::Bbolt, &source).await, Ok(Persistence::Durable)));

        assert!(folder.path().join("new").join(STORE_FILE).is_file());
        assert!(!source.exists());
    }

    #[test]
    fn a_bbolt_file_without_a_folder_lies_in_the_working_directory() {
        let db = EmbeddedDatabase { kind: EmbeddedKind::Bbolt, data_source: "step.db".into() };

        assert_eq!(store_folder(&db), Path::new("."));
    }

    #[test]
    fn a_database_of_another_program_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("step.db");
        let bbolt = EmbeddedDatabase { kind: EmbeddedKind::Bbolt, data_source: file.clone() };
        let badger = EmbeddedDatabase { kind: EmbeddedKind::BadgerV2, data_source: folder.path().to_owned() };
        assert_eq!((another_database(&bbolt), another_database(&badger)), (None, None));

        std::fs::write(&file, "").unwrap();
        std::fs::write(folder.path().join("MANIFEST"), "").unwrap();

        assert_eq!(another_database(&bbolt), Some(file));
        assert_eq!(another_database(&badger), Some(folder.path().join("MANIFEST")));
    }
}
