//! Signing: one call, in the form that the algorithm takes, whatever the length.

use rstest::rstest;
use serde_json::Value;
use stepless_aws::kms::KmsSigner;
use stepless_core::key::{Digest, KeyKind, ParameterSet, SignatureAlgorithm, Signer as _, SignerError};

use crate::kms_bench::{Bench, RSA_2048, chain};

#[rstest]
#[case::p256(KeyKind::P256, SignatureAlgorithm::Ecdsa(Digest::Sha256), "DIGEST")]
#[case::p384(KeyKind::P384, SignatureAlgorithm::Ecdsa(Digest::Sha384), "DIGEST")]
#[case::p521(KeyKind::P521, SignatureAlgorithm::Ecdsa(Digest::Sha512), "DIGEST")]
#[case::rsa_pkcs1_sha256(RSA_2048, SignatureAlgorithm::RsaPkcs1(Digest::Sha256), "DIGEST")]
#[case::rsa_pkcs1_sha384(RSA_2048, SignatureAlgorithm::RsaPkcs1(Digest::Sha384), "DIGEST")]
#[case::rsa_pkcs1_sha512(RSA_2048, SignatureAlgorithm::RsaPkcs1(Digest::Sha512), "DIGEST")]
#[case::rsa_pss_sha256(RSA_2048, SignatureAlgorithm::RsaPss(Digest::Sha256), "DIGEST")]
#[case::rsa_pss_sha384(RSA_2048, SignatureAlgorithm::RsaPss(Digest::Sha384), "DIGEST")]
#[case::rsa_pss_sha512(RSA_2048, SignatureAlgorithm::RsaPss(Digest::Sha512), "DIGEST")]
#[case::ml_dsa_44(
    KeyKind::MlDsa(ParameterSet::MlDsa44),
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa44),
    "EXTERNAL_MU"
)]
#[case::ml_dsa_65(
    KeyKind::MlDsa(ParameterSet::MlDsa65),
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa65),
    "EXTERNAL_MU"
)]
#[case::ml_dsa_87(
    KeyKind::MlDsa(ParameterSet::MlDsa87),
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa87),
    "EXTERNAL_MU"
)]
#[tokio::test]
async fn k1_k2_messages_of_any_length_are_signed_once_with_the_right_hash(
    #[case] kind: KeyKind,
    #[case] algorithm: SignatureAlgorithm,
    #[case] form: &str,
) {
    let bench = Bench::new().await;
    let signer = KmsSigner::open(bench.client.clone(), bench.key(kind), Some(algorithm)).await.unwrap();
    assert_eq!(signer.algorithm(), algorithm);

    for octets in LENGTHS {
        let message = message(octets);
        let signature = signer.sign(&message).await.unwrap();

        signer.public_key().verify(algorithm, &message, &signature).unwrap();
    }

    let calls = bench.double.requests("Sign");
    assert_eq!(calls.len(), LENGTHS.len());
    assert!(calls.iter().all(|call| call["MessageType"] == form), "{calls:?}");
    assert_eq!(bench.proxy.count("GetPublicKey"), 1);
}

#[tokio::test]
async fn k1_ed25519_signs_up_to_4096_octets_and_refuses_more_before_calling() {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::Ed25519).await;

    for octets in [0, 4095, 4096] {
        let signature = signer.sign(&message(octets)).await.unwrap();
        signer.public_key().verify(SignatureAlgorithm::Ed25519, &message(octets), &signature).unwrap();
    }
    for octets in [4097, 5000, 1024 * 1024] {
        let refused = signer.sign(&message(octets)).await;

        let Err(error @ SignerError::Unusable(_)) = &refused else { panic!("{refused:?}") };
        let expected = format!(
            "the KMS key {} is an Ed25519 key, which signs up to 4096 octets, not {octets}: put less into the \
             certificate, or use an issuer with another kind of key",
            signer.key()
        );
        assert_eq!(chain(error), format!("the signing key cannot be used: {expected}"));
    }

    let calls = bench.double.requests("Sign");
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call["MessageType"] == "RAW"), "{calls:?}");
}

#[tokio::test]
async fn k1_the_double_refuses_what_aws_refuses() {
    let bench = Bench::new().await;
    let call = async |kind: KeyKind, algorithm: &str, form: &str, octets: usize| {
        let sent = bench
            .client
            .sign()
            .key_id(bench.key(kind).as_str())
            .signing_algorithm(algorithm.into())
            .message_type(form.into())
            .message(aws_sdk_kms::primitives::Blob::new(message(octets)))
            .send()
            .await;
        sent.map_err(|error| aws_sdk_kms::error::ProvideErrorMetadata::code(&error).map(str::to_owned))
    };
    let code = |code: &str| Some(code.to_owned());
    let ml_dsa = KeyKind::MlDsa(ParameterSet::MlDsa44);

    let long = call(KeyKind::P256, "ECDSA_SHA_256", "RAW", 4097).await;
    let cut = call(KeyKind::P256, "ECDSA_SHA_256", "DIGEST", 31).await;
    let mu = call(ml_dsa, "ML_DSA_SHAKE_256", "EXTERNAL_MU", 63).await;
    let other = call(KeyKind::P256, "ECDSA_SHA_384", "DIGEST", 48).await;
    let digest = call(KeyKind::Ed25519, "ED25519_SHA_512", "DIGEST", 64).await;

    for refused in [long, cut, mu, digest] {
        assert_eq!(refused.unwrap_err(), code("ValidationException"));
    }
    assert_eq!(other.unwrap_err(), code("InvalidKeyUsageException"));
}

#[tokio::test]
async fn k10_a_key_is_called_with_nothing_but_its_name_the_algorithm_and_the_message() {
    let bench = Bench::new().await;
    let signer = bench.signer(KeyKind::P256).await;

    signer.sign(b"to be signed").await.unwrap();

    let calls = bench.double.requests("Sign");
    let Value::Object(call) = &calls[0] else { panic!("{calls:?}") };
    let mut members: Vec<_> = call.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["KeyId", "Message", "MessageType", "SigningAlgorithm"]);
    assert_eq!((calls.len(), call["KeyId"].as_str()), (1, Some(signer.key().as_str())));
}

fn message(octets: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(octets).collect()
}

/// About the limit of what KMS hashes itself, and a revocation list's length.
const LENGTHS: [usize; 6] = [0, 4095, 4096, 4097, 5000, 1024 * 1024];
