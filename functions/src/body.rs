//! Bodies: JSON in, JSON out, in the form that `step` speaks.

use std::error::Error;
use std::io;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::error::ApiError;

/// Longest request body: a CSR with a thousand names and a token with a long chain fit many times over.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The JSON object of a request body.
///
/// Rejects a body over [`MAX_BODY_BYTES`] (413), one that does not arrive in time (408), and one that is not the JSON
/// object of `T` (400). The content type is not looked at, as step-ca does not.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(not_received)?;
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

/// What is answered for a body that did not arrive. The platform's deadline for it is an [`io::Error`] of kind
/// [`io::ErrorKind::TimedOut`].
fn not_received(rejection: BytesRejection) -> ApiError {
    let (status, detail) = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 1 MiB")
    } else if is_late(&rejection) {
        (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
    } else {
        (StatusCode::BAD_REQUEST, "error reading request body")
    };
    ApiError::incomplete(status, detail).because(rejection)
}

fn is_late(rejection: &BytesRejection) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(rejection);
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
