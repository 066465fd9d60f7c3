//! Subject alternative names.
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use thiserror::Error;

/// One subject alternative name of a kind that is issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectAltName {
    /// dNSName.
    Dns(DnsName),
    /// rfc822Name.
    Email(EmailAddress),
    /// iPAddress; IPv4 mapped into IPv6 is IPv4.
    Ip(IpAddr),
    /// uniformResourceIdentifier.
    Uri(UriName),
}
impl SubjectAltName {
    /// Reads a name without a kind, as step does: IP address, URI with scheme, mail address, DNS name.
    pub fn classify(_text: &str) -> Result<Self, SanError> {
        todo!()
    }
    /// An IP address from text.
    pub fn ip(_text: &str) -> Result<Self, SanError> {
        todo!()
    }
    /// `dns`, `email`, `ip`, `uri`: the kind as templates spell it.
    pub fn kind(&self) -> &'static str {
        todo!()
    }
}
impl fmt::Display for SubjectAltName {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

/// A dNSName.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsName(String);
/// An rfc822Name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);
/// A uniformResourceIdentifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UriName(String);

impl DnsName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether its first label is a star.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }
}
impl EmailAddress {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl UriName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The host, when it has one.
    pub fn host(&self) -> Option<&str> {
        todo!()
    }
}
impl FromStr for DnsName {
    type Err = SanError;
    fn from_str(_s: &str) -> Result<Self, SanError> {
        todo!()
    }
}
impl FromStr for EmailAddress {
    type Err = SanError;
    fn from_str(_s: &str) -> Result<Self, SanError> {
        todo!()
    }
}
impl FromStr for UriName {
    type Err = SanError;
    fn from_str(_s: &str) -> Result<Self, SanError> {
        todo!()
    }
}
impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Display for UriName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A general name of a kind that is only carried: otherName, directoryName, registeredID, ..
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OtherName {
    /// The number of its context-specific tag.
    pub tag: u8,
    /// The whole GeneralName in DER.
    pub der: Vec<u8>,
}

/// The content of a subjectAltName extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectAltNames {
    /// The names that are issued, in the order found.
    pub names: Vec<SubjectAltName>,
    /// The others.
    pub others: Vec<OtherName>,
}
impl SubjectAltNames {
    /// Reads the value of a subjectAltName extension.
    pub fn from_der(_der: &[u8]) -> Result<Self, SanError> {
        todo!()
    }
    /// Writes it: dns, email, ip, uri, then the others.
    pub fn to_der(&self) -> Vec<u8> {
        todo!()
    }
    /// Whether there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.others.is_empty()
    }
    /// The DNS names in order.
    pub fn dns_names(&self) -> impl Iterator<Item = &DnsName> {
        self.names.iter().filter_map(|n| match n {
            SubjectAltName::Dns(d) => Some(d),
            _ => None,
        })
    }
}

/// Why a text or an extension is not a subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SanError {
    /// Not GeneralNames in DER.
    #[error("the subjectAltName extension is malformed")]
    Malformed,
    /// Refused name.
    #[error("{name:?} is not a valid name")]
    BadName {
        /// What was asked for.
        name: String,
    },
}
