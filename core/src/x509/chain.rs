//! Chains.
use super::{Certificate, DistinguishedName, SubjectAltNames};
use crate::clock::Timestamp;
use thiserror::Error;

/// The issuing certificate and those above it, issuer first; the root may be left out.
#[derive(Clone, Debug)]
pub struct IssuerChain {
    certificates: Vec<Certificate>,
}
impl IssuerChain {
    /// A chain: each certificate is a CA and signed by the next.
    pub fn new(_certificates: Vec<Certificate>) -> Result<Self, IssuerChainError> {
        todo!()
    }
    /// Reads a PEM bundle.
    pub fn from_pem(_pem: &str) -> Result<Self, IssuerChainError> {
        todo!()
    }
    /// The issuing certificate.
    pub fn issuer(&self) -> &Certificate {
        todo!()
    }
    /// All of them, issuer first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
    /// Whether the name constraints of the chain (and of `root`) allow the names.
    pub fn permits(
        &self,
        _subject: &DistinguishedName,
        _sans: &SubjectAltNames,
    ) -> Result<(), NameConstraintError> {
        todo!()
    }
}
/// Verifies a client's chain.
pub fn verify_client_chain(
    _leaf: &Certificate,
    _intermediates: &[Certificate],
    _anchors: &[Certificate],
    _at: Timestamp,
) -> Result<(), ChainError> {
    todo!()
}

/// Why certificates are not an issuer chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IssuerChainError {
    /// None.
    #[error("the chain is empty")]
    Empty,
}
/// Why a client's chain is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    /// Too long.
    #[error("the chain has too many certificates")]
    TooLong,
}
/// A name lies outside the issuers' name constraints.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameConstraintError {
    /// Not permitted.
    #[error("{name} is outside the issuer's name constraints")]
    NotPermitted {
        /// Which.
        name: String,
    },
}
