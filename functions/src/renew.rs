//! `POST /renew` (also `/re-sign`) and `POST /rekey`: a new certificate for the holder of an old one.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use stepless_core::authority::Authority;

use crate::body::JsonBody;
use crate::chain;
use crate::client::Client;
use crate::error::ApiError;
use crate::unhurried::to_the_end;

/// The routes of this function.
pub fn routes() -> Router<Arc<Authority>> {
    Router::new().route("/renew", post(renew)).route("/re-sign", post(renew)).route("/rekey", post(rekey))
}

async fn renew(
    State(authority): State<Arc<Authority>>,
    Client(credential): Client,
) -> Result<Response, ApiError> {
    to_the_end(async move {
        let issued = authority.renew(&credential).await?;
        Ok(chain::created(&authority, &issued))
    })
    .await
}

#[derive(Deserialize)]
struct Body {
    csr: Option<String>,
}

async fn rekey(
    State(authority): State<Arc<Authority>>,
    Client(credential): Client,
    JsonBody(body): JsonBody<Body>,
) -> Result<Response, ApiError> {
    to_the_end(async move {
        let issued = authority.rekey(&credential, body.csr.as_deref().unwrap_or_default()).await?;
        Ok(chain::created(&authority, &issued))
    })
    .await
}
