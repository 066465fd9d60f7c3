//! What KMS calls the kinds of keys and the signature algorithms that we have.

use aws_sdk_kms::types::{KeySpec, SigningAlgorithmSpec};
use stepless_core::key::{Digest, KeyKind, ParameterSet, SignatureAlgorithm};

/// The spec of a key of this kind; `None` for a size that KMS does not make.
pub(super) fn key_spec(kind: KeyKind) -> Option<KeySpec> {
    Some(match kind {
        KeyKind::P256 => KeySpec::EccNistP256,
        KeyKind::P384 => KeySpec::EccNistP384,
        KeyKind::P521 => KeySpec::EccNistP521,
        KeyKind::Rsa { bits: 2048 } => KeySpec::Rsa2048,
        KeyKind::Rsa { bits: 3072 } => KeySpec::Rsa3072,
        KeyKind::Rsa { bits: 4096 } => KeySpec::Rsa4096,
        KeyKind::Rsa { .. } => return None,
        KeyKind::Ed25519 => KeySpec::EccNistEdwards25519,
        KeyKind::MlDsa(ParameterSet::MlDsa44) => KeySpec::MlDsa44,
        KeyKind::MlDsa(ParameterSet::MlDsa65) => KeySpec::MlDsa65,
        KeyKind::MlDsa(ParameterSet::MlDsa87) => KeySpec::MlDsa87,
    })
}

/// The name of an algorithm.
pub(super) fn signing_algorithm(algorithm: SignatureAlgorithm) -> SigningAlgorithmSpec {
    use SignatureAlgorithm::{Ecdsa, Ed25519, MlDsa, RsaPkcs1, RsaPss};
    match algorithm {
        Ecdsa(Digest::Sha256) => SigningAlgorithmSpec::EcdsaSha256,
        Ecdsa(Digest::Sha384) => SigningAlgorithmSpec::EcdsaSha384,
        Ecdsa(Digest::Sha512) => SigningAlgorithmSpec::EcdsaSha512,
        RsaPkcs1(Digest::Sha256) => SigningAlgorithmSpec::RsassaPkcs1V15Sha256,
        RsaPkcs1(Digest::Sha384) => SigningAlgorithmSpec::RsassaPkcs1V15Sha384,
        RsaPkcs1(Digest::Sha512) => SigningAlgorithmSpec::RsassaPkcs1V15Sha512,
        RsaPss(Digest::Sha256) => SigningAlgorithmSpec::RsassaPssSha256,
        RsaPss(Digest::Sha384) => SigningAlgorithmSpec::RsassaPssSha384,
        RsaPss(Digest::Sha512) => SigningAlgorithmSpec::RsassaPssSha512,
        Ed25519 => SigningAlgorithmSpec::Ed25519Sha512,
        MlDsa(_) => SigningAlgorithmSpec::MlDsaShake256,
    }
}
