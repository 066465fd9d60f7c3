//! The port through which validations look into the network.

#[cfg(any(test, feature = "contract"))]
pub mod fake;
#[cfg(any(test, feature = "contract"))]
pub mod fault;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use super::{AllowedTargets, RefusedRange};
use crate::x509::DnsName;

/// Looks things up in the network and judges none of them: what an answer proves is for the challenge to say.
///
/// Every method ends within [`ProbeLimits::deadline`], and contacts no address that [`ProbeLimits::targets`] refuses:
/// names are resolved again at every step, and what was judged is what is dialled. Nothing is remembered from one call
/// to the next.
#[async_trait]
pub trait Prober: fmt::Debug + Send + Sync {
    /// The answer to `GET http://host/path`, after at most [`MAX_REDIRECTS`] redirects to `http` and `https` on their
    /// ports. Certificates of `https` targets are not verified. Any status is an answer.
    ///
    /// [RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)
    ///
    /// # Errors
    /// [`ProbeError`] when there is no answer, a redirect that may not be followed, or a body of more than
    /// [`MAX_BODY`] octets.
    async fn http(
        &self,
        host: &ProbeHost,
        path: &str,
        limits: &ProbeLimits,
    ) -> Result<HttpAnswer, ProbeError>;

    /// The TXT records of `name`, CNAMEs followed, from the servers of its zone; from the resolver where those cannot
    /// be found or reached, or have none. No such name and no such record are an empty list.
    ///
    /// [RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)
    ///
    /// # Errors
    /// [`ProbeError`] when nobody gave an answer: a failure is never an empty list.
    async fn txt(&self, name: &DnsName, limits: &ProbeLimits) -> Result<TxtAnswer, ProbeError>;

    /// What a TLS server shows to a client that offers [`ACME_TLS_ALPN`] alone and asks for
    /// [`ProbeHost::server_name`]. TLS 1.2 or 1.3; the server has proved that it holds the certificate's key, and
    /// nothing else about the certificate was checked.
    ///
    /// [RFC 8737 §3](https://www.rfc-editor.org/rfc/rfc8737#section-3)
    ///
    /// # Errors
    /// [`ProbeError`] when the handshake did not end.
    async fn tls_alpn(&self, host: &ProbeHost, limits: &ProbeLimits) -> Result<TlsAnswer, ProbeError>;

    /// The CAA records at exactly this name, CNAMEs followed. No such name and no such record are an empty list; the
    /// names above it are the caller's to ask for.
    ///
    /// [RFC 8659 §3](https://www.rfc-editor.org/rfc/rfc8659#section-3)
    ///
    /// # Errors
    /// [`ProbeError`] when nobody gave an answer: a failure is never an empty list.
    async fn caa(&self, name: &DnsName, limits: &ProbeLimits) -> Result<Vec<CaaRecord>, ProbeError>;
}

/// Whom a validation connects to: the identifier, and nothing that a client could add to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProbeHost {
    /// A name, to be resolved.
    Dns(DnsName),
    /// An address.
    Ip(IpAddr),
}

impl ProbeHost {
    /// The server name that is sent in a TLS handshake: the name itself; for an address, its name in the reverse tree.
    ///
    /// [RFC 8738 §6](https://www.rfc-editor.org/rfc/rfc8738#section-6)
    pub fn server_name(&self) -> String {
        match self {
            Self::Dns(name) => name.as_str().to_ascii_lowercase(),
            Self::Ip(address) => reverse_name(address.to_canonical()),
        }
    }
}

/// The name, or the address without brackets.
impl fmt::Display for ProbeHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// How long a look-up may take, and whom it may contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeLimits {
    /// The whole look-up, from the call to its end.
    pub deadline: Duration,
    /// What may be contacted beyond the default.
    pub targets: AllowedTargets,
}

/// What a web server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status. A redirect only when it is one that is not followed (300, 304, 305, 306).
    pub status: u16,
    /// The whole body, at most [`MAX_BODY`] octets.
    pub body: Vec<u8>,
    /// The address in the last request: somebody else's choice after a redirect.
    pub url: String,
    /// Who answered the last request.
    pub address: SocketAddr,
}

/// TXT records, and who had them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtAnswer {
    /// The records; the strings of each joined. Where servers of a zone differ, those of all who answered in time.
    pub records: Vec<Vec<u8>>,
    /// The name they stand at: another one than was asked for when CNAMEs led there.
    pub name: String,
    /// What kind of server answered.
    pub source: DnsSource,
    /// Who answered.
    pub servers: Vec<SocketAddr>,
}

/// What kind of server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsSource {
    /// Servers of this zone.
    Authoritative {
        /// The zone's name.
        zone: String,
    },
    /// The resolver that is configured. Its answer may be as old as the record's time to live.
    Resolver,
}

/// As a problem document would go on after "asked".
impl fmt::Display for TxtAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            DnsSource::Authoritative { zone } => write!(f, "the name servers of {zone}")?,
            DnsSource::Resolver => f.write_str("the resolver")?,
        }
        let mut before = " (";
        for server in &self.servers {
            write!(f, "{before}{server}")?;
            before = ", ";
        }
        let end = if self.servers.is_empty() { "" } else { ")" };
        write!(f, "{end} for TXT {}", self.name)
    }
}

