//! Handshakes of tls-alpn-01.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use rstest::rstest;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use stepless_core::acme::{ACME_TLS_ALPN, ProbeErrorKind, ProbeHost, Prober, TlsVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::dns_server::{DnsServer, Records, Role, address};
use super::web_server::{WebServer, read_head};
use super::{host, limits, local, prober, soon};
use crate::NetProber;
use crate::fixtures::{ACME, Leaf, SERVER, SERVER2};

const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];

/// What a client said first: the name it asked for and the protocols it offers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hello {
    name: Option<String>,
    alpn: Vec<Vec<u8>>,
}

/// Shows one certificate to everybody, and notes what was asked for.
#[derive(Debug)]
struct OneCertificate {
    key: Arc<CertifiedKey>,
    hellos: Arc<Mutex<Vec<Hello>>>,
}

impl ResolvesServerCert for OneCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.hellos.lock().unwrap().push(Hello {
            name: hello.server_name().map(str::to_owned),
            alpn: hello.alpn().map(|offered| offered.map(<[u8]>::to_vec).collect()).unwrap_or_default(),
        });
        Some(Arc::clone(&self.key))
    }
}

/// A TLS server, which ends with the test.
pub(super) struct TlsServer {
    pub(super) address: SocketAddr,
    hellos: Arc<Mutex<Vec<Hello>>>,
    task: JoinHandle<()>,
}

impl TlsServer {
    /// A server with this certificate and these protocols. It sends `answer` to each request, or ends the connection.
    pub(super) async fn start(
        ip: IpAddr,
        port: u16,
        leaf: &Leaf,
        alpn: &[&str],
        answer: Option<Vec<u8>>,
    ) -> Self {
        Self::with(ip, port, leaf.certificate, leaf.key, alpn, VERSIONS, answer).await
    }

    async fn with(
        ip: IpAddr,
        port: u16,
        certificate: &'static [u8],
        key: &'static [u8],
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
        answer: Option<Vec<u8>>,
    ) -> Self {
        let key = any_supported_type(&PrivateKeyDer::try_from(key).unwrap()).unwrap();
        let hellos: Arc<Mutex<Vec<Hello>>> = Arc::default();
        let resolver = OneCertificate {
            key: Arc::new(CertifiedKey::new(vec![CertificateDer::from(certificate)], key)),
            hellos: Arc::clone(&hellos),
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((ip, port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that does not like what it sees ends the handshake.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                if let Some(answer) = &answer {
                    let mut head = [0; 4096];
                    let _ = stream.read(&mut head).await;
                    let _ = stream.write_all(answer).await;
                }
                let _ = stream.shutdown().await;
            }
        });
        Self { address, hellos, task }
    }

    fn hellos(&self) -> Vec<Hello> {
        self.hellos.lock().unwrap().clone()
    }

