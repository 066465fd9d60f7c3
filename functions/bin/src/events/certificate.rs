//! Client certificates in PEM, as gateways tell of them.

use stepless_core::peer::PeerCertificates;
use stepless_core::x509::{Certificate, CertificateError};

use super::EventError;

/// The certificates of a PEM text, which must be some.
pub(super) fn from_pem(pem: &str) -> Result<PeerCertificates, EventError> {
    let read: Result<Vec<Certificate>, CertificateError> = Certificate::parse_pem_bundle(pem.trim());
    let certificates = read.map_err(EventError::Certificate)?;
    if certificates.is_empty() {
        return Err(EventError::NoCertificate);
    }
    Ok(PeerCertificates(certificates.iter().map(|certificate| certificate.as_der().to_vec()).collect()))
}
