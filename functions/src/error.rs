//! Errors at the edge: the one place where a refusal becomes a status and step's `{"status","message"}`.
//!
//! The client is told what it did wrong. Causes go to the log alone; a 5xx and most 401s are a fixed text.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt::Display;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use stepless_core::authority::{AuthorityError, InvalidRequest, LEASE};
use thiserror::Error;

use crate::body::json;

/// A request that failed: what the client is told, and what only the log is told.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
    retry_after: Option<u64>,
}

/// Why a request failed, for the access log.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) Arc<dyn StdError + Send + Sync>);

#[derive(Serialize)]
struct Body<'a> {
    status: u16,
    message: &'a str,
}

impl ApiError {
    /// 400: `detail` says what is wrong with the request.
    pub(crate) fn bad_request(detail: impl Display) -> Self {
        Self::incomplete(StatusCode::BAD_REQUEST, detail)
    }

    /// Another 4xx in the words of [`ApiError::bad_request`].
    pub(crate) fn incomplete(status: StatusCode, detail: impl Display) -> Self {
        Self::new(status, format!("The request could not be completed: {detail}."))
    }

    /// 404 with a text of its own.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 503: there is no room for the request at this moment.
    pub(crate) fn crowded() -> Self {
        Self::busy(RETRY_AFTER_SECONDS)
    }

    /// 503: the same request may be sent again when the lease of its credential is over.
    pub(crate) fn unfinished() -> Self {
        Self::busy(LEASE.as_secs().unsigned_abs() + 1)
    }

    /// 503: the same request may be sent again after so many seconds.
    fn busy(retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::fixed(StatusCode::SERVICE_UNAVAILABLE) }
    }

    /// The fixed text of a status.
    pub(crate) fn fixed(status: StatusCode) -> Self {
        Self::new(status, fixed_text(status))
    }

    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), cause: None, retry_after: None }
    }

    /// Adds what only the log is told.
    pub(crate) fn because(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }
}

impl From<AuthorityError> for ApiError {
    fn from(error: AuthorityError) -> Self {
        use AuthorityError as E;
        let answer = match &error {
            E::Invalid(InvalidRequest::NotPassive) | E::NoPersistence => {
                Self::fixed(StatusCode::NOT_IMPLEMENTED)
            }
            E::Invalid(_) | E::TokenFlowNotSupported | E::AlreadyRevoked { .. } => Self::bad_request(&error),
            E::Refused(_) => Self::new(
                StatusCode::FORBIDDEN,
                format!("The request was forbidden by the certificate authority: {error}."),
            ),
            E::CertificateExpired { .. } => Self::new(
                StatusCode::UNAUTHORIZED,
                format!("The request lacked necessary authorization to be completed: {error}"),
            ),
            E::ProvisionerDisabled { .. } => Self::new(StatusCode::UNAUTHORIZED, error.to_string()),
            E::Token(_)
            | E::TokenUsed
            | E::ClientCertificate(_)
            | E::RenewalDisabled { .. }
            | E::NotYetValid
            | E::Revoked
            | E::UnknownCertificate => Self::fixed(StatusCode::UNAUTHORIZED),
            E::Busy(_) => Self::busy(RETRY_AFTER_SECONDS),
            E::Unfinished(_) => Self::unfinished(),
            E::Internal(_) => Self::fixed(StatusCode::INTERNAL_SERVER_ERROR),
        };
        answer.because(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body { status: self.status.as_u16(), message: &self.message };
        let mut response = json(self.status, &body);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}

/// Answers a path that no function has.
pub(crate) async fn not_found() -> ApiError {
    ApiError::fixed(StatusCode::NOT_FOUND)
}

/// Answers a method that a path does not take; the router adds `Allow`.
pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::fixed(StatusCode::METHOD_NOT_ALLOWED)
}

/// Answers for a handler that panicked: that request fails, the next one does not.
pub(crate) fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    // What it panicked with may hold anything, and the panic hook has shown it to the operator already.
    ApiError::fixed(StatusCode::INTERNAL_SERVER_ERROR).because(Panicked).into_response()
}

#[derive(Debug, Error)]
#[error("the handler panicked")]
pub(crate) struct Panicked;

/// Long enough for a throttled table or KMS to have room again.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 5;

/// The texts of 401, 404, 500 and 501 are step-ca's.
fn fixed_text(status: StatusCode) -> String {
    let text = match status {
        StatusCode::UNAUTHORIZED => "The request lacked necessary authorization to be completed.",
        StatusCode::NOT_FOUND => "The requested resource could not be found.",
        StatusCode::NOT_IMPLEMENTED => {
            "The requested method is not implemented by the certificate authority."
        }
        StatusCode::METHOD_NOT_ALLOWED => "The method is not allowed for this resource.",
        StatusCode::SERVICE_UNAVAILABLE => "The certificate authority is busy; please try again.",
        _ => "The certificate authority encountered an Internal Server Error.",
    };
    format!("{text} Please see the certificate authority logs for more info.")
}

#[cfg(test)]
mod tests;
