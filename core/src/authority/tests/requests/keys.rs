//! The keys of requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;

use super::{HandmadeRequest, Scene, Token};
use crate::authority::tests::bench::{Ca, P256, SeededRandom, World, request, sign, validity};
use crate::authority::{Authority, AuthorityError, InternalError, Refusal};
use crate::key::{
    Digest, KeyKind, ParameterSet, PrivateKey, PublicKey, SignatureAlgorithm, Signer as _, WeakKey,
};
use crate::random::{Random, RandomError};
use crate::x509::{CertificateRequest, DistinguishedName, Profile};

/// An odd number of so many bits, of which nobody knows the factors.
fn modulus(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = 0xff >> (modulus.len() * 8 - bits);
    modulus
}

fn testdata(hexadecimal: &str) -> Vec<u8> {
    hex::decode(hexadecimal.trim()).unwrap()
}

/// A request for an RSA key of which nobody has the private half.
fn request_for_rsa(modulus: &[u8], exponent: &[u8]) -> Option<String> {
    let key = PublicKey::from_rsa_components(modulus, exponent).ok()?;
    let algorithm = SignatureAlgorithm::RsaPkcs1(Digest::Sha256);
    let der = HandmadeRequest::new(&key, "host.example").der(algorithm, |_| vec![1; modulus.len()]);
    Some(CertificateRequest::from_der(&der).unwrap().to_pem())
}

#[rstest]
#[case::rsa_1024(modulus(1024), WeakKey::TooShort { bits: 1024 })]
#[case::rsa_2047(modulus(2047), WeakKey::TooShort { bits: 2047 })]
#[case::rsa_16384(modulus(16384), WeakKey::TooLong { bits: 16384 })]
#[case::small_factor(modulus(2048), WeakKey::SmallFactor { prime: 3 })]
#[case::roca(testdata(include_str!("../../../key/testdata/roca2048.hex")), WeakKey::Roca)]
#[case::close_primes(testdata(include_str!("../../../key/testdata/close-primes2048.hex")), WeakKey::ClosePrimes)]
#[tokio::test]
async fn x7_x8_x26_a_weak_key_is_certified_neither_at_first_nor_in_a_rekey(
    #[case] modulus: Vec<u8>,
    #[case] expected: WeakKey,
) {
    let scene = Scene::new().await;
    let csr = request_for_rsa(&modulus, &[1, 0, 1]).unwrap();

    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        for refusal in scene.refusals(&csr).await {
            let AuthorityError::Refused(Refusal::WeakKey(reason)) = &refusal else { panic!("{refusal:?}") };
            assert_eq!(*reason, expected);
        }
        fastest = fastest.min(start.elapsed());
    }

    assert!(fastest < Duration::from_millis(250), "two refusals took {fastest:?}");
}

#[tokio::test]
async fn x7_numbers_that_are_no_rsa_key_are_not_even_read() {
    let even = [modulus(2040), vec![0xfe]].concat();

    assert_eq!(request_for_rsa(&even, &[1, 0, 1]), None);
    for exponent in [&[1][..], &[2], &[1, 0, 0, 0, 0, 0, 0, 0, 1]] {
        assert_eq!(request_for_rsa(&modulus(2048), exponent), None);
    }
}

#[tokio::test]
async fn x11_the_issuers_own_key_is_never_certified() {
    let scene = Scene::new().await;
    let csr = request(&scene.world.issuer.key, "host.example", &["host.example"]);

    for refusal in scene.refusals(&csr).await {
        assert!(matches!(refusal, AuthorityError::Refused(Refusal::IssuerKey)), "{refusal:?}");
    }
}

