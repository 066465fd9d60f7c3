//! Why an ACME request was not granted, as the protocol words it.

use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::identifier::RequestedIdentifier;
use crate::authority::{AuthorityError, InvalidRequest, LEASE};
use crate::jose::SigningAlgorithm;
use crate::store::{CommitError, StoreError};

/// The type of a problem.
///
/// [RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7), `alreadyReplaced` of
/// [RFC 9773 §7.4](https://www.rfc-editor.org/rfc/rfc9773#section-7.4) and `invalidProfile` of the ACME profiles draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProblemType {
    /// The account of the request does not exist.
    #[serde(rename = "urn:ietf:params:acme:error:accountDoesNotExist")]
    AccountDoesNotExist,
    /// The certificate that an order replaces is replaced already.
    #[serde(rename = "urn:ietf:params:acme:error:alreadyReplaced")]
    AlreadyReplaced,
    /// The certificate is revoked already.
    #[serde(rename = "urn:ietf:params:acme:error:alreadyRevoked")]
    AlreadyRevoked,
    /// The certificate request is unacceptable.
    #[serde(rename = "urn:ietf:params:acme:error:badCSR")]
    BadCsr,
    /// The nonce is none of ours, too old, or spent.
    #[serde(rename = "urn:ietf:params:acme:error:badNonce")]
    BadNonce,
    /// The key of the request is not one to act with.
    #[serde(rename = "urn:ietf:params:acme:error:badPublicKey")]
    BadPublicKey,
    /// The reason for a revocation is not one that a client may give.
    #[serde(rename = "urn:ietf:params:acme:error:badRevocationReason")]
    BadRevocationReason,
    /// The request is signed with an algorithm that is not accepted.
    #[serde(rename = "urn:ietf:params:acme:error:badSignatureAlgorithm")]
    BadSignatureAlgorithm,
    /// CAA records forbid the issuance.
    #[serde(rename = "urn:ietf:params:acme:error:caa")]
    Caa,
    /// See the subproblems.
    #[serde(rename = "urn:ietf:params:acme:error:compound")]
    Compound,
    /// The server of the identifier could not be reached.
    #[serde(rename = "urn:ietf:params:acme:error:connection")]
    Connection,
    /// A look-up in the DNS failed.
    #[serde(rename = "urn:ietf:params:acme:error:dns")]
    Dns,
    /// An account needs an external account binding.
    #[serde(rename = "urn:ietf:params:acme:error:externalAccountRequired")]
    ExternalAccountRequired,
    /// The answer to a challenge is not the expected one.
    #[serde(rename = "urn:ietf:params:acme:error:incorrectResponse")]
    IncorrectResponse,
    /// A contact URL is not one.
    #[serde(rename = "urn:ietf:params:acme:error:invalidContact")]
    InvalidContact,
    /// The profile of an order is not offered.
    #[serde(rename = "urn:ietf:params:acme:error:invalidProfile")]
    InvalidProfile,
    /// The request makes no sense.
    #[serde(rename = "urn:ietf:params:acme:error:malformed")]
    Malformed,
    /// The order cannot be finalized in its present state.
    #[serde(rename = "urn:ietf:params:acme:error:orderNotReady")]
    OrderNotReady,
    /// Too many requests.
    #[serde(rename = "urn:ietf:params:acme:error:rateLimited")]
    RateLimited,
    /// No certificate is issued for the identifier.
    #[serde(rename = "urn:ietf:params:acme:error:rejectedIdentifier")]
    RejectedIdentifier,
    /// Something failed inside.
    #[serde(rename = "urn:ietf:params:acme:error:serverInternal")]
    ServerInternal,
    /// The TLS handshake of a validation failed.
    #[serde(rename = "urn:ietf:params:acme:error:tls")]
    Tls,
    /// The client may not do that.
    #[serde(rename = "urn:ietf:params:acme:error:unauthorized")]
    Unauthorized,
    /// A contact URL has a scheme that is not used here.
    #[serde(rename = "urn:ietf:params:acme:error:unsupportedContact")]
    UnsupportedContact,
    /// The identifier is of a type that is not known here.
    #[serde(rename = "urn:ietf:params:acme:error:unsupportedIdentifier")]
    UnsupportedIdentifier,
    /// The user has to visit the instance URL first.
    #[serde(rename = "urn:ietf:params:acme:error:userActionRequired")]
    UserActionRequired,
}

impl ProblemType {
    /// The HTTP status that goes with it where nothing else is said.
    pub fn status(self) -> u16 {
        match self {
            Self::AccountDoesNotExist
            | Self::AlreadyRevoked
            | Self::BadCsr
            | Self::BadNonce
            | Self::BadPublicKey
            | Self::BadRevocationReason
            | Self::BadSignatureAlgorithm
            | Self::Compound
            | Self::Connection
            | Self::Dns
            | Self::IncorrectResponse
            | Self::InvalidContact
            | Self::InvalidProfile
            | Self::Malformed
            | Self::RejectedIdentifier
            | Self::Tls
            | Self::UnsupportedContact
            | Self::UnsupportedIdentifier => 400,
            Self::Caa
            | Self::ExternalAccountRequired
            | Self::OrderNotReady
            | Self::Unauthorized
            | Self::UserActionRequired => 403,
            Self::AlreadyReplaced => 409,
            Self::RateLimited => 429,
            Self::ServerInternal => 500,
        }
    }
}

