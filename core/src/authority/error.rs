//! Why the authority did not do what it was asked.

use thiserror::Error;

use super::revoke::MAX_REASON;
use crate::clock::Timestamp;
use crate::key::{SignerError, WeakKey};
use crate::provisioner::TokenError;
use crate::random::RandomError;
use crate::store::{CommitError, StoreError};
use crate::x509::{
    ChainError, NameConstraintError, NameError, RequestError, SanError, SerialNumber, ValidityError,
};

/// A request that was not granted. Each variant is something that a caller answers differently.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The request is malformed or incomplete.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The request is well-formed, and this credential does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The token is not one that this authority takes.
    #[error("the token was refused")]
    Token(#[from] TokenError),
    /// The token was spent before.
    #[error("the token was used before")]
    TokenUsed,
    /// The provisioner of the token does not use tokens.
    #[error("token flow is not supported")]
    TokenFlowNotSupported,
    /// The provisioner could not be initialised.
    #[error("provisioner {name:?} is disabled due to an initialization error")]
    ProvisionerDisabled {
        /// Its name.
        name: String,
    },
    /// The client's certificate is not one of this authority, or not one to act with.
    #[error("the client certificate was refused")]
    ClientCertificate(#[from] ChainError),
    /// No provisioner of this authority stands behind the certificate.
    #[error("no provisioner of this authority stands behind the certificate")]
    UnknownCertificate,
    /// The provisioner does not let its certificates be renewed.
    #[error("renewal is disabled for provisioner {provisioner:?}")]
    RenewalDisabled {
        /// Its name.
        provisioner: String,
    },
    /// The certificate's time has not come.
    #[error("the certificate is not yet valid")]
    NotYetValid,
    /// The certificate's time is over.
    #[error("certificate expired on {}", in_go_notation(*not_after))]
    CertificateExpired {
        /// Its last instant.
        not_after: Timestamp,
    },
    /// The certificate was revoked.
    #[error("the certificate was revoked")]
    Revoked,
    /// The certificate to revoke was revoked before.
    #[error("certificate with serial number '{serial}' is already revoked")]
    AlreadyRevoked {
        /// Its serial number.
        serial: SerialNumber,
    },
    /// Nothing that has to last can be done without a store.
    #[error("no store is configured, so that a revocation would not last")]
    NoPersistence,
    /// The store or the signer is not available for the moment.
    #[error("the store or the signing key is not available for the moment")]
    Busy(#[source] Unavailable),
    /// As [`AuthorityError::Busy`], after the credential was taken: it works again when [`LEASE`](super::LEASE) is over.
    #[error(
        "the store or the signing key failed half-way; the credential works again when its lease is over"
    )]
    Unfinished(#[source] Unavailable),
    /// Something failed that trying again does not mend.
    #[error("the request failed inside the authority")]
    Internal(#[source] InternalError),
}

/// A request that is malformed or incomplete.
#[derive(Debug, Error)]
pub enum InvalidRequest {
    /// No certificate request.
    #[error("missing csr")]
    MissingCsr,
    /// Not a certificate request, or one that its key did not sign.
    #[error("invalid csr: {}", with_causes(.0))]
    Csr(RequestError),
    /// No token.
    #[error("missing ott")]
    MissingToken,
    /// An instant that no calendar has.
    #[error("{0}")]
    Time(crate::config::TimeOutOfRange),
    /// The certificate would be over before it was made.
    #[error("notAfter cannot be in the past; na={}", in_go_notation(*not_after))]
    Past {
        /// What was asked for.
        not_after: Timestamp,
    },
    /// The certificate would end before it begins.
    #[error(
        "notAfter cannot be before notBefore; na={}, nb={}",
        in_go_notation(*not_after),
        in_go_notation(*not_before)
    )]
    Reversed {
        /// Its last instant.
        not_after: Timestamp,
        /// Its first instant.
        not_before: Timestamp,
    },
    /// A year that no certificate can write.
    #[error("{0}")]
    Year(ValidityError),
    /// No serial number.
    #[error("missing serial")]
    MissingSerial,
    /// Not a serial number.
    #[error(
        "'{0}' is not a valid serial number - use a base 10 representation or a base 16 representation with '0x' prefix"
    )]
    Serial(String),
    /// A reason that RFC 5280 does not have.
    #[error("reasonCode out of bounds")]
    ReasonCode,
    /// A reason in more words than are kept.
    #[error("reason has {octets} bytes, at most {MAX_REASON} are kept")]
    Reason {
        /// Its length.
        octets: usize,
    },
    /// Only passive revocation exists.
    #[error("non-passive revocation not implemented")]
    NotPassive,
}

