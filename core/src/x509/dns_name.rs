//! DNS names as certificates carry them. The verdict here is the only one: tokens, requests, ACME identifiers and
//! templates all pass through it.

use std::fmt;
use std::str::FromStr;

use super::san::{NameFault, SanError};

/// A dNSName.
///
/// At most 253 characters; labels of 1 to 63 letters, digits, hyphens and underscores, with no hyphen at either end.
/// The first label may be a star when another follows. A label that starts with `xn--` is Punycode that decodes to a
/// name outside ASCII. The last label is no number: a program that parses URLs reads such a name as an IPv4 address.
/// One label is enough, and case is kept.
///
/// This is the preferred name syntax of [RFC 1034 §3.5](https://www.rfc-editor.org/rfc/rfc1034#section-3.5) with the
/// underscore that private networks use.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsName(String);

impl DnsName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its first label is a star.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(WILDCARD)
    }

    /// What follows the star; the whole name when there is none.
    pub fn without_wildcard(&self) -> &str {
        self.0.strip_prefix(WILDCARD).unwrap_or(&self.0)
    }
}

impl FromStr for DnsName {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        match check(text) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(fault) => Err(SanError::dns(text, fault)),
        }
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), NameFault> {
    if text.is_empty() {
        return Err(NameFault::Empty);
    }
    if text.len() > MAX_NAME {
        return Err(NameFault::TooLong);
    }
    if is_dressed_ip_address(text) {
        return Err(NameFault::IpAddress);
    }
    let name = text.strip_prefix(WILDCARD).unwrap_or(text);
    let mut last = "";
    for label in name.split('.') {
        check_label(label)?;
        last = label;
    }
    if is_number(last) { Err(NameFault::IpAddress) } else { Ok(()) }
}

fn check_label(label: &str) -> Result<(), NameFault> {
    if label.is_empty() {
        return Err(NameFault::EmptyLabel);
    }
    if label.contains('*') {
        return Err(NameFault::Wildcard);
    }
    if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return Err(NameFault::Character);
    }
    if label.len() > MAX_LABEL {
        return Err(NameFault::LabelTooLong);
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(NameFault::Hyphen);
    }
    let lower = label.to_ascii_lowercase();
    if lower.starts_with(PUNYCODE) && !is_valid_punycode(&lower) {
        return Err(NameFault::Punycode);
    }
    Ok(())
}

/// Whether IDNA accepts the label and leaves it as it is. Punycode that decodes to ASCII would be a second spelling of
/// a plain name, one that rules about names do not see.
fn is_valid_punycode(label: &str) -> bool {
    matches!(url::Host::parse(label), Ok(url::Host::Domain(ascii)) if ascii == label)
}

/// Whether the characters that make it no DNS name are those of `10.0.0.0/8` and `[::1]`: the reason should say so.
fn is_dressed_ip_address(text: &str) -> bool {
    let bare = text.split('/').next().unwrap_or_default().trim_matches(['[', ']']);
    bare.parse::<std::net::IpAddr>().is_ok()
        || (bare != text && bare.rsplit('.').next().is_some_and(|last| !last.is_empty() && is_number(last)))
}

/// Decimal, octal or `0x` hexadecimal: what `inet_aton` and the URL standard take for a part of an IPv4 address.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

