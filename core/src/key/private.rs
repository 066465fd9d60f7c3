//! Private keys in this process: generated, read from their standard encodings, and signing.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, PqdsaKeyPair, RsaSignatureEncoding,
};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::UintRef;
use der::{Decode, Sequence};
use pkcs8::PrivateKeyInfoRef;
use sec1::EcPrivateKey;
use thiserror::Error;

use super::public::curve_kind;
use super::strength::MIN_RSA_BITS;
use super::{Digest, KeyKind, ParameterSet, PrivateKeyError, PublicKey, SignatureAlgorithm, WeakKey, ecdsa};
use crate::secret::SecretBytes;

/// A private key held in memory. Its `Debug` shows the kind only.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl PrivateKey {
    /// Makes a new key, from the cryptographic library's own randomness.
    ///
    /// # Errors
    /// [`GenerateKeyError::Size`] for an RSA key of another size than 2048, 3072 or 4096 bits.
    pub fn generate(kind: KeyKind) -> Result<Self, GenerateKeyError> {
        let pair = match kind {
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {
                let algorithm = ec_signing(kind).ok_or(GenerateKeyError::Library)?;
                EcdsaKeyPair::generate(algorithm).map(Pair::Ec)
            }
            KeyKind::Rsa { bits } => rsa::KeyPair::generate(rsa_size(bits)?).map(Pair::Rsa),
            KeyKind::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
            KeyKind::MlDsa(set) => PqdsaKeyPair::generate(set.signing()).map(Pair::MlDsa),
        };
        let pair = pair.map_err(|_| GenerateKeyError::Library)?;
        Self::from_pair(kind, pair).map_err(|_| GenerateKeyError::Library)
    }

    /// Reads a `PrivateKeyInfo` (PKCS #8, [RFC 5958 §2](https://www.rfc-editor.org/rfc/rfc5958#section-2)). An ML-DSA
    /// key may be a seed, expanded or both ([RFC 9881 §6](https://www.rfc-editor.org/rfc/rfc9881#section-6)).
    ///
    /// # Errors
    /// [`PrivateKeyError`] when it is malformed, of a kind that is not offered, inconsistent or weak.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| PrivateKeyError::Malformed)?;
        match info.algorithm.oid {
            rfc5912::ID_EC_PUBLIC_KEY => {
                let curve = info.algorithm.parameters.and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
                let kind = curve.and_then(curve_kind).ok_or(PrivateKeyError::UnsupportedCurve)?;
                let algorithm = ec_signing(kind).ok_or(PrivateKeyError::UnsupportedCurve)?;
                let pair =
                    EcdsaKeyPair::from_pkcs8(algorithm, der).map_err(|_| PrivateKeyError::Malformed)?;
                Self::from_pair(kind, Pair::Ec(pair))
            }
            rfc5912::RSA_ENCRYPTION => Self::from_pkcs1_der(info.private_key.as_bytes()),
            rfc8410::ID_ED_25519 => {
                let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| PrivateKeyError::Malformed)?;
                Self::from_pair(KeyKind::Ed25519, Pair::Ed25519(pair))
            }
            oid => {
                let set = ParameterSet::from_oid(oid).ok_or(PrivateKeyError::UnsupportedAlgorithm(oid))?;
                if info.algorithm.parameters.is_some() {
                    return Err(PrivateKeyError::Malformed);
                }
                let pair =
                    PqdsaKeyPair::from_pkcs8(set.signing(), der).map_err(|_| PrivateKeyError::Malformed)?;
                Self::from_pair(KeyKind::MlDsa(set), Pair::MlDsa(pair))
            }
        }
    }

    /// Reads an `ECPrivateKey` ([RFC 5915 §3](https://www.rfc-editor.org/rfc/rfc5915#section-3)). The curve may be
    /// missing: the length of the key tells it.
    ///
    /// # Errors
    /// [`PrivateKeyError`] as [`PrivateKey::from_pkcs8_der`].
    pub fn from_sec1_der(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let key = EcPrivateKey::from_der(der).map_err(|_| PrivateKeyError::Malformed)?;
        let kind = match key.parameters.and_then(sec1::EcParameters::named_curve) {
            Some(curve) => curve_kind(curve),
            None => [KeyKind::P256, KeyKind::P384, KeyKind::P521]
                .into_iter()
                .find(|kind| kind.field_len() == Some(key.private_key.len())),
        };
        let kind = kind.ok_or(PrivateKeyError::UnsupportedCurve)?;
        let algorithm = ec_signing(kind).ok_or(PrivateKeyError::UnsupportedCurve)?;
        let pair =
            EcdsaKeyPair::from_private_key_der(algorithm, der).map_err(|_| PrivateKeyError::Malformed)?;
        Self::from_pair(kind, Pair::Ec(pair))
    }

    /// Reads an `RSAPrivateKey` with two primes (PKCS #1, [RFC 8017 §A.1.2](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2)).
    ///
    /// # Errors
    /// [`PrivateKeyError`] as [`PrivateKey::from_pkcs8_der`]; [`PrivateKeyError::TooShort`] below 2048 bits.
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let key = RsaPrivateKey::from_der(der).map_err(|_| PrivateKeyError::Malformed)?;
        let public = PublicKey::from_rsa_components(key.modulus.as_bytes(), key.exponent.as_bytes())
            .map_err(|_| PrivateKeyError::Malformed)?;
        public.check_strength().map_err(|weak| match weak {
            WeakKey::TooShort { bits } => PrivateKeyError::TooShort { bits },
            weak => PrivateKeyError::Weak(weak),
        })?;
        let pair = rsa::KeyPair::from_der(der).map_err(|_| PrivateKeyError::Malformed)?;
        Ok(Self { pair: Pair::Rsa(pair), public })
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message` and returns the signature in its X.509 form: DER for ECDSA, raw bytes otherwise.
    ///
    /// # Errors
    /// [`SigningError::Unfit`] when the algorithm is not one of this kind of key.
    pub fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let kind = self.public.kind();
        match (&self.pair, algorithm) {
            (Pair::Ec(pair), SignatureAlgorithm::Ecdsa(_))
                if algorithm == SignatureAlgorithm::default_for(kind) =>
            {
                let signature =
                    pair.sign(&SystemRandom::new(), message).map_err(|_| SigningError::Library)?;
                Ok(signature.as_ref().to_vec())
            }
            (Pair::Ec(pair), SignatureAlgorithm::Ecdsa(digest)) => {
                let digest = foreign_digest(kind, digest, message).ok_or(SigningError::Library)?;
                let signature = pair.sign_digest(&digest).map_err(|_| SigningError::Library)?;
                Ok(signature.as_ref().to_vec())
            }
            (Pair::Rsa(pair), SignatureAlgorithm::RsaPkcs1(digest)) => sign_rsa(pair, pkcs1(digest), message),
            (Pair::Rsa(pair), SignatureAlgorithm::RsaPss(digest)) => sign_rsa(pair, pss(digest), message),
            (Pair::Ed25519(pair), SignatureAlgorithm::Ed25519) => {
                let signature = pair.try_sign(message).map_err(|_| SigningError::Library)?;
                Ok(signature.as_ref().to_vec())
            }
            (Pair::MlDsa(pair), SignatureAlgorithm::MlDsa(set)) if kind == KeyKind::MlDsa(set) => {
                let mut signature = vec![0; set.signature_len()];
                pair.sign(message, &mut signature).map_err(|_| SigningError::Library)?;
                Ok(signature)
            }
            (Pair::Ec(_) | Pair::Rsa(_) | Pair::Ed25519(_) | Pair::MlDsa(_), _) => {
                Err(SigningError::Unfit { kind, algorithm })
            }
        }
    }

    /// Signs `message` in JOSE's form: ECDSA with the curve's own hash, as the two numbers at fixed width
    /// ([RFC 7518 §3.4](https://www.rfc-editor.org/rfc/rfc7518#section-3.4)); the others as in [`PrivateKey::sign`].
    ///
    /// # Errors
    /// [`SigningError::Unfit`] when the algorithm is not one of this kind of key in JOSE.
    pub fn sign_jose(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let kind = self.public.kind();
        let Some(field) = kind.field_len() else {
            return self.sign(algorithm, message);
        };
        if algorithm != SignatureAlgorithm::default_for(kind) {
            return Err(SigningError::Unfit { kind, algorithm });
        }
        let der = self.sign(algorithm, message)?;
        ecdsa::fixed_from_der(field, &der).ok_or(SigningError::Library)
    }

    /// The key as `PrivateKeyInfo` version 1, which every program reads; an ML-DSA key as its seed.
    ///
    /// # Errors
    /// [`SigningError::Library`] if the library cannot encode it, as an ML-DSA key that was read without its seed.
    pub fn to_pkcs8_der(&self) -> Result<SecretBytes, SigningError> {
        let der = match &self.pair {
            Pair::Ec(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|document| document.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::MlDsa(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
        };
        der.map(SecretBytes::new).map_err(|_| SigningError::Library)
    }

    fn from_pair(kind: KeyKind, pair: Pair) -> Result<Self, PrivateKeyError> {
        let bits = match &pair {
            Pair::Ec(pair) => pair.public_key().as_ref(),
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
            Pair::MlDsa(pair) => pair.public_key().as_ref(),
        };
        let public = PublicKey::from_bits(kind, bits).map_err(|_| PrivateKeyError::Malformed)?;
        Ok(Self { pair, public })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("kind", &self.public.kind()).finish_non_exhaustive()
    }
}

/// Why no key was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GenerateKeyError {
    /// An RSA size that is not offered.
    #[error("RSA keys of {bits} bits are not generated; use 2048, 3072 or 4096")]
    Size {
        /// Bit length asked for.
        bits: usize,
    },
    /// The cryptographic library gave no key.
    #[error("the cryptographic library made no key")]
    Library,
}

/// Why a private key gave no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SigningError {
    /// The algorithm is not one of this kind of key.
    #[error("a key of kind {kind} does not sign with {algorithm:?}")]
    Unfit {
        /// The kind of the key.
        kind: KeyKind,
        /// The algorithm asked for.
        algorithm: SignatureAlgorithm,
    },
    /// The cryptographic library failed.
    #[error("the cryptographic library failed on the private key")]
    Library,
}

/// `RSAPrivateKey`, but for `otherPrimeInfos`.
#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
}

fn ec_signing(kind: KeyKind) -> Option<&'static EcdsaSigningAlgorithm> {
    match kind {
        KeyKind::P256 => Some(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyKind::P384 => Some(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyKind::P521 => Some(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::MlDsa(_) => None,
    }
}

fn rsa_size(bits: usize) -> Result<rsa::KeySize, GenerateKeyError> {
    match bits {
        MIN_RSA_BITS => Ok(rsa::KeySize::Rsa2048),
        3072 => Ok(rsa::KeySize::Rsa3072),
        4096 => Ok(rsa::KeySize::Rsa4096),
        bits => Err(GenerateKeyError::Size { bits }),
    }
}

/// A hash of another length than the curve's own, at the length that the library wants.
///
/// ECDSA takes the leftmost bits of a long hash and the number that a short one is
/// ([FIPS 186-5 §6.4.1](https://doi.org/10.6028/NIST.FIPS.186-5)): cutting it at the right, or filling it with zeros at
/// the left, signs the same number.
fn foreign_digest(kind: KeyKind, digest: Digest, message: &[u8]) -> Option<digest::Digest> {
    let own = match kind {
        KeyKind::P256 => &digest::SHA256,
        KeyKind::P384 => &digest::SHA384,
        KeyKind::P521 => &digest::SHA512,
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::MlDsa(_) => return None,
    };
    let mut hash = digest.hash(message);
    hash.truncate(own.output_len());
    let mut fitted = vec![0; own.output_len().checked_sub(hash.len())?];
    fitted.append(&mut hash);
    digest::Digest::import_less_safe(&fitted, own).ok()
}

fn sign_rsa(
    pair: &rsa::KeyPair,
    encoding: &'static RsaSignatureEncoding,
    message: &[u8],
) -> Result<Vec<u8>, SigningError> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| SigningError::Library)?;
    Ok(signature)
}

fn pkcs1(digest: Digest) -> &'static RsaSignatureEncoding {
    match digest {
        Digest::Sha256 => &signature::RSA_PKCS1_SHA256,
        Digest::Sha384 => &signature::RSA_PKCS1_SHA384,
        Digest::Sha512 => &signature::RSA_PKCS1_SHA512,
    }
}

fn pss(digest: Digest) -> &'static RsaSignatureEncoding {
    match digest {
        Digest::Sha256 => &signature::RSA_PSS_SHA256,
        Digest::Sha384 => &signature::RSA_PSS_SHA384,
        Digest::Sha512 => &signature::RSA_PSS_SHA512,
    }
}

#[cfg(test)]
#[path = "private_tests.rs"]
mod tests;
