use rstest::rstest;

use super::*;
use crate::x509::testing::{ALGORITHM, TestCa, TestKey, year_2026};
use crate::x509::{
    BasicConstraints, Constraint, ExtendedKeyUsage, KeyUsage, NameConstraints, NameFields,
    ProvisionerExtension, ProvisionerKind, SubjectAltName, SubjectAltNames,
};

fn load(pem: &str) -> Certificate {
    Certificate::from_pem(pem).unwrap()
}

fn intermediate() -> Certificate {
    load(include_str!("testdata/intermediate.pem"))
}

/// An issuance that gives what the certificate has.
fn issuance<'a>(issuer: &'a Certificate, like: &Certificate) -> Issuance<'a> {
    Issuance {
        serial: like.serial().clone(),
        algorithm: like.signature_algorithm().unwrap(),
        issuer,
        validity: like.validity(),
    }
}

fn names(texts: &[&str]) -> SubjectAltNames {
    texts.iter().map(|text| SubjectAltName::classify(text).unwrap()).collect::<Vec<_>>().into()
}

/// The extension of the test authority's provisioner with this name.
fn provisioner(of: &Certificate, name: &str) -> Extension {
    let credential_id = of.provisioner_extension().unwrap().unwrap().credential_id;
    let kind = ProvisionerKind::Jwk;
    ProvisionerExtension { kind, name: name.to_owned(), credential_id, key_value_pairs: vec![] }
        .to_extension()
}

#[track_caller]
fn assert_same(body: &CertificateBody, step: &Certificate) {
    assert_eq!(hex::encode(body.to_be_signed()), hex::encode(step.tbs_der()));
}

#[test]
fn a_root_is_what_step_ca_init_makes() {
    let step = load(include_str!("testdata/root.pem"));
    let subject = NameFields {
        organization: vec!["Acme Corp".to_owned()],
        common_name: "Acme Corp Root CA".to_owned(),
        ..NameFields::default()
    };
    let body = CertificateBody::root(
        step.serial().clone(),
        ALGORITHM,
        step.validity(),
        DistinguishedName::from_fields(&subject).unwrap(),
        step.public_key().clone(),
        Profile::root(),
    );

    assert_same(&body.unwrap(), &step);
    assert_eq!(step.validity().duration().as_hours(), 10 * 365 * 24);
}

#[test]
fn an_intermediate_is_what_step_ca_init_makes() {
    let (root, step) = (load(include_str!("testdata/root.pem")), intermediate());
    let subject = NameFields {
        organization: vec!["Acme Corp".to_owned()],
        common_name: "Acme Corp Intermediate CA".to_owned(),
        ..NameFields::default()
    };
    let subject = DistinguishedName::from_fields(&subject).unwrap();
    let key = step.public_key().clone();
    let body = CertificateBody::new(issuance(&root, &step), subject, key, Profile::intermediate());

    assert_same(&body.unwrap(), &step);
}

#[test]
fn a_leaf_is_what_step_ca_makes() {
    let (issuer, step) = (intermediate(), load(include_str!("testdata/leaf_ec.pem")));
    let sans = names(&[
        "leaf.example.com",
        "10.0.0.1",
        "::1",
        "a@example.com",
        "https://example.com/x",
        "*.example.com",
    ]);
    let profile =
        Profile { extra: vec![provisioner(&step, "admin")], ..Profile::leaf(step.public_key(), sans) };
    let subject = DistinguishedName::from_common_name("leaf.example.com").unwrap();
    let body = CertificateBody::new(issuance(&issuer, &step), subject, step.public_key().clone(), profile);

    assert_same(&body.unwrap(), &step);
}

#[test]
fn an_rsa_leaf_is_what_step_ca_makes() {
    let (issuer, step) = (intermediate(), load(include_str!("testdata/leaf_rsa.pem")));
    let sans = names(&["rsa.example.com"]);
    let profile =
        Profile { extra: vec![provisioner(&step, "admin")], ..Profile::leaf(step.public_key(), sans) };
    let subject = DistinguishedName::from_common_name("rsa.example.com").unwrap();
    let body = CertificateBody::new(issuance(&issuer, &step), subject, step.public_key().clone(), profile);

    assert_same(&body.unwrap(), &step);
}

#[test]
fn a_certificate_with_every_extension_is_what_step_ca_makes() {
    let (issuer, step) = (intermediate(), load(include_str!("testdata/full.pem")));
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let oid = ObjectIdentifier::new_unwrap;
    let profile = Profile {
        key_usage: KeyUsage::CERT_SIGN | KeyUsage::CRL_SIGN | KeyUsage::DECIPHER_ONLY,
        extended_key_usage: ExtendedKeyUsage(vec![
            ExtendedKeyUsage::SERVER_AUTH,
            oid("1.3.6.1.5.5.7.3.3"),
            oid("1.2.3.4.5"),
        ]),
        basic_constraints: Some(BasicConstraints::Ca { path_len: Some(200) }),
        subject_key_id: None,
        ocsp_servers: texts(&["http://ocsp.example.com"]),
        issuing_certificate_urls: texts(&["http://ca.example.com/a.crt", "http://ca.example.com/b.crt"]),
        sans: names(&["full.example.com"]),
        policies: vec![oid("1.2.3.4"), oid("2.5.29.32.0")],
        name_constraints: Some(NameConstraints {
            critical: true,
            permitted: vec![
                Constraint::Email("a@example.com".to_owned()),
                Constraint::Email("example.com".to_owned()),
                Constraint::Dns("example.com".to_owned()),
                Constraint::Dns(".example.org".to_owned()),
                Constraint::Ip("10.1.2.3/8".parse().unwrap()),
                Constraint::Ip("2001:db8::/32".parse().unwrap()),
            ],
            excluded: vec![
                Constraint::Uri("bad.example.com".to_owned()),
                Constraint::Dns("bad.example.com".to_owned()),
            ],
        }),
        crl_distribution_points: texts(&["http://crl.example.com/1", "http://crl.example.com/2"]),
        extra: vec![
            Extension { oid: oid("1.2.3.4.9"), critical: false, value: vec![4, 1, b'1'] },
            provisioner(&step, "full"),
        ],
    };
    let subject = step.subject().clone();
    let body = CertificateBody::new(issuance(&issuer, &step), subject, step.public_key().clone(), profile);

    assert_same(&body.unwrap(), &step);
}

