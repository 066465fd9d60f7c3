use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, StatusCode};
use rstest::rstest;
use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, CipherSuite as WireSuite, ClientConfig, ClientConnection, ConfigBuilder, HandshakeKind,
    ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::fixtures::{
    CLIENT, EXPIRED, Leaf, Listening, ROOT, SERVER, SERVER2, STRANGER, client, client_with, router, settings,
};

mod limits;

type Raw = StreamOwned<ClientConnection, TcpStream>;

fn raw_builder(
    versions: &[&'static SupportedProtocolVersion],
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(ROOT)).unwrap();
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
}

fn raw_config(versions: &[&'static SupportedProtocolVersion], alpn: &[&str]) -> ClientConfig {
    let mut config = raw_builder(versions).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// A client below HTTP, on a blocking thread, to look at the handshake.
async fn raw<T: Send + 'static>(
    address: SocketAddr,
    config: ClientConfig,
    look: impl FnOnce(&mut Raw) -> T + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(move || raw_blocking(address, &Arc::new(config), look)).await.unwrap()
}

fn raw_blocking<T>(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    look: impl FnOnce(&mut Raw) -> T,
) -> std::io::Result<T> {
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(look(&mut stream))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_certificate_is_served_as_nobody() {
    let server = Listening::standard();

    let answer = client().get(&server.uri("/peer")).await.unwrap();

    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_reaches_the_handler_though_the_client_sends_its_leaf_alone() {
    let server = Listening::standard();

    let answer = client_with(&CLIENT).get(&server.uri("/peer")).await.unwrap();

    assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, CLIENT.certificate));
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_a_header_is_no_client_certificate() {
    let server = Listening::new(
        router().route(
            "/posted-peer",
            axum::routing::post(
                |peer: Option<axum::Extension<stepless_core::peer::PeerCertificates>>| async move {
                    peer.is_some().to_string()
                },
            ),
        ),
        settings(),
        Limits::STANDARD,
    );
    let mut headers = HeaderMap::new();
    for name in
        ["x-amzn-mtls-clientcert", "x-amzn-mtls-clientcert-leaf", "x-forwarded-client-cert", "x-ssl-cert"]
    {
        headers.insert(name, HeaderValue::from_static("-----BEGIN%20CERTIFICATE-----"));
    }

    let answer = client().post_json(&server.uri("/posted-peer"), "", &headers).await.unwrap();

    assert_eq!(answer.body.as_ref(), b"false");
}

#[rstest]
#[case::of_another_authority(&STRANGER, AlertDescription::UnknownCA)]
#[case::expired(&EXPIRED, AlertDescription::CertificateExpired)]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_that_does_not_verify_ends_the_handshake(
    #[case] leaf: &'static Leaf,
    #[case] alert: AlertDescription,
) {
    let server = Listening::standard();
    let chain = vec![CertificateDer::from(leaf.certificate)];
    let key = PrivateKeyDer::try_from(leaf.key).unwrap();
    let config = raw_builder(&[&TLS13]).with_client_auth_cert(chain, key).unwrap();

    // The client says nothing after its certificate: a request on its way could make the alert get lost.
    let read = raw(server.address, config, |stream| stream.read(&mut [0; 1])).await.unwrap();

    assert_eq!(alert_in(&read.unwrap_err()), Some(alert));
    client_with(leaf).get(&server.uri("/health")).await.unwrap_err();
}

fn alert_in(error: &(dyn std::error::Error + 'static)) -> Option<AlertDescription> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        let tls =
            inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).or_else(|| error.downcast_ref());
        if let Some(rustls::Error::AlertReceived(alert)) = tls {
            return Some(*alert);
        }
        next = error.source();
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_certificate_is_shown_to_new_connections_without_a_restart() {
    let server = Listening::standard();
    let shown = || {
        raw(server.address, raw_config(&[&TLS13], &[]), |stream| {
            stream.conn.peer_certificates().unwrap()[0].to_vec()
        })
    };

    let before = shown().await.unwrap();
    server.certificate.set(SERVER2.chain(), &SERVER2.key()).unwrap();
    let after = shown().await.unwrap();

    assert_eq!((before.as_slice(), after.as_slice()), (SERVER.certificate, SERVER2.certificate));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_a_foreign_key_is_refused_and_the_old_one_stays() {
    let server = Listening::standard();

    let error = server.certificate.set(SERVER2.chain(), &SERVER.key()).unwrap_err();

    assert_eq!(error.to_string(), "the server certificate and its key cannot be used");
    let shown = raw(server.address, raw_config(&[&TLS13], &[]), |stream| {
        stream.conn.peer_certificates().unwrap()[0].to_vec()
    });
    assert_eq!(shown.await.unwrap(), SERVER.certificate);
}

#[rstest]
#[case::h2(&["h2", "http/1.1"], Some("h2"))]
#[case::http1(&["http/1.1"], Some("http/1.1"))]
#[case::none(&[], None)]
#[tokio::test(flavor = "multi_thread")]
async fn http2_is_preferred_and_http1_spoken(#[case] offered: &[&str], #[case] chosen: Option<&str>) {
    let server = Listening::standard();

    let protocol = raw(server.address, raw_config(&[&TLS13], offered), |stream| {
        stream.conn.alpn_protocol().map(<[u8]>::to_vec)
    });

    assert_eq!(protocol.await.unwrap().as_deref(), chosen.map(str::as_bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_session_is_never_resumed() {
    let server = Listening::standard();
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(raw_config(&[version], &["http/1.1"]));
        for _ in 0..2 {
            let (address, config) = (server.address, Arc::clone(&config));
            let kind = tokio::task::spawn_blocking(move || {
                raw_blocking(address, &config, |stream| {
                    stream
                        .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                        .unwrap();
                    let mut answer = Vec::new();
                    let _ = stream.read_to_end(&mut answer);
                    assert!(answer.starts_with(b"HTTP/1.1 200"));
                    stream.conn.handshake_kind()
                })
            });
            assert_ne!(kind.await.unwrap().unwrap(), Some(HandshakeKind::Resumed));
        }
    }
}

#[rstest]
#[case::both_take_the_newer(TlsVersions::Tls12AndTls13, &[&TLS12, &TLS13], Some(ProtocolVersion::TLSv1_3))]
#[case::both_take_the_older(TlsVersions::Tls12AndTls13, &[&TLS12], Some(ProtocolVersion::TLSv1_2))]
#[case::only_12(TlsVersions::Tls12, &[&TLS12, &TLS13], Some(ProtocolVersion::TLSv1_2))]
#[case::only_13(TlsVersions::Tls13, &[&TLS12, &TLS13], Some(ProtocolVersion::TLSv1_3))]
#[case::none_in_common(TlsVersions::Tls13, &[&TLS12], None)]
#[tokio::test(flavor = "multi_thread")]
async fn the_settings_choose_the_versions(
    #[case] offered: TlsVersions,
    #[case] asked: &[&'static SupportedProtocolVersion],
    #[case] agreed: Option<ProtocolVersion>,
) {
    let server = Listening::new(router(), TlsSettings { versions: offered, ..settings() }, Limits::STANDARD);

    let version =
        raw(server.address, raw_config(asked, &[]), |stream| stream.conn.protocol_version().unwrap());

    assert_eq!(version.await.ok(), agreed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_choose_the_suites_of_tls12() {
    let suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305".parse().unwrap();
    let server =
        Listening::new(router(), TlsSettings { tls12_suites: vec![suite], ..settings() }, Limits::STANDARD);

    let agreed = raw(server.address, raw_config(&[&TLS12], &[]), |stream| {
        stream.conn.negotiated_cipher_suite().unwrap().suite()
    });

    assert_eq!(agreed.await.unwrap(), WireSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256);
}

#[rstest]
#[case::with_cbc("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA")]
#[case::of_tls13("TLS_AES_128_GCM_SHA256")]
#[case::empty("")]
fn a_suite_that_is_not_good_or_not_of_tls12_is_refused(#[case] name: &str) {
    assert_eq!(name.parse::<CipherSuite>(), Err(UnknownCipherSuite { name: name.to_owned() }));
}

#[test]
fn trust_that_is_no_certificate_is_named_by_its_place() {
    let settings =
        TlsSettings { client_trust: vec![ROOT.to_vec(), b"no certificate".to_vec()], ..settings() };

    let error = settings.server_config().unwrap_err();

    assert!(matches!(error, ServeError::ClientTrust { index: 1, .. }), "{error:?}");
}
