//! The HTTP faces of stepless: each module is one function of the plan, a router over the same [`Authority`].
//!
//! A Lambda binary serves the router of one module; the single binary serves all of them merged. No route is written
//! twice. Never here: a platform. What a platform knows of a request (the client's certificate, its address) arrives
//! as a typed request extension.

use std::sync::Arc;

use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::{Extension, Router};
use stepless_core::authority::Authority;
use tower_http::catch_panic::CatchPanicLayer;

pub mod acme;
pub mod acme_finalize;
pub mod info;
pub mod renew;
pub mod revoke;
pub mod sign;

mod access_log;
mod body;
mod cache;
mod chain;
mod client;
mod error;
mod platform;
mod request_id;
mod unhurried;

pub use acme::{AcmeServer, BasePath};
pub use platform::{Face, PlatformRefusal, PlatformRequestId, refused};
pub use request_id::TraceHeader;

/// The functions of a certificate authority in one router, each route under `/` and under `/1.0`, with request ids, an
/// access log, and errors in step's JSON for whatever goes wrong, a panic included. Those of ACME, where there is an
/// ACME server, stand under `/acme` and `/2.0/acme` and have problem documents.
pub fn all(authority: Arc<Authority>, acme: Option<AcmeServer>, trace_header: TraceHeader) -> Router {
    let routes = info::routes().merge(sign::routes()).merge(renew::routes()).merge(revoke::routes());
    let mut all = prefixed(routes, authority);
    if let Some(server) = acme {
        let acme = Arc::clone(&server.acme);
        let routes = acme::routes(server).merge(acme_finalize::routes(Arc::clone(&acme)));
        all = all.merge(acme::mounted(routes, acme));
    }
    complete(all.fallback(error::not_found), trace_header)
}

/// Completes the routes of one or several functions into a service: aliases, limits, request ids, log and errors.
pub fn service(
    routes: Router<Arc<Authority>>,
    authority: Arc<Authority>,
    trace_header: TraceHeader,
) -> Router {
    complete(prefixed(routes, authority).fallback(error::not_found), trace_header)
}

/// Routes that answer in step's JSON, with their aliases.
fn prefixed(routes: Router<Arc<Authority>>, authority: Arc<Authority>) -> Router {
    Router::new()
        .merge(routes.clone())
        .nest("/1.0", routes)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(CatchPanicLayer::custom(error::panicked))
        .with_state(authority)
}

/// What every request goes through.
fn complete(routes: Router, trace_header: TraceHeader) -> Router {
    routes
        .layer(Extension(body::BodyBudget::default()))
        .layer(map_response(cache::forbid))
        .layer(from_fn(access_log::log))
        .layer(from_fn_with_state(trace_header, request_id::assign))
}
