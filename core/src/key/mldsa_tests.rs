use const_oid::db::rfc5912;
use der::asn1::BitString;
use der::{Any, Encode as _};
use rstest::rstest;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::*;
use crate::key::{
    KeyKind, PrivateKey, PrivateKeyError, PublicKey, PublicKeyError, SignatureAlgorithm, SignatureInvalid,
};

fn key(set: ParameterSet) -> PrivateKey {
    PrivateKey::generate(KeyKind::MlDsa(set)).unwrap()
}

fn spki(oid: ObjectIdentifier, parameters: Option<Any>, bits: &[u8]) -> Vec<u8> {
    let info = SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned { oid, parameters },
        subject_public_key: BitString::from_bytes(bits).unwrap(),
    };
    info.to_der().unwrap()
}

#[rstest]
#[case(ParameterSet::MlDsa44, "2.16.840.1.101.3.4.3.17", 1312, 2420)]
#[case(ParameterSet::MlDsa65, "2.16.840.1.101.3.4.3.18", 1952, 3309)]
#[case(ParameterSet::MlDsa87, "2.16.840.1.101.3.4.3.19", 2592, 4627)]
fn each_parameter_set_has_the_identifier_and_the_lengths_of_its_standards(
    #[case] set: ParameterSet,
    #[case] oid: &str,
    #[case] public_key_len: usize,
    #[case] signature_len: usize,
) {
    let key = key(set);
    let algorithm = SignatureAlgorithm::default_for(KeyKind::MlDsa(set));

    assert_eq!(set.oid().to_string(), oid);
    assert_eq!(algorithm.identifier(), AlgorithmIdentifierOwned { oid: set.oid(), parameters: None });
    assert_eq!(key.public_key().bits().len(), public_key_len);
    assert_eq!(set.public_key_len(), public_key_len);
    assert_eq!(key.sign(algorithm, b"message").unwrap().len(), signature_len);
    assert_eq!(key.public_key().check_strength(), Ok(()));
}

#[rstest]
fn a_public_key_is_read_back_from_its_encoding(
    #[values(ParameterSet::MlDsa44, ParameterSet::MlDsa65, ParameterSet::MlDsa87)] set: ParameterSet,
) {
    let key = key(set);
    let bits = key.public_key().bits();

    let again = PublicKey::from_spki_der(&spki(set.oid(), None, bits)).unwrap();

    assert_eq!(&again, key.public_key());
    assert_eq!(again.kind(), KeyKind::MlDsa(set));
    assert_eq!(again.key_identifier(), key.public_key().key_identifier());
    assert_eq!(again.kind().to_string(), set.to_string());
}

#[rstest]
fn a_public_key_of_another_length_or_with_parameters_is_refused(
    #[values(ParameterSet::MlDsa44, ParameterSet::MlDsa65, ParameterSet::MlDsa87)] set: ParameterSet,
) {
    let key = key(set);
    let bits = key.public_key().bits();
    let longer = [bits, &[0]].concat();
    let mut refused = vec![
        spki(set.oid(), None, &[]),
        spki(set.oid(), None, &bits[1..]),
        spki(set.oid(), None, &longer),
        // The library would take it.
        spki(set.oid(), None, key.public_key().spki_der()),
        spki(set.oid(), Some(Any::null()), bits),
        spki(set.oid(), Some(Any::from(rfc5912::SECP_256_R_1)), bits),
        [key.public_key().spki_der(), &[0]].concat(),
    ];
    let others = ParameterSet::ALL.into_iter().filter(|other| *other != set);
    refused.extend(others.map(|other| spki(other.oid(), None, bits)));

    for der in refused {
        assert_eq!(PublicKey::from_spki_der(&der), Err(PublicKeyError::Malformed));
    }
}

#[test]
fn a_key_for_hashed_messages_is_not_one_of_these() {
    let oid = fips204::ID_HASH_ML_DSA_65_WITH_SHA_512;
    let der = spki(oid, None, key(ParameterSet::MlDsa65).public_key().bits());

    assert_eq!(PublicKey::from_spki_der(&der), Err(PublicKeyError::UnknownAlgorithm(oid)));
}

#[test]
fn a_signature_of_another_length_does_not_verify() {
    let key = key(ParameterSet::MlDsa44);
    let algorithm = SignatureAlgorithm::MlDsa(ParameterSet::MlDsa44);
    let signature = key.sign(algorithm, b"message").unwrap();

    for bad in [&[] as &[u8], &signature[1..], &[signature.as_slice(), &[0]].concat()] {
        assert_eq!(key.public_key().verify(algorithm, b"message", bad), Err(SignatureInvalid));
    }
}

#[test]
fn an_algorithm_identifier_with_parameters_is_not_one_of_these() {
    let identifier =
        AlgorithmIdentifierOwned { oid: ParameterSet::MlDsa65.oid(), parameters: Some(Any::null()) };
    let der = identifier.to_der().unwrap();

    assert_eq!(SignatureAlgorithm::from_identifier(der.as_slice().try_into().unwrap()), None);
}

/// The key of [RFC 9881 §C.1](https://www.rfc-editor.org/rfc/rfc9881#appendix-C.1) in its three forms.
#[rstest]
#[case::seed(include_bytes!("testdata/mldsa44-seed.pem"))]
#[case::expanded(include_bytes!("testdata/mldsa44-expanded.pem"))]
#[case::both(include_bytes!("testdata/mldsa44-both.pem"))]
fn a_private_key_is_read_in_each_form_of_the_rfc(#[case] pem: &[u8]) {
    let (_, spki) = pem_rfc7468::decode_vec(include_bytes!("testdata/mldsa44-public.pem")).unwrap();
    let published = PublicKey::from_spki_der(&spki).unwrap();

    let key = PrivateKey::from_pem(pem, None).unwrap();

    assert_eq!(key.public_key(), &published);
    let algorithm = SignatureAlgorithm::MlDsa(ParameterSet::MlDsa44);
    let signature = key.sign(algorithm, b"message").unwrap();
    published.verify(algorithm, b"message", &signature).unwrap();
}

#[test]
fn a_private_key_is_written_as_its_seed() {
    let both = PrivateKey::from_pem(include_bytes!("testdata/mldsa44-both.pem"), None).unwrap();
    let (_, seed) = pem_rfc7468::decode_vec(include_bytes!("testdata/mldsa44-seed.pem")).unwrap();

    assert_eq!(both.to_pkcs8_der().unwrap().expose(), seed);
}

#[test]
fn a_private_key_whose_seed_makes_another_key_is_refused() {
    let refused = PrivateKey::from_pem(include_bytes!("testdata/mldsa44-inconsistent.pem"), None);

    assert_eq!(refused.unwrap_err(), PrivateKeyError::Malformed);
}
