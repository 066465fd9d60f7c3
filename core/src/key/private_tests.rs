use der::Encode;
use der::asn1::UintRef;
use num_bigint::BigUint;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::key::SignatureInvalid;

const EC: [SignatureAlgorithm; 3] = [
    SignatureAlgorithm::Ecdsa(Digest::Sha256),
    SignatureAlgorithm::Ecdsa(Digest::Sha384),
    SignatureAlgorithm::Ecdsa(Digest::Sha512),
];
const RSA: [SignatureAlgorithm; 6] = [
    SignatureAlgorithm::RsaPkcs1(Digest::Sha256),
    SignatureAlgorithm::RsaPkcs1(Digest::Sha384),
    SignatureAlgorithm::RsaPkcs1(Digest::Sha512),
    SignatureAlgorithm::RsaPss(Digest::Sha256),
    SignatureAlgorithm::RsaPss(Digest::Sha384),
    SignatureAlgorithm::RsaPss(Digest::Sha512),
];
const ED: [SignatureAlgorithm; 1] = [SignatureAlgorithm::Ed25519];
const ML_DSA: [SignatureAlgorithm; 3] = [
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa44),
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa65),
    SignatureAlgorithm::MlDsa(ParameterSet::MlDsa87),
];

/// The orders of the curves ([SEC 2 §2.4-2.6](https://www.secg.org/sec2-v2.pdf)).
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384_ORDER: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
const P521_ORDER: &str = "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409";

#[rstest]
#[case::p256(KeyKind::P256, &EC)]
#[case::p384(KeyKind::P384, &EC)]
#[case::p521(KeyKind::P521, &EC)]
#[case::rsa2048(KeyKind::Rsa { bits: 2048 }, &RSA)]
#[case::rsa3072(KeyKind::Rsa { bits: 3072 }, &RSA)]
#[case::ed25519(KeyKind::Ed25519, &ED)]
#[case::ml_dsa_44(KeyKind::MlDsa(ParameterSet::MlDsa44), &ML_DSA[..1])]
#[case::ml_dsa_65(KeyKind::MlDsa(ParameterSet::MlDsa65), &ML_DSA[1..2])]
#[case::ml_dsa_87(KeyKind::MlDsa(ParameterSet::MlDsa87), &ML_DSA[2..])]
fn every_kind_signs_with_its_algorithms_and_no_other(
    #[case] kind: KeyKind,
    #[case] algorithms: &'static [SignatureAlgorithm],
) {
    let key = PrivateKey::generate(kind).unwrap();
    assert_eq!(key.public_key().kind(), kind);

    let law = |message: Vec<u8>, flip: prop::sample::Index| {
        for algorithm in EC.iter().chain(&RSA).chain(&ED).chain(&ML_DSA).copied() {
            if !algorithms.contains(&algorithm) {
                assert_eq!(key.sign(algorithm, &message), Err(SigningError::Unfit { kind, algorithm }));
                assert_eq!(key.public_key().verify(algorithm, &message, &[0; 64]), Err(SignatureInvalid));
                continue;
            }
            let mut signature = key.sign(algorithm, &message).unwrap();
            assert_eq!(key.public_key().verify(algorithm, &message, &signature), Ok(()), "{algorithm:?}");

            let bit = flip.index(signature.len() * 8);
            signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                key.public_key().verify(algorithm, &message, &signature),
                Err(SignatureInvalid),
                "{algorithm:?} with bit {bit} flipped"
            );
            signature[bit / 8] ^= 1 << (bit % 8);
            let changed = [message.as_slice(), b"!"].concat();
            assert_eq!(key.public_key().verify(algorithm, &changed, &signature), Err(SignatureInvalid));
        }
    };
    proptest!(ProptestConfig::with_cases(8), |(
        message in proptest::collection::vec(any::<u8>(), 0..2000),
        flip in any::<prop::sample::Index>(),
    )| law(message, flip));
}

