//! What the store keeps for ACME: accounts, orders with their authorizations and challenges inside, and proofs.

use serde::{Deserialize, Serialize};

use super::id::{AuthorizationId, Id};
use super::identifier::Identifier;
use super::problem::Problem;
use crate::clock::Timestamp;
use crate::config::ChallengeType;
use crate::store::table::Der;
use crate::x509::SerialNumber;

/// An account ([RFC 8555 §7.1.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// Its key: a `SubjectPublicKeyInfo`.
    pub key: Der,
    /// URLs of its owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact: Vec<String>,
    /// Whether it is in use.
    pub status: AccountStatus,
    /// When it agreed to the terms of service, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_agreed: Option<Timestamp>,
    /// What binds it to an account elsewhere, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalAccount>,
    /// When it was made.
    pub created: Timestamp,
}

/// Whether an account is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// It is.
    Valid,
    /// Its owner has ended it.
    Deactivated,
    /// The authority has ended it.
    Revoked,
}

/// An account elsewhere that an account is bound to
/// ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalAccount {
    /// The id of the key that bound it.
    pub key_id: String,
    /// The binding as the client sent it.
    pub binding: serde_json::Value,
}

/// Leads from the key of an account to the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountKeyRecord {
    /// The account.
    pub account: Id,
}

/// A key for external account binding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalAccountKeyRecord {
    /// The MAC key, until an account is bound by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac_key: Option<Der>,
    /// What the operator calls whom it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// When it was made.
    pub created: Timestamp,
    /// The account that was bound by it, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<BoundAccount>,
}

impl std::fmt::Debug for ExternalAccountKeyRecord {
    /// Leaves out the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalAccountKeyRecord")
            .field("reference", &self.reference)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

/// An account that was bound by a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundAccount {
    /// The account.
    pub account: Id,
    /// When.
    pub at: Timestamp,
}

/// An order ([RFC 8555 §7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3)), with everything that belongs to
/// it; or a pre-authorization, which is a record of one authorization that is never finalized.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The account that it belongs to.
    pub account: Id,
    /// What it is.
    pub kind: OrderKind,
    /// When it was made.
    pub created: Timestamp,
    /// From then on it cannot be worked on.
    pub expires: Timestamp,
    /// When the certificate is to begin, if the client said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When it is to end, if the client said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// The name of its profile, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The ARI id of the certificate that it replaces, if the client named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The end of that certificate: so long it has to be known whether it is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces_until: Option<Timestamp>,
    /// One for each identifier.
    pub authorizations: Vec<AuthorizationRecord>,
    /// How far its certificate has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuance: Option<IssuanceRecord>,
}

/// What a record of authorizations is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderKind {
    /// An order.
    Order,
    /// A pre-authorization ([RFC 8555 §7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1)).
    PreAuthorization,
}

/// How far the certificate of an order has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuanceRecord {
    /// SHA-256 of the certificate request, in hex.
    pub request: String,
    /// The certificate's serial number.
    pub serial: SerialNumber,
    /// Until then a function may be at work on it; `None` once it is out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
}

/// An authorization ([RFC 8555 §7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRecord {
    /// For what; of a wildcard with its star.
    pub identifier: Identifier,
    /// What the challenges ask the client to show.
    pub token: String,
    /// From then on it is not valid any more; while it is pending, it cannot be worked on.
    pub expires: Timestamp,
    /// Whether the client has given it up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deactivated: bool,
    /// The ways to prove it.
    pub challenges: Vec<ChallengeRecord>,
}

/// A challenge ([RFC 8555 §7.1.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeRecord {
    /// Which one.
    #[serde(rename = "type")]
    pub kind: ChallengeType,
    /// How far it has come.
    #[serde(flatten)]
    pub state: ChallengeState,
}

/// How far a challenge has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum ChallengeState {
    /// The client has not said that it is ready.
    Pending,
    /// It is being tried.
    Processing(Attempt),
    /// The client has shown what it was asked for.
    Valid {
        /// When.
        validated: Timestamp,
        /// What was asked of whom, and what came back.
        evidence: String,
    },
    /// It has not.
    Invalid {
        /// Why.
        error: Problem,
    },
}

/// A challenge that is being tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When the client said that it is ready.
    pub begun: Timestamp,
    /// Until then somebody is at work on it, or a try is scheduled.
    pub lease_until: Timestamp,
    /// How many tries have begun. Only who began the last one may say what came of it.
    pub tries: u32,
    /// The thumbprint of the account's key when the client said so: what the key authorization ends with.
    pub thumbprint: String,
    /// The URL of the account, as the client names it.
    pub account_url: String,
    /// What was wrong with the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// That an account has proven an identifier: new orders may rely on it, and so may a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRecord {
    /// The authorization that proved it.
    pub authorization: AuthorizationId,
    /// How.
    pub challenge: ChallengeType,
    /// When.
    pub validated: Timestamp,
    /// Until then it counts.
    pub expires: Timestamp,
    /// Whether the client asked for it ahead of any order.
    pub pre_authorized: bool,
}

/// That an order replaces a certificate ([RFC 9773 §5](https://www.rfc-editor.org/rfc/rfc9773#section-5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacementRecord {
    /// The order.
    pub order: Id,
}

/// The mark of a spent nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentNonceRecord {
    /// Random: nobody else writes the same.
    pub by: Id,
}

/// The secret that nonces are made with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonceKeyRecord {
    /// Thirty-two octets.
    pub key: Der,
}

impl std::fmt::Debug for NonceKeyRecord {
    /// Leaves out the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NonceKeyRecord(..)")
    }
}
