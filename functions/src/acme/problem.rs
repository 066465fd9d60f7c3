//! Refusals at the edge of ACME: problem documents, and what only the log is told.

use std::any::Any;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use stepless_core::acme::{AcmeError, Problem, ProblemType};
use stepless_core::authority::LEASE;

use super::answer;
use crate::body::NotReceived;
use crate::error::{Cause, Panicked, RETRY_AFTER_SECONDS};
use crate::platform::PlatformRefusal;

/// A request that was not granted, on its way to the client.
#[derive(Debug)]
pub(crate) struct Refused(AcmeError);

impl From<AcmeError> for Refused {
    fn from(error: AcmeError) -> Self {
        Self(error)
    }
}

impl From<NotReceived> for Refused {
    fn from(error: NotReceived) -> Self {
        let refused = match &error {
            NotReceived::NoRoom => AcmeError::busy(),
            NotReceived::TooLong { .. } | NotReceived::Late(_) | NotReceived::Broken(_) => {
                AcmeError::malformed(&error).with_status(error.status().as_u16())
            }
        };
        refused.because(error).into()
    }
}

impl From<PlatformRefusal> for Refused {
    fn from(refusal: PlatformRefusal) -> Self {
        let refused = match &refusal {
            PlatformRefusal::Malformed(why) => AcmeError::malformed(why),
            PlatformRefusal::Host { .. } => {
                AcmeError::malformed("the Host of the request is not a name of this authority")
            }
            PlatformRefusal::NotOpen(_) => busy(RETRY_AFTER_SECONDS),
            PlatformRefusal::Late => busy(LEASE.as_secs().unsigned_abs() + 1),
            PlatformRefusal::TooLong { .. } | PlatformRefusal::Panicked => failed(),
        };
        refused.because(refusal).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let mut response = document(&error.problem);
        let headers = response.headers_mut();
        if let Some(seconds) = error.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // A URL of our own is always fit for a header.
        if let Some(location) = error.location.as_deref().and_then(|url| HeaderValue::from_str(url).ok()) {
            headers.insert(header::LOCATION, location);
        }
        let terms =
            error.terms_of_service.as_deref().and_then(|url| answer::link(url, "terms-of-service").ok());
        if let Some(terms) = terms {
            headers.append(header::LINK, terms);
        }
        response.extensions_mut().insert(Cause(Arc::new(error)));
        response
    }
}

/// Answers a path that there is not.
pub(crate) async fn not_found() -> Refused {
    not_there().into()
}

/// Answers a method that a path does not take; the router adds `Allow`.
pub(super) async fn method_not_allowed() -> Refused {
    let detail = "the resource does not take this method; resources are read with POST-as-GET";
    AcmeError::malformed(detail).with_status(StatusCode::METHOD_NOT_ALLOWED.as_u16()).into()
}

/// Answers for a handler that panicked.
pub(crate) fn panicked(_payload: Box<dyn Any + Send + 'static>) -> Response {
    Refused(failed().because(Panicked)).into_response()
}

/// There is nothing at that path.
pub(super) fn not_there() -> AcmeError {
    AcmeError::malformed("there is no such resource").with_status(StatusCode::NOT_FOUND.as_u16())
}

/// Something failed that the client has no part in.
pub(super) fn failed() -> AcmeError {
    AcmeError::new(ProblemType::ServerInternal, "the authority failed; its log says why")
}

fn busy(retry_after: u64) -> AcmeError {
    let mut busy = AcmeError::busy();
    busy.retry_after = Some(retry_after);
    busy
}

fn document(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer::document(status, PROBLEM_JSON, problem).unwrap_or_else(|_| status.into_response())
}

/// [RFC 7807 §3](https://www.rfc-editor.org/rfc/rfc7807#section-3)
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
