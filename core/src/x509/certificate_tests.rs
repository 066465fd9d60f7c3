use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::x509::testing::{ALGORITHM, TestCa, TestKey};
use crate::x509::{Profile, SubjectAltNames};

const ROOT: &str = include_str!("testdata/root.pem");
const INTERMEDIATE: &str = include_str!("testdata/intermediate.pem");
const LEAF: &str = include_str!("testdata/leaf_ec.pem");

#[test]
fn a_certificate_of_step_ca_is_read() {
    let root = Certificate::from_pem(ROOT).unwrap();
    let intermediate = Certificate::from_pem(INTERMEDIATE).unwrap();
    let leaf = Certificate::from_pem(LEAF).unwrap();

    assert_eq!(leaf.issuer(), intermediate.subject());
    assert_eq!(leaf.authority_key_id(), intermediate.subject_key_id());
    assert_eq!(leaf.subject().common_name(), Some("leaf.example.com"));
    assert_eq!(leaf.subject_key_id(), Some(leaf.public_key().key_identifier().as_slice()));
    assert_eq!(leaf.key_usage(), Some(KeyUsage::DIGITAL_SIGNATURE));
    let usage = leaf.extended_key_usage().unwrap();
    assert!(usage.has_client_auth() && usage.has_server_auth());
    assert_eq!(leaf.validity().duration().as_secs(), 24 * 3600 + 60);
    assert_eq!(leaf.sans().unwrap().names.len(), 6);
    assert_eq!(leaf.provisioner_extension().unwrap().unwrap().name, "admin");
    assert_eq!(intermediate.provisioner_extension(), Ok(None));
    assert!(!leaf.is_ca() && intermediate.is_ca() && root.is_ca());
    assert_eq!(intermediate.basic_constraints(), Some(BasicConstraints::Ca { path_len: Some(0) }));
    for (certificate, issuer) in [(&leaf, &intermediate), (&intermediate, &root), (&root, &root)] {
        assert_eq!(certificate.verify_signature(issuer.public_key()), Ok(()));
    }
    assert_eq!(leaf.verify_signature(root.public_key()), Err(CertificateError::BadSignature));
}

#[test]
fn pem_is_written_as_it_was_read() {
    let bundle = format!("{LEAF}{INTERMEDIATE}");
    let certificates = Certificate::parse_pem_bundle(&bundle).unwrap();

    assert_eq!(certificates.iter().map(Certificate::to_pem).collect::<String>(), bundle);
    assert_eq!(Certificate::from_pem(&bundle), Err(CertificateError::Pem(PemError::MoreThanOne)));
}

#[test]
fn the_fingerprint_is_that_of_openssl() {
    // openssl x509 -in root.pem -noout -fingerprint -sha256
    let openssl = "b2fccee1e6a7701d6f84279cd7e73501b217c0b00a92f62ab0b649deeebabbc4";

    assert_eq!(Certificate::from_pem(ROOT).unwrap().fingerprint_sha256(), openssl);
}

#[test]
fn an_issued_certificate_is_checked_against_its_intent() {
    let (issuer, other) = (TestKey::new(), TestKey::new());
    let root = TestCa::root("r", Profile::root());
    let tbs = root.certificate.tbs_der();
    let assemble = |signature: &[u8]| Certificate::assemble(tbs, ALGORITHM, signature).unwrap();

    assert_eq!(assemble(&issuer.sign(tbs)).check_issued(tbs, &issuer.public()), Ok(()));
    assert_eq!(assemble(&other.sign(tbs)).check_issued(tbs, &issuer.public()), Err(Misissued::BadSignature));
    assert_eq!(assemble(&[]).check_issued(tbs, &issuer.public()), Err(Misissued::BadSignature));
    assert_eq!(
        assemble(&issuer.sign(tbs)).check_issued(&tbs[1..], &issuer.public()),
        Err(Misissued::OtherBytes)
    );
}

#[test]
fn a_signature_of_another_algorithm_is_not_assembled() {
    let root = TestCa::root("r", Profile::root());

    assert_eq!(
        Certificate::assemble(root.certificate.tbs_der(), SignatureAlgorithm::Ed25519, &[0; 64]),
        Err(CertificateError::Malformed)
    );
}

#[test]
fn x2_a_certificate_that_is_not_der_is_refused() {
    let der = Certificate::from_pem(LEAF).unwrap().as_der().to_vec();
    let mut indefinite = der.clone();
    indefinite[1] = 0x80;
    let long_length = [&[0x30, 0x83, 0x00], &der[2..]].concat();

    for bad in
        [[der.as_slice(), &[0]].concat(), indefinite, long_length, der[..der.len() - 1].to_vec(), vec![]]
    {
        assert_eq!(Certificate::from_der(&bad), Err(CertificateError::Malformed));
    }
}

#[test]
fn a_name_that_would_not_be_issued_does_not_keep_a_certificate_from_being_read() {
    let root = TestCa::root("r", Profile::root());
    let key = TestKey::new();
    let bad = Extension::plain(oid::SUBJECT_ALT_NAME, vec![0x30, 0x03, 0x82, 0x01, b'.']);
    let profile = Profile { extra: vec![bad], ..Profile::leaf(&key.public(), SubjectAltNames::default()) };

    assert!(matches!(root.issue("a", &key, profile).sans(), Err(SanError::BadName { .. })));
}

#[rstest]
#[case::empty_extended_key_usage(oid::EXTENDED_KEY_USAGE, &[0x30, 0x00])]
#[case::bad_key_usage(oid::KEY_USAGE, &[0x03, 0x00])]
#[case::path_length_of_a_leaf(oid::BASIC_CONSTRAINTS, &[0x30, 0x03, 0x02, 0x01, 0x00])]
#[case::bad_key_id(oid::SUBJECT_KEY_ID, &[0x30, 0x00])]
fn x27_a_malformed_extension_is_refused(#[case] oid: ObjectIdentifier, #[case] value: &[u8]) {
    let root = TestCa::root("r", Profile::root());
    let profile = Profile { extra: vec![Extension::plain(oid, value.to_vec())], ..Profile::default() };
    let subject = DistinguishedName::empty();
    let body = super::super::CertificateBody::new(root.issuance(), subject, root.key.public(), profile);
    let tbs = body.unwrap().to_be_signed();

    assert_eq!(Certificate::assemble(&tbs, ALGORITHM, &[]), Err(CertificateError::Malformed));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Certificate::from_der(&bytes);
    }

    #[test]
    fn no_changed_byte_panics_or_keeps_the_signature(at in 0_usize..560, byte in any::<u8>()) {
        let root = Certificate::from_pem(INTERMEDIATE).unwrap();
        let leaf = Certificate::from_pem(LEAF).unwrap();
        let mut der = leaf.as_der().to_vec();
        let at = at % der.len();
        der[at] = byte;
        if let Ok(changed) = Certificate::from_der(&der) {
            let verdict = changed.verify_signature(root.public_key());
            prop_assert!(changed == leaf || verdict.is_err());
        }
    }
}