const WILDCARD: &str = "*.";
/// The prefix of labels that hold other scripts ([RFC 5890 §2.3.2.1](https://www.rfc-editor.org/rfc/rfc5890#section-2.3.2.1)).
const PUNYCODE: &str = "xn--";
/// Longest name in text form: 255 octets on the wire, less the length of the first label and the root.
///
/// [RFC 1035 §2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4)
const MAX_NAME: usize = 253;
/// Longest label ([RFC 1035 §2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4)).
const MAX_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("example.com")]
    #[case("localhost")]
    #[case("_acme-challenge.Example.COM")]
    #[case("my_service.internal")]
    #[case("*.example.com")]
    #[case("*.local")]
    #[case("ab--x.example")]
    #[case("3com.com")]
    #[case("1.2.3.a")]
    #[case("xn--bcher-kva.example")]
    #[case("XN--BCHER-KVA.example")]
    #[case(&["a"; 127].join("."))]
    #[case(&"a".repeat(63))]
    fn x15_a_dns_name_is_kept_as_given(#[case] text: &str) {
        assert_eq!(text.parse::<DnsName>().unwrap().as_str(), text);
    }

    #[rstest]
    #[case::empty("", NameFault::Empty)]
    #[case::dot(".", NameFault::EmptyLabel)]
    #[case::leading_dot(".example.com", NameFault::EmptyLabel)]
    #[case::trailing_dot("example.com.", NameFault::EmptyLabel)]
    #[case::empty_label("a..b", NameFault::EmptyLabel)]
    #[case::long_label(&"a".repeat(64), NameFault::LabelTooLong)]
    #[case::long_name(&["aa"; 85].join("."), NameFault::TooLong)]
    #[case::star("*", NameFault::Wildcard)]
    #[case::star_dot("*.", NameFault::EmptyLabel)]
    #[case::star_inside("a.*.b", NameFault::Wildcard)]
    #[case::star_part("a*.b", NameFault::Wildcard)]
    #[case::two_stars("*.*.b", NameFault::Wildcard)]
    #[case::hyphen_first("-a.b", NameFault::Hyphen)]
    #[case::hyphen_last("a-.b", NameFault::Hyphen)]
    #[case::space("a b", NameFault::Character)]
    #[case::umlaut("bücher.example", NameFault::Character)]
    #[case::full_width_dot("a．b", NameFault::Character)]
    #[case::port("example.com:443", NameFault::Character)]
    #[case::broken_punycode("xn--zzzzzzz99999999.example", NameFault::Punycode)]
    #[case::ascii_punycode("xn--evil-.example", NameFault::Hyphen)]
    #[case::ascii_in_punycode("xn--example-.com", NameFault::Hyphen)]
    #[case::empty_punycode("xn--.example", NameFault::Hyphen)]
    fn x15_a_bad_dns_name_has_one_verdict(#[case] text: &str, #[case] fault: NameFault) {
        assert_eq!(text.parse::<DnsName>(), Err(SanError::dns(text, fault)));
    }

    /// What an IDNA library maps to `evil.example` would pass a rule that compares texts.
    #[rstest]
    #[case("xn--evil-.example")]
    #[case("XN--EVIL-.example")]
    #[case("evil\u{ff0e}example")]
    #[case("evil\u{3002}example")]
    #[case("\u{ff45}vil.example")]
    #[case("ev\u{ad}il.example")]
    #[case("evil.example.")]
    fn x16_another_spelling_of_a_plain_name_is_no_name(#[case] text: &str) {
        assert!(matches!(text.parse::<DnsName>(), Err(SanError::BadName { kind: "dns", .. })));
    }

    #[rstest]
    #[case("10.0.0.1")]
    #[case("10.0.0.5/32")]
    #[case("010.0.0.5")]
    #[case("0x0a000001")]
    #[case("0xa.0.0.1")]
    #[case("127.1")]
    #[case("2130706433")]
    #[case("1.2.3.4.5")]
    #[case("*.0.0.1")]
    #[case("0x")]
    #[case("::1")]
    #[case("[::1]")]
    #[case("2001:db8::/32")]
    fn x14_an_ip_address_is_never_a_dns_name(#[case] text: &str) {
        assert_eq!(text.parse::<DnsName>(), Err(SanError::dns(text, NameFault::IpAddress)));
    }

    #[rstest]
    #[case("a\0b.example")]
    #[case("a.example\n")]
    #[case("a\tb")]
    #[case("a\u{80}b")]
    fn x13_a_control_character_is_refused_and_printed_on_one_line(#[case] text: &str) {
        let error = text.parse::<DnsName>().unwrap_err();

        assert_eq!(error, SanError::dns(text, NameFault::Character));
        assert!(!error.to_string().chars().any(char::is_control), "{error}");
    }

    proptest! {
        #[test]
        fn x18_no_text_panics_and_what_parses_prints_itself(text in ".*") {
            if let Ok(name) = text.parse::<DnsName>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }

        #[test]
        fn x14_no_dotted_number_is_a_dns_name(parts in prop::collection::vec("(0x)?[0-9]{1,4}", 1..6)) {
            prop_assert!(parts.join(".").parse::<DnsName>().is_err());
        }
    }
}
