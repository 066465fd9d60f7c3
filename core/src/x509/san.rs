//! Subject alternative names ([RFC 5280 §4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use super::read::{NotDer, Value};
use super::uri_name::has_scheme;
use super::write::{self, id};
use super::{DnsName, EmailAddress, UriName};

/// One subject alternative name of a kind that is issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectAltName {
    /// dNSName.
    Dns(DnsName),
    /// rfc822Name.
    Email(EmailAddress),
    /// iPAddress. An IPv4 address that is mapped into IPv6 is an IPv4 address.
    Ip(IpAddr),
    /// uniformResourceIdentifier.
    Uri(UriName),
}

impl SubjectAltName {
    /// Reads a name that comes without its kind, in this order: an IP address, a URI when it starts with a scheme, an
    /// e-mail address when it has an `@`, a DNS name.
    ///
    /// # Errors
    /// [`SanError::BadName`] when it is not a good name of the first kind that it looks like.
    pub fn classify(text: &str) -> Result<Self, SanError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(address.to_canonical()));
        }
        if has_scheme(text) {
            return text.parse().map(Self::Uri);
        }
        if text.contains('@') {
            return text.parse().map(Self::Email);
        }
        text.parse().map(Self::Dns)
    }

    /// Reads an IP address.
    ///
    /// # Errors
    /// [`SanError::BadName`] when it is none; leading zeros and zones make it none.
    pub fn ip(text: &str) -> Result<Self, SanError> {
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Self::Ip(address.to_canonical())),
            Err(_) => Err(SanError::bad("ip", text, NameFault::IpAddress)),
        }
    }

    /// `dns`, `email`, `ip` or `uri`: its kind, as templates spell it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Email(_) => "email",
            Self::Ip(_) => "ip",
            Self::Uri(_) => "uri",
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Dns(name) => write::value(tag::DNS, name.as_str().as_bytes()),
            Self::Email(address) => write::value(tag::EMAIL, address.as_str().as_bytes()),
            Self::Ip(IpAddr::V4(address)) => write::value(tag::IP, &address.octets()),
            Self::Ip(IpAddr::V6(address)) => write::value(tag::IP, &address.octets()),
            Self::Uri(uri) => write::value(tag::URI, uri.as_str().as_bytes()),
        }
    }
}

/// The name alone, without its kind.
impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Email(address) => address.fmt(f),
            Self::Ip(address) => address.fmt(f),
            Self::Uri(uri) => uri.fmt(f),
        }
    }
}

/// A general name of a kind that is only carried along: otherName, directoryName, registeredID and the like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OtherName {
    tag: u8,
    der: Vec<u8>,
}

impl OtherName {
    /// Reads one `GeneralName` in DER.
    ///
    /// # Errors
    /// [`SanError::Malformed`] when it is none, or of a kind that [`SubjectAltName`] has.
    pub fn from_der(der: &[u8]) -> Result<Self, SanError> {
        let identifier = *der.first().ok_or(SanError::Malformed)?;
        let value = Value::only(der, identifier)?;
        match read_general_name(value)? {
            GeneralName::Other(other) => Ok(other),
            GeneralName::Known(_) => Err(SanError::Malformed),
        }
    }

    /// The number of its tag: 0 for otherName, 4 for directoryName, 8 for registeredID, 3 and 5 for the two that
    /// nobody uses.
    pub fn tag(&self) -> u8 {
        self.tag
    }

    /// The `GeneralName` in DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }
}

/// The content of a subjectAltName extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectAltNames {
    /// The names of kinds that are issued.
    pub names: Vec<SubjectAltName>,
    /// Those of other kinds, so that nobody overlooks them.
    pub others: Vec<OtherName>,
}

impl SubjectAltNames {
    /// Reads the value of a subjectAltName extension.
    ///
    /// # Errors
    /// [`SanError`] when it is malformed, empty, too long, or holds a name that is refused.
    pub fn from_der(der: &[u8]) -> Result<Self, SanError> {
        let mut values = Value::only(der, id::SEQUENCE)?.values()?;
        let mut sans = Self::default();
        while !values.is_at_end() {
            if sans.names.len() + sans.others.len() == MAX_NAMES {
                return Err(SanError::TooMany);
            }
            match read_general_name(values.any()?)? {
                GeneralName::Known(name) => sans.names.push(name),
                GeneralName::Other(name) => sans.others.push(name),
            }
        }
        if sans.is_empty() { Err(SanError::Malformed) } else { Ok(sans) }
    }

    /// Writes the value of a subjectAltName extension: DNS names, e-mail addresses, IP addresses, URIs, each kind in
    /// its own order, then the other kinds.
    pub fn to_der(&self) -> Vec<u8> {
        let rank = |name: &SubjectAltName| match name {
            SubjectAltName::Dns(_) => 0,
            SubjectAltName::Email(_) => 1,
            SubjectAltName::Ip(_) => 2,
            SubjectAltName::Uri(_) => 3,
        };
        let mut names: Vec<&SubjectAltName> = self.names.iter().collect();
        names.sort_by_key(|name| rank(name));
        let others = self.others.iter().map(|other| other.der.clone());
        let parts: Vec<Vec<u8>> = names.into_iter().map(SubjectAltName::encode).chain(others).collect();
        write::sequence(&parts)
    }

