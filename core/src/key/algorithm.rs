//! Signature algorithms and how X.509 names them.

use aws_lc_rs::digest;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::AnyRef;
use der::{Any, Decode, Encode};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef, ObjectIdentifier};

use super::{KeyKind, ParameterSet};

/// The hash of a signature. SHA-1 and MD5 have no variant: a signature that uses them is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// The hash of `data`.
    pub fn hash(self, data: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), data).as_ref().to_vec()
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => rfc5912::ID_SHA_256,
            Self::Sha384 => rfc5912::ID_SHA_384,
            Self::Sha512 => rfc5912::ID_SHA_512,
        }
    }
}

/// A signature algorithm, in the form X.509 gives it: ECDSA signatures are DER, the others raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ECDSA with the curve of the key ([RFC 5758 §3.2](https://www.rfc-editor.org/rfc/rfc5758#section-3.2)).
    Ecdsa(Digest),
    /// RSASSA-PKCS1-v1_5 ([RFC 4055 §5](https://www.rfc-editor.org/rfc/rfc4055#section-5)).
    RsaPkcs1(Digest),
    /// RSASSA-PSS with MGF1 over the same hash and a salt as long as it ([RFC 4055 §3.1](https://www.rfc-editor.org/rfc/rfc4055#section-3.1)).
    RsaPss(Digest),
    /// Ed25519 ([RFC 8410 §3](https://www.rfc-editor.org/rfc/rfc8410#section-3)).
    Ed25519,
    /// ML-DSA, pure and without a context ([RFC 9881 §3](https://www.rfc-editor.org/rfc/rfc9881#section-3)).
    MlDsa(ParameterSet),
}

impl SignatureAlgorithm {
    /// The algorithm that certificates are signed with unless the operator chose another: the hash fits the curve, and
    /// RSA uses PKCS #1 v1.5 with SHA-256.
    pub fn default_for(kind: KeyKind) -> Self {
        match kind {
            KeyKind::P256 => Self::Ecdsa(Digest::Sha256),
            KeyKind::P384 => Self::Ecdsa(Digest::Sha384),
            KeyKind::P521 => Self::Ecdsa(Digest::Sha512),
            KeyKind::Rsa { .. } => Self::RsaPkcs1(Digest::Sha256),
            KeyKind::Ed25519 => Self::Ed25519,
            KeyKind::MlDsa(set) => Self::MlDsa(set),
        }
    }

    /// Whether a key of this kind can make such a signature.
    pub fn fits(self, kind: KeyKind) -> bool {
        match self {
            Self::Ecdsa(_) => matches!(kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521),
            Self::RsaPkcs1(_) | Self::RsaPss(_) => matches!(kind, KeyKind::Rsa { .. }),
            Self::Ed25519 => kind == KeyKind::Ed25519,
            Self::MlDsa(set) => kind == KeyKind::MlDsa(set),
        }
    }

    /// Reads an `AlgorithmIdentifier`; `None` for every algorithm that is not offered here, SHA-1 and MD5 among them,
    /// and for PSS with parameters other than ours.
    pub fn from_identifier(identifier: AlgorithmIdentifierRef<'_>) -> Option<Self> {
        CANDIDATES.into_iter().find(|candidate| {
            let ours = candidate.identifier();
            if ours.oid != identifier.oid {
                return false;
            }
            match candidate {
                // RFC 4055 §5 asks for NULL parameters and for tolerance of their absence.
                Self::RsaPkcs1(_) => identifier.parameters.is_none_or(|p| p == AnyRef::NULL),
                _ => ours.parameters.as_ref().map(AnyRef::from) == identifier.parameters,
            }
        })
    }

    /// The `AlgorithmIdentifier` as it stands in certificates.
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::Ecdsa(Digest::Sha256) => (rfc5912::ECDSA_WITH_SHA_256, None),
            Self::Ecdsa(Digest::Sha384) => (rfc5912::ECDSA_WITH_SHA_384, None),
            Self::Ecdsa(Digest::Sha512) => (rfc5912::ECDSA_WITH_SHA_512, None),
            Self::RsaPkcs1(Digest::Sha256) => (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, Some(Any::null())),
            Self::RsaPkcs1(Digest::Sha384) => (rfc5912::SHA_384_WITH_RSA_ENCRYPTION, Some(Any::null())),
            Self::RsaPkcs1(Digest::Sha512) => (rfc5912::SHA_512_WITH_RSA_ENCRYPTION, Some(Any::null())),
            Self::RsaPss(digest) => (rfc5912::ID_RSASSA_PSS, pss_parameters(digest)),
            Self::Ed25519 => (rfc8410::ID_ED_25519, None),
            Self::MlDsa(set) => (set.oid(), None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }
}

/// Every algorithm that certificates, requests and lists may be signed with.
const CANDIDATES: [SignatureAlgorithm; 13] = [
    SignatureAlgorithm::Ecdsa(Digest::Sha256),
    SignatureAlgorithm::Ecdsa(Digest::Sha384),
    SignatureAlgorithm::Ecdsa(Digest::Sha512),
    SignatureAlgorithm::RsaPkcs1(Digest::Sha256),
    SignatureAlgorithm::RsaPkcs1(Digest::Sha384),
    SignatureAlgorithm::RsaPkcs1(Digest::Sha512),
    SignatureAlgorithm::RsaPss(Digest::Sha256),
    SignatureAlgorithm::RsaPss(Digest::Sha384),
    SignatureAlgorithm::RsaPss(Digest::Sha512),
    SignatureAlgorithm::Ed25519,
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa44),
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa65),
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa87),
];

/// `RSASSA-PSS-params`; the trailer field has its default value and is left out, as DER asks.
#[derive(der::Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    hash: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT")]
    mask: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    salt_length: u8,
}

fn pss_parameters(digest: Digest) -> Option<Any> {
    let hash = AlgorithmIdentifierOwned { oid: digest.oid(), parameters: Some(Any::null()) };
    let salt_length = u8::try_from(digest.algorithm().output_len()).ok()?;
    let mask = AlgorithmIdentifierOwned { oid: rfc5912::ID_MGF_1, parameters: Any::encode_from(&hash).ok() };
    let der = PssParameters { hash, mask, salt_length }.to_der().ok()?;
    Any::from_der(&der).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_read_back_from_its_identifier() {
        for algorithm in CANDIDATES {
            let der = algorithm.identifier().to_der().unwrap();
            let identifier = AlgorithmIdentifierRef::try_from(der.as_slice()).unwrap();

            assert_eq!(SignatureAlgorithm::from_identifier(identifier), Some(algorithm));
        }
    }

    #[test]
    fn sha1_is_not_an_algorithm() {
        let sha1 = AlgorithmIdentifierOwned {
            oid: rfc5912::SHA_1_WITH_RSA_ENCRYPTION,
            parameters: Some(Any::null()),
        };
        let der = sha1.to_der().unwrap();

        assert_eq!(SignatureAlgorithm::from_identifier(der.as_slice().try_into().unwrap()), None);
    }
}
