//! Whether a certificate is the answer to a tls-alpn-01 challenge.

use aws_lc_rs::constant_time;
use spki::ObjectIdentifier;
use thiserror::Error;

use super::Identifier;
use crate::x509::{Certificate, SubjectAltName};

/// The certificate names the identifier and nothing else, is signed by itself, and carries the digest of the key
/// authorization in a critical extension.
///
/// [RFC 8737 §3](https://www.rfc-editor.org/rfc/rfc8737#section-3),
/// [RFC 8738 §6](https://www.rfc-editor.org/rfc/rfc8738#section-6)
///
/// # Errors
/// [`WrongCertificate`] says what is wrong with it.
pub(super) fn check(der: &[u8], identifier: &Identifier, digest: &[u8]) -> Result<(), WrongCertificate> {
    let certificate = Certificate::from_der(der).map_err(|_| WrongCertificate::Malformed)?;
    let sans = certificate.sans().map_err(|_| WrongCertificate::Malformed)?;
    let named = match (sans.names.as_slice(), sans.others.as_slice()) {
        ([name], []) => name,
        _ => return Err(WrongCertificate::Names),
    };
    let is_identifier = match named {
        SubjectAltName::Dns(_) | SubjectAltName::Ip(_) => {
            Identifier::from_san(named).is_some_and(|found| found == *identifier)
        }
        SubjectAltName::Email(_) | SubjectAltName::Uri(_) => false,
    };
    if !is_identifier {
        return Err(WrongCertificate::Names);
    }
    let is_self_signed = certificate.issuer() == certificate.subject()
        && certificate.verify_signature(certificate.public_key()).is_ok();
    if !is_self_signed {
        return Err(WrongCertificate::NotSelfSigned);
    }
    let extension = certificate.extension(ACME_IDENTIFIER).ok_or(WrongCertificate::NoExtension)?;
    if !extension.critical {
        return Err(WrongCertificate::NotCritical);
    }
    // An OCTET STRING of exactly these octets has one encoding.
    let found = match extension.value.as_slice() {
        [OCTET_STRING, DIGEST_OCTETS, digest @ ..] if digest.len() == usize::from(DIGEST_OCTETS) => digest,
        _ => return Err(WrongCertificate::Extension),
    };
    constant_time::verify_slices_are_equal(found, digest).map_err(|_| WrongCertificate::Digest)
}

/// Why a certificate is not the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum WrongCertificate {
    /// It cannot be read.
    #[error("the certificate cannot be read")]
    Malformed,
    /// It names something else.
    #[error("the certificate does not name the identifier alone")]
    Names,
    /// It is signed by somebody else.
    #[error("the certificate is not signed by itself")]
    NotSelfSigned,
    /// There is no digest.
    #[error("the certificate has no acmeIdentifier extension")]
    NoExtension,
    /// The extension may be passed over.
    #[error("the acmeIdentifier extension of the certificate is not critical")]
    NotCritical,
    /// The extension is no digest.
    #[error("the acmeIdentifier extension of the certificate is not a SHA-256 digest")]
    Extension,
    /// The digest is that of something else.
    #[error(
        "the digest in the certificate is not that of the key authorization of this challenge and account"
    )]
    Digest,
}

/// id-pe-acmeIdentifier ([RFC 8737 §6.1](https://www.rfc-editor.org/rfc/rfc8737#section-6.1)).
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");
const OCTET_STRING: u8 = 0x04;
const DIGEST_OCTETS: u8 = 32;
