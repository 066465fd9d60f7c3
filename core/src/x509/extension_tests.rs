use proptest::prelude::*;
use rstest::rstest;

use super::*;

#[rstest]
#[case(KeyUsage::DIGITAL_SIGNATURE, "03020780")]
#[case(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT, "030205a0")]
#[case(KeyUsage::CERT_SIGN | KeyUsage::CRL_SIGN, "03020106")]
#[case(KeyUsage::DECIPHER_ONLY, "0303070080")]
#[case(KeyUsage::ENCIPHER_ONLY, "03020001")]
fn key_usage_is_a_bit_string_without_trailing_zeros(#[case] usage: KeyUsage, #[case] der: &str) {
    let extension = usage.to_extension();

    assert_eq!(hex::encode(&extension.value), der);
    assert!(extension.critical);
    assert_eq!(KeyUsage::from_der(&extension.value), Ok(usage));
}

#[rstest]
#[case(BasicConstraints::EndEntity, "3000")]
#[case(BasicConstraints::Ca { path_len: None }, "30030101ff")]
#[case(BasicConstraints::Ca { path_len: Some(0) }, "30060101ff020100")]
#[case(BasicConstraints::Ca { path_len: Some(200) }, "30070101ff020200c8")]
fn basic_constraints_round_trip(#[case] constraints: BasicConstraints, #[case] der: &str) {
    assert_eq!(hex::encode(constraints.to_extension().value), der);
    assert_eq!(BasicConstraints::from_der(&hex::decode(der).unwrap()), Ok(constraints));
}

#[test]
fn x19_a_path_length_on_a_leaf_is_malformed() {
    assert_eq!(BasicConstraints::from_der(&hex::decode("3003020100").unwrap()), Err(NotDer));
}

#[test]
fn x27_an_empty_extended_key_usage_is_malformed() {
    assert_eq!(ExtendedKeyUsage::from_der(&[0x30, 0x00]), Err(NotDer));
}

#[test]
fn the_purposes_keep_their_order() {
    let usage = ExtendedKeyUsage(vec![ExtendedKeyUsage::SERVER_AUTH, ExtendedKeyUsage::CLIENT_AUTH]);
    let extension = usage.to_extension();

    assert_eq!(hex::encode(&extension.value), "301406082b0601050507030106082b06010505070302");
    assert_eq!(ExtendedKeyUsage::from_der(&extension.value), Ok(usage));
}

#[test]
fn x3_the_same_extension_twice_is_refused() {
    let extension = Extension::subject_key_id(&[1]).to_der();
    let der = write::sequence(&[extension.clone(), extension]);
    let value = Value::only(&der, id::SEQUENCE).unwrap();

    assert_eq!(Extension::read_all(value), Err(ExtensionsError::Duplicate(oid::SUBJECT_KEY_ID)));
}

#[test]
fn extensions_round_trip() {
    let extensions = vec![
        KeyUsage::DIGITAL_SIGNATURE.to_extension(),
        Extension::subject_key_id(&[1, 2, 3]),
        Extension::authority_key_id(&[4, 5]),
    ];
    let der = write::sequence(&extensions.iter().map(Extension::to_der).collect::<Vec<_>>());

    assert_eq!(Extension::read_all(Value::only(&der, id::SEQUENCE).unwrap()), Ok(extensions.clone()));
    assert_eq!(read_subject_key_id(&extensions[1].value), Ok(vec![1, 2, 3]));
    assert_eq!(read_authority_key_id(&extensions[2].value), Ok(Some(vec![4, 5])));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = KeyUsage::from_der(&bytes);
        let _ = ExtendedKeyUsage::from_der(&bytes);
        let _ = BasicConstraints::from_der(&bytes);
        let _ = read_authority_key_id(&bytes);
        if let Ok(value) = Value::only(&bytes, id::SEQUENCE) {
            let _ = Extension::read_all(value);
        }
    }
}
