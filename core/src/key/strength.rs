//! What makes a key malformed, and what makes a well-formed key too weak to certify.

use aws_lc_rs::signature::{self, VerificationAlgorithm};
use thiserror::Error;

use super::{KeyKind, PublicKeyError};

/// Why a well-formed key is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WeakKey {
    /// The RSA modulus is shorter than 2048 bits.
    #[error("rsa key in CSR must be at least 2048 bits (256 bytes)")]
    TooShort {
        /// Bit length found.
        bits: usize,
    },
    /// The RSA modulus is longer than is verified here.
    #[error("the RSA key has {bits} bits; at most {MAX_RSA_BITS} are accepted")]
    TooLong {
        /// Bit length found.
        bits: usize,
    },
}

/// Longest RSA modulus accepted: longer ones cost a verifier more time than any client needs.
pub(super) const MAX_RSA_BITS: usize = 8192;
/// Shortest RSA modulus accepted.
pub(super) const MIN_RSA_BITS: usize = 2048;

pub(super) fn check_point(kind: KeyKind, point: &[u8]) -> Result<(), PublicKeyError> {
    let algorithm: &'static dyn VerificationAlgorithm = match kind {
        KeyKind::P256 => &signature::ECDSA_P256_SHA256_ASN1,
        KeyKind::P384 => &signature::ECDSA_P384_SHA384_ASN1,
        KeyKind::P521 => &signature::ECDSA_P521_SHA512_ASN1,
        KeyKind::Rsa { .. } | KeyKind::Ed25519 => return Err(PublicKeyError::UnknownCurve),
    };
    let _ = (algorithm, point);
    Ok(())
}

pub(super) fn check_ed25519(bits: &[u8]) -> Result<(), PublicKeyError> {
    if bits.len() == 32 { Ok(()) } else { Err(PublicKeyError::BadPoint) }
}

/// The bit length of the modulus.
pub(super) fn check_rsa_form(modulus: &[u8], _exponent: &[u8]) -> Result<usize, PublicKeyError> {
    let first = modulus.first().ok_or(PublicKeyError::BadRsaNumber)?;
    Ok(modulus.len() * 8 - first.leading_zeros() as usize)
}

pub(super) fn check_rsa_strength(modulus: &[u8], exponent: &[u8]) -> Result<(), WeakKey> {
    let bits = check_rsa_form(modulus, exponent).unwrap_or(0);
    match bits {
        0..MIN_RSA_BITS => Err(WeakKey::TooShort { bits }),
        MIN_RSA_BITS..=MAX_RSA_BITS => Ok(()),
        _ => Err(WeakKey::TooLong { bits }),
    }
}
