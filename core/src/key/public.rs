//! Public keys as X.509 carries them, and the verification of signatures.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{self, ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm};
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::{AnyRef, BitString, UintRef};
use der::{Any, Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use thiserror::Error;

use super::strength::{self, WeakKey};
use super::{Digest, ParameterSet, SignatureAlgorithm, ecdsa};

/// A public key of a kind that stepless knows, well-formed: the point lies on its curve, the modulus is odd.
///
/// It may still be too weak to certify; [`PublicKey::check_strength`] tells.
#[derive(Clone)]
pub struct PublicKey {
    kind: KeyKind,
    parts: Arc<Parts>,
}

struct Parts {
    spki: Box<[u8]>,
    bits: Box<[u8]>,
    /// The key as the library wants it, for the algorithm that is the default of its kind: provisioner and issuer keys
    /// verify again and again. `None` for an RSA key outside of what the library verifies.
    parsed: Option<ParsedPublicKey>,
}

/// The kind and size of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// RSA with a modulus of so many bits.
    Rsa {
        /// Bit length of the modulus.
        bits: usize,
    },
    /// Ed25519.
    Ed25519,
    /// ML-DSA.
    MlDsa(ParameterSet),
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// [`PublicKeyError`] when it is malformed, of a kind that is not offered, or not a point of its curve.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| PublicKeyError::Malformed)?;
        let bits = info.subject_public_key.as_bytes().ok_or(PublicKeyError::Malformed)?;
        let (kind, parsed) = match (info.algorithm.oid, info.algorithm.parameters) {
            (rfc5912::ID_EC_PUBLIC_KEY, Some(parameters)) => {
                let curve =
                    parameters.decode_as::<ObjectIdentifier>().map_err(|_| PublicKeyError::UnknownCurve)?;
                let kind = curve_kind(curve).ok_or(PublicKeyError::UnknownCurve)?;
                (kind, Some(strength::check_point(kind, bits)?))
            }
            (rfc5912::RSA_ENCRYPTION, Some(parameters)) if parameters == AnyRef::NULL => {
                let key = RsaPublicKey::from_der(bits).map_err(|_| PublicKeyError::Malformed)?;
                let size = strength::check_rsa_form(key.modulus.as_bytes(), key.exponent.as_bytes())?;
                let kind = KeyKind::Rsa { bits: size };
                (kind, ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, bits).ok())
            }
            (rfc8410::ID_ED_25519, None) => {
                strength::check_ed25519(bits)?;
                (KeyKind::Ed25519, ParsedPublicKey::new(&signature::ED25519, bits).ok())
            }
            (rfc5912::ID_EC_PUBLIC_KEY | rfc5912::RSA_ENCRYPTION | rfc8410::ID_ED_25519, _) => {
                return Err(PublicKeyError::Malformed);
            }
            (oid, parameters) => {
                let set = ParameterSet::from_oid(oid).ok_or(PublicKeyError::UnknownAlgorithm(oid))?;
                // The parser would also take a whole SubjectPublicKeyInfo in the place of the key.
                if parameters.is_some() || bits.len() != set.public_key_len() {
                    return Err(PublicKeyError::Malformed);
                }
                let parsed = ParsedPublicKey::new(set.verification(), bits);
                (KeyKind::MlDsa(set), Some(parsed.map_err(|_| PublicKeyError::Malformed)?))
            }
        };
        Ok(Self { kind, parts: Arc::new(Parts { spki: der.into(), bits: bits.into(), parsed }) })
    }

    /// An elliptic curve key from its affine coordinates, big-endian, each as long as the field.
    ///
    /// # Errors
    /// [`PublicKeyError`] when the kind is not a curve or the point does not lie on it.
    pub fn from_ec_coordinates(kind: KeyKind, x: &[u8], y: &[u8]) -> Result<Self, PublicKeyError> {
        let point: Vec<u8> = [&[4], x, y].concat();
        Self::from_bits(kind, &point)
    }

    /// An RSA key from its modulus and exponent, big-endian without leading zeros.
    ///
    /// # Errors
    /// [`PublicKeyError`] when the numbers cannot be an RSA key.
    pub fn from_rsa_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, PublicKeyError> {
        let unsigned = |bytes| UintRef::new(bytes).map_err(|_| PublicKeyError::Malformed);
        let key = RsaPublicKey { modulus: unsigned(modulus)?, exponent: unsigned(exponent)? };
        let bits = key.to_der().map_err(|_| PublicKeyError::Malformed)?;
        Self::from_bits(KeyKind::Rsa { bits: 0 }, &bits)
    }

    /// A key from the content of its `subjectPublicKey` bit string; the size in [`KeyKind::Rsa`] is not looked at.
    ///
    /// # Errors
    /// [`PublicKeyError`] as [`PublicKey::from_spki_der`].
    pub fn from_bits(kind: KeyKind, bits: &[u8]) -> Result<Self, PublicKeyError> {
        let curve = |oid| Some(Any::from(oid));
        let (oid, parameters) = match kind {
            KeyKind::P256 => (rfc5912::ID_EC_PUBLIC_KEY, curve(rfc5912::SECP_256_R_1)),
            KeyKind::P384 => (rfc5912::ID_EC_PUBLIC_KEY, curve(rfc5912::SECP_384_R_1)),
            KeyKind::P521 => (rfc5912::ID_EC_PUBLIC_KEY, curve(rfc5912::SECP_521_R_1)),
            KeyKind::Rsa { .. } => (rfc5912::RSA_ENCRYPTION, Some(Any::null())),
            KeyKind::Ed25519 => (rfc8410::ID_ED_25519, None),
            KeyKind::MlDsa(set) => (set.oid(), None),
        };
        let info = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(bits).map_err(|_| PublicKeyError::Malformed)?,
        };
        Self::from_spki_der(&info.to_der().map_err(|_| PublicKeyError::Malformed)?)
    }

    /// Its kind and size.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The `SubjectPublicKeyInfo` in DER, as it was read.
    pub fn spki_der(&self) -> &[u8] {
        &self.parts.spki
    }

    /// The content of the `subjectPublicKey` bit string: an uncompressed point, an `RSAPublicKey`, or the bytes of
    /// an Ed25519 or ML-DSA key.
    pub fn bits(&self) -> &[u8] {
        &self.parts.bits
    }

    /// The affine coordinates of an elliptic curve key, each as long as the field.
    pub fn ec_coordinates(&self) -> Option<(&[u8], &[u8])> {
        match (self.kind, self.parts.bits.split_first()) {
            (KeyKind::P256 | KeyKind::P384 | KeyKind::P521, Some((4, point))) => {
                Some(point.split_at(point.len() / 2))
            }
            _ => None,
        }
    }

    /// Modulus and exponent of an RSA key, big-endian without leading zeros.
    pub fn rsa_components(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        match self.kind {
            KeyKind::Rsa { .. } => {
                let key = RsaPublicKey::from_der(&self.parts.bits).ok()?;
                Some((key.modulus.as_bytes().to_vec(), key.exponent.as_bytes().to_vec()))
            }
            _ => None,
        }
    }

    /// The key identifier: the SHA-1 of the `subjectPublicKey` bits.
    ///
    /// [RFC 5280 §4.2.1.2, method 1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2). It is a name, not a
    /// safeguard, which is why SHA-1 may stand here.
    pub fn key_identifier(&self) -> [u8; 20] {
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &self.parts.bits);
        let mut identifier = [0; 20];
        identifier.copy_from_slice(digest.as_ref());
        identifier
    }

    /// Whether the key is strong enough to be certified.
    ///
    /// # Errors
    /// [`WeakKey`] says why it is not.
    pub fn check_strength(&self) -> Result<(), WeakKey> {
        match (self.kind, self.rsa_components()) {
            (KeyKind::Rsa { bits }, Some((modulus, _))) => strength::check_rsa_strength(bits, &modulus),
            _ => Ok(()),
        }
    }

    /// Checks `signature` over `message`; ECDSA signatures are DER.
    ///
    /// # Errors
    /// [`SignatureInvalid`] when the signature is not one of this key, or the algorithm does not fit the key.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid> {
        if let (Some(parsed), true) =
            (&self.parts.parsed, algorithm == SignatureAlgorithm::default_for(self.kind))
        {
            return parsed.verify_sig(message, signature).map_err(|_| SignatureInvalid);
        }
        let verification = verification(self.kind, algorithm).ok_or(SignatureInvalid)?;
        UnparsedPublicKey::new(verification, self.bits())
            .verify(message, signature)
            .map_err(|_| SignatureInvalid)
    }

    /// Checks a signature in JOSE's form: ECDSA with the curve's own hash, as the two numbers at fixed width
    /// ([RFC 7518 §3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)); the others as in [`PublicKey::verify`].
    ///
    /// # Errors
    /// [`SignatureInvalid`] as [`PublicKey::verify`].
    pub fn verify_jose(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid> {
        let Some(field) = self.kind.field_len() else {
            return self.verify(algorithm, message, signature);
        };
        if algorithm != SignatureAlgorithm::default_for(self.kind) {
            return Err(SignatureInvalid);
        }
        let der = ecdsa::der_from_fixed(field, signature).ok_or(SignatureInvalid)?;
        self.verify(algorithm, message, &der)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts.spki == other.parts.spki
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl KeyKind {
    /// How many bytes a coordinate takes, and each number of a signature; `None` when it is no ECDSA key.
    pub(super) fn field_len(self) -> Option<usize> {
        match self {
            Self::P256 => Some(32),
            Self::P384 => Some(48),
            Self::P521 => Some(66),
            Self::Rsa { .. } | Self::Ed25519 | Self::MlDsa(_) => None,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::P521 => f.write_str("P-521"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa(set) => set.fmt(f),
        }
    }
}

/// Why bytes are not a public key for us.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublicKeyError {
    /// Not a well-formed `SubjectPublicKeyInfo` of its algorithm.
    #[error("the public key is malformed")]
    Malformed,
    /// An algorithm that is not offered.
    #[error(
        "public keys of algorithm {0} are not supported; use RSA, P-256, P-384, P-521, Ed25519 or ML-DSA"
    )]
    UnknownAlgorithm(ObjectIdentifier),
    /// A curve that is not offered, or explicit curve parameters.
    #[error("the elliptic curve is not supported; use P-256, P-384 or P-521")]
    UnknownCurve,
    /// A point off its curve, at infinity, compressed, or of small order.
    #[error("the public key is not an uncompressed point of prime order on its curve")]
    BadPoint,
    /// An RSA modulus or exponent that no key can have.
    #[error("the RSA modulus or exponent cannot belong to a key")]
    BadRsaNumber,
}

