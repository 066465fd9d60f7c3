//! What a certificate is good for.
use super::{BasicConstraints, ExtendedKeyUsage, Extension, KeyUsage, SubjectAltNames};
use crate::key::PublicKey;
use spki::ObjectIdentifier;

/// The extensions of a certificate to be, before the issuer adds its own; encoded in the order that Go's `crypto/x509` uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// keyUsage; left out when empty.
    pub key_usage: KeyUsage,
    /// extKeyUsage; left out when empty.
    pub extended_key_usage: ExtendedKeyUsage,
    /// basicConstraints.
    pub basic_constraints: Option<BasicConstraints>,
    /// A subjectKeyIdentifier other than the key's own.
    pub subject_key_id: Option<Vec<u8>>,
    /// OCSP responders.
    pub ocsp_servers: Vec<String>,
    /// caIssuers URLs.
    pub issuing_certificate_urls: Vec<String>,
    /// subjectAltName.
    pub sans: SubjectAltNames,
    /// certificatePolicies.
    pub policies: Vec<ObjectIdentifier>,
    /// The DER of nameConstraints, critical or not.
    pub name_constraints: Option<Extension>,
    /// cRLDistributionPoints URLs.
    pub crl_distribution_points: Vec<String>,
    /// More extensions; one of these replaces the generated one with the same identifier.
    pub extra: Vec<Extension>,
}
impl Profile {
    /// The default leaf: serverAuth and clientAuth, digitalSignature, and keyEncipherment for RSA keys.
    pub fn leaf(_key: &PublicKey, _sans: SubjectAltNames) -> Self {
        todo!()
    }
    /// A root with path length 1.
    pub fn root() -> Self {
        todo!()
    }
    /// An intermediate with path length 0.
    pub fn intermediate() -> Self {
        todo!()
    }
}
