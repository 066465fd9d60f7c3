use proptest::prelude::*;
use rstest::rstest;

use super::*;

#[rstest]
#[case("10.0.0.1", "ip", "10.0.0.1")]
#[case("::1", "ip", "::1")]
#[case("::ffff:10.0.0.1", "ip", "10.0.0.1")]
#[case("https://a.example/x", "uri", "https://a.example/x")]
#[case("urn:a", "uri", "urn:a")]
#[case("a.example:443", "uri", "a.example:443")]
#[case("a@example.com", "email", "a@example.com")]
#[case("a.example", "dns", "a.example")]
#[case("*.a_b", "dns", "*.a_b")]
fn a_bare_name_finds_its_kind(#[case] text: &str, #[case] kind: &str, #[case] printed: &str) {
    let name = SubjectAltName::classify(text).unwrap();

    assert_eq!((name.kind(), name.to_string().as_str()), (kind, printed));
}

#[rstest]
#[case(r#"x","basicConstraints":{"isCA":true},"y":""#)]
#[case("{{ .Token }}")]
#[case("x}}{{ until 1000000000 }}")]
fn x5_text_that_would_change_a_template_is_no_name(#[case] text: &str) {
    let error = SubjectAltName::classify(text).unwrap_err();

    assert!(matches!(error, SanError::BadName { kind: "dns", .. }), "{error}");
}

#[rstest]
#[case("010.0.0.5")]
#[case("10.0.0.5/32")]
#[case("0x0a000001")]
#[case("127.1")]
#[case("[::1]")]
#[case("10.0.0.1:80")]
fn x14_what_is_almost_an_ip_address_has_no_kind(#[case] text: &str) {
    let error = SubjectAltName::classify(text).unwrap_err();

    assert!(matches!(error, SanError::BadName { kind: "dns", .. }), "{error}");
}

#[rstest]
#[case("")]
#[case(".")]
#[case("@")]
#[case("*.")]
#[case("a@")]
#[case("a\0b")]
#[case("a\nb")]
#[case("fe80::1%eth0")]
fn x18_x13_an_empty_or_unprintable_name_is_refused(#[case] text: &str) {
    assert!(matches!(SubjectAltName::classify(text), Err(SanError::BadName { .. })));
}

#[test]
fn names_are_written_dns_email_ip_uri_each_in_its_own_order() {
    let names = ["urn:x", "10.0.0.1", "b", "a@b", "a", "::1"];
    let sans = SubjectAltNames::from(
        names.into_iter().map(|name| SubjectAltName::classify(name).unwrap()).collect::<Vec<_>>(),
    );

    let read = SubjectAltNames::from_der(&sans.to_der()).unwrap();

    let texts: Vec<String> = read.names.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["b", "a", "a@b", "10.0.0.1", "::1", "urn:x"]);
    assert_eq!(read.dns_names().count(), 2);
}

#[test]
fn other_kinds_are_kept_and_counted() {
    let registered_id = [0x88, 0x03, 0x2a, 0x03, 0x04];
    let directory_name = [0xa4, 0x02, 0x30, 0x00];
    let der = write::sequence(&[registered_id.as_slice(), &directory_name, &[0x82, 0x01, b'a']]);

    let sans = SubjectAltNames::from_der(&der).unwrap();

    assert_eq!(sans.names.len(), 1);
    assert_eq!(sans.others.iter().map(OtherName::tag).collect::<Vec<_>>(), [8, 4]);
    assert_eq!(SubjectAltNames::from_der(&sans.to_der()).unwrap(), sans);
    assert_eq!(OtherName::from_der(&registered_id).unwrap().as_der(), registered_id);
    assert_eq!(OtherName::from_der(&[0x82, 0x01, b'a']), Err(SanError::Malformed));
}

#[rstest]
#[case::empty(&[])]
#[case::no_names(&[0x30, 0x00])]
#[case::trailing_byte(&[0x30, 0x03, 0x82, 0x01, b'a', 0x00])]
#[case::long_length(&[0x30, 0x81, 0x03, 0x82, 0x01, b'a'])]
#[case::unknown_tag(&[0x30, 0x03, 0x89, 0x01, b'a'])]
#[case::ip_of_five(&[0x30, 0x07, 0x87, 0x05, 1, 2, 3, 4, 5])]
#[case::constructed_dns(&[0x30, 0x03, 0xa2, 0x01, b'a'])]
fn x27_a_malformed_extension_is_refused(#[case] der: &[u8]) {
    assert_eq!(SubjectAltNames::from_der(der), Err(SanError::Malformed));
}

#[test]
fn x13_a_byte_that_is_not_ascii_is_refused() {
    let error = SubjectAltNames::from_der(&[0x30, 0x04, 0x82, 0x02, b'a', 0x80]).unwrap_err();

    assert!(matches!(error, SanError::BadName { fault: NameFault::Character, .. }));
}

#[test]
fn x27_ten_thousand_names_are_refused_quickly() {
    let names = vec![[0x82, 0x01, b'a']; 10_000];
    let der = write::sequence(&names);
    let start = std::time::Instant::now();

    assert_eq!(SubjectAltNames::from_der(&der), Err(SanError::TooMany));
    assert!(start.elapsed() < std::time::Duration::from_millis(100));
}

#[test]
fn a_mapped_ipv4_address_is_written_in_four_octets() {
    let sans = SubjectAltNames::from(vec![SubjectAltName::ip("::ffff:1.2.3.4").unwrap()]);

    assert_eq!(sans.to_der(), [0x30, 0x06, 0x87, 0x04, 1, 2, 3, 4]);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = SubjectAltNames::from_der(&bytes);
        let _ = OtherName::from_der(&bytes);
    }

    #[test]
    fn x18_no_text_panics_and_what_parses_round_trips(text in ".*") {
        if let Ok(name) = SubjectAltName::classify(&text) {
            let sans = SubjectAltNames::from(vec![name]);
            prop_assert_eq!(SubjectAltNames::from_der(&sans.to_der()), Ok(sans));
        }
    }

    #[test]
    fn an_ip_address_round_trips(octets in any::<[u8; 16]>()) {
        let address = IpAddr::from(octets).to_canonical();
        let name = SubjectAltName::ip(&address.to_string()).unwrap();
        prop_assert_eq!(&name, &SubjectAltName::Ip(address));
        let sans = SubjectAltNames::from(vec![name]);
        prop_assert_eq!(SubjectAltNames::from_der(&sans.to_der()), Ok(sans));
    }
}
