//! Outbound HTTPS to servers whose roots are given: never the system's trust store, never plain HTTP, no redirects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use stepless_core::secret::SecretBytes;
use thiserror::Error;

/// An HTTPS client that trusts the given roots and nothing else. Connections are kept for the next request.
#[derive(Clone)]
pub struct HttpsClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: FetchLimits,
}

/// What a client shows of itself to servers that ask.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// The certificate chain in DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The leaf's private key in PKCS#8.
    pub key: SecretBytes,
}

/// How long an answer may take and how long it may be.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// From the call to the last octet of the body.
    pub time: Duration,
    /// The octets of the body.
    pub body: usize,
}

impl FetchLimits {
    /// Ten seconds and one mebibyte: enough for each answer of a CA.
    pub const STANDARD: Self = Self { time: Duration::from_secs(10), body: 1024 * 1024 };
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct FetchResponse {
    /// The status; also of refusals and redirects, which are not followed.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// The client cannot be made of these roots or this identity.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HttpsClientError {
    /// One of the roots cannot be a trust anchor.
    #[error("root certificate {index} cannot be used")]
    Root {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The name that the server is to have is neither a DNS name nor an IP address.
    #[error("{name:?} cannot be the name of a server")]
    ServerName {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        #[source]
        source: InvalidDnsNameError,
    },
    /// The client certificate and its key cannot be used, or do not belong together.
    #[error("the client certificate and its key cannot be used")]
    Identity(#[source] rustls::Error),
    /// The TLS library has no version in common with itself: a fault of the build.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// There is no answer, or not a whole one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address and the header fields make no request.
    #[error("this is not a request")]
    Request(#[source] http::Error),
    /// No connection, a failed handshake, a server whose certificate is not trusted, or one that hung up.
    #[error("the server could not be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// The answer broke off.
    #[error("the answer broke off")]
    BrokenOff(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is longer than allowed.
    #[error("the answer is longer than {limit} octets")]
    TooLong {
        /// What is allowed.
        limit: usize,
    },
    /// The time ran out.
    #[error("there was no answer within {} seconds", limit.as_secs_f32())]
    Late {
        /// What is allowed.
        limit: Duration,
    },
}

impl HttpsClient {
    /// A client without a certificate of its own, which trusts `roots` (DER).
    ///
    /// # Errors
    /// [`HttpsClientError`] if a root cannot be used.
    pub fn new(roots: &[Vec<u8>], limits: FetchLimits) -> Result<Self, HttpsClientError> {
        let config = trusting(roots)?.with_no_client_auth();
        Ok(Self::over(config, None, limits))
    }

    /// As [`HttpsClient::new`], but wherever a request goes, the server must have a certificate for `name`. For servers
    /// that are reached by an address while their name leads nowhere, or somewhere else.
    ///
    /// # Errors
    /// [`HttpsClientError`] if a root or the name cannot be used.
    pub fn for_server_named(
        name: &str,
        roots: &[Vec<u8>],
        limits: FetchLimits,
    ) -> Result<Self, HttpsClientError> {
        let expected = ServerName::try_from(name.to_owned())
            .map_err(|source| HttpsClientError::ServerName { name: name.to_owned(), source })?;
        let config = trusting(roots)?.with_no_client_auth();
        Ok(Self::over(config, Some(expected), limits))
    }

    /// A client that shows `identity` to servers that ask for a certificate.
    ///
    /// # Errors
    /// [`HttpsClientError`] if a root or the identity cannot be used.
    pub fn with_identity(
        roots: &[Vec<u8>],
        identity: &ClientIdentity,
        limits: FetchLimits,
    ) -> Result<Self, HttpsClientError> {
        let chain = identity.chain.iter().cloned().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.expose().to_vec()));
        let config =
            trusting(roots)?.with_client_auth_cert(chain, key).map_err(HttpsClientError::Identity)?;
        Ok(Self::over(config, None, limits))
    }

    /// The answer to a GET.
    ///
    /// # Errors
    /// [`FetchError`] if there is none. A refusal is an answer.
    pub async fn get(&self, uri: &Uri) -> Result<FetchResponse, FetchError> {
        self.send(Method::GET, uri, &HeaderMap::new(), Bytes::new()).await
    }

    /// The answer to a POST of `body`, which is JSON, with `headers` added.
    ///
    /// # Errors
    /// [`FetchError`] if there is none. A refusal is an answer. The request may have been carried out all the same.
    pub async fn post_json(
        &self,
        uri: &Uri,
        body: impl Into<Bytes> + Send,
        headers: &HeaderMap,
    ) -> Result<FetchResponse, FetchError> {
        let mut headers = headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.send(Method::POST, uri, &headers, body.into()).await
    }

    async fn send(
        &self,
        method: Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<FetchResponse, FetchError> {
        let mut request = Request::builder()
            .method(method)
            .uri(uri.clone())
            .body(Full::new(body))
            .map_err(FetchError::Request)?;
        request.headers_mut().extend(headers.clone());
        tokio::time::timeout(self.limits.time, self.answer(request))
            .await
            .map_err(|_elapsed| FetchError::Late { limit: self.limits.time })?
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<FetchResponse, FetchError> {
        let (head, body) = self.client.request(request).await.map_err(FetchError::Unreachable)?.into_parts();
        let body = Limited::new(body, self.limits.body).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::TooLong { limit: self.limits.body }
            } else {
                FetchError::BrokenOff(error)
            }
        })?;
        Ok(FetchResponse { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    fn over(config: ClientConfig, expected: Option<ServerName<'static>>, limits: FetchLimits) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        let builder = match expected {
            Some(name) => builder.with_server_name_resolver(FixedServerNameResolver::new(name)),
            None => builder,
        };
        let tls = builder.enable_http1().wrap_connector(tcp);
        Self { client: Client::builder(TokioExecutor::new()).build(tls), limits }
    }
}

impl fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsClient").field("limits", &self.limits).finish_non_exhaustive()
    }
}

fn trusting(
    roots: &[Vec<u8>],
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, HttpsClientError> {
    let mut anchors = RootCertStore::empty();
    for (index, der) in roots.iter().enumerate() {
        anchors
            .add(CertificateDer::from(der.as_slice()))
            .map_err(|source| HttpsClientError::Root { index, source })?;
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(HttpsClientError::Tls)?
        .with_root_certificates(anchors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{CLIENT, Listening, ROOT, SERVER, STRANGER_ROOT, client};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_posted_body_and_its_headers_arrive() {
        let server = Listening::standard();

        let answer = client().post_json(&server.uri("/echo"), r#"{"a":1}"#, &HeaderMap::new()).await.unwrap();

        assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, &br#"{"a":1}"#[..]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_of_another_root_is_not_talked_to() {
        let server = Listening::standard();
        let client = HttpsClient::new(&[STRANGER_ROOT.to_vec()], FetchLimits::STANDARD).unwrap();

        let error = client.get(&server.uri("/health")).await.unwrap_err();

        assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_is_reached_by_its_address_and_judged_by_its_name() {
        let server = Listening::standard();
        let uri: Uri = format!("https://{}/health", server.address).parse().unwrap();
        let named =
            |name| HttpsClient::for_server_named(name, &[ROOT.to_vec()], FetchLimits::STANDARD).unwrap();

        assert_eq!(named("localhost").get(&uri).await.unwrap().status, StatusCode::OK);
        let error = named("other.example").get(&uri).await.unwrap_err();
        assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
    }

    #[test]
    fn a_name_that_no_server_has_is_refused() {
        let error =
            HttpsClient::for_server_named("a b", &[ROOT.to_vec()], FetchLimits::STANDARD).unwrap_err();

        assert!(matches!(error, HttpsClientError::ServerName { name, .. } if name == "a b"));
    }

    #[tokio::test]
    async fn plain_http_is_refused() {
        let error = client().get(&Uri::from_static("http://localhost:1/")).await.unwrap_err();

        assert!(matches!(error, FetchError::Unreachable(_)), "{error:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn t16_a_redirect_is_not_followed() {
        let server = Listening::standard();

        let answer = client().get(&server.uri("/moved")).await.unwrap();

        assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::TEMPORARY_REDIRECT, &b""[..]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_beyond_the_limit_is_not_kept() {
        let server = Listening::standard();
        let limits = FetchLimits { body: 4, ..FetchLimits::STANDARD };
        let client = HttpsClient::new(&[ROOT.to_vec()], limits).unwrap();

        let error = client.post_json(&server.uri("/echo"), "12345", &HeaderMap::new()).await.unwrap_err();

        assert!(matches!(error, FetchError::TooLong { limit: 4 }), "{error:?}");
        let whole = client.post_json(&server.uri("/echo"), "1234", &HeaderMap::new()).await.unwrap();
        assert_eq!(whole.body.as_ref(), b"1234");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_late_answer_is_not_waited_for() {
        let server = Listening::standard();
        let limits = FetchLimits { time: Duration::from_millis(200), ..FetchLimits::STANDARD };
        let client = HttpsClient::new(&[ROOT.to_vec()], limits).unwrap();

        let error = client.get(&server.uri("/stuck")).await.unwrap_err();

        assert!(matches!(error, FetchError::Late { .. }), "{error:?}");
    }

    #[test]
    fn an_identity_whose_key_is_another_s_is_refused() {
        let identity = ClientIdentity { key: SERVER.key(), ..CLIENT.identity() };

        let error =
            HttpsClient::with_identity(&[ROOT.to_vec()], &identity, FetchLimits::STANDARD).unwrap_err();

        assert!(matches!(error, HttpsClientError::Identity(_)), "{error:?}");
    }

    #[test]
    fn a_root_that_is_no_certificate_is_named_by_its_place() {
        let error = HttpsClient::new(&[ROOT.to_vec(), b"x".to_vec()], FetchLimits::STANDARD).unwrap_err();

        assert!(matches!(error, HttpsClientError::Root { index: 1, .. }), "{error:?}");
    }

    #[test]
    fn l16_an_identity_s_debug_shows_no_key() {
        assert!(format!("{:?}", CLIENT.identity()).contains("SecretBytes(..)"));
    }
}
