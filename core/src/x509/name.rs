//! Distinguished names ([RFC 5280 §4.1.2.4](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.4)).

use std::fmt;
use std::sync::Arc;

use spki::ObjectIdentifier;
use thiserror::Error;

use super::directory_string::{self, printable_or_utf8};
use super::read::{NotDer, Value};
use super::write::{self, id};

/// A `Name`. Its DER is kept as it was read: two names are equal when their bytes are, which is how verifiers match the
/// issuer of one certificate with the subject of the next.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName {
    der: Arc<[u8]>,
    rdns: Arc<[Vec<(ObjectIdentifier, String)>]>,
}

/// The attributes of a name as templates and configuration spell them. Absent attributes are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NameFields {
    /// `C`.
    pub country: Vec<String>,
    /// `O`.
    pub organization: Vec<String>,
    /// `OU`.
    pub organizational_unit: Vec<String>,
    /// `L`.
    pub locality: Vec<String>,
    /// `ST`.
    pub province: Vec<String>,
    /// `STREET`.
    pub street_address: Vec<String>,
    /// `postalCode`.
    pub postal_code: Vec<String>,
    /// The attribute `serialNumber`, which is not the certificate's.
    pub serial_number: String,
    /// `CN`.
    pub common_name: String,
    /// Every other attribute. One of a type above replaces the field of that type.
    pub extra: Vec<(ObjectIdentifier, String)>,
}

impl DistinguishedName {
    /// Reads a `Name` in DER.
    ///
    /// # Errors
    /// [`NameError::Malformed`] when it is none, or holds a string that cannot be read as text.
    pub fn from_der(der: &[u8]) -> Result<Self, NameError> {
        let rdns = parse(der).map_err(|NotDer| NameError::Malformed)?;
        Ok(Self { der: der.into(), rdns: rdns.into() })
    }

    /// Writes a name: each field is one set, in the order C, ST, L, STREET, postalCode, O, OU, CN, serialNumber, then
    /// the others one by one; a text is a PrintableString when it can be, and a UTF8String otherwise.
    ///
    /// # Errors
    /// [`NameError`] for a control character, or an e-mail address outside ASCII.
    pub fn from_fields(fields: &NameFields) -> Result<Self, NameError> {
        let one = |text: &String| if text.is_empty() { Vec::new() } else { vec![text.clone()] };
        let sets = [
            (oid::COUNTRY, fields.country.clone()),
            (oid::PROVINCE, fields.province.clone()),
            (oid::LOCALITY, fields.locality.clone()),
            (oid::STREET, fields.street_address.clone()),
            (oid::POSTAL_CODE, fields.postal_code.clone()),
            (oid::ORGANIZATION, fields.organization.clone()),
            (oid::ORGANIZATIONAL_UNIT, fields.organizational_unit.clone()),
            (oid::COMMON_NAME, one(&fields.common_name)),
            (oid::SERIAL_NUMBER, one(&fields.serial_number)),
        ];
        let is_replaced = |oid: &ObjectIdentifier| fields.extra.iter().any(|(extra, _)| extra == oid);
        let extra = fields.extra.iter().map(|(oid, value)| (*oid, vec![value.clone()]));
        let rdns: Vec<Vec<u8>> = sets
            .into_iter()
            .filter(|(oid, values)| !values.is_empty() && !is_replaced(oid))
            .chain(extra)
            .map(|(oid, values)| encode_set(oid, &values))
            .collect::<Result<_, _>>()?;
        Self::from_der(&write::sequence(&rdns))
    }

    /// A name with nothing but a common name; empty if that is empty.
    ///
    /// # Errors
    /// [`NameError::ControlCharacter`].
    pub fn from_common_name(common_name: &str) -> Result<Self, NameError> {
        Self::from_fields(&NameFields { common_name: common_name.to_owned(), ..NameFields::default() })
    }

