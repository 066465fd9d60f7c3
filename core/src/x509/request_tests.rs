use std::time::{Duration, Instant};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::key::WeakKey;
use crate::x509::testing::TestKey;
use crate::x509::write;

const P384: &str = include_str!("testdata/request_p384.pem");

fn attribute(oid: ObjectIdentifier, values: &[Vec<u8>]) -> Vec<u8> {
    write::sequence(&[write::oid(oid), write::constructed(id::SET, values)])
}

fn extension_request(extensions: &[Extension]) -> Vec<u8> {
    let extensions: Vec<Vec<u8>> = extensions.iter().map(Extension::to_der).collect();
    attribute(EXTENSION_REQUEST, &[write::sequence(&extensions)])
}

fn san(der: &[u8]) -> Extension {
    Extension { oid: oid::SUBJECT_ALT_NAME, critical: false, value: der.to_vec() }
}

fn read(attributes: &[Vec<u8>]) -> Result<CertificateRequest, RequestError> {
    CertificateRequest::from_der(&TestKey::new().request(&[0x30, 0x00], attributes))
}

#[rstest]
#[case::p384(P384)]
#[case::p521(include_str!("testdata/request_p521.pem"))]
#[case::ed25519(include_str!("testdata/request_ed25519.pem"))]
#[case::rsa_pss(include_str!("testdata/request_rsa_pss.pem"))]
fn a_request_of_openssl_is_read_and_verified(#[case] pem: &str) {
    let request = CertificateRequest::from_pem(pem).unwrap();

    assert_eq!(request.verify_proof_of_possession(), Ok(()));
    assert_eq!(request.common_name(), Some("req.example.com"));
    assert_eq!(request.subject().fields().organization, ["Example, Inc."]);
    let names: Vec<String> = request.sans().names.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "req.example.com",
            "*.req.example.com",
            "10.0.0.1",
            "2001:db8::1",
            "a@example.com",
            "https://example.com/x"
        ]
    );
    assert_eq!(request.extensions().len(), 3);
    assert_eq!(request.to_pem(), pem);
}

#[test]
fn a_request_of_step_is_read_and_verified() {
    let request = CertificateRequest::from_pem(include_str!("testdata/request_rsa.pem")).unwrap();

    assert_eq!(request.verify_proof_of_possession(), Ok(()));
    assert_eq!(request.common_name(), Some("rsa.example.com"));
    assert_eq!(request.fingerprint_sha256(), hex::encode(request.sha256()));
}

#[test]
fn a_challenge_password_is_read_and_not_printed() {
    let request = CertificateRequest::from_pem(include_str!("testdata/request_challenge.pem")).unwrap();

    assert_eq!(request.challenge_password(), Some("s3cret"));
    assert!(!format!("{request:?}").contains("s3cret"));
}

#[test]
fn x1_every_changed_signature_bit_is_noticed() {
    let der = CertificateRequest::from_pem(P384).unwrap().as_der().to_vec();
    let signature = der.len() - 90;

    for bit in 0..8 * 90 {
        let mut changed = der.clone();
        changed[signature + bit / 8] ^= 1 << (bit % 8);
        if let Ok(request) = CertificateRequest::from_der(&changed) {
            assert_eq!(request.verify_proof_of_possession(), Err(RequestError::BadSignature));
        }
    }
}

#[test]
fn x1_a_request_signed_by_another_key_is_refused() {
    let (own, other) = (TestKey::new(), TestKey::new());
    let mine = CertificateRequest::from_der(&own.request(&[0x30, 0x00], &[])).unwrap();
    let forged = write::sequence(&[
        mine.info.clone(),
        super::super::certificate::algorithm_der(mine.algorithm),
        write::bit_string(&other.sign(&mine.info)),
    ]);

    assert_eq!(mine.verify_proof_of_possession(), Ok(()));
    assert_eq!(
        CertificateRequest::from_der(&forged).unwrap().verify_proof_of_possession(),
        Err(RequestError::BadSignature)
    );
}

