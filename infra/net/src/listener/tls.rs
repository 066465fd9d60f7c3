//! What the listener negotiates, and whose client certificates it lets in.

use std::str::FromStr;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;
use thiserror::Error;

use super::{ServeError, ServerCertificate};

/// How the listener speaks TLS.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// What the server shows of itself.
    pub certificate: ServerCertificate,
    /// Certificates in DER, each of which a client's chain may end in: the roots, and the issuing intermediates too,
    /// for a client that sends its leaf alone. A client may come without a certificate; one whose certificate does not
    /// verify is refused. Empty: clients are not asked.
    pub client_trust: Vec<Vec<u8>>,
    /// The protocol versions offered.
    pub versions: TlsVersions,
    /// The cipher suites of TLS 1.2, the most wanted first; empty for all good ones. The suites of TLS 1.3 are not a
    /// matter of choice: each is good.
    pub tls12_suites: Vec<CipherSuite>,
}

/// Which versions of TLS the listener offers. Older ones do not exist here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersions {
    /// TLS 1.2 and TLS 1.3.
    Tls12AndTls13,
    /// TLS 1.2 alone.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

impl TlsVersions {
    fn supported(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Tls12AndTls13 => &BOTH_VERSIONS,
            Self::Tls12 => &ONLY_TLS12,
            Self::Tls13 => &ONLY_TLS13,
        }
    }
}

static BOTH_VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static ONLY_TLS12: [&SupportedProtocolVersion; 1] = [&TLS12];
static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&TLS13];

/// A TLS 1.2 cipher suite, known by its [IANA name]. All of them are ephemeral and authenticated.
///
/// [IANA name]: https://www.iana.org/assignments/tls-parameters/tls-parameters.xhtml#tls-parameters-4
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CipherSuite(SupportedCipherSuite);

impl FromStr for CipherSuite {
    type Err = UnknownCipherSuite;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        // Go kept the names that these two had before the RFC, and configuration files made with it have them.
        let iana_name = match name {
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            other => other,
        };
        aws_lc_rs::ALL_CIPHER_SUITES
            .iter()
            .find(|suite| suite.tls13().is_none() && suite.suite().as_str() == Some(iana_name))
            .map(|suite| Self(*suite))
            .ok_or_else(|| UnknownCipherSuite { name: name.to_owned() })
    }
}

/// No cipher suite of TLS 1.2 that is safe to use has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} is not one of the TLS 1.2 cipher suites that can be used")]
pub struct UnknownCipherSuite {
    /// The name asked for.
    pub name: String,
}

impl TlsSettings {
    pub(super) fn server_config(&self) -> Result<ServerConfig, ServeError> {
        let provider = Arc::new(self.provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions.supported())
            .map_err(ServeError::Tls)?;
        let builder = if self.client_trust.is_empty() {
            builder.with_no_client_auth()
        } else {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(self.client_anchors()?), provider)
                    .allow_unauthenticated()
                    .build()
                    .map_err(ServeError::ClientVerifier)?;
            builder.with_client_cert_verifier(verifier)
        };
        let mut config = builder.with_cert_resolver(self.certificate.resolver());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn provider(&self) -> CryptoProvider {
        let mut provider = aws_lc_rs::default_provider();
        if !self.tls12_suites.is_empty() {
            provider.cipher_suites.retain(|suite| suite.tls13().is_some());
            provider.cipher_suites.extend(self.tls12_suites.iter().map(|suite| suite.0));
        }
        provider
    }

    fn client_anchors(&self) -> Result<RootCertStore, ServeError> {
        let mut anchors = RootCertStore::empty();
        for (index, der) in self.client_trust.iter().enumerate() {
            anchors
                .add(CertificateDer::from(der.as_slice()))
                .map_err(|source| ServeError::ClientTrust { index, source })?;
        }
        Ok(anchors)
    }
}
