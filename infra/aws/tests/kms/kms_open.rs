//! Opening a key: what is read once, and what is refused with the name of the key.

use rstest::rstest;
use stepless_aws::kms::{KmsSigner, OpenKeyError};
use stepless_core::key::{Digest, KeyKind, PublicKey, SignatureAlgorithm, Signer as _};
use stepless_localstack::proxy::When;

use crate::kms_bench::{Bench, ML_DSA_65, RSA_2048, chain, key_id};

#[rstest]
#[case::p256(KeyKind::P256, SignatureAlgorithm::Ecdsa(Digest::Sha256))]
#[case::p521(KeyKind::P521, SignatureAlgorithm::Ecdsa(Digest::Sha512))]
#[case::rsa(RSA_2048, SignatureAlgorithm::RsaPss(Digest::Sha384))]
#[case::ed25519(KeyKind::Ed25519, SignatureAlgorithm::Ed25519)]
#[tokio::test]
async fn only_an_rsa_key_takes_the_preferred_algorithm(
    #[case] kind: KeyKind,
    #[case] expected: SignatureAlgorithm,
    #[values(SignatureAlgorithm::RsaPss(Digest::Sha384))] preferred: SignatureAlgorithm,
) {
    let bench = Bench::new().await;

    let signer = KmsSigner::open(bench.client.clone(), bench.key(kind), Some(preferred)).await.unwrap();

    assert_eq!((signer.public_key().kind(), signer.algorithm()), (kind, expected));
    assert_eq!(bench.proxy.operations(), ["GetPublicKey"]);
}

#[tokio::test]
async fn an_elliptic_issuer_under_one_of_another_curve_signs_with_its_own_hash() {
    let bench = Bench::new().await;
    let root = SignatureAlgorithm::Ecdsa(Digest::Sha384);

    let signer = KmsSigner::open(bench.client.clone(), bench.key(KeyKind::P256), Some(root)).await.unwrap();

    assert_eq!(signer.algorithm(), SignatureAlgorithm::Ecdsa(Digest::Sha256));
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    Usage,
    ForeignCurve,
    NotAKey,
    OtherSpec,
    NoAlgorithm,
    ShortRsa,
}

#[rstest]
#[case::usage(Flaw::Usage, "has usage ENCRYPT_DECRYPT: use one of usage SIGN_VERIFY")]
#[case::foreign_curve(
    Flaw::ForeignCurve,
    "of spec ECC_SECG_P256K1 cannot be used: the elliptic curve is not supported; use P-256, P-384 or P-521"
)]
#[case::not_a_key(Flaw::NotAKey, "of spec SM2 cannot be used: the public key is malformed")]
#[case::other_spec(Flaw::OtherSpec, "is said to have spec ECC_NIST_P384, but its public half is P-256")]
#[case::no_algorithm(Flaw::NoAlgorithm, "does not sign with ECDSA_SHA_256; it offers ECDSA_SHA_512")]
#[case::short_rsa(Flaw::ShortRsa, "of spec RSA_2048 is too weak: ")]
#[tokio::test]
async fn k7_a_key_that_cannot_be_an_issuers_is_refused_by_name(#[case] flaw: Flaw, #[case] reason: &str) {
    let bench = Bench::new().await;
    let key = bench.key(KeyKind::P256);
    bench.double.describe(key.as_str(), |description| match flaw {
        Flaw::Usage => description.usage = "ENCRYPT_DECRYPT".to_owned(),
        Flaw::ForeignCurve => {
            description.spec = "ECC_SECG_P256K1".to_owned();
            description.public_key = hex::decode(SECP256K1).unwrap();
        }
        Flaw::NotAKey => {
            description.spec = "SM2".to_owned();
            description.public_key.truncate(20);
        }
        Flaw::OtherSpec => description.spec = "ECC_NIST_P384".to_owned(),
        Flaw::NoAlgorithm => description.algorithms = vec!["ECDSA_SHA_512".to_owned()],
        Flaw::ShortRsa => {
            description.spec = "RSA_2048".to_owned();
            let modulus = [vec![0xc1; 127], vec![1]].concat();
            let short = PublicKey::from_rsa_components(&modulus, &[1, 0, 1]).unwrap();
            description.public_key = short.spki_der().to_vec();
        }
    });

    let refused = KmsSigner::open(bench.client.clone(), key.clone(), None).await.unwrap_err();

    let text = chain(&refused);
    assert!(text.starts_with(&format!("the KMS key {key} {reason}")), "{text}");
}

#[tokio::test]
async fn k7_a_disabled_a_deleted_and_a_missing_key_are_named_with_what_to_do() {
    let bench = Bench::new().await;
    let (disabled, deleted) = (bench.key(KeyKind::P256), bench.key(ML_DSA_65));
    bench.double.describe(disabled.as_str(), |key| key.state = "Disabled".to_owned());
    bench.double.describe(deleted.as_str(), |key| key.state = "PendingDeletion".to_owned());

    let mut texts = Vec::new();
    for key in [disabled.clone(), deleted.clone(), key_id("alias/nothing")] {
        let refused = KmsSigner::open(bench.client.clone(), key, None).await.unwrap_err();
        texts.push(refused.to_string());
    }

    assert_eq!(texts[0], format!("the KMS key {disabled} is disabled: enable it"));
    assert_eq!(
        texts[1],
        format!(
            "the KMS key {deleted} is in a state that does not allow this: if its deletion is pending, cancel that \
             and enable it (KMS says: {deleted} is pending deletion.)"
        )
    );
    assert_eq!(
        texts[2],
        "the KMS key alias/nothing is not in us-east-1: check its id, its Region, and whether it was deleted"
    );
    // A refusal is not tried again.
    assert_eq!(bench.proxy.count("GetPublicKey"), 3);
}

#[tokio::test]
async fn k9_a_grant_that_is_late_is_refused_with_its_action_and_not_remembered() {
    let bench = Bench::new().await;
    let key = bench.key(KeyKind::P256);
    bench.refuse("GetPublicKey", When::First(2), 400, "AccessDeniedException");
    let open = || KmsSigner::open(bench.client.clone(), key.clone(), None);

    let (first, second, third) = (open().await, open().await, open().await);

    for refused in [first.unwrap_err(), second.unwrap_err()] {
        assert!(matches!(refused, OpenKeyError::Kms(_)), "{refused:?}");
        let text = refused.to_string();
        assert!(
            text.starts_with(&format!("the KMS key {key} may not be used: allow kms:GetPublicKey in")),
            "{text}"
        );
    }
    let signature = third.as_ref().unwrap().sign(b"to be signed").await.unwrap();
    third
        .unwrap()
        .public_key()
        .verify(SignatureAlgorithm::Ecdsa(Digest::Sha256), b"to be signed", &signature)
        .unwrap();
}

#[tokio::test]
async fn no_secret_and_no_credential_shows_in_the_debug_text_of_a_signer() {
    let bench = Bench::new().await;

    let text = format!("{:?}", bench.signer(KeyKind::P256).await);

    assert!(text.starts_with("KmsSigner { key: KeyId(arn:aws:kms:us-east-1:111122223333:key/"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

/// The generator of secp256k1, as a `SubjectPublicKeyInfo`.
const SECP256K1: &str = "3056301006072a8648ce3d020106052b8104000a0342000479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d9\
     59f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