#[test]
fn x2_a_request_that_is_not_der_is_refused() {
    let der = CertificateRequest::from_pem(P384).unwrap().as_der().to_vec();
    let trailing = [der.as_slice(), &[0]].concat();
    let mut indefinite = der.clone();
    indefinite[1] = 0x80;
    let long_length = [&[0x30, 0x83, 0x00], &der[2..]].concat();

    for bad in [trailing, indefinite, long_length, der[..der.len() - 1].to_vec(), vec![]] {
        assert_eq!(CertificateRequest::from_der(&bad).unwrap_err(), RequestError::Malformed);
    }
}

#[rstest]
#[case::two_blocks(format!("{P384}{P384}"), PemError::MoreThanOne)]
#[case::other_label(
    P384.replace("CERTIFICATE REQUEST", "CERTIFICATE"),
    PemError::OtherLabel { expected: "CERTIFICATE REQUEST", found: "CERTIFICATE".to_owned() }
)]
#[case::no_block(String::new(), PemError::Missing)]
fn x2_pem_with_other_than_one_request_is_refused(#[case] pem: String, #[case] expected: PemError) {
    assert_eq!(CertificateRequest::from_pem(&pem).unwrap_err(), RequestError::Pem(expected));
}

#[test]
fn the_old_label_and_text_before_the_block_are_read() {
    let old = format!("Certificate Request:\r\n{}", P384.replace("CERTIFICATE", "NEW CERTIFICATE"));

    assert!(CertificateRequest::from_pem(&old.replace('\n', "\r\n")).is_ok());
}

#[test]
fn x3_duplicates_are_refused() {
    let one = san(&[0x30, 0x03, 0x82, 0x01, b'a']);
    let twice = extension_request(&[one.clone(), one.clone()]);
    let request = extension_request(std::slice::from_ref(&one));
    let two_values = attribute(EXTENSION_REQUEST, &vec![write::sequence(&[one.to_der()]); 2]);

    assert_eq!(read(std::slice::from_ref(&request)).unwrap().sans().names.len(), 1);
    assert_eq!(read(&[twice]).unwrap_err(), RequestError::Duplicate(oid::SUBJECT_ALT_NAME));
    assert_eq!(read(&[request.clone(), request]).unwrap_err(), RequestError::Duplicate(EXTENSION_REQUEST));
    assert_eq!(read(&[two_values]).unwrap_err(), RequestError::Malformed);
}

#[rstest]
#[case::sha1(include_str!("testdata/request_sha1.pem"), RequestError::UnsupportedSignatureAlgorithm)]
#[case::secp256k1(
    include_str!("testdata/request_secp256k1.pem"),
    RequestError::Key(PublicKeyError::UnknownCurve)
)]
fn what_is_not_supported_is_named(#[case] pem: &str, #[case] expected: RequestError) {
    assert_eq!(CertificateRequest::from_pem(pem).unwrap_err(), expected);
}

/// Its own signature holds; a key of that length proves nothing all the same.
#[test]
fn x7_a_short_key_proves_nothing() {
    let request = CertificateRequest::from_pem(include_str!("testdata/request_rsa1024.pem")).unwrap();

    assert_eq!(request.verify_proof_of_possession(), Err(RequestError::BadSignature));
    assert_eq!(request.public_key().check_strength(), Err(WeakKey::TooShort { bits: 1024 }));
}

#[rstest]
#[case::nul(&[0x30, 0x05, 0x82, 0x03, b'a', 0, b'b'])]
#[case::byte_0x80(&[0x30, 0x04, 0x82, 0x02, b'a', 0x80])]
#[case::newline_in_email(&[0x30, 0x06, 0x81, 0x04, b'a', b'@', b'b', b'\n'])]
#[case::tab_in_uri(&[0x30, 0x05, 0x86, 0x03, b'a', b':', b'\t'])]
fn x13_control_characters_in_names_are_refused(#[case] names: &[u8]) {
    let error = read(&[extension_request(&[san(names)])]).unwrap_err();

    assert!(matches!(error, RequestError::Name(SanError::BadName { .. })), "{error:?}");
}

#[rstest]
#[case("a\0b")]
#[case("a\nb")]
#[case("a\tb")]
#[case("a\u{80}b")]
fn x13_control_characters_in_the_common_name_are_refused(#[case] value: &str) {
    let text = write::value(id::UTF8_STRING, value.as_bytes());
    let attribute = write::sequence(&[write::oid(ObjectIdentifier::new_unwrap("2.5.4.3")), text]);
    let subject = write::sequence(&[write::constructed(id::SET, &[attribute])]);

    assert_eq!(
        CertificateRequest::from_der(&TestKey::new().request(&subject, &[])).unwrap_err(),
        RequestError::Subject(NameError::ControlCharacter)
    );
}

