//! An authority from its configuration on AWS: the certificates it names, its table, its key.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use stepless_core::authority::{Authority, AuthorityParts, OpenError, Persistence, Platform};
use stepless_core::clock::Clock;
use stepless_core::config::{CaConfig, CertificateSource, DatabaseConfig, KeySource, KmsConfig, KmsUri};
use stepless_core::key::Signer;
use stepless_core::provisioner::ProvisionerConfigError;
use stepless_core::random::Random;
use stepless_core::store::Store;
use stepless_core::x509::{Certificate, CertificateError, IssuerChain, IssuerChainError};
use thiserror::Error;

use crate::configuration::ConfigurationSource;
use crate::dynamodb::DynamoDbStore;
use crate::kms::{KmsSettings, KmsSettingsError, KmsSigner, OpenKeyError, client};
use crate::sdk::NoRegion;

/// Opens the authority of a configuration whose key is in KMS and whose state is in DynamoDB. The public key and the
/// authority's record are read, one call each; nothing is kept of a failure, so that opening may be tried again. Where
/// the configuration lies in the same table, as `source` tells, its client is used.
///
/// # Errors
/// [`OpenAuthorityError`], which names the part of the configuration that is wrong or does not answer.
pub async fn open(
    config: &CaConfig,
    source: &ConfigurationSource,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Authority, OpenAuthorityError> {
    Ok(Authority::open(parts(config, source, clock, random).await?).await?)
}

/// What the authority of a configuration is made of, as for [`open`].
///
/// # Errors
/// [`OpenAuthorityError`].
pub async fn parts(
    config: &CaConfig,
    source: &ConfigurationSource,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<AuthorityParts, OpenAuthorityError> {
    let table = match &config.db {
        Some(DatabaseConfig::DynamoDb(table)) => table,
        Some(DatabaseConfig::Embedded(_)) | None => return Err(OpenAuthorityError::NoTable),
    };
    let KeySource::Uri(key) = &config.key else { return Err(OpenAuthorityError::KeyFile) };
    let chain = pem(&config.crt)?;
    let issuers = IssuerChain::from_pem(&chain)
        .map_err(|source| OpenAuthorityError::Issuers { at: config.crt.to_string(), source })?;
    let (roots, federated_roots) = (certificates(&config.root)?, certificates(&config.federated_roots)?);
    let signer = open_signer(key, &config.kms, &issuers);
    let store = async {
        let store: Arc<dyn Store> = match source.store_of(table) {
            Some(store) => store,
            None => Arc::new(DynamoDbStore::open(table, Arc::clone(&clock)).await?),
        };
        Ok::<_, OpenAuthorityError>(store)
    };
    let (signer, store) = tokio::try_join!(signer, store)?;
    let platform = Platform {
        issuers,
        signer,
        roots,
        federated_roots,
        store,
        persistence: Persistence::Durable,
        clock,
        random,
    };
    Ok(AuthorityParts::from_config(config, platform)?)
}

/// Opens the key of an issuer. An RSA key signs as the issuer's own certificate is signed, where that is RSA too:
/// clients that could verify the one can verify the others.
///
/// # Errors
/// [`OpenAuthorityError::Kms`] and [`OpenAuthorityError::Key`].
pub async fn open_signer(
    key: &KmsUri,
    kms: &KmsConfig,
    issuers: &IssuerChain,
) -> Result<Arc<dyn Signer>, OpenAuthorityError> {
    let settings = KmsSettings::new(key, kms)?;
    let client = client(&settings.account.load().await);
    let signer = KmsSigner::open(client, settings.key, issuers.issuer().signature_algorithm()).await?;
    Ok(Arc::new(signer))
}

/// Why an authority could not be opened on AWS.
#[derive(Debug, Error)]
pub enum OpenAuthorityError {
    /// The configuration names no table. Functions share nothing else, so without it a token could be spent in each.
    #[error("db: a function keeps its state in a table of DynamoDB: \"type\": \"dynamodb\" is needed")]
    NoTable,
    /// The key is a file. A function signs with keys that it cannot read.
    #[error("key: a function signs with a key in KMS: awskms:key-id=... is needed, not a file")]
    KeyFile,
    /// A file that the configuration names.
    #[error("{path} cannot be read")]
    File {
        /// Its name.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Certificates that are none.
    #[error("{at} holds no certificates")]
    Certificates {
        /// Where they were looked for.
        at: String,
        /// What they are instead.
        #[source]
        source: CertificateError,
    },
    /// A chain that is none.
    #[error("{at} is not an issuing chain")]
    Issuers {
        /// Where it was looked for.
        at: String,
        /// What it is instead.
        #[source]
        source: IssuerChainError,
    },
    /// The URI of the key.
    #[error("key: the URI cannot be used")]
    Kms(#[from] KmsSettingsError),
    /// The key.
    #[error("the signing key cannot be opened")]
    Key(#[from] OpenKeyError),
    /// The table.
    #[error(transparent)]
    Table(#[from] NoRegion),
    /// The provisioners.
    #[error("the provisioners cannot be used")]
    Provisioners(#[from] ProvisionerConfigError),
    /// The parts do not belong together, or the table does not answer.
    #[error("the authority cannot be opened")]
    Authority(#[from] OpenError),
}

fn certificates(sources: &[CertificateSource]) -> Result<Vec<Certificate>, OpenAuthorityError> {
    let mut all = Vec::new();
    for source in sources {
        let bundle = Certificate::parse_pem_bundle(&pem(source)?)
            .map_err(|error| OpenAuthorityError::Certificates { at: source.to_string(), source: error })?;
        all.extend(bundle);
    }
    Ok(all)
}

fn pem(source: &CertificateSource) -> Result<Cow<'_, str>, OpenAuthorityError> {
    match source {
        CertificateSource::File(path) => std::fs::read_to_string(path)
            .map(Cow::Owned)
            .map_err(|source| OpenAuthorityError::File { path: path.clone(), source }),
        CertificateSource::Pem(text) => Ok(Cow::Borrowed(text)),
    }
}
