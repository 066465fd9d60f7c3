//! K2: every key spec and algorithm that the emulator has, signed there, judged by openssl.

use std::fs;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use stepless_aws::kms::KmsSigner;
use stepless_aws::kms::admin::{WantedKey, ensure_key};
use stepless_core::key::{Digest, KeyKind, SignatureAlgorithm, Signer as _};
use stepless_localstack::emulator::Ministack;

use crate::kms_bench::{client, key_id};

#[rstest]
#[case::p256(KeyKind::P256, SignatureAlgorithm::Ecdsa(Digest::Sha256))]
#[case::p384(KeyKind::P384, SignatureAlgorithm::Ecdsa(Digest::Sha384))]
#[case::p521(KeyKind::P521, SignatureAlgorithm::Ecdsa(Digest::Sha512))]
#[case::ed25519(KeyKind::Ed25519, SignatureAlgorithm::Ed25519)]
#[case::rsa_2048_pkcs1_sha256(rsa(2048), SignatureAlgorithm::RsaPkcs1(Digest::Sha256))]
#[case::rsa_2048_pkcs1_sha384(rsa(2048), SignatureAlgorithm::RsaPkcs1(Digest::Sha384))]
#[case::rsa_2048_pkcs1_sha512(rsa(2048), SignatureAlgorithm::RsaPkcs1(Digest::Sha512))]
#[case::rsa_2048_pss_sha256(rsa(2048), SignatureAlgorithm::RsaPss(Digest::Sha256))]
#[case::rsa_2048_pss_sha384(rsa(2048), SignatureAlgorithm::RsaPss(Digest::Sha384))]
#[case::rsa_2048_pss_sha512(rsa(2048), SignatureAlgorithm::RsaPss(Digest::Sha512))]
#[case::rsa_3072_pkcs1_sha256(rsa(3072), SignatureAlgorithm::RsaPkcs1(Digest::Sha256))]
#[case::rsa_3072_pss_sha384(rsa(3072), SignatureAlgorithm::RsaPss(Digest::Sha384))]
#[case::rsa_4096_pkcs1_sha512(rsa(4096), SignatureAlgorithm::RsaPkcs1(Digest::Sha512))]
#[case::rsa_4096_pss_sha512(rsa(4096), SignatureAlgorithm::RsaPss(Digest::Sha512))]
#[tokio::test(flavor = "multi_thread")]
async fn k2_openssl_verifies_what_every_spec_and_algorithm_of_the_emulator_signs(
    #[case] kind: KeyKind,
    #[case] algorithm: SignatureAlgorithm,
) {
    let client = client(&Ministack::shared().unwrap().url());
    let alias = format!("alias/k2-{kind}-{algorithm:?}").replace([' ', '(', ')'], "_");
    let wanted = WantedKey { alias: key_id(&alias), kind, description: String::new(), tags: Vec::new() };
    let key = ensure_key(&client, &wanted).await.unwrap().arn;
    let signer = KmsSigner::open(client, key, Some(algorithm)).await.unwrap();
    assert_eq!((signer.public_key().kind(), signer.algorithm()), (kind, algorithm));
    // Above the hash's block, below the limit of RAW.
    let message = [b"stepless".as_slice(); 500].concat();

    let signature = signer.sign(&message).await.unwrap();

    signer.public_key().verify(algorithm, &message, &signature).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let public = file("public.der", signer.public_key().spki_der());
    let signature = file("signature", &signature);
    assert_verified(&public, &signature, &file("message", &message), algorithm);
    let other = openssl(&public, &signature, &file("other", b"another message"), algorithm);
    assert!(!other.status.success(), "{other:?}");
}

#[track_caller]
fn assert_verified(public: &Path, signature: &Path, message: &Path, algorithm: SignatureAlgorithm) {
    let judged = openssl(public, signature, message, algorithm);
    assert!(judged.status.success(), "{judged:?}");
}

fn openssl(
    public: &Path,
    signature: &Path,
    message: &Path,
    algorithm: SignatureAlgorithm,
) -> std::process::Output {
    let (digest, options): (_, &[&str]) = match algorithm {
        SignatureAlgorithm::Ecdsa(digest) => (Some(digest), &[]),
        SignatureAlgorithm::RsaPkcs1(digest) => (Some(digest), &["rsa_padding_mode:pkcs1"]),
        SignatureAlgorithm::RsaPss(digest) => {
            (Some(digest), &["rsa_padding_mode:pss", "rsa_pss_saltlen:digest"])
        }
        SignatureAlgorithm::Ed25519 | SignatureAlgorithm::MlDsa(_) => (None, &[]),
    };
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey"]);
    command.arg(public).arg("-sigfile").arg(signature).arg("-in").arg(message);
    match digest {
        Some(Digest::Sha256) => command.args(["-digest", "sha256"]),
        Some(Digest::Sha384) => command.args(["-digest", "sha384"]),
        Some(Digest::Sha512) => command.args(["-digest", "sha512"]),
        None => &mut command,
    };
    for option in options {
        command.args(["-pkeyopt", option]);
    }
    command.output().expect("openssl is needed to judge signatures: install it")
}

fn rsa(bits: usize) -> KeyKind {
    KeyKind::Rsa { bits }
}
