//! The server's own certificate, which changes while the server runs.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use stepless_core::secret::SecretBytes;
use thiserror::Error;

/// The certificate that the listener shows, whatever name a client asks for.
///
/// Clones share it: [`ServerCertificate::set`] on one changes what each connection accepted from then on is shown;
/// connections that stand keep theirs.
#[derive(Clone)]
pub struct ServerCertificate(Arc<ArcSwap<CertifiedKey>>);

impl ServerCertificate {
    /// A certificate to begin with: `chain` in DER, leaf first, without the root; `key` the leaf's key in PKCS#8.
    ///
    /// # Errors
    /// [`ServerCertificateError`] if the key cannot be used, or is not the leaf's.
    pub fn new(chain: Vec<Vec<u8>>, key: &SecretBytes) -> Result<Self, ServerCertificateError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(certified_key(chain, key)?))))
    }

    /// Shows this certificate from now on; on an error the old one stays.
    ///
    /// # Errors
    /// As [`ServerCertificate::new`].
    pub fn set(&self, chain: Vec<Vec<u8>>, key: &SecretBytes) -> Result<(), ServerCertificateError> {
        self.0.store(Arc::new(certified_key(chain, key)?));
        Ok(())
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::new(Resolver(self.clone()))
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerCertificate(..)")
    }
}

/// The chain and the key cannot serve.
#[derive(Debug, Error)]
#[error("the server certificate and its key cannot be used")]
pub struct ServerCertificateError(#[source] rustls::Error);

#[derive(Debug)]
struct Resolver(ServerCertificate);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.0.load_full())
    }
}

fn certified_key(chain: Vec<Vec<u8>>, key: &SecretBytes) -> Result<CertifiedKey, ServerCertificateError> {
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.expose().to_vec()));
    CertifiedKey::from_der(chain, key, &default_provider()).map_err(ServerCertificateError)
}