    pub(super) fn server_names(&self) -> Vec<Option<String>> {
        self.hellos().into_iter().map(|hello| hello.name).collect()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A resolver that knows a.example at 127.0.0.2, and a prober that looks for TLS servers on this port.
async fn network(port: u16) -> (DnsServer, NetProber) {
    let records = Records::new([address("a.example", local(2))]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;
    let prober = prober(resolver.address, port);
    (resolver, prober)
}

#[rstest]
#[case(&TLS12, TlsVersion::Tls12)]
#[case(&TLS13, TlsVersion::Tls13)]
#[tokio::test]
async fn a_certificate_with_the_critical_extension_is_handed_over(
    #[case] version: &'static SupportedProtocolVersion,
    #[case] expected: TlsVersion,
) {
    let alpn = &["h2", "acme-tls/1"];
    let server = TlsServer::with(local(2), 0, ACME.certificate, ACME.key, alpn, &[version], None).await;
    let (_resolver, prober) = network(server.address.port()).await;

    let answer = prober.tls_alpn(&host("A.example"), &limits()).await.unwrap();

    assert_eq!(answer.certificate, ACME.certificate);
    assert_eq!((answer.alpn.as_deref(), answer.version), (Some(ACME_TLS_ALPN), expected));
    assert_eq!(answer.address, server.address);
    let hello = Hello { name: Some("a.example".to_owned()), alpn: vec![ACME_TLS_ALPN.to_vec()] };
    assert_eq!(server.hellos(), [hello]);
}

#[tokio::test]
async fn n11_a_server_that_knows_no_application_protocol_shows_that() {
    let server = TlsServer::start(local(2), 0, &SERVER, &[], None).await;
    let (_resolver, prober) = network(server.address.port()).await;

    let answer = prober.tls_alpn(&host("a.example"), &limits()).await.unwrap();

    assert_eq!((answer.alpn, answer.certificate.as_slice()), (None, SERVER.certificate));
}

#[tokio::test]
async fn n10_n11_a_server_of_other_protocols_is_an_error_that_does_not_heal() {
    let server = TlsServer::start(local(2), 0, &ACME, &["h2", "http/1.1"], None).await;
    let (_resolver, prober) = network(server.address.port()).await;

    let error = prober.tls_alpn(&host("a.example"), &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Tls, false));
    assert!(error.detail().contains("alert no_application_protocol"), "{error}");
}

#[rstest]
#[case("127.0.0.2", "2.0.0.127.in-addr.arpa")]
#[case("::ffff:127.0.0.2", "2.0.0.127.in-addr.arpa")]
#[case("::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa")]
#[tokio::test]
async fn n11_the_server_name_for_an_address_is_its_reverse_name(#[case] text: &str, #[case] expected: &str) {
    let ip: IpAddr = text.parse().unwrap();
    let server = TlsServer::start(ip.to_canonical(), 0, &ACME, &["acme-tls/1"], None).await;
    let (resolver, prober) = network(server.address.port()).await;

    prober.tls_alpn(&ProbeHost::Ip(ip), &limits()).await.unwrap();

    assert_eq!(server.server_names(), [Some(expected.to_owned())]);
    assert_eq!(resolver.asked().len(), 0);
}

#[rstest]
#[tokio::test]
async fn n10_a_server_must_hold_the_key_of_its_certificate(
    #[values(&TLS12, &TLS13)] version: &'static SupportedProtocolVersion,
) {
    let alpn = &["acme-tls/1"];
    let server = TlsServer::with(local(2), 0, ACME.certificate, SERVER2.key, alpn, &[version], None).await;
    let (_resolver, prober) = network(server.address.port()).await;

    let error = prober.tls_alpn(&host("a.example"), &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Tls, false), "{error}");
    assert!(error.detail().ends_with("the server does not hold the key of its certificate"), "{error}");
}

#[rstest]
#[tokio::test]
async fn n10_a_certificate_that_cannot_be_read_is_an_error(
    #[values(&TLS12, &TLS13)] version: &'static SupportedProtocolVersion,
) {
    let alpn = &["acme-tls/1"];
    let server = TlsServer::with(local(2), 0, b"\x30\x03no!", ACME.key, alpn, &[version], None).await;
    let (_resolver, prober) = network(server.address.port()).await;

    let error = prober.tls_alpn(&host("a.example"), &limits()).await.unwrap_err();

    assert!(error.detail().ends_with("the certificate is malformed"), "{error}");
}

/// A ServerHello of the version with this minor number: 2 is TLS 1.1, 1 is TLS 1.0, 0 is SSL 3.
fn server_hello(minor: u8) -> Vec<u8> {
    let mut hello = vec![22, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
    hello.extend([7; 32]);
    // No session id, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, no compression.
    hello.extend([0, 0xc0, 0x13, 0]);
    hello
}

#[rstest]
#[tokio::test]
async fn n10_versions_before_1_2_are_refused(#[values(0, 1, 2)] minor: u8) {
    let server = WebServer::serve(local(2), 0, move |mut stream, _| async move {
        let mut hello = [0; 4096];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(&server_hello(minor)).await;
        let _ = stream.read(&mut hello).await;
    })
    .await;
    let (_resolver, prober) = network(server.address.port()).await;

    let error = prober.tls_alpn(&host("a.example"), &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Tls, false), "{error}");
    assert!(error.detail().contains("TLS handshake for a.example: "), "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_an_error_that_does_not_heal() {
    let server = WebServer::serve(local(2), 0, |mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        read_head(&mut stream).await;
    })
    .await;
    let (_resolver, prober) = network(server.address.port()).await;

    let error = prober.tls_alpn(&host("a.example"), &limits()).await.unwrap_err();

    assert_eq!((error.kind, error.may_heal, error.tried), (ProbeErrorKind::Tls, false, vec![server.address]));
}

#[tokio::test]
async fn a_server_that_hangs_up_or_keeps_still_may_be_ready_later() {
    let hangs_up = WebServer::counting(local(2), 0).await;
    let (_resolver, prober) = network(hangs_up.address.port()).await;
    let error = prober.tls_alpn(&host("a.example"), &limits()).await.unwrap_err();
    assert!(error.may_heal && error.kind == ProbeErrorKind::Connection, "{error}");

    let still = WebServer::serve(local(2), 0, |stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let (_resolver, prober) = network(still.address.port()).await;
    let error = prober.tls_alpn(&host("a.example"), &soon()).await.unwrap_err();
    assert!(error.may_heal && error.kind == ProbeErrorKind::Tls, "{error}");
}
