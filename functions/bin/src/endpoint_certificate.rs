//! The certificate that the gateway itself shows: issued by this authority, imported into ACM, and renewed long before
//! it ends. A schedule calls it; the events say nothing.
//!
//! Called twice for one time, it does the second time nothing; called twice at once, it imports two certificates of
//! which either will do.

use std::sync::Arc;

use serde::Serialize;
use stepless_aws::acm::{Acm, AcmError, Import, Target};
use stepless_core::authority::{Authority, AuthorityError};
use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_core::key::{GenerateKeyError, KeyKind, PrivateKey, SigningError};
use stepless_core::secret::SecretBytes;
use stepless_core::store::table::{self, EndpointCertificateRecord};
use stepless_core::store::{CommitError, Condition, Record, Store, StoreError, Write};
use stepless_core::x509::{Certificate, SubjectAltName};
use thiserror::Error;
use tracing::{info, warn};

/// Keeps the certificate of an ARN fresh.
#[derive(Debug)]
pub struct EndpointCertificate {
    /// Who issues it.
    pub authority: Arc<Authority>,
    /// The names that it has to have: those of the authority.
    pub names: Vec<String>,
    /// Where it is imported.
    pub acm: Acm,
    /// Which one it is.
    pub place: Place,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// How the ARN is known.
#[derive(Debug)]
pub enum Place {
    /// The operator has said it.
    Arn(String),
    /// It is recorded in the table after the first import, which gives the certificate these tags.
    Recorded {
        /// The table.
        store: Arc<dyn Store>,
        /// Names and values of the tags.
        tags: Vec<(String, String)>,
    },
}

/// What became of it; the answer of the function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The certificate in ACM.
    pub arn: String,
    /// When the one that it now holds ends.
    pub not_after: Timestamp,
    /// Whether that was imported just now.
    pub imported: bool,
}

impl EndpointCertificate {
    /// Imports a new certificate, unless the present one is fresh, of the same issuer and for the same names.
    ///
    /// # Errors
    /// [`EndpointCertificateError`]; the present certificate stays, and the next call tries again.
    pub async fn keep_fresh(&self) -> Result<Outcome, EndpointCertificateError> {
        let known = match &self.place {
            Place::Arn(arn) => Known { arn: Some(arn.clone()), record: None },
            Place::Recorded { store, .. } => Known::recorded(&**store).await?,
        };
        let present = match &known.arn {
            Some(arn) => self.acm.certificate(arn).await?,
            None => None,
        };
        match (&known.arn, present) {
            (Some(arn), Some(pem)) => {
                if let Some(not_after) = self.fresh_until(&pem) {
                    return Ok(Outcome { arn: arn.clone(), not_after, imported: false });
                }
                self.import(Target::Over(arn)).await
            }
            (Some(arn), None) if matches!(self.place, Place::Arn(_)) => {
                Err(EndpointCertificateError::Missing { arn: arn.clone() })
            }
            (gone, _) => {
                if let Some(arn) = gone {
                    warn!(
                        arn,
                        "the recorded certificate is not in ACM any more; another one takes its place"
                    );
                }
                let Place::Recorded { store, tags } = &self.place else {
                    return Err(EndpointCertificateError::Missing { arn: gone.clone().unwrap_or_default() });
                };
                let tags: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                let outcome = self.import(Target::New(&tags)).await?;
                self.record(&**store, known.record, outcome).await
            }
        }
    }

    /// The notAfter of a certificate that need not be replaced yet.
    fn fresh_until(&self, pem: &str) -> Option<Timestamp> {
        let present = Certificate::from_pem(pem).ok()?;
        let issuer = self.authority.issuers().first()?;
        let issued_here =
            present.issuer() == issuer.subject() && present.verify_signature(issuer.public_key()).is_ok();
        let sans = present.sans().ok()?;
        let has_name = |name: &String| match SubjectAltName::classify(name) {
            Ok(SubjectAltName::Ip(wanted)) => sans.ip_addresses().any(|found| found == wanted),
            Ok(wanted) => sans.dns_names().any(|found| found.to_string() == wanted.to_string()),
            Err(_) => false,
        };
        let count = sans.ip_addresses().count() + sans.dns_names().count();
        let same_names = count == self.names.len() && self.names.iter().all(has_name);
        let (begin, end) = (present.not_before(), present.not_after());
        let third = SignedDuration::from_secs(begin.duration_until(end).as_secs() / 3);
        let due = begin.saturating_add(third).unwrap_or(end);
        // A clock that was set back finds it not yet valid.
        (issued_here && same_names && (begin..due).contains(&self.clock.now())).then_some(end)
    }