#[rstest]
#[case::p256(KeyKind::P256, 32, 1)]
#[case::p384(KeyKind::P384, 48, 1)]
// The first byte of a P-521 number is 0 or 1 anyway.
#[case::p521(KeyKind::P521, 66, 2)]
fn k4_short_numbers_keep_their_width_in_jose_and_verify_in_der(
    #[case] kind: KeyKind,
    #[case] field: usize,
    #[case] zeros: usize,
) {
    let key = PrivateKey::generate(kind).unwrap();
    let algorithm = SignatureAlgorithm::default_for(kind);
    let is_short = |number: &[u8]| number[..zeros].iter().all(|byte| *byte == 0);
    let mut short = 0;
    for round in 0..10_000u32 {
        let message = round.to_be_bytes();
        let fixed = key.sign_jose(algorithm, &message).unwrap();
        assert_eq!(fixed.len(), 2 * field);
        if !fixed.chunks(field).any(is_short) {
            continue;
        }
        short += 1;
        assert_eq!(key.public_key().verify_jose(algorithm, &message, &fixed), Ok(()));
        assert_eq!(key.public_key().verify(algorithm, &message, &fixed), Err(SignatureInvalid));

        let der = ecdsa::der_from_fixed(field, &fixed).unwrap();
        assert_eq!(key.public_key().verify(algorithm, &message, &der), Ok(()));
        assert_eq!(key.public_key().verify_jose(algorithm, &message, &der), Err(SignatureInvalid));
        assert_eq!(ecdsa::fixed_from_der(field, &der).unwrap(), fixed);
    }
    // About one signature in 128 is short.
    assert!(short > 0);
}

proptest! {
    #[test]
    fn k4_both_forms_of_a_signature_hold_the_same_numbers(
        r in proptest::collection::vec(any::<u8>(), 32),
        s in proptest::collection::vec(any::<u8>(), 32),
        zeros in 0usize..33,
    ) {
        let mut fixed = [r, s].concat();
        fixed[..zeros].fill(0);

        let der = ecdsa::der_from_fixed(32, &fixed).unwrap();

        prop_assert_eq!(ecdsa::fixed_from_der(32, &der), Some(fixed));
    }
}

#[rstest]
#[case::p256(KeyKind::P256, P256_ORDER)]
#[case::p384(KeyKind::P384, P384_ORDER)]
#[case::p521(KeyKind::P521, P521_ORDER)]
fn t9_signatures_of_zero_or_the_order_do_not_verify(#[case] kind: KeyKind, #[case] order: &str) {
    let key = PrivateKey::generate(kind).unwrap();
    let algorithm = SignatureAlgorithm::default_for(kind);
    let order = BigUint::parse_bytes(order.as_bytes(), 16).unwrap();
    let field = order.to_bytes_be().len();
    let width = |number: &BigUint| {
        let bytes = number.to_bytes_be();
        [vec![0; field - bytes.len()], bytes].concat()
    };
    let numbers = [0u32.into(), 1u32.into(), order.clone(), order + 1u32];
    for r in &numbers {
        for s in &numbers {
            let fixed = [width(r), width(s)].concat();
            let der = ecdsa::der_from_fixed(field, &fixed).unwrap();

            assert_eq!(key.public_key().verify_jose(algorithm, b"token", &fixed), Err(SignatureInvalid));
            assert_eq!(key.public_key().verify(algorithm, b"token", &der), Err(SignatureInvalid));
        }
    }
}

#[test]
fn t9_a_jose_signature_of_another_length_or_hash_does_not_verify() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let algorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);
    let fixed = key.sign_jose(algorithm, b"token").unwrap();

    let (start, end) = fixed.split_at(32);
    let widened = [&[0], start, &[0], end].concat();
    for bad in [&[] as &[u8], &fixed[1..], &[fixed.as_slice(), &[0]].concat(), &widened] {
        assert_eq!(key.public_key().verify_jose(algorithm, b"token", bad), Err(SignatureInvalid));
    }
    let other = SignatureAlgorithm::Ecdsa(Digest::Sha384);
    assert_eq!(key.public_key().verify_jose(other, b"token", &fixed), Err(SignatureInvalid));
    assert_eq!(
        key.sign_jose(other, b"token"),
        Err(SigningError::Unfit { kind: KeyKind::P256, algorithm: other })
    );
}

