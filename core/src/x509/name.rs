//! Distinguished names.
use spki::ObjectIdentifier;
use std::sync::Arc;
use thiserror::Error;

/// A `Name`; its DER is kept verbatim.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName {
    der: Arc<[u8]>,
    fields: Arc<NameFields>,
}

/// The attributes of a name as templates and configuration speak of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NameFields {
    /// C.
    pub country: Vec<String>,
    /// O.
    pub organization: Vec<String>,
    /// OU.
    pub organizational_unit: Vec<String>,
    /// L.
    pub locality: Vec<String>,
    /// ST.
    pub province: Vec<String>,
    /// STREET.
    pub street_address: Vec<String>,
    /// postalCode.
    pub postal_code: Vec<String>,
    /// serialNumber (the attribute), empty when absent.
    pub serial_number: String,
    /// CN, empty when absent.
    pub common_name: String,
    /// Every other attribute, in order.
    pub extra: Vec<(ObjectIdentifier, String)>,
}

impl DistinguishedName {
    /// Reads a `Name` in DER.
    pub fn from_der(_der: &[u8]) -> Result<Self, NameError> {
        todo!()
    }
    /// Builds a name.
    pub fn from_fields(_fields: NameFields) -> Result<Self, NameError> {
        todo!()
    }
    /// A name with a common name only.
    pub fn from_common_name(_common_name: &str) -> Result<Self, NameError> {
        todo!()
    }
    /// The empty name.
    pub fn empty() -> Self {
        todo!()
    }
    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }
    /// Whether it has no attribute.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// The last common name; `None` when absent or empty.
    pub fn common_name(&self) -> Option<&str> {
        todo!()
    }
    /// The attributes.
    pub fn fields(&self) -> &NameFields {
        &self.fields
    }
}
impl std::fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fields.fmt(f)
    }
}
impl std::fmt::Display for DistinguishedName {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not a `Name` in DER, or a string of a type that cannot be read.
    #[error("the distinguished name is malformed")]
    Malformed,
    /// A NUL, a line break or another control character.
    #[error("the distinguished name contains a control character")]
    ControlCharacter,
}