    async fn import(&self, target: Target<'_>) -> Result<Outcome, EndpointCertificateError> {
        let key = PrivateKey::generate(KeyKind::P256)?;
        let issued = self.authority.issue_server_certificate(key.public_key(), LIFETIME).await?;
        let certificate = issued.certificate();
        let import = Import {
            certificate: certificate.to_pem(),
            chain: self.authority.issuers().iter().map(Certificate::to_pem).collect(),
            private_key: pem(&key.to_pkcs8_der()?)?,
        };
        let arn = self.acm.import(import, target).await?;
        info!(arn, serial = %certificate.serial(), not_after = %certificate.not_after(), "imported");
        Ok(Outcome { arn, not_after: certificate.not_after(), imported: true })
    }

    /// Records a first import. Of two at once the first one to get here stays; the other one's is left unused in ACM.
    async fn record(
        &self,
        store: &dyn Store,
        before: Option<Record>,
        outcome: Outcome,
    ) -> Result<Outcome, EndpointCertificateError> {
        let not_recorded =
            |source: CommitError| EndpointCertificateError::NotRecorded { arn: outcome.arn.clone(), source };
        let put = Write::Put {
            key: table::endpoint_certificate(),
            condition: before.map_or(Condition::Absent, |record| Condition::Version(record.version)),
            value: table::encode(&EndpointCertificateRecord { arn: outcome.arn.clone() })?,
            expires: None,
            indexes: Vec::new(),
        };
        match store.commit(vec![put]).await {
            Ok(()) => Ok(outcome),
            Err(CommitError::Conflict { found: Some(found), .. }) => {
                let first: EndpointCertificateRecord = table::decode(&found)?;
                if first.arn == outcome.arn {
                    return Ok(outcome);
                }
                warn!(
                    unused = outcome.arn,
                    used = first.arn,
                    "two first imports at once; delete the unused one"
                );
                let pem = self.acm.certificate(&first.arn).await?;
                let present = pem.as_deref().map(Certificate::from_pem).and_then(Result::ok);
                match present {
                    Some(present) => {
                        Ok(Outcome { arn: first.arn, not_after: present.not_after(), imported: false })
                    }
                    None => Err(EndpointCertificateError::Gone { arn: first.arn }),
                }
            }
            Err(error) => Err(not_recorded(error)),
        }
    }
}

/// What the table says.
struct Known {
    arn: Option<String>,
    record: Option<Record>,
}

impl Known {
    async fn recorded(store: &dyn Store) -> Result<Self, StoreError> {
        let record = store.get(&table::endpoint_certificate()).await?;
        let said = record.as_ref().map(table::decode::<EndpointCertificateRecord>).transpose()?;
        Ok(Self { arn: said.map(|said| said.arn), record })
    }
}

/// Why there is no fresh certificate.
#[derive(Debug, Error)]
pub enum EndpointCertificateError {
    /// The operator's ARN leads nowhere.
    #[error(
        "there is no certificate {arn} in ACM: correct STEPLESS_ENDPOINT_CERTIFICATE_ARN, or leave it out"
    )]
    Missing {
        /// The ARN.
        arn: String,
    },
    /// What somebody else imported at the same time is not to be read.
    #[error(
        "the certificate {arn}, imported at the same time by another call, cannot be read; the next call tries again"
    )]
    Gone {
        /// The ARN.
        arn: String,
    },
    /// ACM did not do its part.
    #[error("the certificate was not imported")]
    Acm(#[from] AcmError),
    /// No key.
    #[error("a key cannot be made")]
    Generate(#[from] GenerateKeyError),
    /// A key that cannot be written.
    #[error("a key cannot be written")]
    Key(#[from] SigningError),
    /// A key that cannot be written as PEM.
    #[error("a key cannot be written as PEM")]
    Pem(#[from] pem_rfc7468::Error),
    /// The authority issued none.
    #[error("the authority did not issue it")]
    Authority(#[from] AuthorityError),
    /// The table did not answer.
    #[error("the table does not say which certificate it is")]
    Store(#[from] StoreError),
    /// The first import has no record.
    #[error(
        "imported as {arn}, which the table took no record of: set STEPLESS_ENDPOINT_CERTIFICATE_ARN to it"
    )]
    NotRecorded {
        /// The ARN.
        arn: String,
        /// Why not.
        #[source]
        source: CommitError,
    },
}

fn pem(pkcs8: &SecretBytes) -> Result<SecretBytes, pem_rfc7468::Error> {
    let ending = pem_rfc7468::LineEnding::LF;
    // Of its length from the beginning: a buffer that grows leaves copies behind.
    let mut text = vec![0; pem_rfc7468::encoded_len(PKCS8, ending, pkcs8.expose())?];
    pem_rfc7468::encode(PKCS8, ending, pkcs8.expose(), &mut text)?;
    Ok(SecretBytes::new(text))
}

/// Two thirds of its life are left when it is replaced: three weeks in which a failing schedule can be noticed.
const LIFETIME: SignedDuration = SignedDuration::from_hours(30 * 24);

/// [RFC 7468 §10](https://www.rfc-editor.org/rfc/rfc7468#section-10)
const PKCS8: &str = "PRIVATE KEY";
