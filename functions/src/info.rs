//! What a client may know without a credential: health, version, roots, intermediates, provisioners.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::value::RawValue;
use stepless_core::authority::Authority;
use url::form_urlencoded;

use crate::body::json;
use crate::cache;
use crate::error::ApiError;

/// The routes of this function.
pub fn routes() -> Router<Arc<Authority>> {
    let certificates = Router::new()
        .route("/root/{sha}", get(root))
        .route("/roots", get(roots))
        .route("/roots.pem", get(roots_pem))
        .route("/intermediates", get(intermediates))
        .route("/intermediates.pem", get(intermediates_pem))
        .route("/federation", get(federation))
        .route_layer(map_response(cache::allow_shortly));
    Router::new()
        .merge(certificates)
        .route("/health", get(health))
        .route("/version", get(version))
        .route("/provisioners", get(provisioners))
        .route("/provisioners/{kid}/encrypted-key", get(encrypted_key))
        .route("/crl", get(crl))
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

async fn health() -> Response {
    json(StatusCode::OK, &Health { status: "ok" })
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

async fn version() -> Response {
    json(StatusCode::OK, &Version { version: env!("CARGO_PKG_VERSION") })
}

#[derive(Serialize)]
struct Root<'a> {
    ca: &'a str,
}

async fn root(State(authority): State<Arc<Authority>>, Name(sha): Name) -> Result<Response, ApiError> {
    let fingerprint = sha.replace('-', "").to_lowercase();
    match authority.root_pem(&fingerprint) {
        Some(pem) => Ok(json(StatusCode::OK, &Root { ca: pem })),
        None => Err(ApiError::not_found(format!(
            "root certificate with fingerprint {fingerprint:?} was not found"
        ))),
    }
}

#[derive(Serialize)]
struct Certificates<'a> {
    crts: &'a [String],
}

async fn roots(State(authority): State<Arc<Authority>>) -> Response {
    json(StatusCode::CREATED, &Certificates { crts: authority.roots_pem() })
}

async fn roots_pem(State(authority): State<Arc<Authority>>) -> Response {
    pem_file(authority.roots_pem())
}

async fn intermediates(State(authority): State<Arc<Authority>>) -> Result<Response, ApiError> {
    let crts = some_intermediates(&authority)?;
    Ok(json(StatusCode::CREATED, &Certificates { crts }))
}

async fn intermediates_pem(State(authority): State<Arc<Authority>>) -> Result<Response, ApiError> {
    Ok(pem_file(some_intermediates(&authority)?))
}

async fn federation(State(authority): State<Arc<Authority>>) -> Response {
    json(StatusCode::CREATED, &Certificates { crts: authority.federation_pem() })
}

#[derive(Serialize)]
struct ProvisionersPage<'a> {
    provisioners: Vec<&'a RawValue>,
    #[serde(rename = "nextCursor")]
    next_cursor: String,
}

async fn provisioners(
    State(authority): State<Arc<Authority>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    // The first value counts where there are several.
    let parameter =
        |name| form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, v)| v);
    let limit = match parameter("limit").as_deref() {
        None | Some("") => 0,
        Some(limit) => limit.parse::<i64>().map_err(|error| {
            ApiError::bad_request(format_args!("limit '{limit}' is not an integer")).because(error)
        })?,
    };
    let (provisioners, next_cursor) =
        authority.provisioners().page(&parameter("cursor").unwrap_or_default(), limit);
    Ok(json(StatusCode::OK, &ProvisionersPage { provisioners, next_cursor }))
}

#[derive(Serialize)]
struct EncryptedKey<'a> {
    key: &'a str,
}

async fn encrypted_key(
    State(authority): State<Arc<Authority>>,
    Name(kid): Name,
) -> Result<Response, ApiError> {
    match authority.provisioners().encrypted_key(&kid) {
        Some(key) => Ok(json(StatusCode::OK, &EncryptedKey { key })),
        None => Err(ApiError::fixed(StatusCode::NOT_FOUND)),
    }
}

/// What a path names, decoded once. Bytes that are no text name nothing (404).
struct Name(String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        named
            .map(|Path(name)| Self(name))
            .map_err(|rejection| ApiError::fixed(StatusCode::NOT_FOUND).because(rejection))
    }
}

/// No revocation list is made: the same answer as from a CA whose list is switched off.
async fn crl() -> ApiError {
    ApiError::fixed(StatusCode::NOT_FOUND)
}

fn some_intermediates(authority: &Authority) -> Result<&[String], ApiError> {
    match authority.intermediates_pem() {
        [] => Err(ApiError::fixed(StatusCode::NOT_IMPLEMENTED)),
        intermediates => Ok(intermediates),
    }
}

fn pem_file(certificates: &[String]) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"))];
    (headers, certificates.concat()).into_response()
}
