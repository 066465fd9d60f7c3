//! What an authority looks at when it starts, without opening its database.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use stepless_aws::authority::open_signer;
use stepless_aws::configuration::ConfigurationPlace;
use stepless_core::authority::{Authority, AuthorityParts, Persistence, Platform};
use stepless_core::clock::Clock;
use stepless_core::config::{CaConfig, CertificateSource, DatabaseConfig, KeySource};
use stepless_core::key::{PublicKey, SignatureAlgorithm, Signer, SignerError};
use stepless_core::store::MemoryStore;
use stepless_core::x509::{Certificate, IssuerChain};
use stepless_net::{SystemClock, SystemRandom};

use crate::args::CheckArguments;
use crate::authority::{LoadedConfig, Strictness, certificates, pem};
use crate::error::{CliError, Context};

/// Whether an authority can start with this text, which was found at `origin` and is for `place`: its keys and values,
/// certificates, provisioners, and, unless that is not wanted, its key in KMS. Warnings go to standard error. Gives the
/// roots.
pub(super) async fn check(
    text: &str,
    origin: impl fmt::Display,
    place: &ConfigurationPlace,
    arguments: &CheckArguments,
) -> Result<Vec<Certificate>, CliError> {
    let loaded = LoadedConfig::parse(text, &origin, Strictness::of(arguments.strict))?;
    let config = &loaded.config;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let issuers = IssuerChain::from_pem(&pem(&config.crt)?)
        .context(format_args!("{origin}: crt is not an issuing chain"))?;
    let mut warnings = loaded.warnings;
    warnings.extend(of_functions(config, place));
    if !issuers.issuer().is_valid_at(clock.now()) {
        warnings.push(format!(
            "crt: the issuing certificate is valid from {} to {}, which is not now",
            issuers.issuer().not_before(),
            issuers.issuer().not_after()
        ));
    }
    let stand_in = || Arc::new(PublicHalf(issuers.issuer().public_key().clone()));
    let signer: Arc<dyn Signer> = match &config.key {
        KeySource::Uri(uri) if !arguments.skip_asking => {
            open_signer(uri, &config.kms, &issuers).await.context(format_args!(
                "{origin}: the issuer's key cannot be asked for; --no-check-key does not ask"
            ))?
        }
        KeySource::Uri(_) => stand_in(),
        KeySource::File(path) => {
            warnings.push(format!(
                "key: whether {} fits the issuing certificate was not checked",
                path.display()
            ));
            stand_in()
        }
    };
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    let roots = certificates(&config.root)?;
    let platform = Platform {
        signer,
        roots: roots.clone(),
        federated_roots: certificates(&config.federated_roots)?,
        store: Arc::new(MemoryStore::new(Arc::clone(&clock))),
        persistence: Persistence::UntilRestart,
        clock,
        random: Arc::new(SystemRandom),
        issuers,
    };
    let parts = AuthorityParts::from_config(config, platform)
        .context(format_args!("{origin}: the provisioners cannot be used"))?;
    Authority::open(parts).await.context(format_args!("{origin}: no authority can start with it"))?;
    Ok(roots)
}

/// What functions cannot do with a configuration. One in a file is not theirs.
fn of_functions(config: &CaConfig, place: &ConfigurationPlace) -> Vec<String> {
    if let ConfigurationPlace::File(_) = place {
        return Vec::new();
    }
    let is_file = |source: &CertificateSource| matches!(source, CertificateSource::File(_));
    let mut certificates = std::iter::once(&config.crt).chain(&config.root).chain(&config.federated_roots);
    let needs = [
        (!matches!(config.db, Some(DatabaseConfig::DynamoDb(_))), "db: functions need a table of DynamoDB"),
        (matches!(config.key, KeySource::File(_)), "key: functions need a key in KMS, awskms:key-id=..."),
        (
            certificates.any(is_file),
            "root, crt or federatedRoots: functions find a file only in their own package; PEM needs none",
        ),
    ];
    needs.into_iter().filter(|(misses, _)| *misses).map(|(_, text)| text.to_owned()).collect()
}

/// Stands for a key that is not asked: it is taken for the one of the certificate.
#[derive(Debug)]
struct PublicHalf(PublicKey);

#[async_trait]
impl Signer for PublicHalf {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::default_for(self.0.kind())
    }

    async fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Unusable(Box::new(CliError::new("the key was not opened"))))
    }
}
