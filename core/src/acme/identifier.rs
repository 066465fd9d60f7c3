//! What certificates are ordered for ([RFC 8555 §9.7.7](https://www.rfc-editor.org/rfc/rfc8555#section-9.7.7)).

use std::fmt;
use std::net::IpAddr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::x509::{DnsName, SanError, SubjectAltName};

mod set;

pub use set::{Identifiers, IdentifiersError, MAX_IDENTIFIERS, NamesDiffer};

/// An identifier, in the one spelling that names the same thing.
///
/// A further kind becomes a further variant, so that the compiler shows every place that has to know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identifier {
    /// `dns` ([RFC 8555 §7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4))
    Dns(DnsIdentifier),
    /// `ip` ([RFC 8738 §3](https://www.rfc-editor.org/rfc/rfc8738#section-3)); never an IPv4 address mapped into IPv6.
    Ip(IpAddr),
}

impl Identifier {
    /// Reads an identifier from its type and value.
    ///
    /// A DNS name may have capital letters, which become small ones; everything else that could be written in two ways
    /// has to be written in the one that is asked for.
    ///
    /// # Errors
    /// [`IdentifierError`] says what is wrong with it.
    pub fn parse(kind: &str, value: &str) -> Result<Self, IdentifierError> {
        match kind {
            DNS => Ok(Self::Dns(DnsIdentifier::parse(value)?)),
            IP => parse_ip(value).map(Self::Ip),
            other => Err(IdentifierError::UnsupportedType { found: clip(other) }),
        }
    }

    /// `dns` or `ip`
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => DNS,
            Self::Ip(_) => IP,
        }
    }

    /// Whether it stands for every name one label below another.
    pub fn is_wildcard(&self) -> bool {
        match self {
            Self::Dns(name) => name.is_wildcard(),
            Self::Ip(_) => false,
        }
    }

    /// The identifier as an authorization shows it: without the star
    /// ([RFC 8555 §7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4)).
    pub fn authorized(&self) -> RequestedIdentifier {
        let value = match self {
            Self::Dns(name) => name.without_wildcard().to_owned(),
            Self::Ip(address) => address.to_string(),
        };
        RequestedIdentifier { kind: self.kind().to_owned(), value }
    }

    /// The name as a certificate has it.
    pub fn to_san(&self) -> SubjectAltName {
        match self {
            Self::Dns(name) => SubjectAltName::Dns(name.as_dns_name().clone()),
            Self::Ip(address) => SubjectAltName::Ip(*address),
        }
    }

    /// The identifier that a name of a certificate or a request stands for; `None` for kinds that ACME has no identifier
    /// for here.
    pub fn from_san(name: &SubjectAltName) -> Option<Self> {
        match name {
            SubjectAltName::Dns(name) => Some(Self::Dns(DnsIdentifier::from_name(name))),
            SubjectAltName::Ip(address) => Some(Self::Ip(address.to_canonical())),
            SubjectAltName::Email(_) | SubjectAltName::Uri(_) => None,
        }
    }
}

/// The value alone, with its star.
impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl Serialize for Identifier {
    /// As an order shows it: `type` and `value`, with the star.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RequestedIdentifier::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let RequestedIdentifier { kind, value } = RequestedIdentifier::deserialize(deserializer)?;
        Self::parse(&kind, &value).map_err(D::Error::custom)
    }
}

/// A DNS name in small letters, perhaps with a star as its first label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsIdentifier(DnsName);

impl DnsIdentifier {
    /// Its text, with the star.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether its first label is a star.
    pub fn is_wildcard(&self) -> bool {
        self.0.is_wildcard()
    }

    /// What follows the star; the whole name when there is none.
    pub fn without_wildcard(&self) -> &str {
        self.0.without_wildcard()
    }

    /// The name as certificates have it.
    pub fn as_dns_name(&self) -> &DnsName {
        &self.0
    }

    fn parse(value: &str) -> Result<Self, IdentifierError> {
        Ok(Self(value.to_ascii_lowercase().parse()?))
    }

    fn from_name(name: &DnsName) -> Self {
        // What is a name in capital letters is one in small letters.
        name.as_str().to_ascii_lowercase().parse().map_or_else(|_| Self(name.clone()), Self)
    }
}

impl fmt::Display for DnsIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An identifier as a client writes it, before anything is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedIdentifier {
    /// `type`
    #[serde(rename = "type")]
    pub kind: String,
    /// `value`
    pub value: String,
}

impl RequestedIdentifier {
    /// The identifier that it is.
    ///
    /// # Errors
    /// [`IdentifierError`] as [`Identifier::parse`].
    pub fn read(&self) -> Result<Identifier, IdentifierError> {
        Identifier::parse(&self.kind, &self.value)
    }
}

impl From<&Identifier> for RequestedIdentifier {
    fn from(identifier: &Identifier) -> Self {
        Self { kind: identifier.kind().to_owned(), value: identifier.to_string() }
    }
}

/// Why an identifier is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentifierError {
    /// A type that is not offered.
    #[error("identifiers of type {found:?} are not supported; use dns or ip")]
    UnsupportedType {
        /// The beginning of it.
        found: String,
    },
    /// The value is no DNS name.
    #[error(transparent)]
    Dns(#[from] SanError),
    /// The value is no IP address.
    #[error("{found:?} is not an IP address; leave out ports, brackets, zones and prefix lengths")]
    Ip {
        /// The beginning of it.
        found: String,
    },
    /// The value is an IP address in another spelling
    /// ([RFC 8738 §3](https://www.rfc-editor.org/rfc/rfc8738#section-3)).
    #[error("the IP address has to be written as {canonical}")]
    IpSpelling {
        /// Its one spelling.
        canonical: IpAddr,
    },
    /// No single host has this address.
    #[error("no certificate is issued for {address}, which is not the address of one host")]
    NotAHost {
        /// The address.
        address: IpAddr,
    },
}

impl IdentifierError {
    /// Which of ACME's errors it is.
    pub fn problem(&self) -> IdentifierProblem {
        match self {
            Self::UnsupportedType { .. } => IdentifierProblem::UnsupportedIdentifier,
            Self::Dns(_) | Self::Ip { .. } | Self::IpSpelling { .. } => IdentifierProblem::Malformed,
            Self::NotAHost { .. } => IdentifierProblem::RejectedIdentifier,
        }
    }
}

/// The error of [RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7) that a refused identifier comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierProblem {
    /// `unsupportedIdentifier`
    UnsupportedIdentifier,
    /// `malformed`
    Malformed,
    /// `rejectedIdentifier`
    RejectedIdentifier,
}

const DNS: &str = "dns";
const IP: &str = "ip";
/// How much of a refused text an error repeats.
const MAX_ECHO: usize = 64;

fn parse_ip(value: &str) -> Result<IpAddr, IdentifierError> {
    let address: IpAddr = value.parse().map_err(|_| IdentifierError::Ip { found: clip(value) })?;
    let canonical = address.to_canonical();
    // The library prints an IPv6 address as RFC 5952 wants it.
    if canonical.to_string() != value {
        return Err(IdentifierError::IpSpelling { canonical });
    }
    let is_broadcast = matches!(canonical, IpAddr::V4(address) if address.is_broadcast());
    if canonical.is_unspecified() || canonical.is_multicast() || is_broadcast {
        return Err(IdentifierError::NotAHost { address: canonical });
    }
    Ok(canonical)
}

fn clip(text: &str) -> String {
    text.chars().take(MAX_ECHO).collect()
}

#[cfg(test)]
mod tests;
