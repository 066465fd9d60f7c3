//! The identifiers of one order.

use std::collections::BTreeSet;

use const_oid::db::rfc4519;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::{DnsIdentifier, Identifier, IdentifierError};
use crate::x509::{CertificateRequest, SubjectAltName, SubjectAltNames};

/// The identifiers of one order: at least one, none twice, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifiers(BTreeSet<Identifier>);

impl Identifiers {
    /// The set of `identifiers`; an identifier that is named twice counts once.
    ///
    /// # Errors
    /// [`IdentifiersError`] when there is none, or more than [`MAX_IDENTIFIERS`].
    pub fn new(identifiers: impl IntoIterator<Item = Identifier>) -> Result<Self, IdentifiersError> {
        let mut set = BTreeSet::new();
        for identifier in identifiers {
            set.insert(identifier);
            if set.len() > MAX_IDENTIFIERS {
                return Err(IdentifiersError::TooMany);
            }
        }
        if set.is_empty() { Err(IdentifiersError::Empty) } else { Ok(Self(set)) }
    }

    /// Each identifier, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Identifier> {
        self.0.iter()
    }

    /// How many there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `identifier` is one of them. A wildcard contains nothing but itself.
    pub fn contains(&self, identifier: &Identifier) -> bool {
        self.0.contains(identifier)
    }

    /// The names of a certificate for exactly these identifiers.
    pub fn to_sans(&self) -> SubjectAltNames {
        self.iter().map(Identifier::to_san).collect::<Vec<_>>().into()
    }

    /// Whether `request` asks for exactly these identifiers: in its subject alternative names, or in its common name,
    /// or in both; and for nothing else.
    ///
    /// [RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)
    ///
    /// # Errors
    /// [`NamesDiffer`] says which names are wrong.
    pub fn check(&self, request: &CertificateRequest) -> Result<(), NamesDiffer> {
        let sans = request.sans();
        if let Some(other) = sans.others.first() {
            return Err(NamesDiffer::OtherKind { tag: other.tag() });
        }
        let mut asked = BTreeSet::new();
        for name in &sans.names {
            let identifier = Identifier::from_san(name);
            asked.insert(identifier.ok_or_else(|| NamesDiffer::Kind { name: name.clone() })?);
        }
        // Each of them: programs differ in which of several common names is the one.
        let attributes = request.subject().attributes();
        for (_, common_name) in attributes.filter(|(oid, text)| *oid == rfc4519::CN && !text.is_empty()) {
            asked.insert(common_name_identifier(common_name)?);
        }
        let texts = |left: &BTreeSet<Identifier>, right: &BTreeSet<Identifier>| -> Vec<String> {
            left.difference(right).map(ToString::to_string).collect()
        };
        if asked == self.0 {
            return Ok(());
        }
        Err(NamesDiffer::Set { extra: texts(&asked, &self.0), missing: texts(&self.0, &asked) })
    }
}

impl<'a> IntoIterator for &'a Identifiers {
    type Item = &'a Identifier;
    type IntoIter = std::collections::btree_set::Iter<'a, Identifier>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Serialize for Identifiers {
    /// As an order shows them: an array.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de> Deserialize<'de> for Identifiers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<Identifier>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Why identifiers do not make an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentifiersError {
    /// There is none.
    #[error("an order needs at least one identifier")]
    Empty,
    /// More than one certificate is issued for.
    #[error("an order may have at most {MAX_IDENTIFIERS} identifiers")]
    TooMany,
}

/// Why a certificate request is not one for an order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NamesDiffer {
    /// A name of a kind that no identifier has.
    #[error("the certificate request asks for the {} name {name}; only dns and ip are possible", name.kind())]
    Kind {
        /// The name.
        name: SubjectAltName,
    },
    /// A general name of a kind that is not issued.
    #[error(
        "the certificate request asks for a general name with the tag {tag}; only dns and ip are possible"
    )]
    OtherKind {
        /// The number of its tag.
        tag: u8,
    },
    /// The common name is no identifier.
    #[error("the common name of the certificate request is refused: {0}")]
    CommonName(IdentifierError),
    /// Other names than those of the order.
    #[error(
        "the certificate request does not ask for the names of its order: too many are {extra:?}, missing are {missing:?}"
    )]
    Set {
        /// Names that the order does not have.
        extra: Vec<String>,
        /// Names that only the order has.
        missing: Vec<String>,
    },
}

/// Most identifiers in one order, as public authorities have it.
pub const MAX_IDENTIFIERS: usize = 100;

/// A common name is written like a DNS name or like an IP address; which it is, its text tells.
fn common_name_identifier(text: &str) -> Result<Identifier, NamesDiffer> {
    match text.parse::<std::net::IpAddr>() {
        Ok(address) => Ok(Identifier::Ip(address.to_canonical())),
        Err(_) => DnsIdentifier::parse(text).map(Identifier::Dns).map_err(NamesDiffer::CommonName),
    }
}

#[cfg(test)]
mod tests;
