//! The authority: what it signs, for whom, and the numbered way of a certificate.
//!
//! 1. verify the credential: signature first, then claims ([`client`], [`sign`]). 2. verify the request. 3. webhooks
//!    and 4. templates have no code yet; the configuration refuses them. 5. defaults, extension, validity
//!    ([`validity`]). 6. check names and bounds ([`names`]).
//! 7. commit the intent. 8. sign. 9. check what was signed. 10. commit the certificate ([`issuance`]).
//!
//! Nothing is written before step 7, so that whatever fails earlier costs the client nothing.

mod client;
mod commit;
mod error;
mod issuance;
mod names;
mod renew;
mod revoke;
mod server_certificate;
mod sign;
mod subject;
mod validity;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use thiserror::Error;

use crate::clock::{Clock, SignedDuration, Timestamp};
use crate::config::{Asn1Dn, TlsOptions};
use crate::jose::{CLOCK_LEEWAY, Claims};
use crate::key::Signer;
use crate::provisioner::{Denied, Provisioners, TokenError};
use crate::random::Random;
use crate::store::table::{self, AuthorityRecord};
use crate::store::{CommitError, Condition, Store, StoreError, Write};
use crate::x509::{Certificate, IssuerChain, IssuerChainError};

pub use client::{ClientCredential, RenewToken};
pub use error::{AuthorityError, InternalError, InvalidRequest, Refusal, Unavailable};
pub use issuance::{IssuedCertificate, LEASE};
pub use revoke::{RevokeCredential, RevokeRequest};
pub use sign::SignRequest;

use subject::SubjectTemplate;

/// A certificate authority: an issuer, its provisioners, and a store.
///
/// It keeps no state of its own but what it read when it was opened; any number of them may work on one store.
#[derive(Debug)]
pub struct Authority {
    issuers: IssuerChain,
    /// The certificates of `issuers`, issuer first.
    own_issuers: Vec<Certificate>,
    /// Key identifier of the issuer, in hex: records name it.
    issuer_id: String,
    /// What a client's chain may end in: the roots, and the issuers.
    anchors: Vec<Certificate>,
    roots: Vec<Certificate>,
    roots_pem: Vec<String>,
    federation: Vec<Certificate>,
    federation_pem: Vec<String>,
    intermediates_pem: Vec<String>,
    signer: Arc<dyn Signer>,
    store: Arc<dyn Store>,
    persistence: Persistence,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    provisioners: Provisioners,
    dns_names: Vec<String>,
    common_name: String,
    subject_template: SubjectTemplate,
    backdate: SignedDuration,
    /// Tokens from before are refused; `None` when the operator switched that off.
    created: Option<Timestamp>,
    tls_options: TlsOptions,
}

/// What an authority is made of.
#[derive(Debug)]
pub struct AuthorityParts {
    /// The issuing certificate, and those between it and the root.
    pub issuers: IssuerChain,
    /// The key of the issuing certificate.
    pub signer: Arc<dyn Signer>,
    /// The roots that clients trust.
    pub roots: Vec<Certificate>,
    /// Roots of other authorities, which clients may trust too.
    pub federated_roots: Vec<Certificate>,
    /// Who may ask for certificates.
    pub provisioners: Provisioners,
    /// Where records lie.
    pub store: Arc<dyn Store>,
    /// Whether they stay there.
    pub persistence: Persistence,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where serial numbers come from.
    pub random: Arc<dyn Random>,
    /// The names of the authority itself.
    pub dns_names: Vec<String>,
    /// The common name of its server certificate.
    pub common_name: String,
    /// Attributes that every subject gets which has none of its own.
    pub subject_template: Asn1Dn,
    /// How long before now a certificate begins.
    pub backdate: SignedDuration,
    /// Whether tokens from before the authority's first start are refused.
    pub issued_at_check: IssuedAtCheck,
    /// What clients are told to start their own TLS servers with.
    pub tls_options: TlsOptions,
}

/// Whether the store survives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It does.
    Durable,
    /// It does not: what has to last is refused.
    UntilRestart,
}

/// Whether tokens from before the authority's first start are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuedAtCheck {
    /// They are.
    Enabled,
    /// They are not: `authority.disableIssuedAtCheck`.
    Disabled,
}

