//! The extension that names the provisioner a certificate came through.

use spki::ObjectIdentifier;
use thiserror::Error;

use super::Extension;
use super::ProvisionerKind;
use super::directory_string::{self, printable_or_utf8};
use super::read::{NotDer, Value};
use super::write::{self, id};

/// Which provisioner allowed the certificate. A renewal is judged by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionerExtension {
    /// The provisioner's kind.
    pub kind: ProvisionerKind,
    /// Its name.
    pub name: String,
    /// What identified it: the key id of a JWK provisioner, the client id of OIDC, and so on; empty for ACME.
    pub credential_id: String,
    /// Keys and values in turn; step-ca writes them for device attestation.
    pub key_value_pairs: Vec<String>,
}

impl ProvisionerExtension {
    /// Its identifier.
    pub const OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.37476.9000.64.1");

    /// The extension, not critical.
    pub fn to_extension(&self) -> Extension {
        let mut parts = vec![
            write::small(u32::from(self.kind.number())),
            write::value(id::OCTET_STRING, self.name.as_bytes()),
            write::value(id::OCTET_STRING, self.credential_id.as_bytes()),
        ];
        if !self.key_value_pairs.is_empty() {
            let texts: Vec<Vec<u8>> =
                self.key_value_pairs.iter().map(|text| printable_or_utf8(text)).collect();
            parts.push(write::sequence(&texts));
        }
        Extension::plain(Self::OID, write::sequence(&parts))
    }

    /// Reads the extension's value.
    ///
    /// # Errors
    /// [`ProvisionerExtensionError`] when it is malformed or names a kind that there is not.
    pub fn from_der(der: &[u8]) -> Result<Self, ProvisionerExtensionError> {
        let mut parts = Value::only(der, id::SEQUENCE)?.values()?;
        let number = parts.any()?.small()?;
        let name = text(parts.any()?)?;
        let credential_id = text(parts.any()?)?;
        let mut key_value_pairs = Vec::new();
        if let Some(pairs) = parts.optional(id::SEQUENCE)? {
            let mut pairs = pairs.values()?;
            while !pairs.is_at_end() {
                key_value_pairs.push(directory_string::read(pairs.any()?)?);
            }
        }
        parts.end()?;
        let kind =
            ProvisionerKind::from_number(number).ok_or(ProvisionerExtensionError::UnknownKind(number))?;
        Ok(Self { kind, name, credential_id, key_value_pairs })
    }
}

/// Why a value is not a provisioner extension.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProvisionerExtensionError {
    /// Not the structure of the extension.
    #[error("the provisioner extension is malformed")]
    Malformed,
    /// A number that is no kind's.
    #[error("there is no provisioner kind with number {0}")]
    UnknownKind(u32),
}

impl From<NotDer> for ProvisionerExtensionError {
    fn from(NotDer: NotDer) -> Self {
        Self::Malformed
    }
}

fn text(value: Value<'_>) -> Result<String, NotDer> {
    String::from_utf8(value.octets()?.to_vec()).map_err(|_| NotDer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn extension(pairs: &[&str]) -> ProvisionerExtension {
        ProvisionerExtension {
            kind: ProvisionerKind::Jwk,
            name: "admin".to_owned(),
            credential_id: "kid".to_owned(),
            key_value_pairs: pairs.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[rstest]
    #[case::no_pairs(&[], "300f020101040561646d696e04036b6964")]
    #[case::pairs(&["a", "ä"], "3018020101040561646d696e04036b69643007130161" )]
    fn the_extension_is_written_as_step_ca_writes_it(#[case] pairs: &[&str], #[case] start: &str) {
        let written = extension(pairs).to_extension();

        assert!(hex::encode(&written.value).starts_with(start), "{}", hex::encode(&written.value));
        assert!(!written.critical);
        assert_eq!(ProvisionerExtension::from_der(&written.value), Ok(extension(pairs)));
    }

    #[test]
    fn every_kind_has_its_own_number() {
        for (number, kind) in (1_u32..).zip(ProvisionerKind::ALL) {
            assert_eq!(ProvisionerKind::from_number(number), Some(kind));
        }
        assert_eq!(ProvisionerKind::from_number(12), None);
    }

    #[rstest]
    #[case::unknown_kind("300902010c040161040162", ProvisionerExtensionError::UnknownKind(12))]
    #[case::negative("30090201ff040161040162", ProvisionerExtensionError::Malformed)]
    #[case::not_utf8("30090201010401ff040162", ProvisionerExtensionError::Malformed)]
    #[case::short("3006020101040161", ProvisionerExtensionError::Malformed)]
    #[case::trailing("30090201010401610401620000", ProvisionerExtensionError::Malformed)]
    fn a_bad_extension_is_refused(#[case] der: &str, #[case] expected: ProvisionerExtensionError) {
        assert_eq!(ProvisionerExtension::from_der(&hex::decode(der).unwrap()), Err(expected));
    }

    proptest! {
        #[test]
        fn any_extension_round_trips(name in ".*", id in ".*", pairs in prop::collection::vec(".*", 0..4)) {
            let extension = ProvisionerExtension {
                kind: ProvisionerKind::Acme, name, credential_id: id, key_value_pairs: pairs,
            };
            prop_assert_eq!(ProvisionerExtension::from_der(&extension.to_extension().value), Ok(extension));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = ProvisionerExtension::from_der(&bytes);
        }
    }
}