    /// The name without attributes.
    pub fn empty() -> Self {
        Self { der: EMPTY.into(), rdns: Arc::from([]) }
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Whether it has no attributes; the subjectAltName must then be critical
    /// ([RFC 5280 §4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)).
    pub fn is_empty(&self) -> bool {
        *self.der == *EMPTY
    }

    /// The last common name; `None` when there is none or it is empty.
    pub fn common_name(&self) -> Option<&str> {
        let (_, value) = self.attributes().filter(|(oid, _)| *oid == oid::COMMON_NAME).last()?;
        Some(value).filter(|value| !value.is_empty())
    }

    /// Every attribute, in order.
    pub fn attributes(&self) -> impl Iterator<Item = (ObjectIdentifier, &str)> {
        self.rdns.iter().flatten().map(|(oid, value)| (*oid, value.as_str()))
    }

    /// The attributes sorted into fields; how they were grouped is lost.
    pub fn fields(&self) -> NameFields {
        let mut fields = NameFields::default();
        for (oid, value) in self.attributes() {
            let value = value.to_owned();
            match oid {
                oid::COUNTRY => fields.country.push(value),
                oid::ORGANIZATION => fields.organization.push(value),
                oid::ORGANIZATIONAL_UNIT => fields.organizational_unit.push(value),
                oid::LOCALITY => fields.locality.push(value),
                oid::PROVINCE => fields.province.push(value),
                oid::STREET => fields.street_address.push(value),
                oid::POSTAL_CODE => fields.postal_code.push(value),
                oid::SERIAL_NUMBER => fields.serial_number = value,
                oid::COMMON_NAME => fields.common_name = value,
                other => fields.extra.push((other, value)),
            }
        }
        fields
    }

    /// Whether the name may go into a new certificate.
    ///
    /// # Errors
    /// [`NameError::ControlCharacter`]: a verifier that stops reading at a NUL sees another name, and a log line ends
    /// at a line break.
    pub fn check_text(&self) -> Result<(), NameError> {
        match self.attributes().any(|(_, value)| value.chars().any(char::is_control)) {
            true => Err(NameError::ControlCharacter),
            false => Ok(()),
        }
    }
}

/// Much as [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514) writes it: the last attribute first.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rdn) in self.rdns.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for (index, (oid, value)) in rdn.iter().enumerate() {
                if index > 0 {
                    f.write_str("+")?;
                }
                match oid::short_name(*oid) {
                    Some(name) => write!(f, "{name}=")?,
                    None => write!(f, "{oid}=")?,
                }
                directory_string::write_escaped(f, value)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not a `Name` in DER, or a string that cannot be read as text.
    #[error("the distinguished name is malformed")]
    Malformed,
    /// A NUL, a line break or another control character.
    #[error("the distinguished name contains a control character")]
    ControlCharacter,
    /// An `emailAddress` attribute with characters that its string type cannot hold.
    #[error("the e-mail address in the distinguished name is not ASCII")]
    EmailNotAscii,
}

fn parse(der: &[u8]) -> Result<Vec<Vec<(ObjectIdentifier, String)>>, NotDer> {
    let mut sets = Value::only(der, id::SEQUENCE)?.values()?;
    let mut rdns = Vec::new();
    while !sets.is_at_end() {
        let mut attributes = sets.expect(id::SET)?.values()?;
        let mut rdn = Vec::new();
        while !attributes.is_at_end() {
            let mut attribute = attributes.expect(id::SEQUENCE)?.values()?;
            let oid = attribute.any()?.oid()?;
            rdn.push((oid, directory_string::read(attribute.any()?)?));
            attribute.end()?;
        }
        rdns.push(rdn);
    }
    Ok(rdns)
}

fn encode_set(oid: ObjectIdentifier, values: &[String]) -> Result<Vec<u8>, NameError> {
    let mut attributes = Vec::with_capacity(values.len());
    for value in values {
        if value.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        let text = match oid {
            oid::EMAIL_ADDRESS if !value.is_ascii() => return Err(NameError::EmailNotAscii),
            oid::EMAIL_ADDRESS => write::value(id::IA5_STRING, value.as_bytes()),
            _ => printable_or_utf8(value),
        };
        attributes.push(write::sequence(&[write::oid(oid), text]));
    }
    // The elements of a SET OF are sorted by their encoding (X.690 §11.6).
    attributes.sort();
    Ok(write::constructed(id::SET, &attributes))
}

const EMPTY: &[u8] = &[id::SEQUENCE, 0];

mod oid {
    use spki::ObjectIdentifier;

    pub(super) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
    pub(super) const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
    pub(super) const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
    pub(super) const LOCALITY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.7");
    pub(super) const PROVINCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.8");
    pub(super) const STREET: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.9");
    pub(super) const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
    pub(super) const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
    pub(super) const POSTAL_CODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.17");
    pub(super) const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

    pub(super) fn short_name(oid: ObjectIdentifier) -> Option<&'static str> {
        Some(match oid {
            COMMON_NAME => "CN",
            SERIAL_NUMBER => "SERIALNUMBER",
            COUNTRY => "C",
            LOCALITY => "L",
            PROVINCE => "ST",
            STREET => "STREET",
            ORGANIZATION => "O",
            ORGANIZATIONAL_UNIT => "OU",
            POSTAL_CODE => "POSTALCODE",
            _ => return None,
        })
    }
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
