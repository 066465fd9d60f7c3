//! What a platform says of a request beside the request itself, and what it refuses before a function sees it.

use std::error::Error as StdError;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::IntoResponse;
use thiserror::Error;

use crate::acme::Refused;
use crate::error::ApiError;
use crate::{TraceHeader, access_log, cache, request_id};

/// How the platform names a request: a request extension, which the access log shows beside the request's own id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformRequestId(pub String);

/// Why a platform does not hand a request to a function.
#[derive(Clone, Debug, Error)]
pub enum PlatformRefusal {
    /// The platform's description of the request makes no sense: 400.
    #[error("the platform's event cannot be read")]
    Malformed(#[source] Arc<dyn StdError + Send + Sync>),
    /// The request came by a way that is not one to this authority: 403.
    #[error("the request came for host {host:?}, which is not one of this authority")]
    Host {
        /// What it came for.
        host: String,
    },
    /// The authority is not open yet: 503, and in a moment it may be.
    #[error("the authority is not open")]
    NotOpen(#[source] Arc<dyn StdError + Send + Sync>),
    /// The answer was not ready in time: 503. The work goes on; a credential that it took works again when its lease
    /// is over.
    #[error("the answer was not ready before the time limit of the function")]
    Late,
    /// The answer is longer than the platform carries: 500.
    #[error("the answer has {octets} octets, and the platform carries {limit}")]
    TooLong {
        /// Its length.
        octets: usize,
        /// The bound.
        limit: usize,
    },
    /// The handler panicked where no function caught it: 500.
    #[error("the handler panicked")]
    Panicked,
}

impl From<PlatformRefusal> for ApiError {
    fn from(refusal: PlatformRefusal) -> Self {
        let answer = match &refusal {
            PlatformRefusal::Malformed(why) => Self::bad_request(why),
            PlatformRefusal::Host { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "The request was forbidden by the certificate authority: it came for another host.",
            ),
            PlatformRefusal::NotOpen(_) => Self::crowded(),
            PlatformRefusal::Late => Self::unfinished(),
            PlatformRefusal::TooLong { .. } | PlatformRefusal::Panicked => {
                Self::fixed(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        answer.because(refusal)
    }
}

/// In which form a function words what it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Step's JSON.
    Step,
    /// Problem documents.
    Acme,
}

/// A service that answers every request with this refusal: in the form of the function, with a request id and a line in
/// the log, as the function's own service would.
pub fn refused(refusal: PlatformRefusal, face: Face, trace_header: TraceHeader) -> Router {
    let answer = move || {
        let refusal = refusal.clone();
        std::future::ready(match face {
            Face::Step => ApiError::from(refusal).into_response(),
            Face::Acme => Refused::from(refusal).into_response(),
        })
    };
    Router::new()
        .fallback(answer)
        .layer(map_response(cache::forbid))
        .layer(from_fn(access_log::log))
        .layer(from_fn_with_state(trace_header, request_id::assign))
}
