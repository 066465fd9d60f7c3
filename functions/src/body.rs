//! Bodies: JSON in, JSON out, in the form that `step` speaks.

use std::error::Error;
use std::io;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// Longest request body: a CSR with a thousand names and a token with a long chain fit many times over.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What all bodies that are being read at one time may hold in memory. Nobody has shown a credential yet.
#[derive(Clone)]
pub(crate) struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    pub(crate) fn new(octets: usize) -> Self {
        Self(Arc::new(Semaphore::new(octets)))
    }

    /// Room for so many octets more; `None` when there is none.
    fn take(&self, octets: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_many_owned(u32::try_from(octets).ok()?).ok()
    }
}

impl Default for BodyBudget {
    /// Room for thousands of ordinary requests, or for 64 of the longest.
    fn default() -> Self {
        Self::new(64 * MAX_BODY_BYTES)
    }
}

/// The JSON object of a request body.
///
/// Rejects a body over [`MAX_BODY_BYTES`] (413), one that does not arrive in time (408), one that finds no room in the
/// [`BodyBudget`] (503), and one that is not the JSON object of `T` (400). The content type is not looked at, as
/// step-ca does not.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let received = receive(request, MAX_BODY_BYTES).await?;
        parse(&received.bytes)
            .map(Self)
            .map_err(|error| ApiError::bad_request("error decoding json").because(error))
    }
}

/// A JSON answer, with the line feed at its end that `step` clients know.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let headers: [(HeaderName, HeaderValue); 1] =
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    match serde_json::to_vec(value) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            (status, headers, bytes).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Why a body is not the JSON that a route takes: never with the text, which may be a token in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum NotTheJson {
    #[error("the body is no JSON object")]
    NoObject,
    #[error("the body is no JSON from line {line}, column {column} on")]
    Syntax { line: usize, column: usize },
    #[error("the body has another member or value than is expected before line {line}, column {column}")]
    Member { line: usize, column: usize },
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotTheJson> {
    // serde would also take a list of the members' values.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(NotTheJson::NoObject);
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_data() {
            NotTheJson::Member { line, column }
        } else {
            NotTheJson::Syntax { line, column }
        }
    })
}

/// A whole body, and the room that it takes up.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    _room: Vec<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Debug, Error)]
pub(crate) enum NotReceived {
    /// It is longer than this.
    #[error("the body is longer than {} KiB", limit / 1024)]
    TooLong { limit: usize },
    /// There is no room for it at this moment.
    #[error("there is no room for the body at this moment")]
    NoRoom,
    /// The platform's deadline for it has passed.
    #[error("the body did not arrive in time")]
    Late(#[source] axum::Error),
    /// It broke off.
    #[error("error reading request body")]
    Broken(#[source] axum::Error),
}

impl NotReceived {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Late(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<axum::Error> for NotReceived {
    /// The platform's deadline is an [`io::Error`] of kind [`io::ErrorKind::TimedOut`].
    fn from(error: axum::Error) -> Self {
        if is_late(&error) { Self::Late(error) } else { Self::Broken(error) }
    }
}

impl From<NotReceived> for ApiError {
    fn from(error: NotReceived) -> Self {
        match &error {
            NotReceived::NoRoom => Self::crowded(),
            NotReceived::TooLong { .. } | NotReceived::Late(_) | NotReceived::Broken(_) => {
                Self::incomplete(error.status(), &error)
            }
        }
        .because(error)
    }
}

/// The whole body, if it has at most `limit` octets.
pub(crate) async fn receive(request: Request, limit: usize) -> Result<Received, NotReceived> {
    let budget = request.extensions().get::<BodyBudget>().cloned().unwrap_or_default();
    let mut body = request.into_body();
    let (mut bytes, mut room) = (Vec::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(NotReceived::TooLong { limit });
        }
        room.push(budget.take(data.len()).ok_or(NotReceived::NoRoom)?);
        bytes.extend_from_slice(&data);
    }
    Ok(Received { bytes, _room: room })
}

fn is_late(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
