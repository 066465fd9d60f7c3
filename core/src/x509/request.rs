//! Certificate requests (PKCS #10).
use super::{DistinguishedName, Extension, NameError, SanError, SubjectAltNames};
use crate::key::{PublicKey, PublicKeyError};
use thiserror::Error;

/// A certificate request, parsed; its DER is kept. Its signature is not yet checked.
#[derive(Clone)]
pub struct CertificateRequest {
    der: Vec<u8>,
}
impl CertificateRequest {
    /// Reads exactly one PEM block.
    pub fn from_pem(_pem: &str) -> Result<Self, RequestError> {
        todo!()
    }
    /// Reads DER.
    pub fn from_der(_der: &[u8]) -> Result<Self, RequestError> {
        todo!()
    }
    /// DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }
    /// PEM.
    pub fn to_pem(&self) -> String {
        todo!()
    }
    /// SHA-256 of the DER.
    pub fn sha256(&self) -> [u8; 32] {
        todo!()
    }
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fn fingerprint_sha256(&self) -> String {
        todo!()
    }
    /// The key.
    pub fn public_key(&self) -> &PublicKey {
        todo!()
    }
    /// Subject.
    pub fn subject(&self) -> &DistinguishedName {
        todo!()
    }
    /// Common name.
    pub fn common_name(&self) -> Option<&str> {
        todo!()
    }
    /// Subject alternative names.
    pub fn sans(&self) -> &SubjectAltNames {
        todo!()
    }
    /// Every requested extension.
    pub fn extensions(&self) -> &[Extension] {
        todo!()
    }
    /// The challengePassword attribute.
    pub fn challenge_password(&self) -> Option<&str> {
        todo!()
    }
    /// Checks that whoever made it holds the key.
    pub fn verify_proof_of_possession(&self) -> Result<(), RequestError> {
        todo!()
    }
}
impl std::fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateRequest")
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// PEM.
    #[error("the PEM is malformed")]
    Pem,
    /// DER.
    #[error("the certificate request is malformed")]
    Der,
    /// Key.
    #[error("the certificate request's public key cannot be used")]
    Key(#[source] PublicKeyError),
    /// Subject.
    #[error("the certificate request's subject is refused")]
    Subject(#[source] NameError),
    /// SAN.
    #[error("the certificate request's names are refused")]
    Sans(#[source] SanError),
    /// Algorithm.
    #[error("the certificate request's signature algorithm is not supported")]
    UnsupportedSignatureAlgorithm,
    /// Signature.
    #[error("the certificate request's signature does not verify")]
    BadSignature,
    /// Duplicate.
    #[error("the certificate request has an extension or attribute twice")]
    Duplicate,
}
