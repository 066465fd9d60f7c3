//! The judgement over one name.

use std::net::IpAddr;

use spki::ObjectIdentifier;
use thiserror::Error;

use super::{Constraint, NameConstraints};
use crate::x509::{DistinguishedName, DnsName, EmailAddress, SubjectAltName, SubjectAltNames, UriName};

/// A name that the CA may not certify.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameConstraintError {
    /// An excluded subtree contains it, or a name that its star stands for.
    #[error("{name} is excluded by the issuer's name constraints")]
    Excluded {
        /// The name.
        name: String,
    },
    /// There are permitted subtrees of its kind, and it is in none of them.
    #[error("{name} is not permitted by the issuer's name constraints")]
    NotPermitted {
        /// The name.
        name: String,
    },
    /// There are constraints for its kind, and they cannot be applied to it.
    #[error("{name} cannot be judged by the issuer's name constraints")]
    NotUnderstood {
        /// The name, or its kind.
        name: String,
    },
}

pub(super) fn check(
    constraints: &NameConstraints,
    subject: &DistinguishedName,
    sans: &SubjectAltNames,
) -> Result<(), NameConstraintError> {
    for name in &sans.names {
        constraints.judge(name)?;
    }
    for other in &sans.others {
        constraints.refuse_tag(other.tag(), || format!("a name of kind {}", other.tag()))?;
    }
    if !subject.is_empty() {
        constraints.refuse_tag(DIRECTORY_NAME, || subject.to_string())?;
    }
    // Verifiers apply the constraints for e-mail addresses to this attribute too, and some those for DNS names to a
    // common name that looks like one when there is no other DNS name.
    for (_, address) in subject.attributes().filter(|(oid, _)| *oid == EMAIL_ATTRIBUTE) {
        match address.parse() {
            Ok(address) => constraints.judge(&SubjectAltName::Email(address))?,
            Err(_) if constraints.all().any(|constraint| matches!(constraint, Constraint::Email(_))) => {
                return Err(NameConstraintError::NotUnderstood { name: address.to_owned() });
            }
            Err(_) => {}
        }
    }
    if sans.dns_names().next().is_none() {
        let common_names = subject.attributes().filter(|(oid, _)| *oid == COMMON_NAME);
        for name in common_names.filter_map(|(_, name)| name.parse::<DnsName>().ok()) {
            if name.as_str().contains('.') {
                constraints.judge(&SubjectAltName::Dns(name))?;
            }
        }
    }
    Ok(())
}

impl NameConstraints {
    fn all(&self) -> impl Iterator<Item = &Constraint> {
        self.permitted.iter().chain(&self.excluded)
    }

    fn judge(&self, name: &SubjectAltName) -> Result<(), NameConstraintError> {
        let not_understood = || NameConstraintError::NotUnderstood { name: name.to_string() };
        if let SubjectAltName::Uri(uri) = name {
            let is_constrained = self.all().any(|constraint| matches!(constraint, Constraint::Uri(_)));
            if is_constrained && constrainable_host(uri).is_none() {
                return Err(not_understood());
            }
        }
        if self.excluded.iter().any(|constraint| constraint.may_touch(name)) {
            return Err(NameConstraintError::Excluded { name: name.to_string() });
        }
        let mut of_this_kind = self.permitted.iter().filter(|constraint| constraint.is_for(name)).peekable();
        if of_this_kind.peek().is_some() && !of_this_kind.any(|constraint| constraint.covers(name)) {
            return Err(NameConstraintError::NotPermitted { name: name.to_string() });
        }
        Ok(())
    }

    fn refuse_tag(&self, tag: u8, name: impl FnOnce() -> String) -> Result<(), NameConstraintError> {
        match self.all().any(|constraint| *constraint == Constraint::Other { tag }) {
            true => Err(NameConstraintError::NotUnderstood { name: name() }),
            false => Ok(()),
        }
    }
}

