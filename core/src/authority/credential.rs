//! One-time credentials: how the store knows that one is taken, by whom, and until when.

use crate::clock::Timestamp;
use crate::store::table::{self, SpentRecord};
use crate::store::{Condition, Key, Record, StoreError, Write};
use crate::x509::SerialNumber;

/// What is good for one certificate: a token, an ACME order.
///
/// Its record is the other half of an intent: the commit that stores what is about to be signed takes the lease of the
/// credential, and the commit that stores the certificate settles it.
pub(crate) trait OneTimeCredential: Send + Sync {
    /// SHA-256 of the request that it is used for, in hex.
    fn request(&self) -> &str;

    /// What holds of its record as long as nobody has taken it.
    fn untaken(&self) -> Condition;

    /// Whoever holds `lease` has taken it.
    fn take(&self, lease: &Lease, condition: Condition) -> Result<Write, StoreError>;

    /// Nothing was signed: it is as good as before.
    fn give_back(&self, condition: Condition) -> Result<Write, StoreError>;

    /// The certificate of that lease is out; `None` when its record says enough already.
    fn settle(&self, lease: &Lease, condition: Condition) -> Result<Option<Write>, StoreError>;

    /// The lease that a record of it tells of; `None` when it is not one that can be taken over.
    fn lease(&self, found: &Record) -> Result<Option<Lease>, StoreError>;

    /// What else is committed together with the lease.
    fn companions(&self) -> Vec<(Role, Write)> {
        Vec::new()
    }
}

/// Who works with a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// SHA-256 of the request, in hex: only the same request may go on after the lease.
    pub(crate) request: String,
    /// The certificate that it is used for.
    pub(crate) serial: SerialNumber,
    /// Until then the function that took it may still be at work.
    pub(crate) until: Timestamp,
}

/// What a write of the authority's commits stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The nonce of the request is marked as spent.
    Nonce,
    /// The account that asks is what it was when it was read.
    Account,
    /// The one-time credential is taken.
    Credential,
    /// An intent that its function died over is closed.
    Abandoned,
    /// What is about to be signed is stored.
    Intent,
    /// The certificate to renew must not be revoked.
    NotRevoked,
    /// The key must not be blocked.
    NotBlocked,
    /// A certificate is revoked.
    Revocation,
    /// A key is blocked.
    BlockedKey,
}

/// A token, and the request that it is used for.
pub(super) struct SpendableToken {
    /// Where it is marked as spent.
    pub(super) key: Key,
    /// SHA-256 of the request, in hex.
    pub(super) request: String,
    /// From then on it could not be used anyway.
    pub(super) expires: Timestamp,
}

impl OneTimeCredential for SpendableToken {
    fn request(&self) -> &str {
        &self.request
    }

    fn untaken(&self) -> Condition {
        Condition::Absent
    }

    fn take(&self, lease: &Lease, condition: Condition) -> Result<Write, StoreError> {
        let spent = SpentRecord {
            request: lease.request.clone(),
            serial: Some(lease.serial.clone()),
            lease_until: lease.until,
        };
        Ok(Write::Put {
            key: self.key.clone(),
            condition,
            value: table::encode(&spent)?,
            // The lease needs its mark even if the credential ends before it.
            expires: Some(table::spent_until(self.expires.max(lease.until))),
            indexes: Vec::new(),
        })
    }

    fn give_back(&self, condition: Condition) -> Result<Write, StoreError> {
        Ok(Write::Delete { key: self.key.clone(), condition })
    }

    fn settle(&self, _: &Lease, _: Condition) -> Result<Option<Write>, StoreError> {
        Ok(None)
    }

    fn lease(&self, found: &Record) -> Result<Option<Lease>, StoreError> {
        let spent: SpentRecord = table::decode(found)?;
        let of = |serial| Lease { request: spent.request, serial, until: spent.lease_until };
        Ok(spent.serial.map(of))
    }
}