impl Authority {
    /// Opens an authority, and makes its record in the store if it is the first to do so.
    ///
    /// # Errors
    /// [`OpenError`] when key and certificate do not belong together, or the store cannot be read.
    pub async fn open(parts: AuthorityParts) -> Result<Self, OpenError> {
        let issuers = parts.issuers.under(&parts.roots).map_err(OpenError::Issuers)?;
        let issuer = issuers.issuer();
        if issuer.public_key() != parts.signer.public_key() {
            return Err(OpenError::KeyMismatch {
                certificate: hex::encode(issuer.public_key().key_identifier()),
                key: hex::encode(parts.signer.public_key().key_identifier()),
            });
        }
        let created = match parts.issued_at_check {
            IssuedAtCheck::Enabled => Some(created(&*parts.store, parts.clock.now()).await?),
            IssuedAtCheck::Disabled => None,
        };
        let own_issuers: Vec<_> = issuers.certificates().cloned().collect();
        let pem = |certificates: &[Certificate]| certificates.iter().map(Certificate::to_pem).collect();
        let mut federation = parts.roots.clone();
        for root in parts.federated_roots {
            if !federation.contains(&root) {
                federation.push(root);
            }
        }
        Ok(Self {
            issuer_id: hex::encode(issuer.public_key().key_identifier()),
            anchors: parts.roots.iter().chain(&own_issuers).cloned().collect(),
            roots_pem: pem(&parts.roots),
            federation_pem: pem(&federation),
            intermediates_pem: pem(&own_issuers),
            own_issuers,
            roots: parts.roots,
            federation,
            issuers,
            signer: parts.signer,
            store: parts.store,
            persistence: parts.persistence,
            clock: parts.clock,
            random: parts.random,
            provisioners: parts.provisioners,
            dns_names: parts.dns_names,
            common_name: parts.common_name,
            subject_template: SubjectTemplate::new(parts.subject_template),
            backdate: parts.backdate,
            created,
            tls_options: parts.tls_options,
        })
    }

    /// The roots that clients trust.
    pub fn roots(&self) -> &[Certificate] {
        &self.roots
    }

    /// The roots, each as PEM.
    pub fn roots_pem(&self) -> &[String] {
        &self.roots_pem
    }

    /// The root, own or federated, whose DER has this SHA-256 in lower-case hex.
    pub fn root_pem(&self, fingerprint: &str) -> Option<&str> {
        let position = self.federation.iter().position(|root| root.fingerprint_sha256() == fingerprint)?;
        self.federation_pem.get(position).map(String::as_str)
    }

    /// The roots and the federated roots, each as PEM, none twice.
    pub fn federation_pem(&self) -> &[String] {
        &self.federation_pem
    }

    /// The issuing certificate and those between it and the root, issuer first.
    pub fn issuers(&self) -> &[Certificate] {
        &self.own_issuers
    }

    /// The issuers, each as PEM, issuer first.
    pub fn intermediates_pem(&self) -> &[String] {
        &self.intermediates_pem
    }

    /// Who may ask for certificates.
    pub fn provisioners(&self) -> &Provisioners {
        &self.provisioners
    }

    /// What clients are told to start their own TLS servers with.
    pub fn tls_options(&self) -> &TlsOptions {
        &self.tls_options
    }

    /// Refuses tokens from before the authority existed: whatever store knew that they were spent is gone.
    fn check_issued_at(&self, claims: &Claims) -> Result<(), TokenError> {
        let (Some(created), Some(issued_at)) = (self.created, claims.issued_at()) else {
            return Ok(());
        };
        // Both clocks show whole seconds in tokens, and they may differ by the leeway.
        let earliest = created.saturating_sub(CLOCK_LEEWAY).unwrap_or(Timestamp::MIN);
        if issued_at < earliest {
            return Err(TokenError::BeforeAuthority { issued_at, created });
        }
        Ok(())
    }
}

impl From<Denied> for AuthorityError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Token(error) => Self::Token(error),
            Denied::TokenFlowNotSupported => Self::TokenFlowNotSupported,
            Denied::Disabled { name } => Self::ProvisionerDisabled { name },
        }
    }
}

/// Why an authority cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The key is not that of the issuing certificate.
    #[error("the issuing certificate has key {certificate}, but the signing key is {key}")]
    KeyMismatch {
        /// Key identifier of the certificate's key, in hex.
        certificate: String,
        /// Key identifier of the signer's key, in hex.
        key: String,
    },
    /// The issuing certificate does not lead to a root.
    #[error("the issuing chain cannot be used")]
    Issuers(#[source] IssuerChainError),
    /// The store cannot be read or written.
    #[error("the store cannot be read")]
    Store(#[from] StoreError),
    /// The store took no record.
    #[error("the store took no record")]
    Commit(#[from] CommitError),
}

/// When the authority first started on this store.
async fn created(store: &dyn Store, now: Timestamp) -> Result<Timestamp, OpenError> {
    if let Some(found) = store.get(&table::authority()).await? {
        return Ok(table::decode::<AuthorityRecord>(&found)?.created);
    }
    let first = Write::Put {
        key: table::authority(),
        condition: Condition::Absent,
        value: table::encode(&AuthorityRecord { created: now })?,
        expires: None,
        indexes: Vec::new(),
    };
    match store.commit(vec![first]).await {
        Ok(()) => Ok(now),
        Err(CommitError::Conflict { found: Some(found), .. }) => {
            Ok(table::decode::<AuthorityRecord>(&found)?.created)
        }
        Err(error) => Err(error.into()),
    }
}
