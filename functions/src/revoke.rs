//! `POST /revoke`: a certificate is not to be renewed any more.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use stepless_core::authority::{Authority, AuthorityError, RevokeCredential, RevokeRequest};

use crate::access_log::LoggedRevocation;
use crate::body::{JsonBody, json};
use crate::client::MaybePeer;
use crate::error::ApiError;
use crate::unhurried::to_the_end;

/// The routes of this function.
pub fn routes() -> Router<Arc<Authority>> {
    Router::new().route("/revoke", post(revoke))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    serial: Option<String>,
    ott: Option<String>,
    reason_code: Option<i64>,
    reason: Option<String>,
    passive: Option<bool>,
}

#[derive(Serialize)]
struct Revoked {
    status: &'static str,
}

async fn revoke(
    State(authority): State<Arc<Authority>>,
    MaybePeer(peer): MaybePeer,
    JsonBody(body): JsonBody<Body>,
) -> Result<Response, ApiError> {
    let request = RevokeRequest::parse(
        body.serial.as_deref().unwrap_or_default(),
        body.reason_code.unwrap_or_default(),
        body.reason.unwrap_or_default(),
        body.passive.unwrap_or_default(),
    )
    .map_err(AuthorityError::Invalid)?;
    let credential = match (body.ott.filter(|token| !token.is_empty()), peer) {
        (Some(token), _) => RevokeCredential::Token(token),
        (None, Some(certificates)) => RevokeCredential::Certificates(certificates),
        (None, None) => return Err(ApiError::bad_request("missing ott or client certificate")),
    };
    let serial = request.serial().clone();
    to_the_end(async move { authority.revoke(request, &credential).await }).await?;
    let mut response = json(StatusCode::OK, &Revoked { status: "ok" });
    response.extensions_mut().insert(LoggedRevocation(serial));
    Ok(response)
}
