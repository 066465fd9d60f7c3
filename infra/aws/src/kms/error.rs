//! What KMS answers instead of an answer, and what an operator does about it.

use std::fmt;

use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use stepless_core::key::SignerError;
use thiserror::Error;

use super::KeyId;

/// A call to KMS that failed, with all its attempts.
#[derive(Debug, Error)]
pub enum KmsError {
    /// KMS is busy, out of reach or broken for the moment; the same call may be made again.
    #[error("{operation} with the KMS key {key} got no answer in time")]
    Unavailable {
        /// The key, as the configuration names it.
        key: KeyId,
        /// The action, as a policy names it.
        operation: &'static str,
        /// The last attempt's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// KMS refuses until somebody acts. The next call may still succeed: nothing here remembers a refusal.
    #[error("the KMS key {key} {problem}")]
    Refused {
        /// The key, as the configuration names it.
        key: KeyId,
        /// Why, and what to do.
        problem: KeyProblem,
        /// The answer.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why KMS refuses to use a key. Its `Display` goes on after the name of the key, and says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// `DisabledException`.
    Disabled,
    /// `KMSInvalidStateException`: pending deletion, pending import, or a key store that is away; in KMS's words.
    State(String),
    /// `NotFoundException`, in this Region.
    Missing {
        /// The Region that was asked.
        region: String,
    },
    /// `AccessDeniedException` for this action.
    Denied {
        /// The action, as a policy names it.
        operation: &'static str,
    },
    /// `InvalidKeyUsageException`: usage or key spec do not allow the call.
    Usage,
    /// The credentials of this program: missing, expired, or not those of an account.
    Credentials,
    /// Anything else, by its code and KMS's words.
    Other {
        /// The error's code.
        code: String,
        /// The error's text.
        message: String,
    },
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("is disabled: enable it"),
            Self::State(message) => write!(
                f,
                "is in a state that does not allow this: if its deletion is pending, cancel that and enable it \
                 (KMS says: {message})"
            ),
            Self::Missing { region } => {
                write!(f, "is not in {region}: check its id, its Region, and whether it was deleted")
            }
            Self::Denied { operation } => write!(
                f,
                "may not be used: allow {operation} in the key's policy and the role's; a new grant takes some \
                 minutes until it holds everywhere"
            ),
            Self::Usage => f.write_str("is not for signing: use one of usage SIGN_VERIFY"),
            Self::Credentials => {
                f.write_str("cannot be asked for with these credentials: renew or correct them")
            }
            Self::Other { code, message } => write!(f, "is refused with {code} (KMS says: {message})"),
        }
    }
}

impl KmsError {
    /// What became of a call: `operation`, as a policy names the action, with `key`.
    pub(super) fn of_call<E>(
        client: &Client,
        key: &KeyId,
        operation: &'static str,
        error: SdkError<E>,
    ) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if is_transient(&error) {
            return Self::Unavailable { key: key.clone(), operation, source: Box::new(error) };
        }
        let region = client.config().region().map_or("the Region", |region| region.as_ref());
        let message = error.message().unwrap_or_default().to_owned();
        let problem = match error.code().unwrap_or_default() {
            "DisabledException" => KeyProblem::Disabled,
            "KMSInvalidStateException" => KeyProblem::State(message),
            "NotFoundException" => KeyProblem::Missing { region: region.to_owned() },
            "AccessDeniedException" | "InvalidGrantTokenException" => KeyProblem::Denied { operation },
            "InvalidKeyUsageException" | "UnsupportedOperationException" => KeyProblem::Usage,
            "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "NotAuthorized"
            | "UnrecognizedClientException" => KeyProblem::Credentials,
            "" => KeyProblem::Other { code: "no code".to_owned(), message: error.to_string() },
            code => KeyProblem::Other { code: code.to_owned(), message },
        };
        Self::Refused { key: key.clone(), problem, source: Box::new(error) }
    }
}

impl From<KmsError> for SignerError {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Unavailable { .. } => Self::Unavailable(Box::new(error)),
            KmsError::Refused { .. } => Self::Unusable(Box::new(error)),
        }
    }
}

/// Whether the SDK tries such an error again. If it comes out nevertheless, time or attempts were up.
fn is_transient<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(service) => {
            service.raw().status().is_server_error()
                || service.err().code().is_some_and(|code| THROTTLING_ERRORS.contains(&code))
        }
        _ => false,
    }
}
