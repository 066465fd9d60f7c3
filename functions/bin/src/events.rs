//! Events of gateways: read into requests, and answers written as each gateway takes them.
//!
//! What only the gateway knows (the client's certificate, its address, the request's id) becomes a request extension.
//! A header that claims to be such knowledge never reaches a function.

mod alb;
mod answer;
mod certificate;
mod http_api;
mod rest_api;
mod url;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use stepless_core::peer::PeerCertificates;
use stepless_core::x509::CertificateError;
use stepless_functions::{BasePath, PlatformRefusal, PlatformRequestId};
use thiserror::Error;

use crate::environment::{Events, Gateway};
pub(crate) use answer::AnswerForm;

/// The request that an event tells of.
///
/// # Errors
/// [`PlatformRefusal::Malformed`] and [`PlatformRefusal::Host`].
pub(crate) fn request(gateway: &Gateway, event: &str) -> Result<Request<Body>, PlatformRefusal> {
    let told = match gateway.events {
        Events::HttpApi | Events::FunctionUrl => http_api::read(gateway, event),
        Events::RestApi => rest_api::read(event),
        Events::Alb(certificates) => alb::read(certificates, event),
    };
    let told = told.map_err(malformed)?;
    check_host(&gateway.hosts, told.host.as_deref())?;
    told.into_request(&gateway.base_path).map_err(malformed)
}

/// What every shape of event tells, each in its own way.
struct Told {
    method: String,
    /// Percent-encoded, fit for a URI.
    path: String,
    /// What the gateway had before the path that is no part of it; mostly empty.
    stage: String,
    /// Percent-encoded, fit for a URI; empty when there is none.
    query: String,
    headers: HeaderMap,
    body: TextBody,
    /// What the request came for, by the gateway's word; for a load balancer by the client's.
    host: Option<String>,
    remote: Option<IpAddr>,
    id: Option<String>,
    certificates: Option<PeerCertificates>,
}

/// A body as it lies in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TextBody {
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl TextBody {
    fn into_bytes(self) -> Result<Vec<u8>, EventError> {
        let text = self.body.unwrap_or_default();
        match self.is_base64_encoded {
            true => STANDARD.decode(text).map_err(EventError::Base64),
            false => Ok(text.into_bytes()),
        }
    }
}

impl Told {
    fn into_request(mut self, base_path: &str) -> Result<Request<Body>, EventError> {
        remove_forged(&mut self.headers);
        let path = url::without_prefix(&self.path, base_path);
        let base_path = if path == self.path { self.stage } else { self.stage + base_path };
        // Without a slash in front it would be read as a host.
        if !path.starts_with('/') {
            return Err(EventError::Path);
        }
        let target = if self.query.is_empty() { path.to_owned() } else { format!("{path}?{}", self.query) };
        let mut request = Request::builder()
            .method(Method::from_bytes(self.method.as_bytes()).map_err(|_| EventError::Method)?)
            .uri(target)
            .body(Body::from(self.body.into_bytes()?))
            .map_err(EventError::Target)?;
        *request.headers_mut() = self.headers;
        let extensions = request.extensions_mut();
        extensions.insert(BasePath(base_path));
        if let Some(remote) = self.remote {
            // Gateways do not say from which port a client comes.
            extensions.insert(ConnectInfo(SocketAddr::new(remote, 0)));
        }
        if let Some(id) = self.id {
            extensions.insert(PlatformRequestId(id));
        }
        if let Some(certificates) = self.certificates {
            extensions.insert(certificates);
        }
        Ok(request)
    }
}

/// Why an event is not one that this function takes. The texts are for clients, too.
#[derive(Debug, Error)]
pub(crate) enum EventError {
    /// Not the shape that is configured. What serde says of it may quote a credential.
    #[error(
        "the event of the gateway does not have the shape that this function is configured for, from line {line}, \
         column {column} on"
    )]
    Shape {
        /// Where it stops making sense.
        line: usize,
        /// Likewise.
        column: usize,
    },
    /// No method.
    #[error("the event of the gateway has no method of HTTP")]
    Method,
    /// No path.
    #[error("the event of the gateway has no path that begins with a slash")]
    Path,
    /// A path or a query string that no URI has.
    #[error("the event of the gateway has a path or a query string that no URI has")]
    Target(#[source] axum::http::Error),
    /// A header that no request has.
    #[error("the event of the gateway has a header that no request can have")]
    Header,
    /// The body says that it is base64, and is not.
    #[error("the body is not the base64 that it is said to be")]
    Base64(#[source] base64::DecodeError),
    /// The certificate of the client cannot be read. That is never taken for a client without one.
    #[error("the client certificate cannot be read")]
    Certificate(#[source] CertificateError),
    /// There is a place for a client certificate, and nothing in it.
    #[error("the client certificate is empty, or stands there more than once")]
    NoCertificate,
}

fn shape(error: serde_json::Error) -> EventError {
    EventError::Shape { line: error.line(), column: error.column() }
}

fn malformed(error: EventError) -> PlatformRefusal {
    PlatformRefusal::Malformed(Arc::new(error))
}

fn check_host(hosts: &[String], host: Option<&str>) -> Result<(), PlatformRefusal> {
    let host = host.unwrap_or_default();
    match hosts.is_empty() || hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host)) {
        true => Ok(()),
        false => Err(PlatformRefusal::Host { host: host.to_owned() }),
    }
}

/// Removes what only a load balancer may write, in every spelling that somebody could take for it.
fn remove_forged(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> = headers.keys().filter(|name| is_of_the_balancer(name)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}

fn is_of_the_balancer(name: &HeaderName) -> bool {
    let mut words = name.as_str().split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.by_ref().take(3).eq(["x", "amzn", "mtls"])
}

/// A header and its values, as events have them.
fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), EventError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| EventError::Header)?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| EventError::Header)?;
    headers.try_append(name, value).map_err(|_| EventError::Header)?;
    Ok(())
}

#[cfg(test)]
mod tests;
