//! Bodies: JSON in, JSON out, in the form that `step` speaks.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Longest request body: a CSR with a thousand names and a token with a long chain fit many times over.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The JSON of a request body.
///
/// Rejects a body over [`MAX_BODY_BYTES`] (413) and one that is not the JSON of `T` (400). The content type is not
/// looked at, as step-ca does not.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "The request could not be completed: the body is longer than 1 MiB.",
                ),
                _ => ApiError::bad_request("error reading request body").because(rejection),
            })?;
        serde_json::from_slice(&bytes)
            .map(JsonBody)
            .map_err(|error| ApiError::bad_request("error decoding json").because(error))
    }
}

/// A JSON answer, with the line feed at its end that `step` clients know.
pub(crate) fn json<T: Serialize>(value: &T) -> Response {
    let headers: [(HeaderName, HeaderValue); 1] =
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    match serde_json::to_vec(value) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            (StatusCode::OK, headers, bytes).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
