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
        let (bytes, _room) = receive(request).await?;
        parse(&bytes).map(Self).map_err(|error| ApiError::bad_request("error decoding json").because(error))
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

/// The whole body, and the room that it takes up.
async fn receive(request: Request) -> Result<(Vec<u8>, Vec<OwnedSemaphorePermit>), ApiError> {
    let budget = request.extensions().get::<BodyBudget>().cloned().unwrap_or_default();
    let mut body = request.into_body();
    let (mut bytes, mut room) = (Vec::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(not_received)?.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY_BYTES {
            let detail = "the body is longer than 1 MiB";
            return Err(ApiError::incomplete(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        room.push(budget.take(data.len()).ok_or_else(ApiError::crowded)?);
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, room))
}

/// What is answered for a body that did not arrive. The platform's deadline for it is an [`io::Error`] of kind
/// [`io::ErrorKind::TimedOut`].
fn not_received(error: axum::Error) -> ApiError {
    let (status, detail) = match is_late(&error) {
        true => (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        false => (StatusCode::BAD_REQUEST, "error reading request body"),
    };
    ApiError::incomplete(status, detail).because(error)
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
