//! What caches between a client and a function may keep: nothing, but for certificates that everybody knows.

use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Every answer that does not say otherwise is for one client, and for now.
pub(crate) async fn forbid(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    response
}

/// The authority's own certificates change seldom; what is not one of them, such as an error, is not kept.
pub(crate) async fn allow_shortly(mut response: Response) -> Response {
    if response.status().is_success() {
        response.headers_mut().insert(header::CACHE_CONTROL, SHORTLY);
    }
    response
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// As long as a change of the configuration may take to reach every function.
const SHORTLY: HeaderValue = HeaderValue::from_static("max-age=60");
