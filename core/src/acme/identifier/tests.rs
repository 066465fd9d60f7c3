use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::x509::NameFault;

#[rstest]
#[case::name("example.com", "example.com")]
#[case::capitals("WWW.Example.COM", "www.example.com")]
#[case::one_label("printer", "printer")]
#[case::localhost("localhost", "localhost")]
#[case::underscore("_service.internal", "_service.internal")]
#[case::wildcard("*.Example.com", "*.example.com")]
#[case::wildcard_of_one_label("*.internal", "*.internal")]
#[case::a_label("XN--BCHER-kva.example", "xn--bcher-kva.example")]
fn n5_a_dns_name_is_read_in_small_letters(#[case] value: &str, #[case] expected: &str) {
    let identifier = Identifier::parse("dns", value).unwrap();

    assert_eq!(identifier.to_string(), expected);
    assert_eq!(identifier.kind(), "dns");
    assert_eq!(identifier.is_wildcard(), expected.starts_with('*'));
}

#[rstest]
#[case::port("a.example:8080", NameFault::Character)]
#[case::path("a.example/x", NameFault::Character)]
#[case::query("a.example/x?", NameFault::Character)]
#[case::question_mark("a.example?x", NameFault::Character)]
#[case::user("u@a.example", NameFault::Character)]
#[case::fragment("a#b", NameFault::Character)]
#[case::url("https://a.example", NameFault::Character)]
#[case::backslash(r"a.example\x", NameFault::Character)]
#[case::percent("a%2eexample", NameFault::Character)]
#[case::space_inside("a example", NameFault::Character)]
#[case::space_in_front(" a.example", NameFault::Character)]
#[case::space_behind("a.example ", NameFault::Character)]
#[case::line_break("a.example\r\nHost: b", NameFault::Character)]
#[case::nul("a.example\0", NameFault::Character)]
#[case::quote("a'b.example", NameFault::Character)]
#[case::list("a.example,b.example", NameFault::Character)]
#[case::trailing_dot("a.example.", NameFault::EmptyLabel)]
#[case::leading_dot(".example", NameFault::EmptyLabel)]
#[case::empty("", NameFault::Empty)]
#[case::star("*", NameFault::Wildcard)]
#[case::star_inside("a.*.example", NameFault::Wildcard)]
#[case::part_of_a_label("a*.example", NameFault::Wildcard)]
#[case::two_stars("*.*.example", NameFault::Wildcard)]
#[case::u_label("bücher.example", NameFault::Character)]
#[case::full_width_dot("a。example", NameFault::Character)]
#[case::kelvin_sign("\u{212a}.example", NameFault::Character)]
#[case::broken_a_label("xn--zzzzzzz99999999.example", NameFault::Punycode)]
#[case::ipv4("10.0.0.1", NameFault::IpAddress)]
#[case::ipv4_as_a_number("2130706433", NameFault::IpAddress)]
#[case::ipv6("::1", NameFault::IpAddress)]
#[case::ipv6_in_brackets("[::1]", NameFault::IpAddress)]
#[case::long_label(&"a".repeat(64), NameFault::LabelTooLong)]
#[case::long(&"aa.".repeat(20_000), NameFault::TooLong)]
fn n5_nothing_but_a_name_fits_into_a_dns_identifier(#[case] value: &str, #[case] expected: NameFault) {
    let error = Identifier::parse("dns", value).unwrap_err();

    assert!(
        matches!(&error, IdentifierError::Dns(SanError::BadName { fault, .. }) if *fault == expected),
        "{error:?}"
    );
    assert_eq!(error.problem(), IdentifierProblem::Malformed);
    assert!(!error.to_string().contains(char::is_control));
}

#[rstest]
#[case("192.0.2.1")]
#[case("127.0.0.1")]
#[case("2001:db8::1")]
#[case("::1")]
#[case("fe80::1")]
fn n5_an_ip_address_is_read_in_its_one_spelling(#[case] value: &str) {
    let identifier = Identifier::parse("ip", value).unwrap();

    assert_eq!(identifier, Identifier::Ip(value.parse().unwrap()));
    assert_eq!(identifier.to_string(), value);
    assert!(!identifier.is_wildcard());
}

/// [RFC 5952 §4](https://www.rfc-editor.org/rfc/rfc5952#section-4)
#[rstest]
#[case::leading_zeros("2001:0db8::0001", "2001:db8::1")]
#[case::capitals("2001:DB8::1", "2001:db8::1")]
#[case::not_shortened("2001:db8:0:0:0:0:2:1", "2001:db8::2:1")]
#[case::one_group_shortened("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1")]
#[case::first_run("2001:db8:0:0:1::1", "2001:db8::1:0:0:1")]
#[case::mapped("::ffff:10.0.0.1", "10.0.0.1")]
#[case::mapped_in_hexadecimal("::ffff:a00:1", "10.0.0.1")]
fn n5_another_spelling_of_an_ip_address_is_refused_with_the_right_one(
    #[case] value: &str,
    #[case] canonical: &str,
) {
    let error = Identifier::parse("ip", value).unwrap_err();

    assert_eq!(error, IdentifierError::IpSpelling { canonical: canonical.parse().unwrap() });
    assert_eq!(error.problem(), IdentifierProblem::Malformed);
    assert!(error.to_string().ends_with(canonical), "{error}");
}

