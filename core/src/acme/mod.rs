//! ACME: certificates for whoever shows control of names
//! ([RFC 8555](https://www.rfc-editor.org/rfc/rfc8555), [8737](https://www.rfc-editor.org/rfc/rfc8737),
//! [8738](https://www.rfc-editor.org/rfc/rfc8738), [9773](https://www.rfc-editor.org/rfc/rfc9773)).
//!
//! A request is authenticated first (`request`): the JWS, its URL, its nonce, its account. Then one commit spends the
//! nonce and makes the write that it allows; whoever loses a race for a record works on the record that won. An order
//! holds its authorizations and challenges (`order`), a challenge is validated by looking into the network through the
//! [`Prober`] port (`challenge`), and a finalized order goes the numbered way of a certificate (`finalize`).
//!
//! No HTTP here: `functions` speaks it. No socket either.

pub mod identifier;
pub mod nonce;
pub mod record;

mod account;
mod answer;
mod authorization;
mod caa;
mod certificate;
mod challenge;
mod early_renewal;
mod endpoint;
mod excerpt;
mod external;
mod finalize;
mod id;
mod issue_value;
mod limit;
mod links;
mod new_order;
mod order;
mod persist;
mod pre_authorization;
mod prober;
mod problem;
mod renewal_info;
mod replacement;
mod request;
mod retry;
mod revoke;
mod status;
mod targets;
mod tls_alpn;
mod validation;
mod view;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

pub use account::AccountView;
pub use answer::Answer;
pub use early_renewal::{EarlyRenewal, EarlyRenewalError, EarlyRenewals};
pub use endpoint::{Arrival, Directory, Endpoint, Meta};
pub use excerpt::{EXCERPT, excerpt};
pub use external::{
    ExternalAccountKeyError, ExternalAccountKeys, ListedExternalAccountKey, NewExternalAccountKey,
};
pub use id::{AuthorizationId, Id, NoId};
pub use identifier::Identifier;
pub use links::Links;
pub use order::OrdersView;
pub use prober::{
    ACME_TLS_ALPN, CaaRecord, DnsSource, HttpAnswer, MAX_BODY, MAX_REDIRECTS, ProbeError, ProbeErrorKind,
    ProbeHost, ProbeLimits, Prober, TlsAnswer, TlsVersion, TxtAnswer,
};
#[cfg(any(test, feature = "contract"))]
pub use prober::{fake, fault};
pub use problem::{AcmeError, Problem, ProblemType, Subproblem};
pub use renewal_info::RenewalInfoView;
pub use retry::{Retry, RetryTask, ScheduleError, Validator};
pub use status::{AuthorizationStatus, ChallengeStatus, OrderStatus};
pub use targets::{AllowedTargets, RefusedRange, refused_range};
pub use view::{AuthorizationView, ChallengeView, OrderView};

use crate::authority::{Authority, Persistence};
use crate::random::RandomError;
use crate::secret::SecretBytes;
use crate::store::table::{self, Der};
use crate::store::{CommitError, Condition, Store, StoreError, Write};
use nonce::{NonceKey, NonceKeyLength};
use record::NonceKeyRecord;

/// The ACME servers of an authority, one for each of its ACME provisioners.
///
/// It keeps no state but the secret that nonces are made with, which lies in the store.
pub struct Acme {
    authority: Arc<Authority>,
    nonce_key: NonceKey,
}

impl fmt::Debug for Acme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acme").field("authority", &self.authority).finish_non_exhaustive()
    }
}

impl Acme {
    /// Reads the secret that nonces are made with, and makes it if there is none: one table call, two the first time.
    ///
    /// # Errors
    /// [`OpenAcmeError`] when it cannot be read or made.
    pub async fn open(authority: Arc<Authority>) -> Result<Self, OpenAcmeError> {
        let nonce_key = match authority.store().get(&table::acme::nonce_key()).await? {
            Some(found) => stored_key(&found)?,
            None => new_key(&authority).await?,
        };
        Ok(Self { authority, nonce_key })
    }

    /// The authority that signs.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    fn store(&self) -> &dyn Store {
        self.authority.store()
    }

    /// Accounts and orders have to outlive the process.
    fn check_persistence(&self) -> Result<(), AcmeError> {
        match self.authority.persistence() {
            Persistence::Durable => Ok(()),
            Persistence::UntilRestart => Err(AcmeError::new(
                ProblemType::ServerInternal,
                "ACME needs a database, and this authority has none",
            )
            .with_status(501)),
        }
    }
}

/// Why the ACME servers of an authority cannot be opened.
#[derive(Debug, Error)]
pub enum OpenAcmeError {
    /// The store cannot be read.
    #[error("the nonce key cannot be read")]
    Store(#[from] StoreError),
    /// The store took no record.
    #[error("the nonce key cannot be stored")]
    Commit(#[from] CommitError),
    /// There was no randomness.
    #[error("the nonce key cannot be made")]
    Random(#[from] RandomError),
    /// What the store holds is no key.
    #[error("the nonce key in the store is none")]
    Length(#[from] NonceKeyLength),
}

async fn new_key(authority: &Authority) -> Result<NonceKey, OpenAcmeError> {
    let made = NonceKey::generate(authority.random())?;
    let record = NonceKeyRecord { key: Der(made.to_stored().expose().to_vec()) };
    let write = Write::Put {
        key: table::acme::nonce_key(),
        condition: Condition::Absent,
        value: table::encode(&record)?,
        expires: None,
        indexes: Vec::new(),
    };
    match authority.store().commit(vec![write]).await {
        Ok(()) => Ok(made),
        Err(CommitError::Conflict { found: Some(found), .. }) => stored_key(&found),
        Err(error) => Err(error.into()),
    }
}

fn stored_key(found: &crate::store::Record) -> Result<NonceKey, OpenAcmeError> {
    let record: NonceKeyRecord = table::decode(found)?;
    Ok(NonceKey::from_stored(&SecretBytes::new(record.key.0))?)
}
