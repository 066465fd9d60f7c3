//! The authority: what it signs, for whom, and the numbered way of a certificate.
//!
//! 1. verify the credential: signature first, then claims (`token`, `client`). 2. verify the request (`request`).
//! 3. webhooks and 4. templates have no code yet; the configuration refuses them. 5. defaults, extension, validity
//!    (`validity`). 6. check names and bounds (`names`).
//! 7. commit the intent. 8. sign. 9. check what was signed. 10. commit the certificate (`issuance`).
//!
//! Nothing is written before step 7, so that whatever fails earlier costs the client nothing.

mod client;
mod credential;
mod error;
mod issuance;
mod names;
mod order;
mod published;
mod renew;
mod request;
mod revoke;
mod server_certificate;
mod sign;
mod subject;
mod token;
mod validity;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use thiserror::Error;

use crate::clock::{Clock, SignedDuration, Timestamp};
use crate::config::{Asn1Dn, CaConfig, TlsOptions};
use crate::key::Signer;
use crate::provisioner::{ProvisionerConfigError, Provisioners};
use crate::random::Random;
use crate::store::table::{self, AuthorityRecord};
use crate::store::{CommitError, Condition, Store, StoreError, Write};
use crate::x509::{Certificate, IssuerChain, IssuerChainError};

pub use client::{ClientCredential, RenewToken};
pub(crate) use credential::{Lease, OneTimeCredential, Role};
pub use error::{AuthorityError, InternalError, InvalidRequest, Refusal, Unavailable};
pub(crate) use issuance::IssueError;
pub use issuance::{IssuedCertificate, LEASE, START_WITHIN};
pub(crate) use order::OrderApplication;
pub(crate) use revoke::ProvenRevocation;
pub use revoke::{RevokeCredential, RevokeRequest};
pub use sign::SignRequest;

use published::PublishedCertificates;
use subject::SubjectTemplate;

/// A certificate authority: an issuer, its provisioners, and a store.
///
/// It keeps no state of its own but what it read when it was opened; any number of them may work on one store.
#[derive(Debug)]
pub struct Authority {
    issuers: IssuerChain,
    /// Key identifier of the issuer, in hex: records name it.
    issuer_id: String,
    /// What a client's chain may end in: the roots, and the issuers.
    anchors: Vec<Certificate>,
    published: PublishedCertificates,
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

/// What a platform plugs into the authority of a configuration.
#[derive(Debug)]
pub struct Platform {
    /// What `crt` names.
    pub issuers: IssuerChain,
    /// What `key` names.
    pub signer: Arc<dyn Signer>,
    /// What `root` names.
    pub roots: Vec<Certificate>,
    /// What `federatedRoots` names.
    pub federated_roots: Vec<Certificate>,
    /// What `db` names.
    pub store: Arc<dyn Store>,
    /// Whether records stay there.
    pub persistence: Persistence,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where serial numbers come from.
    pub random: Arc<dyn Random>,
}

impl AuthorityParts {
    /// The parts that `config` describes, and those that a platform gives.
    ///
    /// # Errors
    /// [`ProvisionerConfigError`] when the provisioners of the configuration cannot stand beside each other.
    pub fn from_config(config: &CaConfig, platform: Platform) -> Result<Self, ProvisionerConfigError> {
        Ok(Self {
            issuers: platform.issuers,
            signer: platform.signer,
            roots: platform.roots,
            federated_roots: platform.federated_roots,
            provisioners: Provisioners::from_config(config)?,
            store: platform.store,
            persistence: platform.persistence,
            clock: platform.clock,
            random: platform.random,
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
}

/// Whether the store survives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It does.
    Durable,
    /// It does not: what has to last is refused, and a certificate's record goes with the certificate, so that the
    /// process does not grow for ever.
    UntilRestart,
}

impl Persistence {
    /// When the record of an issued certificate, and what leads to it, is forgotten.
    fn issued_until(self, not_after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Durable => None,
            // Its last second is part of its time.
            Self::UntilRestart => {
                Some(not_after.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX))
            }
        }
    }
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
        let is_shared = |root: &Certificate| root.public_key() == issuer.public_key();
        if !parts.roots.contains(issuer) && parts.roots.iter().any(is_shared) {
            return Err(OpenError::SharedKey { key: hex::encode(issuer.public_key().key_identifier()) });
        }
        let created = match parts.issued_at_check {
            IssuedAtCheck::Enabled => Some(created(&*parts.store, parts.clock.now()).await?),
            IssuedAtCheck::Disabled => None,
        };
        let own_issuers: Vec<_> = issuers.certificates().cloned().collect();
        Ok(Self {
            issuer_id: hex::encode(issuer.public_key().key_identifier()),
            anchors: parts.roots.iter().chain(&own_issuers).cloned().collect(),
            published: PublishedCertificates::new(own_issuers, parts.roots, parts.federated_roots),
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

    /// Who may ask for certificates.
    pub fn provisioners(&self) -> &Provisioners {
        &self.provisioners
    }

    /// Whether `name`, a DNS name or an address without brackets, is one of the authority's own.
    pub fn is_named(&self, name: &str) -> bool {
        self.dns_names.iter().any(|own| own.trim_matches(['[', ']']).eq_ignore_ascii_case(name))
    }

    /// The names of the authority itself, as configured.
    pub(crate) fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// Whether `key_id` is the key identifier of an issuer.
    pub(crate) fn has_issued_under(&self, key_id: &[u8]) -> bool {
        self.issuers.issuer().subject_key_id().is_some_and(|own| own == key_id)
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) fn persistence(&self) -> Persistence {
        self.persistence
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// What clients are told to start their own TLS servers with.
    pub fn tls_options(&self) -> &TlsOptions {
        &self.tls_options
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
    /// The issuing certificate has the key of a root, and is another certificate: whoever holds the issuing key could
    /// make roots that clients trust.
    #[error("the issuing certificate and a root have the same key {key}; give the issuer a key of its own")]
    SharedKey {
        /// Key identifier of both, in hex.
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