    /// Whether there is no name of any kind.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.others.is_empty()
    }

    /// The DNS names.
    pub fn dns_names(&self) -> impl Iterator<Item = &DnsName> {
        self.names.iter().filter_map(|name| match name {
            SubjectAltName::Dns(name) => Some(name),
            _ => None,
        })
    }

    /// The e-mail addresses.
    pub fn email_addresses(&self) -> impl Iterator<Item = &EmailAddress> {
        self.names.iter().filter_map(|name| match name {
            SubjectAltName::Email(address) => Some(address),
            _ => None,
        })
    }

    /// The IP addresses.
    pub fn ip_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.names.iter().filter_map(|name| match name {
            SubjectAltName::Ip(address) => Some(*address),
            _ => None,
        })
    }

    /// The URIs.
    pub fn uris(&self) -> impl Iterator<Item = &UriName> {
        self.names.iter().filter_map(|name| match name {
            SubjectAltName::Uri(uri) => Some(uri),
            _ => None,
        })
    }
}

impl From<Vec<SubjectAltName>> for SubjectAltNames {
    fn from(names: Vec<SubjectAltName>) -> Self {
        Self { names, others: Vec::new() }
    }
}

/// Why a text or an extension is not a subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SanError {
    /// Not `GeneralNames` in DER, or none in it.
    #[error("the subjectAltName extension is malformed")]
    Malformed,
    /// More names than one certificate carries.
    #[error("at most {MAX_NAMES} subject alternative names fit into a certificate")]
    TooMany,
    /// A name that is not issued.
    #[error("{name:?} is not a valid {kind} name: {fault}")]
    BadName {
        /// `dns`, `email`, `ip` or `uri`.
        kind: &'static str,
        /// What was asked for, cut off when it is long.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
}

impl SanError {
    pub(super) fn dns(name: &str, fault: NameFault) -> Self {
        Self::bad("dns", name, fault)
    }

    pub(super) fn email(name: &str, fault: NameFault) -> Self {
        Self::bad("email", name, fault)
    }

    pub(super) fn uri(name: &str, fault: NameFault) -> Self {
        Self::bad("uri", name, fault)
    }

    fn bad(kind: &'static str, name: &str, fault: NameFault) -> Self {
        Self::BadName { kind, name: name.chars().take(MAX_ECHO).collect(), fault }
    }
}

impl From<NotDer> for SanError {
    fn from(NotDer: NotDer) -> Self {
        Self::Malformed
    }
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameFault {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Two dots in a row, or one at an end.
    #[error("it has an empty label")]
    EmptyLabel,
    /// A label of more than 63 characters.
    #[error("a label is longer than 63 characters")]
    LabelTooLong,
    /// More characters than such a name may have.
    #[error("it is too long")]
    TooLong,
    /// A character that such names cannot have.
    #[error("it has a character that is not allowed")]
    Character,
    /// A hyphen at an end of a label.
    #[error("a label begins or ends with a hyphen")]
    Hyphen,
    /// A star that is not the whole first label of several.
    #[error("a star may only be the first label, with others behind it")]
    Wildcard,
    /// Looks like an IP address where there should be none, or is none where there should be one.
    #[error("it does not fit the rules for IP addresses")]
    IpAddress,
    /// A label that starts with `xn--` and is not the one spelling of an internationalised label.
    #[error("a label is not valid Punycode")]
    Punycode,
    /// Not `local@domain`.
    #[error("it is not a plain mailbox address")]
    Mailbox,
    /// No scheme.
    #[error("it has no scheme")]
    Scheme,
    /// The host of a URI cannot be one.
    #[error("its host is malformed")]
    Host,
}

enum GeneralName {
    Known(SubjectAltName),
    Other(OtherName),
}

fn read_general_name(value: Value<'_>) -> Result<GeneralName, SanError> {
    let text = || std::str::from_utf8(value.content);
    let lossy = || String::from_utf8_lossy(value.content);
    let known = match value.id {
        tag::DNS => text()
            .map_err(|_| SanError::dns(&lossy(), NameFault::Character))?
            .parse()
            .map(SubjectAltName::Dns),
        tag::EMAIL => text()
            .map_err(|_| SanError::email(&lossy(), NameFault::Character))?
            .parse()
            .map(SubjectAltName::Email),
        tag::URI => text()
            .map_err(|_| SanError::uri(&lossy(), NameFault::Character))?
            .parse()
            .map(SubjectAltName::Uri),
        tag::IP => read_ip(value.content).map(SubjectAltName::Ip),
        identifier if tag::OTHER.contains(&identifier) => {
            let tag = identifier & tag::NUMBER;
            return Ok(GeneralName::Other(OtherName { tag, der: value.der.to_vec() }));
        }
        _ => Err(SanError::Malformed),
    };
    known.map(GeneralName::Known)
}

fn read_ip(octets: &[u8]) -> Result<IpAddr, SanError> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Ok(Ipv4Addr::from(octets).into());
    }
    let octets = <[u8; 16]>::try_from(octets).map_err(|_| SanError::Malformed)?;
    Ok(IpAddr::from(Ipv6Addr::from(octets)).to_canonical())
}

/// Identifiers of `GeneralName`.
pub(super) mod tag {
    use super::id;

    pub(crate) const EMAIL: u8 = id::context(1);
    pub(crate) const DNS: u8 = id::context(2);
    pub(crate) const URI: u8 = id::context(6);
    pub(crate) const IP: u8 = id::context(7);
    /// otherName, x400Address, directoryName, ediPartyName, registeredID.
    pub(super) const OTHER: [u8; 5] = [
        id::context_constructed(0),
        id::context_constructed(3),
        id::context_constructed(4),
        id::context_constructed(5),
        id::context(8),
    ];
    pub(super) const NUMBER: u8 = 0x1f;
}

/// Most names in one certificate: ten times what public authorities allow, and little enough that a request with more
/// is refused before it costs anything.
pub const MAX_NAMES: usize = 1000;
/// How much of a refused name an error repeats.
const MAX_ECHO: usize = 256;

#[cfg(test)]
#[path = "san_tests.rs"]
mod tests;