#[test]
fn a_renewal_is_what_step_ca_makes() {
    let (issuer, old) = (intermediate(), load(include_str!("testdata/leaf_ec.pem")));
    let step = load(include_str!("testdata/renewed.pem"));

    assert_same(&CertificateBody::renewal(issuance(&issuer, &step), &old).unwrap(), &step);
}

#[test]
fn a_rekey_is_what_step_ca_makes() {
    let (issuer, old) = (intermediate(), load(include_str!("testdata/leaf_ec.pem")));
    let step = load(include_str!("testdata/rekeyed.pem"));
    let body = CertificateBody::rekey(issuance(&issuer, &step), &old, step.public_key().clone());

    assert_same(&body.unwrap(), &step);
}

#[test]
fn the_alternative_names_of_an_empty_subject_are_critical() {
    let root = TestCa::root("r", Profile::root());
    let key = TestKey::new();

    for (subject, critical) in [("", true), ("a", false)] {
        let leaf = root.issue(subject, &key, Profile::leaf(&key.public(), names(&["a"])));
        assert_eq!(leaf.extension(oid::SUBJECT_ALT_NAME).unwrap().critical, critical);
    }
}

#[rstest]
#[case::printable(id::PRINTABLE_STRING)]
#[case::utf8(id::UTF8_STRING)]
#[case::teletex(id::TELETEX_STRING)]
fn x24_issuer_and_key_identifier_are_the_issuers_own_bytes(#[case] string_type: u8) {
    let value = write::value(string_type, b"CA");
    let attribute = write::sequence(&[write::oid(ObjectIdentifier::new_unwrap("2.5.4.3")), value]);
    let subject = write::sequence(&[write::constructed(id::SET, &[attribute])]);
    let key = TestKey::new();
    let profile = Profile { subject_key_id: Some(vec![1, 2, 3]), ..Profile::root() };
    let subject = DistinguishedName::from_der(&subject).unwrap();
    let body = CertificateBody::root(
        "1".parse().unwrap(),
        ALGORITHM,
        year_2026(),
        subject.clone(),
        key.public(),
        profile,
    );
    let ca = TestCa { certificate: key.certify(&body.unwrap()), key };
    let leaf_key = TestKey::new();

    let leaf = ca.issue("leaf", &leaf_key, Profile::leaf(&leaf_key.public(), names(&["a"])));

    assert_eq!(leaf.issuer().as_der(), subject.as_der());
    assert_eq!(leaf.authority_key_id(), Some([1, 2, 3].as_slice()));
}

#[test]
fn x23_a_renewal_keeps_the_subjects_bytes() {
    let root = TestCa::root("r", Profile::root());
    let value = write::value(id::BMP_STRING, &[0, b'a']);
    let attribute = write::sequence(&[write::oid(ObjectIdentifier::new_unwrap("2.5.4.3")), value]);
    let subject = write::sequence(&[write::constructed(id::SET, &[attribute])]);
    let subject = DistinguishedName::from_der(&subject).unwrap();
    let key = TestKey::new();
    let profile = Profile::leaf(&key.public(), SubjectAltNames::default());
    let old = root
        .key
        .certify(&CertificateBody::new(root.issuance(), subject.clone(), key.public(), profile).unwrap());

    let renewed = root.key.certify(&CertificateBody::renewal(root.issuance(), &old).unwrap());

    assert_eq!(renewed.subject().as_der(), subject.as_der());
}

#[test]
fn x3_an_extension_twice_makes_no_body() {
    let root = TestCa::root("r", Profile::root());
    let twice = Extension::subject_key_id(&[1]);
    let profile = Profile { extra: vec![twice.clone(), twice], ..Profile::default() };
    let key = TestKey::new();

    assert_eq!(
        CertificateBody::new(root.issuance(), DistinguishedName::empty(), key.public(), profile),
        Err(BodyError::DuplicateExtension(oid::SUBJECT_KEY_ID))
    );
}

#[test]
fn a_further_extension_replaces_the_generated_one() {
    let root = TestCa::root("r", Profile::root());
    let key = TestKey::new();
    let own = Extension { critical: false, ..KeyUsage::CERT_SIGN.to_extension() };
    let profile =
        Profile { extra: vec![own.clone()], ..Profile::leaf(&key.public(), SubjectAltNames::default()) };

    let leaf = root.issue("a", &key, profile);

    assert_eq!(leaf.extensions().last(), Some(&own));
    assert_eq!(leaf.key_usage(), Some(KeyUsage::CERT_SIGN));
}

#[test]
fn a_certificate_that_bears_its_issuers_name_has_no_authority_key_id() {
    let root = TestCa::root("same", Profile::root());
    let key = TestKey::new();

    let leaf = root.issue("same", &key, Profile::leaf(&key.public(), SubjectAltNames::default()));

    assert_eq!(leaf.authority_key_id(), None);
}
