//! Certificate bodies: what is signed.
use super::{Certificate, DistinguishedName, Extension, Profile, SerialNumber};
use crate::clock::Timestamp;
use crate::key::{PublicKey, SignatureAlgorithm};
use thiserror::Error;

/// A `TBSCertificate` to be.
#[derive(Clone, Debug)]
pub struct CertificateBody {
    /// Serial.
    pub serial: SerialNumber,
    /// What it will be signed with.
    pub signature_algorithm: SignatureAlgorithm,
    /// The issuer's subject, byte for byte.
    pub issuer: DistinguishedName,
    /// From when to when.
    pub validity: Validity,
    /// Subject.
    pub subject: DistinguishedName,
    /// The certified key.
    pub public_key: PublicKey,
    /// In this order.
    pub extensions: Vec<Extension>,
}

/// What the issuer puts into a certificate, whoever asks.
#[derive(Clone, Debug)]
pub struct Issuance<'a> {
    /// Serial.
    pub serial: SerialNumber,
    /// The issuer's signature algorithm.
    pub algorithm: SignatureAlgorithm,
    /// The issuer's certificate.
    pub issuer: &'a Certificate,
    /// From when to when.
    pub validity: Validity,
}

/// notBefore and notAfter, both inclusive, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}
impl Validity {
    /// Both ends; fractions of a second are cut off.
    pub fn new(_not_before: Timestamp, _not_after: Timestamp) -> Result<Self, ValidityError> {
        todo!()
    }
    /// First instant.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }
    /// Last instant.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

impl CertificateBody {
    /// A certificate for `subject` and `public_key`.
    pub fn new(
        _issuance: Issuance<'_>,
        _subject: DistinguishedName,
        _public_key: PublicKey,
        _profile: Profile,
    ) -> Result<Self, BodyError> {
        todo!()
    }
    /// A self-signed root.
    pub fn root(
        _serial: SerialNumber,
        _algorithm: SignatureAlgorithm,
        _validity: Validity,
        _subject: DistinguishedName,
        _public_key: PublicKey,
    ) -> Self {
        todo!()
    }
    /// The certificate that follows `old`, with the same key.
    pub fn renewal(_issuance: Issuance<'_>, _old: &Certificate) -> Result<Self, BodyError> {
        todo!()
    }
    /// The certificate that follows `old`, with another key.
    pub fn rekey(
        _issuance: Issuance<'_>,
        _old: &Certificate,
        _public_key: PublicKey,
    ) -> Result<Self, BodyError> {
        todo!()
    }
    /// The DER of the `TBSCertificate`: what is signed.
    pub fn to_be_signed(&self) -> Vec<u8> {
        todo!()
    }
}

/// Why no body can be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// An extension twice.
    #[error("extension {0} is given twice")]
    DuplicateExtension(spki::ObjectIdentifier),
}

/// Why a validity is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValidityError {
    /// The end is before the start.
    #[error("notAfter is before notBefore")]
    Reversed,
    /// A year before 0 or after 9999.
    #[error("the year cannot be written in a certificate")]
    Year,
}