/// Each kind of key is certified, by a new token and in a rekey, and the certificate is for that key.
#[rstest]
#[case::p256(KeyKind::P256)]
#[case::p384(KeyKind::P384)]
#[case::p521(KeyKind::P521)]
#[case::ed25519(KeyKind::Ed25519)]
#[case::rsa(KeyKind::Rsa { bits: 2048 })]
#[case::ml_dsa(KeyKind::MlDsa(ParameterSet::MlDsa65))]
#[tokio::test]
async fn a_good_key_of_each_kind_is_certified(#[case] kind: KeyKind) {
    let scene = Scene::new().await;
    let key = PrivateKey::generate(kind).unwrap();
    let csr = request(&key, "host.example", &["host.example"]);

    let signed = scene.sign(&csr).await.unwrap();
    let rekeyed = scene.rekey(&csr).await.unwrap();

    for certificate in [signed, rekeyed] {
        assert_eq!(certificate.public_key(), key.public_key());
        assert_eq!(certificate.subject_key_id(), Some(&key.public_key().key_identifier()[..]));
        certificate.verify_signature(scene.world.signer.public_key()).unwrap();
    }
}

/// An issuer of each kind signs, and what it signed passes for a client certificate.
#[rstest]
#[case::p384(KeyKind::P384)]
#[case::p521(KeyKind::P521)]
#[case::ed25519(KeyKind::Ed25519)]
#[case::rsa(KeyKind::Rsa { bits: 2048 })]
#[case::ml_dsa_44(KeyKind::MlDsa(ParameterSet::MlDsa44))]
#[case::ml_dsa_65(KeyKind::MlDsa(ParameterSet::MlDsa65))]
#[case::ml_dsa_87(KeyKind::MlDsa(ParameterSet::MlDsa87))]
#[tokio::test]
async fn an_issuer_of_each_kind_signs_and_renews(#[case] kind: KeyKind) {
    let root = Ca::root("Test Root");
    let subject = DistinguishedName::from_common_name("Test Issuer").unwrap();
    let years = validity("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z");
    let issuer = root.intermediate_of(kind, subject, years, Profile::intermediate());
    let scene = Scene::of(World::of(root, issuer)).await;
    let csr = request(&PrivateKey::generate(P256).unwrap(), "host.example", &["host.example"]);

    let signed = scene.sign(&csr).await.unwrap();
    let rekeyed = scene.rekey(&csr).await.unwrap();

    for certificate in [signed, rekeyed] {
        assert_eq!(certificate.signature_algorithm(), Some(SignatureAlgorithm::default_for(kind)));
        certificate.verify_signature(scene.world.issuer.key.public_key()).unwrap();
    }
}

/// A source of randomness that is stuck draws the same serial number again: the store refuses it.
#[tokio::test]
async fn x21_a_serial_number_that_is_drawn_twice_is_used_once() {
    let mut world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let first = world.certificate("host.example", &key).await;
    world.random = Arc::new(SeededRandom::new(1));
    let authority = world.authority().await;
    let token = Token::new(&world, "host.example").mint(&world.admin);
    let csr = request(&key, "host.example", &["host.example"]);
    let signed = world.signer.signed();

    let refused = sign(&authority, &csr, &token).await.unwrap_err();

    assert!(
        matches!(&refused, AuthorityError::Internal(InternalError::RepeatedSerial(serial)) if serial == first.serial()),
        "{refused:?}"
    );
    assert_eq!(world.signer.signed(), signed, "nothing was signed");
    // The token was not spent on it.
    sign(&authority, &csr, &token).await.unwrap();
}

#[tokio::test]
async fn x21_a_source_of_randomness_that_gives_nothing_makes_no_certificate() {
    #[derive(Debug)]
    struct Broken(Option<u8>);
    impl Random for Broken {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            self.0.map(|byte| buffer.fill(byte)).ok_or(RandomError)
        }
    }
    let world = World::new();
    for random in [Broken(None), Broken(Some(0))] {
        let mut parts = world.parts(world.signer.clone());
        parts.random = Arc::new(random);
        let authority = Authority::open(parts).await.unwrap();
        let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
        let token = Token::new(&world, "host.example").mint(&world.admin);

        let (refused, calls) = world.calls_of(sign(&authority, &csr, &token)).await;

        assert!(matches!(refused, Err(AuthorityError::Internal(InternalError::Random(_)))));
        assert_eq!(calls, []);
    }
}
