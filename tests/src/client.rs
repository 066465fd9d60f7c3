//! An HTTPS client that sends exactly what it is told and trusts exactly the roots it is given.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    client::Resumption,
    crypto::aws_lc_rs::{self, sign::any_supported_type},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use serde_json::Value;

use crate::Key;

/// Connects to one server; every request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    roots: RootCertStore,
    config: Arc<ClientConfig>,
}

impl Client {
    /// A client without a certificate.
    pub fn new(address: SocketAddr, roots: RootCertStore) -> Self {
        let config = Arc::new(without_resumption(builder(&roots).with_no_client_auth()));
        Self { address, roots, config }
    }

    /// The same client with a certificate to show.
    pub fn with_identity(&self, identity: &Identity) -> Self {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.pkcs8().to_vec()));
        let key = any_supported_type(&key).expect("rustls can use every key we make");
        let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        // Not `with_client_auth_cert`: it would look into the certificate, which may be one that no server should take.
        let identity = SingleCertAndKey::from(CertifiedKey::new(chain, key));
        let config = builder(&self.roots).with_client_cert_resolver(Arc::new(identity));
        Self { config: Arc::new(without_resumption(config)), ..self.clone() }
    }

    /// Sends one request and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// The connection or the handshake failed, or what came back is not HTTP.
    pub fn send(&self, request: &Request) -> io::Result<Response> {
        self.send_bytes(&request.to_bytes(&format!("localhost:{}", self.address.port())))
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub fn send_bytes(&self, bytes: &[u8]) -> io::Result<Response> {
        let socket = TcpStream::connect_timeout(&self.address, LIMIT)?;
        socket.set_read_timeout(Some(LIMIT))?;
        socket.set_write_timeout(Some(LIMIT))?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a constant name");
        let connection = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, socket);
        // A server may answer and close before it has read everything: what it said counts, not that we could not finish.
        let sent = stream.write_all(bytes).and_then(|()| stream.flush());
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        if answer.is_empty() {
            sent?;
            read?;
        }
        Response::parse(&answer)
    }
}

/// A certificate chain, leaf first, and the leaf's key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The chain to show, leaf first, each in DER.
    pub chain: Vec<Vec<u8>>,
    /// The key of the leaf.
    pub key: Arc<Key>,
}

/// A request, written out as it stands.
#[derive(Clone, Debug)]
pub struct Request {
    /// Any word.
    pub method: String,
    /// Path and query, unescaped.
    pub target: String,
    /// Headers besides `Host`, `Connection` and the length.
    pub headers: Vec<(String, String)>,
    /// `None` sends no length at all.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: None }
    }

    /// `GET target`.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `POST target` with a JSON body.
    pub fn post(target: &str, body: &Value) -> Self {
        Self::new("POST", target).header("Content-Type", "application/json").body(body.to_string())
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The request as it goes over the wire, for [`Client::send_bytes`].
    pub fn to_bytes(&self, host: &str) -> Vec<u8> {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// An answer, with its transfer coding removed.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Every header in the order of the wire, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, if it is.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let end = find(bytes, b"\r\n\r\n").ok_or_else(|| invalid("no end of the headers"))?;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| invalid("no status"))?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let rest = &bytes[end + 4..];
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if chunked { dechunk(rest)? } else { rest.to_vec() };
        Ok(Self { status, headers, body })
    }
}

/// The certificates of a PEM text as trust anchors.
pub fn roots_of(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.expect("the root is PEM")).expect("the root is a certificate");
    }
    roots
}

fn builder(roots: &RootCertStore) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_root_certificates(roots.clone())
}

/// A resumed session would show the certificate of an earlier request.
fn without_resumption(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config
}

fn dechunk(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(bytes, b"\r\n").ok_or_else(|| invalid("a chunk without a length"))?;
        let length = std::str::from_utf8(&bytes[..line])
            .ok()
            .and_then(|text| usize::from_str_radix(text.trim(), 16).ok())
            .ok_or_else(|| invalid("a chunk without a length"))?;
        bytes = &bytes[line + 2..];
        if length == 0 {
            return Ok(body);
        }
        let chunk = bytes.get(..length).ok_or_else(|| invalid("a short chunk"))?;
        body.extend_from_slice(chunk);
        bytes = bytes.get(length + 2..).ok_or_else(|| invalid("a short chunk"))?;
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// No answer takes longer, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);
