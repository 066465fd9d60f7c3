//! ACME, up to the moment at which an order is finalized: directory, nonces, accounts, orders, authorizations,
//! challenges, certificates, revocation and renewal information. `acme_finalize` has the one route that signs.
//!
//! The paths are step-ca's, under `/acme/{provisioner}` and `/2.0/acme/{provisioner}`. Whatever goes wrong below them is
//! answered with a problem document ([RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7)), and never in
//! step's JSON.

mod account;
mod answer;
mod arrival;
mod certificate;
mod named;
mod order;
mod posted;
mod problem;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use stepless_core::acme::{Acme, Validator};
use tower_http::catch_panic::CatchPanicLayer;

use crate::TraceHeader;
use crate::unhurried::to_the_end;
pub(crate) use answer::resource;
use arrival::Asked;
pub use arrival::BasePath;
pub(crate) use named::{Names, named};
pub(crate) use posted::Posted;
pub(crate) use problem::{Refused, not_found, panicked};

/// What the routes of this function work with.
#[derive(Clone, Debug)]
pub struct AcmeServer {
    /// The servers of the authority's provisioners.
    pub acme: Arc<Acme>,
    /// What validations need of the platform.
    pub validator: Validator,
}

impl FromRef<AcmeServer> for Arc<Acme> {
    fn from_ref(server: &AcmeServer) -> Self {
        Self::clone(&server.acme)
    }
}

/// The routes of this function, below the prefix that [`service`] puts before them.
pub fn routes(server: AcmeServer) -> Router {
    Router::new()
        .route("/{provisioner}/directory", get(directory).post(directory_as_post))
        .route("/{provisioner}/new-nonce", get(new_nonce).head(new_nonce_head).post(new_nonce_as_post))
        .route("/{provisioner}/new-account", post(account::new))
        .route("/{provisioner}/account/{id}", post(account::account))
        .route("/{provisioner}/account/{id}/orders", post(account::orders))
        .route("/{provisioner}/key-change", post(account::key_change))
        .route("/{provisioner}/new-order", post(order::new))
        .route("/{provisioner}/new-authz", post(order::new_authorization))
        .route("/{provisioner}/order/{id}", post(order::order))
        .route("/{provisioner}/authz/{id}", post(order::authorization))
        .route("/{provisioner}/challenge/{id}/{type}", post(order::challenge))
        .route("/{provisioner}/certificate/{serial}", post(certificate::certificate))
        .route("/{provisioner}/certificate/{serial}/{number}", post(certificate::alternate))
        .route("/{provisioner}/revoke-cert", post(certificate::revoke))
        .route("/{provisioner}/renewal-info/{id}", get(certificate::renewal_info))
        .with_state(server)
}

/// Completes routes of ACME into a service: prefixes, what goes with every answer, request ids, log and problems.
pub fn service(routes: Router, acme: Arc<Acme>, trace_header: TraceHeader) -> Router {
    crate::complete(mounted(routes, acme).fallback(not_found), trace_header)
}

/// Routes of ACME under their prefixes; whatever else stands below those is a problem.
pub(crate) fn mounted(routes: Router, acme: Arc<Acme>) -> Router {
    let below = routes
        .fallback(not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(acme, answer::accompany));
    Router::new()
        .nest_service("/acme", below.clone())
        .nest_service("/2.0/acme", below)
        .layer(from_fn(arrival::remember_path))
}

async fn directory(State(acme): State<Arc<Acme>>, asked: Asked) -> Result<Response, Refused> {
    let endpoint = asked.endpoint(&acme)?;
    let mut response = answer::json(StatusCode::OK, &acme.directory(&endpoint))?;
    response.extensions_mut().insert(answer::Accompaniment::Nothing);
    Ok(response)
}

async fn directory_as_post(State(acme): State<Arc<Acme>>, posted: Posted) -> Result<Response, Refused> {
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        acme.post_as_get(&endpoint, posted.body()).await?;
        answer::json(StatusCode::OK, &acme.directory(&endpoint))
    })
    .await
}

async fn new_nonce() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn new_nonce_head() -> StatusCode {
    StatusCode::OK
}

async fn new_nonce_as_post(State(acme): State<Arc<Acme>>, posted: Posted) -> Result<StatusCode, Refused> {
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        acme.post_as_get(&endpoint, posted.body()).await?;
        Ok(StatusCode::OK)
    })
    .await
}