/// What a valid credential does not allow.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The request's common name is not one of the token's names.
    #[error(
        "certificate request does not contain the valid common name - got {found}, want [{}]",
        allowed.join(" ")
    )]
    CommonName {
        /// What the request has.
        found: String,
        /// What the token has.
        allowed: Vec<String>,
    },
    /// The request's names of one kind are not the token's.
    #[error(
        "certificate request does not contain the valid {kind} - got [{}], want [{}]",
        found.join(" "),
        allowed.join(" ")
    )]
    Names {
        /// Which kind, in the plural.
        kind: &'static str,
        /// What the request has.
        found: Vec<String>,
        /// What the token has.
        allowed: Vec<String>,
    },
    /// The token is for another certificate request.
    #[error("certificate request fingerprint does not match {fingerprint:?}")]
    OtherRequest {
        /// The fingerprint in the token.
        fingerprint: String,
    },
    /// A name that no certificate carries.
    #[error("{0}")]
    Name(SanError),
    /// A subject that no certificate carries.
    #[error("{0}")]
    Subject(NameError),
    /// Every certificate of the provisioner has a common name, and nothing could be one.
    #[error("the certificate would have no common name, and none of its names can be one")]
    NoCommonName,
    /// A name outside the issuer's constraints.
    #[error("{0}")]
    NameConstraint(NameConstraintError),
    /// More than verifiers read of one certificate, or than the issuer's key signs.
    #[error("the certificate would be too large")]
    TooLarge,
    /// The key is too weak.
    #[error("{0}")]
    WeakKey(WeakKey),
    /// The key is the issuer's own.
    #[error("the certificate request has the key of the issuer")]
    IssuerKey,
    /// The key was reported as compromised.
    #[error("the key was reported as compromised and is not certified any more")]
    BlockedKey,
    /// Shorter than the provisioner allows.
    #[error(
        "requested duration of {requested} is less than the authorized minimum certificate duration of {minimum}"
    )]
    TooShort {
        /// What was asked for, in Go's notation.
        requested: String,
        /// The bound.
        minimum: String,
    },
    /// Longer than the provisioner allows.
    #[error(
        "requested duration of {requested} is more than the authorized maximum certificate duration of {maximum}"
    )]
    TooLong {
        /// What was asked for, in Go's notation.
        requested: String,
        /// The bound.
        maximum: String,
    },
    /// Longer than the issuer's certificate.
    #[error("the certificate would end at {not_after}, after its issuer, which ends at {issuer_not_after}")]
    OutlivesIssuer {
        /// What was asked for.
        not_after: Timestamp,
        /// The bound.
        issuer_not_after: Timestamp,
    },
    /// The credential is for another certificate than the one to revoke.
    #[error("request serial number \"{requested}\" and {credential} {proven:?} do not match")]
    OtherSerial {
        /// What the body names.
        requested: SerialNumber,
        /// Where the credential names another one.
        credential: &'static str,
        /// What it names.
        proven: String,
    },
}

/// What is not available for the moment.
#[derive(Debug, Error)]
pub enum Unavailable {
    /// The table.
    #[error(transparent)]
    Store(StoreError),
    /// The key.
    #[error(transparent)]
    Signer(SignerError),
    /// Another function finished, or abandoned, the same certificate in the meantime.
    #[error("another function is at work on the same certificate")]
    LostRace,
    /// The function has too little time left to begin. Nothing was stored.
    #[error("the request was begun too long ago to be finished in time")]
    Late,
}

/// What an operator has to mend.
#[derive(Debug, Error)]
pub enum InternalError {
    /// The store holds something that makes no sense.
    #[error(transparent)]
    Store(StoreError),
    /// The signing key cannot be used.
    #[error(transparent)]
    Signer(SignerError),
    /// The signer returned something that is not a signature over the intended bytes.
    #[error("the signer's answer does not verify; the certificate was withheld")]
    Misissued(#[source] crate::x509::Misissued),
    /// What was signed is not a certificate.
    #[error("what was signed is not a certificate")]
    Unreadable(#[source] crate::x509::CertificateError),
    /// A certificate could not be put together.
    #[error("the certificate could not be put together")]
    Body(#[source] crate::x509::BodyError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A serial number that exists already: the source of randomness repeats itself.
    #[error("serial number {0} was drawn twice; the source of randomness is not to be trusted")]
    RepeatedSerial(SerialNumber),
    /// The intent was made under another issuer than the present one.
    #[error("the intent was made under issuer {0}, which is not configured any more")]
    OtherIssuer(String),
    /// The issuer's own certificate is over.
    #[error("the issuer's certificate ended at {0}")]
    IssuerExpired(Timestamp),
}

impl From<StoreError> for AuthorityError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Busy(Unavailable::Store(error)),
            StoreError::Failed(_) => Self::Internal(InternalError::Store(error)),
        }
    }
}

impl From<SignerError> for AuthorityError {
    fn from(error: SignerError) -> Self {
        match error {
            SignerError::Unavailable(_) => Self::Busy(Unavailable::Signer(error)),
            SignerError::Unusable(_) => Self::Internal(InternalError::Signer(error)),
        }
    }
}

impl From<InternalError> for AuthorityError {
    fn from(error: InternalError) -> Self {
        Self::Internal(error)
    }
}

impl AuthorityError {
    /// The same error, for a caller whose credential stays taken until its lease ends.
    pub(super) fn with_credential_taken(self) -> Self {
        match self {
            Self::Busy(unavailable) => Self::Unfinished(unavailable),
            other => other,
        }
    }

    /// A commit that failed where no condition could fail.
    pub(super) fn from_unconditional(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            CommitError::Conflict { .. } => Self::Busy(Unavailable::LostRace),
        }
    }
}

/// An instant in UTC as Go prints it, which is what clients of this protocol show their users.
fn in_go_notation(time: Timestamp) -> jiff::fmt::strtime::Display<'static> {
    time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
}

/// An error with its causes, for a client whose request is the cause.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
