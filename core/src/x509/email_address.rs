//! E-mail addresses as certificates carry them.

use std::fmt;
use std::str::FromStr;

use super::DnsName;
use super::san::{NameFault, SanError};

/// An rfc822Name: atoms joined by dots, one `@`, and a DNS name without a star. Quoted local parts and address
/// literals are refused, because programs disagree about where in them the domain begins. Case is kept.
///
/// [RFC 5280 §4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

impl EmailAddress {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }
}

impl FromStr for EmailAddress {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        match check(text) {
            Ok(at) => Ok(Self { text: text.to_owned(), at }),
            Err(fault) => Err(SanError::email(text, fault)),
        }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where the `@` stands.
fn check(text: &str) -> Result<usize, NameFault> {
    let (local, domain) = text.split_once('@').ok_or(NameFault::Mailbox)?;
    if local.len() > MAX_LOCAL_PART {
        return Err(NameFault::TooLong);
    }
    let is_atom_text = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    if !local.bytes().all(is_atom_text) {
        return Err(NameFault::Character);
    }
    if local.split('.').any(str::is_empty) {
        return Err(NameFault::Mailbox);
    }
    match domain.parse::<DnsName>() {
        Ok(domain) if domain.is_wildcard() => Err(NameFault::Wildcard),
        Ok(_) => Ok(local.len()),
        Err(SanError::BadName { fault: NameFault::Empty, .. }) => Err(NameFault::Mailbox),
        Err(SanError::BadName { fault, .. }) => Err(fault),
        Err(SanError::Malformed | SanError::TooMany) => Err(NameFault::Mailbox),
    }
}

/// Longest local part ([RFC 5321 §4.5.3.1.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1)).
const MAX_LOCAL_PART: usize = 64;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Jane.Doe+x@Example.com", "Jane.Doe+x", "Example.com")]
    #[case("root@localhost", "root", "localhost")]
    fn an_address_is_kept_as_given(#[case] text: &str, #[case] local: &str, #[case] domain: &str) {
        let address: EmailAddress = text.parse().unwrap();

        assert_eq!((address.as_str(), address.local_part(), address.domain()), (text, local, domain));
    }

    #[rstest]
    #[case("@", NameFault::Mailbox)]
    #[case("a@", NameFault::Mailbox)]
    #[case("@example.com", NameFault::Mailbox)]
    #[case("no-at", NameFault::Mailbox)]
    #[case(".a@example.com", NameFault::Mailbox)]
    #[case("a..b@example.com", NameFault::Mailbox)]
    #[case("a@b@example.com", NameFault::Character)]
    #[case("\"a@b\"@example.com", NameFault::Character)]
    #[case("a@[10.0.0.1]", NameFault::IpAddress)]
    #[case("a@10.0.0.1", NameFault::IpAddress)]
    #[case("a@*.example.com", NameFault::Wildcard)]
    #[case("a@example.com.", NameFault::EmptyLabel)]
    #[case("a\0@example.com", NameFault::Character)]
    #[case("a@example.com\n", NameFault::Character)]
    #[case("jörg@example.com", NameFault::Character)]
    fn x13_x18_a_bad_address_is_refused_with_its_reason(#[case] text: &str, #[case] fault: NameFault) {
        assert_eq!(text.parse::<EmailAddress>(), Err(SanError::email(text, fault)));
    }
}