#[test]
fn t9_a_signature_in_lax_der_does_not_verify() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let algorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);
    let der = key.sign(algorithm, b"message").unwrap();

    let trailing = [der.as_slice(), &[0]].concat();
    let long_length = [&[0x30, 0x81], &der[1..]].concat();
    for bad in [trailing, long_length] {
        assert_eq!(key.public_key().verify(algorithm, b"message", &bad), Err(SignatureInvalid));
    }
}

#[rstest]
#[case(KeyKind::P256)]
#[case(KeyKind::P384)]
#[case(KeyKind::P521)]
#[case(KeyKind::Ed25519)]
#[case(KeyKind::Rsa { bits: 2048 })]
#[case(KeyKind::MlDsa(ParameterSet::MlDsa44))]
#[case(KeyKind::MlDsa(ParameterSet::MlDsa65))]
#[case(KeyKind::MlDsa(ParameterSet::MlDsa87))]
fn a_key_read_back_from_its_encoding_is_the_same(#[case] kind: KeyKind) {
    let key = PrivateKey::generate(kind).unwrap();

    let again = PrivateKey::from_pkcs8_der(key.to_pkcs8_der().unwrap().expose()).unwrap();

    assert_eq!(again.public_key(), key.public_key());
    let algorithm = SignatureAlgorithm::default_for(kind);
    let signature = again.sign(algorithm, b"message").unwrap();
    key.public_key().verify(algorithm, b"message", &signature).unwrap();
}

#[test]
fn a_key_whose_halves_do_not_belong_together_is_refused() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let other = PrivateKey::generate(KeyKind::P256).unwrap();
    let (x, y) = other.public_key().ec_coordinates().unwrap();
    let mut der = key.to_pkcs8_der().unwrap().expose().to_vec();

    let start = der.len() - 64;
    der[start..].copy_from_slice(&[x, y].concat());

    assert_eq!(PrivateKey::from_pkcs8_der(&der).unwrap_err(), PrivateKeyError::Malformed);
}

#[test]
fn a_key_with_bytes_after_it_or_cut_short_is_refused() {
    let ml_dsa = KeyKind::MlDsa(ParameterSet::MlDsa65);
    for kind in [KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa { bits: 2048 }, ml_dsa] {
        let der = PrivateKey::generate(kind).unwrap().to_pkcs8_der().unwrap().expose().to_vec();

        let longer = [der.as_slice(), &[0]].concat();
        let shorter = &der[..der.len() - 1];

        assert_eq!(PrivateKey::from_pkcs8_der(&longer).unwrap_err(), PrivateKeyError::Malformed);
        assert_eq!(PrivateKey::from_pkcs8_der(shorter).unwrap_err(), PrivateKeyError::Malformed);
    }
}

#[test]
fn x8_a_weak_private_key_is_refused_when_it_is_read() {
    let modulus = hex::decode(include_str!("testdata/close-primes2048.hex").trim()).unwrap();
    let unsigned = |bytes: &'static [u8]| UintRef::new(bytes).unwrap();
    let key = RsaPrivateKey {
        version: 0,
        modulus: UintRef::new(&modulus).unwrap(),
        exponent: unsigned(&[1, 0, 1]),
        private_exponent: unsigned(&[3]),
        prime1: unsigned(&[3]),
        prime2: unsigned(&[3]),
        exponent1: unsigned(&[3]),
        exponent2: unsigned(&[3]),
        coefficient: unsigned(&[3]),
    };

    let refused = PrivateKey::from_pkcs1_der(&key.to_der().unwrap());

    assert_eq!(refused.unwrap_err(), PrivateKeyError::Weak(WeakKey::ClosePrimes));
}

#[test]
fn rsa_sizes_that_are_not_offered_are_not_generated() {
    let refused = PrivateKey::generate(KeyKind::Rsa { bits: 1024 });

    assert_eq!(refused.unwrap_err(), GenerateKeyError::Size { bits: 1024 });
}

#[test]
fn debug_shows_the_kind_and_nothing_else() {
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();

    assert_eq!(format!("{key:?}"), "PrivateKey { kind: Ed25519, .. }");
}
