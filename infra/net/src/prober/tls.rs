//! TLS to servers whose certificate is looked at, not trusted.

use std::net::SocketAddr;
use std::sync::Arc;

use der::{Decode, Header, Reader, SliceReader, Tag};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature_with_raw_key,
};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use stepless_core::acme::{
    ACME_TLS_ALPN, ProbeError, ProbeErrorKind, ProbeHost, TlsAnswer, TlsVersion, excerpt,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use webpki::RawPublicKeyEntity;

use super::journey::Journey;

/// Handshakes of validations.
#[derive(Clone)]
pub(super) struct TlsClients {
    acme: TlsConnector,
    web: TlsConnector,
}

impl TlsClients {
    /// # Errors
    /// [`Error`] when the TLS library has no version in common with itself: a fault of the build.
    pub(super) fn new() -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut acme = config(&provider)?;
        acme.alpn_protocols = vec![ACME_TLS_ALPN.to_vec()];
        // What a server chose that was not offered is a part of the answer.
        acme.check_selected_alpn = false;
        let mut web = config(&provider)?;
        web.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acme: Arc::new(acme).into(), web: Arc::new(web).into() })
    }

    /// TLS for HTTP, to the server named `host`.
    ///
    /// # Errors
    /// [`ProbeError`] when the handshake did not end.
    pub(super) async fn web(
        &self,
        journey: &Journey,
        stream: TcpStream,
        host: &ProbeHost,
    ) -> Result<TlsStream<TcpStream>, ProbeError> {
        let name = match host {
            ProbeHost::Dns(name) => name.to_string(),
            ProbeHost::Ip(address) => address.to_canonical().to_string(),
        };
        handshake(journey, &self.web, stream, name).await
    }

    /// What the server shows in a handshake of tls-alpn-01.
    ///
    /// # Errors
    /// [`ProbeError`] when the handshake did not end.
    pub(super) async fn acme(
        &self,
        journey: &Journey,
        stream: TcpStream,
        address: SocketAddr,
        host: &ProbeHost,
    ) -> Result<TlsAnswer, ProbeError> {
        let stream = handshake(journey, &self.acme, stream, host.server_name()).await?;
        let session = stream.get_ref().1;
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
            other => return Err(journey.fails(format_args!("the version {other:?} is not accepted"))),
        };
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let certificate = leaf.ok_or_else(|| journey.fails("the server showed no certificate"))?.to_vec();
        Ok(TlsAnswer { certificate, alpn: session.alpn_protocol().map(<[u8]>::to_vec), version, address })
    }
}

fn config(provider: &Arc<CryptoProvider>) -> Result<ClientConfig, Error> {
    let verifier = AnyCertificate { algorithms: provider.signature_verification_algorithms };
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session shows no certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

async fn handshake(
    journey: &Journey,
    connector: &TlsConnector,
    stream: TcpStream,
    name: String,
) -> Result<TlsStream<TcpStream>, ProbeError> {
    journey.goes_on(ProbeErrorKind::Tls);
    let shown = excerpt(name.as_bytes());
    let name = ServerName::try_from(name)
        .map_err(|_error| journey.fails(format_args!("{shown} cannot be asked for in a handshake")))?;
    connector.connect(name, stream).await.map_err(|error| {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => journey.fails(format_args!("TLS handshake for {shown}: {}", described(error))),
            None => {
                let what = format_args!("TLS handshake for {shown}: {}", error.kind());
                journey.fails_as(ProbeErrorKind::Connection, what).that_may_heal()
            }
        }
    })
}

fn described(error: &Error) -> String {
    match error {
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "the server does not know the application protocol (alert no_application_protocol)".to_owned()
        }
        Error::AlertReceived(alert) => format!("the server ended it with the alert {alert:?}"),
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "the server does not hold the key of its certificate".to_owned()
        }
        Error::InvalidCertificate(CertificateError::BadEncoding) => "the certificate is malformed".to_owned(),
        other => excerpt(other.to_string().as_bytes()),
    }
}

/// Accepts every certificate, and no signature but one of its key.
#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    // The library's own functions refuse a certificate with a critical extension that they do not know, and that of
    // tls-alpn-01 is one. So the key is taken out of the certificate before.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = public_key(leaf)?;
        let key = RawPublicKeyEntity::try_from(&spki).map_err(|_error| CertificateError::BadEncoding)?;
        let of_scheme = self.algorithms.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme);
        let fits = of_scheme
            .flat_map(|(_, algorithms)| algorithms.iter())
            .any(|algorithm| key.verify_signature(*algorithm, message, signed.signature()).is_ok());
        if fits {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature_with_raw_key(message, &public_key(leaf)?, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The `SubjectPublicKeyInfo` of a certificate, of which nothing else is read: whether the rest is well-formed is a
/// question for those who judge it.
///
/// [RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)
fn public_key(certificate: &[u8]) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    fn read(certificate: &[u8]) -> der::Result<Vec<u8>> {
        let mut reader = SliceReader::new(certificate)?;
        for _ in ["Certificate", "TBSCertificate"] {
            Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
        }
        if reader.peek_byte() == Some(VERSION) {
            reader.tlv_bytes()?;
        }
        for _ in ["serialNumber", "signature", "issuer", "validity", "subject"] {
            reader.tlv_bytes()?;
        }
        Ok(reader.tlv_bytes()?.to_vec())
    }
    match read(certificate) {
        Ok(key) => Ok(SubjectPublicKeyInfoDer::from(key)),
        Err(_malformed) => Err(CertificateError::BadEncoding.into()),
    }
}

/// The identifier octet of `[0] EXPLICIT`.
const VERSION: u8 = 0xa0;
