use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::x509::Certificate;

fn text(identifier: u8, bytes: &[u8]) -> Vec<u8> {
    let value = write::value(identifier, bytes);
    let attribute = write::sequence(&[write::oid(oid::COMMON_NAME), value]);
    write::sequence(&[write::constructed(id::SET, &[attribute])])
}

#[test]
fn every_field_is_written_as_step_ca_writes_it() {
    let step = Certificate::from_pem(include_str!("testdata/full.pem")).unwrap();
    let one = |text: &str| vec![text.to_owned()];
    let fields = NameFields {
        country: vec!["DE".to_owned(), "AT".to_owned()],
        organization: one("Müller & Söhne, GmbH"),
        organizational_unit: vec!["b".to_owned(), "a".to_owned()],
        locality: one("Köln"),
        province: one("NRW"),
        street_address: one("Weg 1"),
        postal_code: one("50667"),
        serial_number: "4711".to_owned(),
        common_name: "full * name".to_owned(),
        extra: vec![
            (oid::EMAIL_ADDRESS, "x@example.com".to_owned()),
            (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1"), "uid_1".to_owned()),
        ],
    };

    let name = DistinguishedName::from_fields(&fields).unwrap();

    assert_eq!(hex::encode(name.as_der()), hex::encode(step.subject().as_der()));
    assert_eq!(name.common_name(), Some("full * name"));
    assert_eq!(name.fields().extra, fields.extra);
}

#[rstest]
#[case("plain name 1 '()+,-./:=?", id::PRINTABLE_STRING)]
#[case("star*", id::UTF8_STRING)]
#[case("this & that", id::UTF8_STRING)]
#[case("under_score", id::UTF8_STRING)]
#[case("a@b", id::UTF8_STRING)]
#[case("x23 \" \\ # ;", id::UTF8_STRING)]
#[case(", + = leading", id::PRINTABLE_STRING)]
#[case(" leading space", id::PRINTABLE_STRING)]
#[case("🦀", id::UTF8_STRING)]
#[case("Ω", id::UTF8_STRING)]
fn x23_a_value_is_kept_whatever_it_holds(#[case] value: &str, #[case] identifier: u8) {
    let name = DistinguishedName::from_common_name(value).unwrap();

    assert_eq!(hex::encode(name.as_der()), hex::encode(text(identifier, value.as_bytes())));
    assert_eq!(DistinguishedName::from_der(name.as_der()).unwrap().common_name(), Some(value));
}

#[rstest]
#[case(r#"x","basicConstraints":{"isCA":true},"y":""#)]
#[case("{{ .Token }}")]
#[case("x}}{{ until 1000000000 }}")]
fn x5_text_that_would_change_a_template_is_one_value(#[case] value: &str) {
    let name = DistinguishedName::from_common_name(value).unwrap();

    assert_eq!(hex::encode(name.as_der()), hex::encode(text(id::UTF8_STRING, value.as_bytes())));
    let fields = NameFields { common_name: value.to_owned(), ..NameFields::default() };
    assert_eq!(DistinguishedName::from_der(name.as_der()).unwrap().fields(), fields);
}

#[test]
fn x23_a_common_name_of_65_characters_is_kept() {
    let long = "a".repeat(65);

    assert_eq!(DistinguishedName::from_common_name(&long).unwrap().common_name(), Some(long.as_str()));
}

#[rstest]
#[case::bmp(id::BMP_STRING, &[0x00, b'a', 0x03, 0xa9], "aΩ")]
#[case::bmp_with_terminator(id::BMP_STRING, &[0x00, b'a', 0, 0], "a")]
#[case::teletex(id::TELETEX_STRING, &[b'M', 0xfc], "Mü")]
#[case::ia5(id::IA5_STRING, b"a_b", "a_b")]
#[case::numeric(id::NUMERIC_STRING, b"1 2", "1 2")]
#[case::printable_with_star(id::PRINTABLE_STRING, b"*&", "*&")]
fn x23_every_string_type_is_read_and_kept(#[case] identifier: u8, #[case] bytes: &[u8], #[case] value: &str) {
    let der = text(identifier, bytes);
    let name = DistinguishedName::from_der(&der).unwrap();

    assert_eq!(name.common_name(), Some(value));
    assert_eq!(name.as_der(), der);
}

#[rstest]
#[case::utf8(id::UTF8_STRING, &[0xff])]
#[case::printable(id::PRINTABLE_STRING, b"a_b")]
#[case::odd_bmp(id::BMP_STRING, &[0])]
#[case::surrogate(id::BMP_STRING, &[0xd8, 0x00])]
#[case::not_a_character(id::BMP_STRING, &[0xff, 0xff])]
#[case::ia5(id::IA5_STRING, &[0x80])]
#[case::numeric(id::NUMERIC_STRING, b"a")]
#[case::no_string(id::INTEGER, &[1])]
fn a_string_that_is_not_of_its_type_is_refused(#[case] identifier: u8, #[case] bytes: &[u8]) {
    assert_eq!(DistinguishedName::from_der(&text(identifier, bytes)), Err(NameError::Malformed));
}

#[rstest]
#[case("a\0b")]
#[case("a\nb")]
#[case("a\tb")]
#[case("a\u{80}b")]
#[case("\u{7f}")]
fn x13_a_control_character_is_refused_when_written(#[case] value: &str) {
    assert_eq!(DistinguishedName::from_common_name(value), Err(NameError::ControlCharacter));
    let read = DistinguishedName::from_der(&text(id::UTF8_STRING, value.as_bytes())).unwrap();
    assert_eq!(read.check_text(), Err(NameError::ControlCharacter));
    assert!(!read.to_string().chars().any(char::is_control), "{read}");
}

#[test]
fn an_empty_name_is_an_empty_sequence() {
    assert_eq!(DistinguishedName::from_common_name("").unwrap(), DistinguishedName::empty());
    assert!(DistinguishedName::from_der(&[0x30, 0x00]).unwrap().is_empty());
    assert_eq!(DistinguishedName::empty().common_name(), None);
}

#[test]
fn an_extra_attribute_replaces_the_field_of_its_type() {
    let fields = NameFields {
        common_name: "field".to_owned(),
        extra: vec![(oid::COMMON_NAME, "extra".to_owned())],
        ..NameFields::default()
    };

    assert_eq!(
        DistinguishedName::from_fields(&fields).unwrap(),
        DistinguishedName::from_common_name("extra").unwrap()
    );
}

#[test]
fn a_name_prints_its_last_attribute_first_and_escaped() {
    let fields = NameFields {
        organization: vec!["Example, Inc.".to_owned()],
        common_name: " #a\"".to_owned(),
        ..NameFields::default()
    };

    assert_eq!(
        DistinguishedName::from_fields(&fields).unwrap().to_string(),
        "CN=\\ #a\\\",O=Example\\, Inc."
    );
}

#[rstest]
#[case::trailing_byte(&[0x30, 0x00, 0x00])]
#[case::indefinite(&[0x30, 0x80, 0x00, 0x00])]
#[case::long_length(&[0x30, 0x81, 0x00])]
#[case::no_set(&[0x30, 0x02, 0x30, 0x00])]
fn x2_a_name_that_is_not_der_is_refused(#[case] der: &[u8]) {
    assert_eq!(DistinguishedName::from_der(der), Err(NameError::Malformed));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(common_name in "[^\\p{Cc}]{0,80}", organization in "[^\\p{Cc}]{1,20}") {
        let fields = NameFields { common_name, organization: vec![organization], ..NameFields::default() };
        let name = DistinguishedName::from_fields(&fields).unwrap();
        prop_assert_eq!(name.fields(), fields);
        prop_assert_eq!(DistinguishedName::from_der(name.as_der()), Ok(name));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = DistinguishedName::from_der(&bytes).map(|name| name.to_string());
    }
}