#[rstest]
#[case(b"10.0.0.1")]
#[case(b"010.0.0.5")]
#[case(b"10.0.0.5/32")]
#[case(b"0x0a000001")]
#[case(b"127.1")]
#[case(b"::1")]
#[case(b"[::1]")]
fn x14_an_ip_address_as_dns_name_is_refused(#[case] name: &[u8]) {
    let names = write::sequence(&[write::value(0x82, name)]);
    let error = read(&[extension_request(&[san(&names)])]).unwrap_err();

    assert!(matches!(error, RequestError::Name(SanError::BadName { kind: "dns", .. })), "{error:?}");
}

#[rstest]
#[case::san(oid::SUBJECT_ALT_NAME, RequestError::Name(SanError::Malformed))]
#[case::extended_key_usage(oid::EXTENDED_KEY_USAGE, RequestError::Extension(oid::EXTENDED_KEY_USAGE))]
#[case::authority_key_id(oid::AUTHORITY_KEY_ID, RequestError::Extension(oid::AUTHORITY_KEY_ID))]
fn x27_empty_extensions_are_refused(#[case] oid: ObjectIdentifier, #[case] expected: RequestError) {
    let empty = Extension { oid, critical: false, value: vec![0x30, 0x00] };

    assert_eq!(read(&[extension_request(&[empty])]).unwrap_err(), expected);
}

#[test]
fn x27_large_and_deep_requests_are_refused_quickly() {
    let many = san(&write::sequence(&vec![[0x82, 0x01, b'a']; 10_000]));
    let many = TestKey::new().request(&[0x30, 0x00], &[extension_request(&[many])]);
    let mut deep = Vec::new();
    for _ in 0..200 {
        deep = write::sequence(&[deep]);
    }
    let deep_extension = Extension { oid: oid::KEY_USAGE, critical: false, value: deep.clone() };
    let deep_extension = TestKey::new().request(&[0x30, 0x00], &[extension_request(&[deep_extension])]);
    let extensions: Vec<Extension> = (0..5000)
        .map(|n| Extension { oid: ObjectIdentifier::new_unwrap(&format!("1.2.3.{n}")), ..san(&[]) })
        .collect();
    let extensions = TestKey::new().request(&[0x30, 0x00], &[extension_request(&extensions)]);
    let huge = vec![0x30; 2 * 1024 * 1024];

    let start = Instant::now();
    assert_eq!(CertificateRequest::from_der(&many).unwrap_err(), RequestError::Name(SanError::TooMany));
    assert_eq!(CertificateRequest::from_der(&deep).unwrap_err(), RequestError::Malformed);
    assert_eq!(
        CertificateRequest::from_der(&deep_extension).unwrap_err(),
        RequestError::Extension(oid::KEY_USAGE)
    );
    assert_eq!(CertificateRequest::from_der(&extensions).unwrap_err(), RequestError::Malformed);
    assert_eq!(CertificateRequest::from_der(&huge).unwrap_err(), RequestError::Malformed);
    assert!(CertificateRequest::from_pem(&"-----BEGIN".repeat(100_000)).is_err());
    assert!(start.elapsed() < Duration::from_millis(300));
}

#[test]
fn a_thousand_names_are_read() {
    let names = write::sequence(&vec![write::value(0x82, "a".repeat(63).as_bytes()); 1000]);
    let request = read(&[extension_request(&[san(&names)])]).unwrap();

    assert_eq!(request.sans().names.len(), 1000);
    assert!(CertificateRequest::from_pem(&request.to_pem()).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = CertificateRequest::from_der(&bytes);
    }

    #[test]
    fn no_changed_byte_panics_or_keeps_the_signature(at in any::<usize>(), byte in any::<u8>()) {
        let request = CertificateRequest::from_pem(P384).unwrap();
        let mut der = request.as_der().to_vec();
        let at = at % der.len();
        der[at] = byte;
        if let Ok(changed) = CertificateRequest::from_der(&der) {
            prop_assert!(changed.der == request.der || changed.verify_proof_of_possession().is_err());
        }
    }
}
