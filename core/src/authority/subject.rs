//! Step 5, subject: the token's name, and what the authority adds to every subject.

use crate::config::Asn1Dn;
use crate::x509::{DistinguishedName, NameError, NameFields};

/// `authority.template`: attributes for subjects that have none of their own.
#[derive(Debug)]
pub(super) struct SubjectTemplate(NameFields);

impl SubjectTemplate {
    pub(super) fn new(template: Asn1Dn) -> Self {
        let list = |text: String| if text.is_empty() { Vec::new() } else { vec![text] };
        Self(NameFields {
            country: list(template.country),
            organization: list(template.organization),
            organizational_unit: list(template.organizational_unit),
            locality: list(template.locality),
            province: list(template.province),
            street_address: list(template.street_address),
            serial_number: template.serial_number,
            common_name: template.common_name,
            ..NameFields::default()
        })
    }

    /// The subject with this common name.
    pub(super) fn name_for(&self, common_name: &str) -> Result<DistinguishedName, NameError> {
        let mut fields = self.0.clone();
        if !common_name.is_empty() {
            common_name.clone_into(&mut fields.common_name);
        }
        DistinguishedName::from_fields(&fields)
    }
}