#[rstest]
#[case::empty("")]
#[case::port("10.0.0.1:443")]
#[case::port_behind_brackets("[::1]:443")]
#[case::brackets("[::1]")]
#[case::zone("fe80::1%eth0")]
#[case::prefix("10.0.0.0/8")]
#[case::octal("010.0.0.1")]
#[case::number("2130706433")]
#[case::short("127.1")]
#[case::hexadecimal("0x7f.0.0.1")]
#[case::space("10.0.0.1 ")]
#[case::name("localhost")]
#[case::reverse_name("1.0.0.10.in-addr.arpa")]
fn n5_nothing_but_an_address_fits_into_an_ip_identifier(#[case] value: &str) {
    let error = Identifier::parse("ip", value).unwrap_err();

    assert_eq!(error, IdentifierError::Ip { found: value.into() });
    assert_eq!(error.problem(), IdentifierProblem::Malformed);
}

#[rstest]
#[case("0.0.0.0")]
#[case("255.255.255.255")]
#[case("224.0.0.251")]
#[case("::")]
#[case("ff02::1")]
fn n5_an_address_of_no_single_host_is_rejected(#[case] value: &str) {
    let error = Identifier::parse("ip", value).unwrap_err();

    assert_eq!(error, IdentifierError::NotAHost { address: value.parse().unwrap() });
    assert_eq!(error.problem(), IdentifierProblem::RejectedIdentifier);
}

#[rstest]
#[case("permanent-identifier")]
#[case("email")]
#[case("DNS")]
#[case("")]
fn a_type_that_is_not_offered_is_an_unsupported_identifier(#[case] kind: &str) {
    let error = Identifier::parse(kind, "a.example").unwrap_err();

    assert_eq!(error, IdentifierError::UnsupportedType { found: kind.into() });
    assert_eq!(error.problem(), IdentifierProblem::UnsupportedIdentifier);
}

#[test]
fn an_error_repeats_little_of_a_long_text() {
    let long = "x".repeat(60_000);

    for kind in ["dns", "ip", &long] {
        let text = Identifier::parse(kind, &long).unwrap_err().to_string();
        assert!(text.len() < 400, "{kind:.3}: {}", text.len());
    }
}

#[rstest]
#[case(r#"{"type":"dns","value":"*.a.example"}"#)]
#[case(r#"{"type":"ip","value":"2001:db8::1"}"#)]
fn an_identifier_is_written_as_it_is_read(#[case] json: &str) {
    let identifier: Identifier = serde_json::from_str(json).unwrap();
    let requested: RequestedIdentifier = serde_json::from_str(json).unwrap();

    assert_eq!(serde_json::to_string(&identifier).unwrap(), json);
    assert_eq!(requested.read(), Ok(identifier.clone()));
    assert_eq!(RequestedIdentifier::from(&identifier), requested);
}

#[rstest]
#[case(r#"{"type":"dns"}"#)]
#[case(r#"{"value":"a.example"}"#)]
#[case(r#"{"type":"dns","value":"a.example:80"}"#)]
#[case(r#"{"type":"dns","type":"dns","value":"a.example"}"#)]
fn what_is_no_identifier_is_not_read(#[case] json: &str) {
    assert!(serde_json::from_str::<Identifier>(json).is_err());
}

#[rstest]
#[case("dns", "*.a.example", "a.example")]
#[case("dns", "a.example", "a.example")]
#[case("ip", "10.0.0.1", "10.0.0.1")]
fn a12_an_authorization_shows_its_name_without_a_star(
    #[case] kind: &str,
    #[case] value: &str,
    #[case] shown: &str,
) {
    let identifier = Identifier::parse(kind, value).unwrap();

    assert_eq!(identifier.authorized(), RequestedIdentifier { kind: kind.into(), value: shown.into() });
}

#[test]
fn a12_a_wildcard_is_another_identifier_than_its_base() {
    assert_ne!(Identifier::parse("dns", "*.a.example"), Identifier::parse("dns", "a.example"));
}

proptest! {
    #[test]
    fn n5_any_value_is_refused_or_has_one_spelling(value in ".*", close in "[a-c0-9:.*_-]{0,12}") {
        for kind in ["dns", "ip"] {
            for value in [&value, &close] {
                let Ok(identifier) = Identifier::parse(kind, value) else { continue };
                let printed = identifier.to_string();
                prop_assert_eq!(&printed, &value.to_ascii_lowercase());
                prop_assert_eq!(Identifier::parse(kind, &printed), Ok(identifier.clone()));
                prop_assert_eq!(Identifier::from_san(&identifier.to_san()), Some(identifier.clone()));
                prop_assert!(printed.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:*".contains(&b)));
                prop_assert!(identifier.authorized().read().is_ok());
            }
        }
    }
}
