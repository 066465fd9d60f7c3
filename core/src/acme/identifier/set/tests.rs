use rstest::rstest;

use super::*;
use crate::key::{KeyKind, PrivateKey, SignatureAlgorithm};
use crate::x509::{DistinguishedName, NameFields, OtherName, RequestBody};

fn dns(value: &str) -> Identifier {
    Identifier::parse("dns", value).unwrap()
}

fn ip(value: &str) -> Identifier {
    Identifier::parse("ip", value).unwrap()
}

/// The order that most of these requests are for.
fn order() -> Identifiers {
    Identifiers::new([dns("a.example"), dns("*.a.example"), ip("192.0.2.1")]).unwrap()
}

fn request(subject: DistinguishedName, sans: SubjectAltNames) -> CertificateRequest {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let body = RequestBody { subject, public_key: key.public_key().clone(), sans };
    let algorithm = SignatureAlgorithm::default_for(KeyKind::P256);
    body.assemble(algorithm, &key.sign(algorithm, &body.to_be_signed()).unwrap()).unwrap()
}

fn named(common_name: &str, names: &[&str]) -> CertificateRequest {
    let names: Vec<_> = names.iter().map(|name| SubjectAltName::classify(name).unwrap()).collect();
    request(DistinguishedName::from_common_name(common_name).unwrap(), names.into())
}

#[test]
fn an_identifier_that_is_named_twice_counts_once() {
    let twice = Identifiers::new([dns("b.example"), dns("A.example"), dns("B.EXAMPLE")]).unwrap();

    assert_eq!(twice.len(), 2);
    assert_eq!(
        serde_json::to_value(&twice).unwrap(),
        serde_json::json!([
            {"type": "dns", "value": "a.example"},
            {"type": "dns", "value": "b.example"},
        ])
    );
    assert_eq!(serde_json::from_str::<Identifiers>(&serde_json::to_string(&twice).unwrap()).unwrap(), twice);
}

#[test]
fn a24_an_order_has_one_to_a_hundred_identifiers() {
    let many =
        |count: usize| Identifiers::new((0..count).map(|number| dns(&format!("host{number}.example"))));

    assert_eq!(many(0), Err(IdentifiersError::Empty));
    assert_eq!(many(100).unwrap().len(), 100);
    assert_eq!(many(101), Err(IdentifiersError::TooMany));
    assert_eq!(many(10_000), Err(IdentifiersError::TooMany));
    assert!(serde_json::from_str::<Identifiers>("[]").is_err());
}

#[test]
fn a12_a_wildcard_contains_nothing_but_itself() {
    let wildcard = Identifiers::new([dns("*.a.example")]).unwrap();

    assert!(wildcard.contains(&dns("*.a.example")));
    assert!(!wildcard.contains(&dns("a.example")));
    assert!(!wildcard.contains(&dns("b.a.example")));
}

#[rstest]
#[case::in_the_names("", &["a.example", "*.a.example", "192.0.2.1"])]
#[case::in_another_order("", &["192.0.2.1", "*.a.example", "a.example"])]
#[case::in_capitals("A.EXAMPLE", &["A.Example", "*.a.EXAMPLE", "192.0.2.1"])]
#[case::common_name_too("a.example", &["a.example", "*.a.example", "192.0.2.1"])]
#[case::common_name_alone("*.a.example", &["a.example", "192.0.2.1"])]
#[case::address_in_the_common_name("192.0.2.1", &["a.example", "*.a.example"])]
#[case::twice("", &["a.example", "A.example", "*.a.example", "192.0.2.1"])]
fn a9_a_request_for_exactly_the_identifiers_is_one_for_the_order(
    #[case] common_name: &str,
    #[case] names: &[&str],
) {
    assert_eq!(order().check(&named(common_name, names)), Ok(()));
}

#[rstest]
#[case::extra("", &["a.example", "*.a.example", "192.0.2.1", "b.example"], &["b.example"], &[])]
#[case::extra_in_the_common_name("b.example", &["a.example", "*.a.example", "192.0.2.1"], &["b.example"], &[])]
#[case::extra_address("", &["a.example", "*.a.example", "192.0.2.1", "192.0.2.2"], &["192.0.2.2"], &[])]
#[case::missing("", &["a.example", "*.a.example"], &[], &["192.0.2.1"])]
#[case::common_name_alone("a.example", &[], &[], &["*.a.example", "192.0.2.1"])]
#[case::below_the_wildcard("", &["a.example", "b.a.example", "192.0.2.1"], &["b.a.example"], &["*.a.example"])]
#[case::nothing("", &[], &[], &["*.a.example", "a.example", "192.0.2.1"])]
fn a9_a_request_for_other_names_is_refused_with_the_difference(
    #[case] common_name: &str,
    #[case] names: &[&str],
    #[case] extra: &[&str],
    #[case] missing: &[&str],
) {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let expected = NamesDiffer::Set { extra: texts(extra), missing: texts(missing) };

    assert_eq!(order().check(&named(common_name, names)), Err(expected));
}

#[rstest]
#[case("", &["root@a.example"], "root@a.example")]
#[case("a.example", &["a.example", "spiffe://a.example/x"], "spiffe://a.example/x")]
fn a9_a_name_of_another_kind_is_refused(
    #[case] common_name: &str,
    #[case] names: &[&str],
    #[case] refused: &str,
) {
    let name = SubjectAltName::classify(refused).unwrap();

    assert_eq!(order().check(&named(common_name, names)), Err(NamesDiffer::Kind { name }));
}

#[test]
fn a9_a_general_name_that_is_only_carried_along_is_refused() {
    // registeredID 1.2.3
    let other = OtherName::from_der(&[0x88, 2, 0x2a, 3]).unwrap();
    let names = SubjectAltNames { names: order().to_sans().names, others: vec![other] };

    assert_eq!(
        order().check(&request(DistinguishedName::empty(), names)),
        Err(NamesDiffer::OtherKind { tag: 8 })
    );
}

#[rstest]
#[case("Example, Inc.")]
#[case("a.example.")]
#[case("a.example:443")]
fn a9_a_common_name_that_is_no_identifier_is_refused(#[case] common_name: &str) {
    let refused = order().check(&named(common_name, &["a.example", "*.a.example", "192.0.2.1"]));

    assert!(matches!(refused, Err(NamesDiffer::CommonName(IdentifierError::Dns(_)))), "{refused:?}");
}

/// Which one counts differs from program to program.
#[test]
fn a9_every_common_name_is_looked_at() {
    let subject = DistinguishedName::from_fields(&NameFields {
        common_name: "a.example".into(),
        extra: vec![(rfc4519::CN, "evil.example".into())],
        ..NameFields::default()
    })
    .unwrap();

    assert_eq!(
        order().check(&request(subject, order().to_sans())),
        Err(NamesDiffer::Set { extra: vec!["evil.example".into()], missing: Vec::new() })
    );
}

#[test]
fn a9_the_names_of_a_certificate_are_exactly_the_identifiers() {
    let sans = order().to_sans();

    assert_eq!(Identifiers::new(sans.names.iter().filter_map(Identifier::from_san)), Ok(order()));
    assert!(sans.others.is_empty());
}
