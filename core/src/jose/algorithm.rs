//! The `alg` of a signature.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::key::{Digest, KeyKind, SignatureAlgorithm};

/// A JOSE signature algorithm that is accepted.
///
/// `none` and the HMAC algorithms have no variant: a token that names them cannot be read, so no key can ever be
/// taken for an HMAC secret.
///
/// [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1),
/// [RFC 8037 §3.1](https://www.rfc-editor.org/rfc/rfc8037#section-3.1)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// ECDSA with P-521 and SHA-512.
    Es512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// Ed25519; Ed448 is not offered.
    EdDsa,
}

impl SigningAlgorithm {
    /// Every algorithm that is accepted.
    pub const ALL: [Self; 10] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::EdDsa,
    ];

    /// The algorithm that `step` signs tokens with when the key is of this kind; `None` for ML-DSA, with which no token
    /// is signed here.
    pub fn default_for(kind: KeyKind) -> Option<Self> {
        match kind {
            KeyKind::P256 => Some(Self::Es256),
            KeyKind::P384 => Some(Self::Es384),
            KeyKind::P521 => Some(Self::Es512),
            KeyKind::Rsa { .. } => Some(Self::Rs256),
            KeyKind::Ed25519 => Some(Self::EdDsa),
            KeyKind::MlDsa(_) => None,
        }
    }

    /// Whether a key of this kind may be used with the algorithm. An ECDSA algorithm goes with one curve only.
    pub fn fits(self, kind: KeyKind) -> bool {
        match self {
            Self::Es256 => kind == KeyKind::P256,
            Self::Es384 => kind == KeyKind::P384,
            Self::Es512 => kind == KeyKind::P521,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                matches!(kind, KeyKind::Rsa { .. })
            }
            Self::EdDsa => kind == KeyKind::Ed25519,
        }
    }

    /// The name in a header, such as `ES256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl From<SigningAlgorithm> for SignatureAlgorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Es256 => Self::Ecdsa(Digest::Sha256),
            SigningAlgorithm::Es384 => Self::Ecdsa(Digest::Sha384),
            SigningAlgorithm::Es512 => Self::Ecdsa(Digest::Sha512),
            SigningAlgorithm::Rs256 => Self::RsaPkcs1(Digest::Sha256),
            SigningAlgorithm::Rs384 => Self::RsaPkcs1(Digest::Sha384),
            SigningAlgorithm::Rs512 => Self::RsaPkcs1(Digest::Sha512),
            SigningAlgorithm::Ps256 => Self::RsaPss(Digest::Sha256),
            SigningAlgorithm::Ps384 => Self::RsaPss(Digest::Sha384),
            SigningAlgorithm::Ps512 => Self::RsaPss(Digest::Sha512),
            SigningAlgorithm::EdDsa => Self::Ed25519,
        }
    }
}

impl FromStr for SigningAlgorithm {
    type Err = UnknownAlgorithm;

    /// Reads the name; case counts ([RFC 7515 §4.1.1](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.1)).
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| UnknownAlgorithm { name: super::clip(name) })
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for SigningAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// An `alg` that is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the algorithm {name:?} is not accepted; use ES256, ES384, ES512, RS*, PS* or EdDSA")]
pub struct UnknownAlgorithm {
    /// The beginning of what was found.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::key::ParameterSet;

    #[rstest]
    #[case("none")]
    #[case("None")]
    #[case("NONE")]
    #[case("nOnE")]
    #[case("")]
    #[case("HS256")]
    #[case("HS384")]
    #[case("HS512")]
    #[case("es256")]
    #[case("ES256 ")]
    #[case("ES256\0")]
    #[case("ES256K")]
    #[case("Ed25519")]
    #[case("XEdDSA")]
    #[case("ML-DSA-65")]
    #[case("PBES2-HS256+A128KW")]
    fn t6_no_other_algorithm_can_be_named(#[case] name: &str) {
        assert_eq!(name.parse::<SigningAlgorithm>(), Err(UnknownAlgorithm { name: name.into() }));
    }

    #[test]
    fn each_algorithm_is_read_back_from_its_name() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn t6_each_algorithm_goes_with_one_kind_of_key() {
        let kinds =
            [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa { bits: 2048 }, KeyKind::Ed25519];
        for algorithm in SigningAlgorithm::ALL {
            let fitting: Vec<_> = kinds.into_iter().filter(|kind| algorithm.fits(*kind)).collect();

            assert_eq!(fitting.len(), 1, "{algorithm}");
            assert!(SignatureAlgorithm::from(algorithm).fits(fitting[0]));
        }
        for kind in kinds {
            assert!(SigningAlgorithm::default_for(kind).unwrap().fits(kind));
        }
    }

    #[test]
    fn no_algorithm_goes_with_an_ml_dsa_key() {
        for kind in ParameterSet::ALL.map(KeyKind::MlDsa) {
            assert_eq!(SigningAlgorithm::default_for(kind), None);
            assert!(!SigningAlgorithm::ALL.into_iter().any(|algorithm| algorithm.fits(kind)));
        }
    }
}