/// A problem document.
///
/// [RFC 7807](https://www.rfc-editor.org/rfc/rfc7807), [RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of problem.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// What was wrong, for a person.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong with which identifier, where it was more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subproblems: Vec<Subproblem>,
    /// With [`ProblemType::BadSignatureAlgorithm`]: the accepted ones
    /// ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<String>,
}

/// The problem of one identifier.
///
/// [RFC 8555 §6.7.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.7.1)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subproblem {
    /// What kind of problem.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// What was wrong, for a person.
    pub detail: String,
    /// The identifier, as the client wrote it.
    pub identifier: RequestedIdentifier,
}

impl Problem {
    /// A problem with the usual status of its type.
    pub fn new(kind: ProblemType, detail: impl fmt::Display) -> Self {
        Self {
            kind,
            detail: detail.to_string(),
            status: kind.status(),
            subproblems: Vec::new(),
            algorithms: Vec::new(),
        }
    }
}

/// A request that was not granted: what the client is told, and what only the log is told.
#[derive(Debug, Error)]
#[error("{}", problem.detail)]
pub struct AcmeError {
    /// What the client is told.
    pub problem: Box<Problem>,
    /// After so many seconds the same request may succeed.
    pub retry_after: Option<u64>,
    /// The URL of what stands in the way.
    pub location: Option<String>,
    /// The URL of terms of service that have to be agreed to first
    /// ([RFC 8555 §7.3.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.3)).
    pub terms_of_service: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl AcmeError {
    /// A problem of this type.
    pub fn new(kind: ProblemType, detail: impl fmt::Display) -> Self {
        Problem::new(kind, detail).into()
    }

    /// [`ProblemType::Malformed`]
    pub fn malformed(detail: impl fmt::Display) -> Self {
        Self::new(ProblemType::Malformed, detail)
    }

    /// [`ProblemType::Unauthorized`]
    pub fn unauthorized(detail: impl fmt::Display) -> Self {
        Self::new(ProblemType::Unauthorized, detail)
    }

    /// What was asked for does not exist, or belongs to somebody else: nobody learns which.
    pub fn not_found(what: &str) -> Self {
        Self::malformed(format_args!("the account has no such {what}")).with_status(404)
    }

    /// Two functions stood in each other's way for too long, or something is out of reach: the same request with a new
    /// nonce may succeed.
    pub fn busy() -> Self {
        Self {
            retry_after: Some(RETRY_AFTER_SECONDS),
            ..Self::new(ProblemType::ServerInternal, "the authority is busy; please try again")
                .with_status(503)
        }
    }

    /// [`ProblemType::BadSignatureAlgorithm`], with the algorithms that are accepted.
    pub fn bad_signature_algorithm(detail: impl fmt::Display, supported: &[SigningAlgorithm]) -> Self {
        let mut problem = Problem::new(ProblemType::BadSignatureAlgorithm, detail);
        problem.algorithms = supported.iter().map(ToString::to_string).collect();
        problem.into()
    }

    /// With another status than the usual one.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.problem.status = status;
        self
    }

    /// With what only the log is told.
    #[must_use]
    pub fn because(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(cause));
        self
    }

    fn internal() -> Self {
        Self::new(ProblemType::ServerInternal, "the authority failed; its log says why")
    }
}

impl From<Problem> for AcmeError {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            retry_after: None,
            location: None,
            terms_of_service: None,
            source: None,
        }
    }
}

impl From<StoreError> for AcmeError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::busy(),
            StoreError::Failed(_) => Self::internal(),
        }
        .because(error)
    }
}

impl From<CommitError> for AcmeError {
    /// For a commit without conditions that may fail.
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            conflict @ CommitError::Conflict { .. } => Self::busy().because(conflict),
        }
    }
}

impl From<crate::random::RandomError> for AcmeError {
    fn from(error: crate::random::RandomError) -> Self {
        Self::internal().because(error)
    }
}

impl From<AuthorityError> for AcmeError {
    /// What the authority refuses of a request that ACME has allowed.
    fn from(error: AuthorityError) -> Self {
        use AuthorityError as E;
        match &error {
            E::Invalid(InvalidRequest::MissingCsr | InvalidRequest::Csr(_)) => {
                Self::new(ProblemType::BadCsr, &error)
            }
            E::Invalid(_) => Self::malformed(&error),
            E::Refused(_) => Self::unauthorized(&error),
            E::Revoked | E::AlreadyRevoked { .. } => Self::new(ProblemType::AlreadyRevoked, &error),
            E::NoPersistence => Self::new(ProblemType::ServerInternal, &error).with_status(501),
            E::Busy(_) => Self::busy(),
            E::Unfinished(_) => {
                Self { retry_after: Some(LEASE.as_secs().unsigned_abs() + 1), ..Self::busy() }
            }
            E::Token(_)
            | E::TokenUsed
            | E::TokenFlowNotSupported
            | E::ProvisionerDisabled { .. }
            | E::ClientCertificate(_)
            | E::UnknownCertificate
            | E::RenewalDisabled { .. }
            | E::NotYetValid
            | E::CertificateExpired { .. } => Self::unauthorized(&error),
            E::Internal(_) => Self::internal(),
        }
        .because(error)
    }
}

/// Long enough for a throttled table or key to have room again.
const RETRY_AFTER_SECONDS: u64 = 5;
