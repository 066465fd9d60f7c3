//! ML-DSA: its three parameter sets, and how X.509 and the cryptographic library name them.

use std::fmt;

use aws_lc_rs::signature::{self, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm};
use const_oid::db::fips204;
use spki::ObjectIdentifier;

/// A parameter set of ML-DSA ([FIPS 204 §4](https://doi.org/10.6028/NIST.FIPS.204)); a key has one, and so has each of
/// its signatures.
///
/// Signatures are pure ML-DSA with an empty context, the one form that certificates have
/// ([RFC 9881 §3](https://www.rfc-editor.org/rfc/rfc9881#section-3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterSet {
    /// ML-DSA-44: public keys of 1312 bytes, signatures of 2420.
    MlDsa44,
    /// ML-DSA-65: public keys of 1952 bytes, signatures of 3309.
    MlDsa65,
    /// ML-DSA-87: public keys of 2592 bytes, signatures of 4627.
    MlDsa87,
}

impl ParameterSet {
    /// Every parameter set.
    pub const ALL: [Self; 3] = [Self::MlDsa44, Self::MlDsa65, Self::MlDsa87];

    /// Length of a public key in bytes.
    pub fn public_key_len(self) -> usize {
        self.signing().public_key_len()
    }

    /// Length of a signature in bytes.
    pub fn signature_len(self) -> usize {
        self.signing().signature_len()
    }

    /// The parameter set that an algorithm identifier names, of a key as of a signature.
    pub(super) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.oid() == oid)
    }

    /// The algorithm of keys and signatures alike; it stands without parameters
    /// ([RFC 9881 §2](https://www.rfc-editor.org/rfc/rfc9881#section-2)).
    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::MlDsa44 => fips204::ID_ML_DSA_44,
            Self::MlDsa65 => fips204::ID_ML_DSA_65,
            Self::MlDsa87 => fips204::ID_ML_DSA_87,
        }
    }

    pub(super) fn signing(self) -> &'static PqdsaSigningAlgorithm {
        match self {
            Self::MlDsa44 => &signature::ML_DSA_44_SIGNING,
            Self::MlDsa65 => &signature::ML_DSA_65_SIGNING,
            Self::MlDsa87 => &signature::ML_DSA_87_SIGNING,
        }
    }

    pub(super) fn verification(self) -> &'static PqdsaVerificationAlgorithm {
        match self {
            Self::MlDsa44 => &signature::ML_DSA_44,
            Self::MlDsa65 => &signature::ML_DSA_65,
            Self::MlDsa87 => &signature::ML_DSA_87,
        }
    }
}

impl fmt::Display for ParameterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        })
    }
}

#[cfg(test)]
#[path = "mldsa_tests.rs"]
mod tests;
