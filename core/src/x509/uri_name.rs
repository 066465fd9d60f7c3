//! URIs as certificates carry them.

use std::fmt;
use std::str::FromStr;

use super::san::{NameFault, SanError};

/// A uniformResourceIdentifier: a scheme and something behind it, in the characters of
/// [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986). The scheme is lower-cased and an empty fragment dropped; the
/// rest stays as given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UriName {
    text: String,
    host: Option<String>,
}

impl UriName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host as written, without port and with the brackets of an IPv6 address; `None` when there is none.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

impl FromStr for UriName {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        parse(text).map_err(|fault| SanError::uri(text, fault))
    }
}

impl fmt::Display for UriName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a text starts like `scheme:`
/// ([RFC 3986 §3.1](https://www.rfc-editor.org/rfc/rfc3986#section-3.1)).
pub(super) fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn parse(text: &str) -> Result<UriName, NameFault> {
    if text.len() > MAX_URI {
        return Err(NameFault::TooLong);
    }
    let (scheme, rest) = text.split_once(':').ok_or(NameFault::Scheme)?;
    if !is_scheme(scheme) {
        return Err(NameFault::Scheme);
    }
    let (before_fragment, fragment) = match rest.split_once('#') {
        Some((before, fragment)) => (before, Some(fragment).filter(|fragment| !fragment.is_empty())),
        None => (rest, None),
    };
    check_characters(before_fragment)?;
    check_characters(fragment.unwrap_or_default())?;
    let hierarchy = before_fragment.split_once('?').map_or(before_fragment, |(hierarchy, _)| hierarchy);
    let host = match hierarchy.strip_prefix("//") {
        Some(behind) => {
            let authority = behind.split_once('/').map_or(behind, |(authority, _)| authority);
            if behind.is_empty() {
                return Err(NameFault::Empty);
            }
            check_authority(authority)?
        }
        None if hierarchy.is_empty() => return Err(NameFault::Empty),
        None => None,
    };
    let scheme = scheme.to_ascii_lowercase();
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    Ok(UriName { text: format!("{scheme}:{before_fragment}{fragment}"), host })
}

fn check_characters(text: &str) -> Result<(), NameFault> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_allowed = match byte {
            b'%' => [bytes.next(), bytes.next()]
                .into_iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            byte => byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&byte),
        };
        if !is_allowed {
            return Err(NameFault::Character);
        }
    }
    Ok(())
}

/// The host of an authority; `None` when it is empty.
fn check_authority(authority: &str) -> Result<Option<String>, NameFault> {
    let (user, host_and_port) = match authority.rsplit_once('@') {
        Some((user, rest)) => (user, rest),
        None => ("", authority),
    };
    // Whoever re-encodes user information may write these in another way, and then the name is another one.
    if user.contains(['%', '!', '\'', '(', ')', '*', '[', ']', '@']) || host_and_port.contains('%') {
        return Err(NameFault::Character);
    }
    let (host, port) = match host_and_port.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']').ok_or(NameFault::Host)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| NameFault::Host)?;
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = host_and_port.split_at(host_and_port.find(':').unwrap_or(host_and_port.len()));
            (host.to_owned(), port)
        }
    };
    let is_port = |text: &str| {
        text.is_empty()
            || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if !is_port(port) || host.contains(']') && !host.starts_with('[') {
        return Err(NameFault::Host);
    }
    if host.is_empty() && !(user.is_empty() && port.is_empty()) {
        return Err(NameFault::Host);
    }
    Ok(Some(host).filter(|host| !host.is_empty()))
}

/// Longest URI. SPIFFE asks for 2048 octets, and nothing longer has been seen in a certificate.
///
/// [SPIFFE-ID §2.3](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#23-maximum-spiffe-id-length)
const MAX_URI: usize = 2048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://example.com", "https://example.com", Some("example.com"))]
    #[case("HTTPS://Example.com/a?b=c#d", "https://Example.com/a?b=c#d", Some("Example.com"))]
    #[case("https://example.com:8443/x#", "https://example.com:8443/x", Some("example.com"))]
    #[case("spiffe://trust.domain/ns/a%20b", "spiffe://trust.domain/ns/a%20b", Some("trust.domain"))]
    #[case("ldap://[2001:db8::7]/c=GB?x", "ldap://[2001:db8::7]/c=GB?x", Some("[2001:db8::7]"))]
    #[case("ftp://user:pw@host/", "ftp://user:pw@host/", Some("host"))]
    #[case(
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        None
    )]
    #[case("mailto:joe@example.com", "mailto:joe@example.com", None)]
    #[case("file:///etc/hosts", "file:///etc/hosts", None)]
    #[case("example.com:443", "example.com:443", None)]
    fn a_uri_is_kept_as_given(#[case] text: &str, #[case] printed: &str, #[case] host: Option<&str>) {
        let uri: UriName = text.parse().unwrap();

        assert_eq!((uri.as_str(), uri.host()), (printed, host));
    }

    #[rstest]
    #[case::no_scheme("example.com/x", NameFault::Scheme)]
    #[case::bad_scheme("1a:x", NameFault::Scheme)]
    #[case::empty("a:", NameFault::Empty)]
    #[case::empty_authority("a://", NameFault::Empty)]
    #[case::space("https://a/b c", NameFault::Character)]
    #[case::nul("https://a\0/b", NameFault::Character)]
    #[case::line_break("https://a/\r\nb", NameFault::Character)]
    #[case::byte_0x80("https://a/\u{80}", NameFault::Character)]
    #[case::half_escape("https://a/%4", NameFault::Character)]
    #[case::two_fragments("https://a/#b#c", NameFault::Character)]
    #[case::escaped_host("https://a%2eb/", NameFault::Character)]
    #[case::bad_port("https://a:b/", NameFault::Host)]
    #[case::open_bracket("https://[::1/", NameFault::Host)]
    #[case::user_without_host("https://u@/", NameFault::Host)]
    #[case::long(&format!("https://a/{}", "x".repeat(2048)), NameFault::TooLong)]
    fn x13_a_bad_uri_is_refused_with_its_reason(#[case] text: &str, #[case] fault: NameFault) {
        assert_eq!(text.parse::<UriName>(), Err(SanError::uri(text, fault)));
    }

    proptest! {
        #[test]
        fn a_printed_uri_parses_to_itself(text in "[a-zA-Z:/?#@.%\\[\\]0-9]{0,40}") {
            if let Ok(uri) = text.parse::<UriName>() {
                prop_assert_eq!(uri.to_string().parse::<UriName>(), Ok(uri));
            }
        }
    }
}
