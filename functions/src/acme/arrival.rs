//! How a request reached an ACME server: the host that it named, and the path as it was sent.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::percent_decode_str;
use stepless_core::acme::{Acme, AcmeError, Arrival, Endpoint};

use super::problem::not_there;

/// What a platform has removed from the front of the path, such as the stage of a gateway: a request extension, without
/// a slash at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(pub String);

/// Where a request was sent, for [`Acme::endpoint`].
#[derive(Clone, Debug)]
pub(crate) struct Asked(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    host: String,
    base_path: String,
    path: String,
    provisioner: String,
}

/// The path before any prefix of a router is taken off it, and the query.
#[derive(Clone)]
struct SentPath(String);

/// Notes path and query as they were sent: a nested router sees the rest of the path only.
pub(super) async fn remember_path(mut request: Request, next: Next) -> Response {
    let uri = request.uri();
    let path = SentPath(uri.path_and_query().map_or(uri.path(), PathAndQuery::as_str).to_owned());
    request.extensions_mut().insert(path);
    next.run(request).await
}

impl Asked {
    /// Where a request was sent whose path begins with the name of a provisioner.
    ///
    /// # Errors
    /// [`AcmeError`] when it names no host, or not exactly one, or a path that is no text.
    pub(super) fn read(request: &Request) -> Result<Self, AcmeError> {
        let extensions = request.extensions();
        let own = request.uri().path();
        let sent = extensions.get::<SentPath>().map_or(own, |sent| &sent.0);
        let name = own.trim_start_matches('/').split('/').next().unwrap_or_default();
        Ok(Self(Arc::new(Parsed {
            host: host(request.uri(), request.headers())?,
            base_path: extensions.get::<BasePath>().map(|base| base.0.clone()).unwrap_or_default(),
            path: sent.to_owned(),
            provisioner: percent_decode_str(name).decode_utf8().map_err(|_| not_there())?.into_owned(),
        })))
    }

    /// The name of the provisioner, as the path has it.
    pub(crate) fn provisioner(&self) -> &str {
        &self.0.provisioner
    }

    /// The server that it was sent to.
    ///
    /// # Errors
    /// [`AcmeError`] when there is none.
    pub(crate) fn endpoint<'a>(&self, acme: &'a Acme) -> Result<Endpoint<'a>, AcmeError> {
        let Parsed { host, base_path, path, provisioner } = &*self.0;
        acme.endpoint(Arrival { host, base_path, path }, provisioner)
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = super::Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| not_there().into())
    }
}

/// The host that a request names: `:authority` of HTTP/2 or the absolute form of HTTP/1.1, otherwise its one `Host`. No
/// header of a proxy is looked at: anybody can write one.
fn host(uri: &Uri, headers: &HeaderMap) -> Result<String, AcmeError> {
    if let Some(authority) = uri.authority() {
        return sound(authority);
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => match Authority::try_from(host.as_bytes()) {
            Ok(authority) => sound(&authority),
            Err(error) => Err(no_host().because(error)),
        },
        (None, _) | (Some(_), Some(_)) => Err(no_host()),
    }
}

/// A host, and a port if there is one. It becomes a part of every link, so nothing else may stand in it.
fn sound(authority: &Authority) -> Result<String, AcmeError> {
    let host = authority.host();
    let written = match authority.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    if written == authority.as_str() { Ok(written) } else { Err(no_host()) }
}

fn no_host() -> AcmeError {
    AcmeError::malformed("the request must name one host, as Host or :authority, with a port if there is one")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::name("ca.example", true)]
    #[case::port("ca.example:8443", true)]
    #[case::ipv4("192.0.2.1:1", true)]
    #[case::ipv6("[2001:db8::1]:8443", true)]
    #[case::no_port("ca.example:", false)]
    #[case::a_word_as_port("ca.example:evil", false)]
    #[case::port_too_large("ca.example:65536", false)]
    #[case::padded_port("ca.example:0443", false)]
    #[case::a_user("evil@ca.example", false)]
    #[case::a_path("ca.example/evil", false)]
    #[case::a_space("ca.example evil", false)]
    #[case::empty("", false)]
    fn a24_a_host_is_a_name_and_a_port_and_nothing_else(#[case] text: &str, #[case] is_one: bool) {
        let request = Request::builder().header("host", text).uri("/").body(Body::empty()).unwrap();

        assert_eq!(host(request.uri(), request.headers()).ok().as_deref(), is_one.then_some(text));
    }

    #[test]
    fn a24_the_authority_of_the_request_counts_before_its_host_header() {
        let request = Request::builder()
            .header("host", "evil.example")
            .uri("https://ca.example:8443/")
            .body(Body::empty());
        let request = request.unwrap();

        assert_eq!(host(request.uri(), request.headers()).unwrap(), "ca.example:8443");
    }

    #[rstest]
    #[case::none(&[])]
    #[case::two(&["ca.example", "ca.example"])]
    fn a24_a_request_names_one_host(#[case] hosts: &[&str]) {
        let mut request = Request::builder().uri("/");
        for host in hosts {
            request = request.header("host", *host);
        }
        let request = request.header("x-forwarded-host", "ca.example").body(Body::empty()).unwrap();

        assert!(host(request.uri(), request.headers()).is_err());
    }
}
