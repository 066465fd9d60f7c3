//! The answer of `/sign`, `/renew` and `/rekey`: a certificate with its chain.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use stepless_core::authority::{Authority, IssuedCertificate};
use stepless_core::config::TlsOptions;

use crate::access_log::LoggedCertificate;
use crate::body::json;

#[derive(Serialize)]
struct Body<'a> {
    crt: &'a str,
    ca: Option<&'a str>,
    #[serde(rename = "certChain")]
    chain: Vec<&'a str>,
    #[serde(rename = "tlsOptions")]
    tls_options: &'a TlsOptions,
}

/// 201 with the certificate, its issuers, and the TLS options that clients start their own servers with.
pub(crate) fn created(authority: &Authority, issued: &IssuedCertificate) -> Response {
    let leaf = issued.certificate().to_pem();
    let issuers = authority.intermediates_pem();
    let body = Body {
        crt: &leaf,
        ca: issuers.first().map(String::as_str),
        chain: std::iter::once(leaf.as_str()).chain(issuers.iter().map(String::as_str)).collect(),
        tls_options: authority.tls_options(),
    };
    let mut response = json(StatusCode::CREATED, &body);
    response.extensions_mut().insert(LoggedCertificate::from(issued));
    response
}
