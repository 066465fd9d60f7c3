//! Name constraints: which names a CA may certify
//! ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).
//!
//! Verifiers read some constraints differently. A name passes here only if it passes under the strictest reading, so
//! that no certificate leaves that one of them would refuse.

mod check;
mod ip_range;

pub use check::NameConstraintError;
pub use ip_range::IpRange;
use thiserror::Error;

use super::extension::oid;
use super::read::{NotDer, Value, Values};
use super::san::tag;
use super::write::{self, id};
use super::{DistinguishedName, Extension, SubjectAltNames};

/// The content of a nameConstraints extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameConstraints {
    /// Whether the extension is marked critical. RFC 5280 asks for it; constraints bind either way.
    pub critical: bool,
    /// A name of a kind that is listed here must fall under one of its kind.
    pub permitted: Vec<Constraint>,
    /// No name may fall under one of these.
    pub excluded: Vec<Constraint>,
}

/// One subtree of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// A DNS name and everything below it; with a dot in front, only what is below.
    Dns(String),
    /// A range of IP addresses.
    Ip(IpRange),
    /// A mailbox, the mailboxes of a host, or with a dot in front those of the hosts below a domain.
    Email(String),
    /// A host in URIs, or with a dot in front the hosts below a domain.
    Uri(String),
    /// A kind that is not understood: a name of that kind cannot be judged, and is refused.
    Other {
        /// The number of its tag in `GeneralName`.
        tag: u8,
    },
}

impl NameConstraints {
    /// Reads a nameConstraints extension.
    ///
    /// # Errors
    /// [`NameConstraintsError`] when it is malformed: the CA must then not issue, for nobody knows what it may.
    pub fn from_extension(extension: &Extension) -> Result<Self, NameConstraintsError> {
        let mut lists = Value::only(&extension.value, id::SEQUENCE)?.values()?;
        let permitted = read_list(lists.optional(id::context_constructed(0))?)?;
        let excluded = read_list(lists.optional(id::context_constructed(1))?)?;
        lists.end()?;
        if permitted.is_empty() && excluded.is_empty() {
            return Err(NameConstraintsError);
        }
        Ok(Self { critical: extension.critical, permitted, excluded })
    }

    /// Writes the extension; DNS, IP, e-mail and URI constraints follow in this order. Those of other kinds, which
    /// only come from reading, are left out.
    ///
    /// # Errors
    /// [`NameConstraintsError`] when there is no constraint, or one that is not well-formed.
    pub fn to_extension(&self) -> Result<Extension, NameConstraintsError> {
        let mut lists = Vec::new();
        for (number, list) in [(0, &self.permitted), (1, &self.excluded)] {
            let mut subtrees: Vec<&Constraint> = list.iter().collect();
            subtrees.sort_by_key(|constraint| constraint.rank());
            let subtrees = subtrees
                .into_iter()
                .map(Constraint::to_der)
                .collect::<Result<Vec<_>, NameConstraintsError>>()?;
            if !subtrees.is_empty() {
                lists.push(write::constructed(id::context_constructed(number), &subtrees));
            }
        }
        if lists.is_empty() {
            return Err(NameConstraintsError);
        }
        Ok(Extension { oid: oid::NAME_CONSTRAINTS, critical: self.critical, value: write::sequence(&lists) })
    }

    /// Whether the CA may certify this subject and these names.
    ///
    /// # Errors
    /// [`NameConstraintError`] for the first name that it may not.
    pub fn check(
        &self,
        subject: &DistinguishedName,
        sans: &SubjectAltNames,
    ) -> Result<(), NameConstraintError> {
        check::check(self, subject, sans)
    }
}

impl Constraint {
    fn rank(&self) -> u8 {
        match self {
            Self::Dns(_) => 0,
            Self::Ip(_) => 1,
            Self::Email(_) => 2,
            Self::Uri(_) => 3,
            Self::Other { .. } => 4,
        }
    }

    fn to_der(&self) -> Result<Vec<u8>, NameConstraintsError> {
        let name = match self {
            Self::Dns(text) => write::value(tag::DNS, checked(text, is_domain)?),
            Self::Ip(range) => write::value(tag::IP, &range.to_octets()),
            Self::Email(text) => write::value(tag::EMAIL, checked(text, is_email_constraint)?),
            Self::Uri(text) => write::value(tag::URI, checked(text, is_domain)?),
            Self::Other { .. } => return Err(NameConstraintsError),
        };
        Ok(write::sequence(&[name]))
    }

    fn read(base: Value<'_>) -> Result<Self, NameConstraintsError> {
        let text = |is_good: fn(&str) -> bool| {
            let text = std::str::from_utf8(base.content).map_err(|_| NameConstraintsError)?;
            checked(text, is_good)?;
            Ok(text.to_owned())
        };
        match base.id {
            tag::DNS => text(is_domain).map(Self::Dns),
            tag::IP => IpRange::from_octets(base.content).map(Self::Ip),
            tag::EMAIL => text(is_email_constraint).map(Self::Email),
            tag::URI => text(is_domain).map(Self::Uri),
            other => Ok(Self::Other { tag: other & TAG_NUMBER }),
        }
    }
}

/// The constraints are malformed, or there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the name constraints are malformed")]
pub struct NameConstraintsError;

impl From<NotDer> for NameConstraintsError {
    fn from(NotDer: NotDer) -> Self {
        Self
    }
}

fn read_list(list: Option<Value<'_>>) -> Result<Vec<Constraint>, NameConstraintsError> {
    let mut constraints = Vec::new();
    let Some(list) = list else { return Ok(constraints) };
    let mut subtrees: Values<'_> = list.values()?;
    while !subtrees.is_at_end() {
        if constraints.len() == MAX_CONSTRAINTS {
            return Err(NameConstraintsError);
        }
        let mut parts = subtrees.expect(id::SEQUENCE)?.values()?;
        constraints.push(Constraint::read(parts.any()?)?);
        // A minimum or maximum, which the profile does not use, would make the subtree another one.
        parts.end()?;
    }
    if constraints.is_empty() { Err(NameConstraintsError) } else { Ok(constraints) }
}

fn checked(text: &str, is_good: fn(&str) -> bool) -> Result<&[u8], NameConstraintsError> {
    if is_good(text) { Ok(text.as_bytes()) } else { Err(NameConstraintsError) }
}

/// Empty, which means every name, or labels with perhaps a dot in front.
fn is_domain(text: &str) -> bool {
    let name = text.strip_prefix('.').unwrap_or(text);
    text.is_empty()
        || name.split('.').all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn is_email_constraint(text: &str) -> bool {
    match text.rsplit_once('@') {
        Some((local, host)) => !local.is_empty() && local.is_ascii() && !host.is_empty() && is_domain(host),
        None => is_domain(text),
    }
}

/// Most constraints in one list: each costs a comparison for each name.
const MAX_CONSTRAINTS: usize = 1000;
const TAG_NUMBER: u8 = 0x1f;

#[cfg(test)]
mod tests;