/// The signature is not one of this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature does not verify")]
pub struct SignatureInvalid;

/// `RSAPublicKey` ([RFC 8017 §A.1.1](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1)).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

pub(super) fn curve_kind(curve: ObjectIdentifier) -> Option<KeyKind> {
    match curve {
        rfc5912::SECP_256_R_1 => Some(KeyKind::P256),
        rfc5912::SECP_384_R_1 => Some(KeyKind::P384),
        rfc5912::SECP_521_R_1 => Some(KeyKind::P521),
        _ => None,
    }
}

/// The verifier for a key and an algorithm in X.509's form; `None` when they do not fit.
fn verification(kind: KeyKind, algorithm: SignatureAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
    use SignatureAlgorithm::{Ecdsa, RsaPkcs1, RsaPss};
    Some(match (kind, algorithm) {
        (KeyKind::P256, Ecdsa(Digest::Sha256)) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, Ecdsa(Digest::Sha384)) => &signature::ECDSA_P256_SHA384_ASN1,
        (KeyKind::P256, Ecdsa(Digest::Sha512)) => &signature::ECDSA_P256_SHA512_ASN1,
        (KeyKind::P384, Ecdsa(Digest::Sha256)) => &signature::ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, Ecdsa(Digest::Sha384)) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyKind::P384, Ecdsa(Digest::Sha512)) => &signature::ECDSA_P384_SHA512_ASN1,
        (KeyKind::P521, Ecdsa(Digest::Sha256)) => &signature::ECDSA_P521_SHA256_ASN1,
        (KeyKind::P521, Ecdsa(Digest::Sha384)) => &signature::ECDSA_P521_SHA384_ASN1,
        (KeyKind::P521, Ecdsa(Digest::Sha512)) => &signature::ECDSA_P521_SHA512_ASN1,
        (KeyKind::Rsa { .. }, RsaPkcs1(Digest::Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa { .. }, RsaPkcs1(Digest::Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa { .. }, RsaPkcs1(Digest::Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (KeyKind::Rsa { .. }, RsaPss(Digest::Sha256)) => &signature::RSA_PSS_2048_8192_SHA256,
        (KeyKind::Rsa { .. }, RsaPss(Digest::Sha384)) => &signature::RSA_PSS_2048_8192_SHA384,
        (KeyKind::Rsa { .. }, RsaPss(Digest::Sha512)) => &signature::RSA_PSS_2048_8192_SHA512,
        (KeyKind::Ed25519, SignatureAlgorithm::Ed25519) => &signature::ED25519,
        (KeyKind::MlDsa(set), SignatureAlgorithm::MlDsa(other)) if set == other => set.verification(),
        _ => return None,
    })
}
