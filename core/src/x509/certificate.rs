//! Certificates as read.
use super::{
    BasicConstraints, DistinguishedName, ExtendedKeyUsage, Extension, KeyUsage, ProvisionerExtension,
    ProvisionerExtensionError, SanError, SerialNumber, SubjectAltNames, Validity,
};
use crate::clock::Timestamp;
use crate::key::{PublicKey, PublicKeyError, SignatureAlgorithm};
use std::sync::Arc;
use thiserror::Error;

/// A certificate, parsed; its DER is kept.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);
struct Parsed {
    der: Vec<u8>,
}

impl Certificate {
    /// Reads DER.
    pub fn from_der(_der: &[u8]) -> Result<Self, CertificateError> {
        todo!()
    }
    /// Reads exactly one PEM block.
    pub fn from_pem(_pem: &str) -> Result<Self, CertificateError> {
        todo!()
    }
    /// Reads one or more PEM blocks.
    pub fn parse_pem_bundle(_pem: &str) -> Result<Vec<Self>, CertificateError> {
        todo!()
    }
    /// Puts a signature to a body.
    pub fn assemble(
        _tbs: &[u8],
        _algorithm: SignatureAlgorithm,
        _signature: &[u8],
    ) -> Result<Self, CertificateError> {
        todo!()
    }
    /// DER.
    pub fn as_der(&self) -> &[u8] {
        &self.0.der
    }
    /// PEM, 64 columns, with a newline at the end.
    pub fn to_pem(&self) -> String {
        todo!()
    }
    /// The signed bytes.
    pub fn tbs_der(&self) -> &[u8] {
        todo!()
    }
    /// Serial.
    pub fn serial(&self) -> &SerialNumber {
        todo!()
    }
    /// Issuer.
    pub fn issuer(&self) -> &DistinguishedName {
        todo!()
    }
    /// Subject.
    pub fn subject(&self) -> &DistinguishedName {
        todo!()
    }
    /// Validity.
    pub fn validity(&self) -> Validity {
        todo!()
    }
    /// notBefore.
    pub fn not_before(&self) -> Timestamp {
        todo!()
    }
    /// notAfter.
    pub fn not_after(&self) -> Timestamp {
        todo!()
    }
    /// Public key.
    pub fn public_key(&self) -> &PublicKey {
        todo!()
    }
    /// Extensions in order.
    pub fn extensions(&self) -> &[Extension] {
        todo!()
    }
    /// Subject alternative names.
    pub fn sans(&self) -> Result<SubjectAltNames, SanError> {
        todo!()
    }
    /// basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        todo!()
    }
    /// Whether it may issue.
    pub fn is_ca(&self) -> bool {
        todo!()
    }
    /// keyUsage.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        todo!()
    }
    /// extKeyUsage.
    pub fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage> {
        todo!()
    }
    /// subjectKeyIdentifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        todo!()
    }
    /// authorityKeyIdentifier's key id.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        todo!()
    }
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fn fingerprint_sha256(&self) -> String {
        todo!()
    }
    /// The provisioner extension; `Ok(None)` when it is absent.
    pub fn provisioner_extension(&self) -> Result<Option<ProvisionerExtension>, ProvisionerExtensionError> {
        todo!()
    }
    /// The signature.
    pub fn signature(&self) -> &[u8] {
        todo!()
    }
    /// Signature algorithm; `None` when it is one that is not offered.
    pub fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        todo!()
    }
    /// Whether it was signed by this key.
    pub fn verify_signature(&self, _issuer: &PublicKey) -> Result<(), CertificateError> {
        todo!()
    }
    /// Whether `at` lies within the validity.
    pub fn is_valid_at(&self, _at: Timestamp) -> bool {
        todo!()
    }
    /// Whether this is the certificate that was meant: the intended bytes, and a signature that verifies.
    pub fn check_issued(&self, _intended: &[u8], _issuer: &PublicKey) -> Result<(), Misissued> {
        todo!()
    }
}
impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.as_der() == other.as_der()
    }
}
impl Eq for Certificate {}

/// Why bytes are not a certificate for us.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// PEM.
    #[error("the PEM is malformed")]
    Pem,
    /// DER.
    #[error("the certificate is malformed")]
    Der,
    /// Key.
    #[error("the certificate's public key cannot be used")]
    Key(#[source] PublicKeyError),
    /// Signature.
    #[error("the certificate's signature does not verify")]
    BadSignature,
    /// Algorithm.
    #[error("the certificate's signature algorithm is not supported")]
    UnsupportedSignatureAlgorithm,
}

/// What came back from the signer is not what was meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Misissued {
    /// The signed bytes differ from the intended ones.
    #[error("the signed bytes are not the intended ones")]
    OtherBytes,
    /// The signature does not verify.
    #[error("the signature does not verify under the issuer's key")]
    BadSignature,
}