impl Constraint {
    fn is_for(&self, name: &SubjectAltName) -> bool {
        matches!(
            (self, name),
            (Self::Dns(_), SubjectAltName::Dns(_))
                | (Self::Ip(_), SubjectAltName::Ip(_))
                | (Self::Email(_), SubjectAltName::Email(_))
                | (Self::Uri(_), SubjectAltName::Uri(_))
        )
    }

    /// Whether every reading of the constraint has the whole name in it.
    fn covers(&self, name: &SubjectAltName) -> bool {
        match (self, name) {
            (Self::Dns(domain), SubjectAltName::Dns(name)) => is_within(name.as_str(), domain),
            (Self::Ip(range), SubjectAltName::Ip(address)) => range.contains(*address),
            (Self::Email(constraint), SubjectAltName::Email(address)) => match constraint.rsplit_once('@') {
                Some((local, host)) => is_mailbox(address, local, host),
                None => is_host(address.domain(), constraint),
            },
            (Self::Uri(domain), SubjectAltName::Uri(uri)) => {
                constrainable_host(uri).is_some_and(|host| is_host(host, domain))
            }
            _ => false,
        }
    }

    /// Whether some reading of the constraint has the name, or a name that its star stands for, in it.
    fn may_touch(&self, name: &SubjectAltName) -> bool {
        match (self, name) {
            (Self::Dns(domain), SubjectAltName::Dns(name)) => {
                is_within(name.as_str(), domain) || (name.is_wildcard() && is_matched_by(domain, name))
            }
            (Self::Ip(range), SubjectAltName::Ip(address)) => {
                let mapped = match address {
                    IpAddr::V4(address) => Some(IpAddr::V6(address.to_ipv6_mapped())),
                    IpAddr::V6(_) => None,
                };
                range.contains(*address) || mapped.is_some_and(|address| range.contains(address))
            }
            (Self::Email(constraint), SubjectAltName::Email(address)) => match constraint.rsplit_once('@') {
                Some((local, host)) => {
                    address.local_part().eq_ignore_ascii_case(local)
                        && address.domain().eq_ignore_ascii_case(host)
                }
                None => is_within(address.domain(), constraint),
            },
            (Self::Uri(domain), SubjectAltName::Uri(uri)) => {
                constrainable_host(uri).is_some_and(|host| is_within(host, domain))
            }
            _ => false,
        }
    }
}

/// Whether a name is the domain or below it; with a dot in front of the domain, only below it.
fn is_within(name: &str, domain: &str) -> bool {
    if domain.is_empty() {
        return true;
    }
    let (domain, only_below) = match domain.strip_prefix('.') {
        Some(domain) => (domain, true),
        None => (domain, false),
    };
    let Some((above, tail)) = name.len().checked_sub(domain.len()).and_then(|at| name.split_at_checked(at))
    else {
        return false;
    };
    tail.eq_ignore_ascii_case(domain) && if above.is_empty() { !only_below } else { above.ends_with('.') }
}

/// Whether a host is this very one; with a dot in front of the domain, below it. An empty domain is every host.
fn is_host(host: &str, domain: &str) -> bool {
    if domain.is_empty() || domain.starts_with('.') {
        is_within(host, domain)
    } else {
        host.eq_ignore_ascii_case(domain)
    }
}

/// Whether the wildcard stands for the domain itself.
fn is_matched_by(domain: &str, wildcard: &DnsName) -> bool {
    domain.split_once('.').is_some_and(|(first, rest)| {
        !first.is_empty() && rest.eq_ignore_ascii_case(wildcard.without_wildcard())
    })
}

fn is_mailbox(address: &EmailAddress, local: &str, host: &str) -> bool {
    address.local_part() == local && address.domain().eq_ignore_ascii_case(host)
}

/// The host of a URI, if it is a domain name; constraints say nothing about other URIs, which must then be refused
/// ([RFC 5280 §4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).
fn constrainable_host(uri: &UriName) -> Option<&str> {
    uri.host().filter(|host| host.parse::<DnsName>().is_ok_and(|name| !name.is_wildcard()))
}

/// The tag of directoryName.
const DIRECTORY_NAME: u8 = 4;
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const EMAIL_ATTRIBUTE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");
