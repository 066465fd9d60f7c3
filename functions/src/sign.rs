//! `POST /sign`: a certificate for a request and a one-time token.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use stepless_core::authority::{Authority, SignRequest};
use stepless_core::config::TimeDuration;

use crate::body::JsonBody;
use crate::chain;
use crate::error::ApiError;
use crate::unhurried::to_the_end;

/// The routes of this function.
pub fn routes() -> Router<Arc<Authority>> {
    Router::new().route("/sign", post(sign))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    csr: Option<String>,
    ott: Option<String>,
    not_before: Option<TimeDuration>,
    not_after: Option<TimeDuration>,
}

async fn sign(
    State(authority): State<Arc<Authority>>,
    JsonBody(body): JsonBody<Body>,
) -> Result<Response, ApiError> {
    to_the_end(async move {
        let request = SignRequest {
            csr: body.csr.as_deref().unwrap_or_default(),
            token: body.ott.as_deref().unwrap_or_default(),
            not_before: body.not_before.unwrap_or_default(),
            not_after: body.not_after.unwrap_or_default(),
        };
        let issued = authority.sign(request).await?;
        Ok(chain::created(&authority, &issued))
    })
    .await
}