/// What a TLS server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsAnswer {
    /// The leaf in DER.
    pub certificate: Vec<u8>,
    /// The application protocol that the server chose; it may have chosen none, or one that was not offered.
    pub alpn: Option<Vec<u8>>,
    /// The protocol version.
    pub version: TlsVersion,
    /// Who answered.
    pub address: SocketAddr,
}

/// A version of TLS in which a validation may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// A CAA record.
///
/// [RFC 8659 §4.1](https://www.rfc-editor.org/rfc/rfc8659#section-4.1)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaaRecord {
    /// Whether an issuer that does not know the tag must not issue.
    pub critical: bool,
    /// The property's name, as it stands in the record; letter case does not count.
    pub tag: String,
    /// The property's value.
    pub value: Vec<u8>,
}

/// There is no answer.
///
/// Its text says what was asked, of whom, and what came back. It is one short printable line, made to be shown to the
/// client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct ProbeError {
    /// What failed.
    pub kind: ProbeErrorKind,
    detail: String,
    /// Whether the same look-up may go well in a moment. A server that is out of reach may start; one that
    /// misbehaves does so on purpose.
    pub may_heal: bool,
    /// The addresses that were contacted, in order.
    pub tried: Vec<SocketAddr>,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeErrorKind {
    /// Names could not be resolved, or have no address.
    Dns,
    /// No address accepted a connection, or it broke off.
    Connection,
    /// The TLS handshake.
    Tls,
    /// What came back is no answer of a web server, or one that is not accepted.
    Http,
    /// There is only an address that is not contacted.
    Refused {
        /// The first such address.
        address: IpAddr,
        /// Why it is not contacted.
        range: RefusedRange,
    },
}

impl ProbeError {
    /// An error that does not heal, before anybody was contacted. Of `detail`, the first 400 characters are
    /// kept, and control characters are replaced; what others wrote is the caller's to shorten further with
    /// [`excerpt`](super::excerpt).
    pub fn new(kind: ProbeErrorKind, detail: impl fmt::Display) -> Self {
        let printable = |shown: char| if shown.is_control() { char::REPLACEMENT_CHARACTER } else { shown };
        let detail = detail.to_string().chars().map(printable).take(MAX_DETAIL).collect();
        Self { kind, detail, may_heal: false, tried: Vec::new() }
    }

    /// The same, for a failure that may heal.
    #[must_use]
    pub fn that_may_heal(self) -> Self {
        Self { may_heal: true, ..self }
    }

    /// The same, after these addresses were contacted.
    #[must_use]
    pub fn having_tried(self, tried: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { tried: tried.into_iter().collect(), ..self }
    }

    /// What was asked, of whom, and what came back.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles =
                address.octets().into_iter().rev().map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4));
            nibbles.chain(["ip6.arpa".to_owned()]).collect()
        }
    }
}

/// The application protocol of tls-alpn-01 ([RFC 8737 §6.2](https://www.rfc-editor.org/rfc/rfc8737#section-6.2)).
pub const ACME_TLS_ALPN: &[u8] = b"acme-tls/1";
/// The most redirects that are followed; browsers and other authorities follow as many or more.
pub const MAX_REDIRECTS: usize = 10;
/// The longest body that is read, in octets: a key authorization has less than 200.
pub const MAX_BODY: usize = 16 * 1024;
/// The longest text of an error in characters.
const MAX_DETAIL: usize = 400;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The IPv6 address is the example of [RFC 3596 §2.5](https://www.rfc-editor.org/rfc/rfc3596#section-2.5).
    #[rstest]
    #[case("192.0.2.1", "1.2.0.192.in-addr.arpa")]
    #[case("::ffff:192.0.2.1", "1.2.0.192.in-addr.arpa")]
    #[case(
        "4321:0:1:2:3:4:567:89ab",
        "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa"
    )]
    fn n11_the_server_name_of_an_address_is_its_reverse_name(#[case] address: &str, #[case] name: &str) {
        assert_eq!(ProbeHost::Ip(address.parse().unwrap()).server_name(), name);
    }

    #[test]
    fn the_server_name_of_a_name_is_itself_in_lower_case() {
        let host = ProbeHost::Dns("WWW.Example".parse().unwrap());

        assert_eq!(
            (host.server_name(), host.to_string()),
            ("www.example".to_owned(), "WWW.Example".to_owned())
        );
    }

    #[test]
    fn n2_the_text_of_an_error_is_one_short_line() {
        let error = ProbeError::new(ProbeErrorKind::Http, format!("a\nb\u{1b}[2J{}", "x".repeat(1000)));

        assert!(error.detail().starts_with("a\u{fffd}b\u{fffd}[2Jxxx"), "{error}");
        assert_eq!(error.detail().chars().count(), MAX_DETAIL);
        assert_eq!(error.to_string(), error.detail());
    }

    #[test]
    fn an_answer_says_who_was_asked_for_what() {
        let answer = TxtAnswer {
            records: Vec::new(),
            name: "_acme-challenge.a.example".to_owned(),
            source: DnsSource::Authoritative { zone: "a.example".to_owned() },
            servers: vec!["192.0.2.1:53".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap()],
        };

        let text = "the name servers of a.example (192.0.2.1:53, [2001:db8::1]:53) for TXT _acme-challenge.a.example";
        assert_eq!(answer.to_string(), text);
        let answer = TxtAnswer { source: DnsSource::Resolver, servers: Vec::new(), ..answer };
        assert_eq!(answer.to_string(), "the resolver for TXT _acme-challenge.a.example");
    }
}
