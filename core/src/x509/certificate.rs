//! Certificates as they are read.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use der::Encode;
use spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use thiserror::Error;

use super::extension::{ExtensionsError, oid, read_authority_key_id, read_subject_key_id};
use super::pem::{self, PemError};
use super::read::{NotDer, Value};
use super::write::{self, id};
use super::{
    BasicConstraints, DistinguishedName, ExtendedKeyUsage, Extension, KeyUsage, NameError, ParseSerialError,
    ProvisionerExtension, ProvisionerExtensionError, SanError, SerialNumber, SubjectAltNames, Validity,
};
use crate::clock::Timestamp;
use crate::key::{PublicKey, PublicKeyError, SignatureAlgorithm};

/// A certificate, read and never changed; its DER is kept. That it is well-formed says nothing about whom to trust.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    tbs: Vec<u8>,
    signature: Vec<u8>,
    signature_algorithm: Option<SignatureAlgorithm>,
    serial: SerialNumber,
    issuer: DistinguishedName,
    validity: Validity,
    subject: DistinguishedName,
    public_key: PublicKey,
    extensions: Vec<Extension>,
    basic_constraints: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
    extended_key_usage: Option<ExtendedKeyUsage>,
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// [`CertificateError`] when it is malformed or holds a key of a kind that is not offered.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        parse(der).map(|parsed| Self(Arc::new(parsed)))
    }

    /// Reads a PEM text with exactly one certificate.
    ///
    /// # Errors
    /// [`CertificateError`] as [`Certificate::from_der`], and for the PEM.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::from_der(&pem::read_one(text, &[LABEL])?)
    }

    /// Reads a PEM text with one or more certificates, and nothing but certificates.
    ///
    /// # Errors
    /// [`CertificateError`] as [`Certificate::from_pem`].
    pub fn parse_pem_bundle(text: &str) -> Result<Vec<Self>, CertificateError> {
        pem::read_all(text, &[LABEL])?.iter().map(|der| Self::from_der(der)).collect()
    }

    /// Puts a signature to the bytes that were signed. Whether it fits is for [`Certificate::check_issued`] to say.
    ///
    /// # Errors
    /// [`CertificateError`] when the bytes are no `TBSCertificate` of this algorithm.
    pub fn assemble(
        to_be_signed: &[u8],
        algorithm: SignatureAlgorithm,
        signature: &[u8],
    ) -> Result<Self, CertificateError> {
        let parts = [to_be_signed, &algorithm_der(algorithm), &write::bit_string(signature)];
        Self::from_der(&write::sequence(&parts))
    }

    /// The DER, as it was read.
    pub fn as_der(&self) -> &[u8] {
        &self.0.der
    }

    /// PEM with lines of 64 characters and a line feed at the end.
    pub fn to_pem(&self) -> String {
        pem::write(LABEL, &self.0.der)
    }

    /// The SHA-256 of the DER in lower-case hexadecimal: what step calls the fingerprint.
    pub fn fingerprint_sha256(&self) -> String {
        hex::encode(digest(&SHA256, &self.0.der))
    }

    /// The signed part.
    pub fn tbs_der(&self) -> &[u8] {
        &self.0.tbs
    }

    /// Its serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.0.serial
    }

    /// Who issued it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.0.issuer
    }

    /// Whose it is.
    pub fn subject(&self) -> &DistinguishedName {
        &self.0.subject
    }

    /// From when to when.
    pub fn validity(&self) -> Validity {
        self.0.validity
    }

    /// The first instant of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.0.validity.not_before()
    }

    /// The last second of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.0.validity.not_after()
    }

    /// Whether `at` lies within its validity.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.0.validity.contains(at)
    }

    /// The certified key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// Every extension, in order.
    pub fn extensions(&self) -> &[Extension] {
        &self.0.extensions
    }

    /// The extension with this identifier.
    pub fn extension(&self, oid: ObjectIdentifier) -> Option<&Extension> {
        self.0.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// Its subject alternative names; none when the extension is absent.
    ///
    /// # Errors
    /// [`SanError`] for a name that would not be issued here. Other authorities issue such names, which is why they
    /// do not keep a certificate from being read.
    pub fn sans(&self) -> Result<SubjectAltNames, SanError> {
        match self.extension(oid::SUBJECT_ALT_NAME) {
            Some(extension) => SubjectAltNames::from_der(&extension.value),
            None => Ok(SubjectAltNames::default()),
        }
    }

    /// basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.0.basic_constraints
    }

    /// Whether it may issue: a CA, and its keyUsage, if there is one, has keyCertSign.
    pub fn is_ca(&self) -> bool {
        matches!(self.0.basic_constraints, Some(BasicConstraints::Ca { .. }))
            && self.0.key_usage.is_none_or(|usage| usage.contains(KeyUsage::CERT_SIGN))
    }

    /// keyUsage.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.key_usage
    }

    /// extKeyUsage.
    pub fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage> {
        self.0.extended_key_usage.as_ref()
    }

    /// subjectKeyIdentifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.subject_key_id.as_deref()
    }

    /// The key identifier of the authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.authority_key_id.as_deref()
    }

    /// The provisioner that it came through; `None` when the extension is absent.
    ///
    /// # Errors
    /// [`ProvisionerExtensionError`] when the extension cannot be read.
    pub fn provisioner_extension(&self) -> Result<Option<ProvisionerExtension>, ProvisionerExtensionError> {
        let extension = self.extension(ProvisionerExtension::OID);
        extension.map(|extension| ProvisionerExtension::from_der(&extension.value)).transpose()
    }

    /// What it was signed with; `None` when that is nothing that is verified here, as in old roots.
    pub fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        self.0.signature_algorithm
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.0.signature
    }

    /// Whether this key signed it.
    ///
    /// # Errors
    /// [`CertificateError::BadSignature`] or [`CertificateError::UnsupportedSignatureAlgorithm`].
    pub fn verify_signature(&self, issuer: &PublicKey) -> Result<(), CertificateError> {
        let algorithm = self.0.signature_algorithm.ok_or(CertificateError::UnsupportedSignatureAlgorithm)?;
        issuer.verify(algorithm, &self.0.tbs, &self.0.signature).map_err(|_| CertificateError::BadSignature)
    }

    /// Whether this is the certificate that was meant to be issued.
    ///
    /// # Errors
    /// [`Misissued`]: it must not be handed out.
    pub fn check_issued(&self, intended: &[u8], issuer: &PublicKey) -> Result<(), Misissued> {
        if self.0.tbs != intended {
            return Err(Misissued::OtherBytes);
        }
        self.verify_signature(issuer).map_err(|_| Misissued::BadSignature)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.0.subject)
            .field("serial", &self.0.serial)
            .finish_non_exhaustive()
    }
}

/// Why bytes are not a certificate for us.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Not the PEM of certificates.
    #[error("the text is not a PEM certificate")]
    Pem(#[from] PemError),
    /// Not a certificate in DER.
    #[error("the certificate is malformed")]
    Malformed,
    /// The same extension twice.
    #[error("the certificate has extension {0} twice")]
    DuplicateExtension(ObjectIdentifier),
    /// A serial number that is none.
    #[error("the certificate's serial number is not valid")]
    Serial(#[source] ParseSerialError),
    /// A name that cannot be read.
    #[error("a name in the certificate cannot be read")]
    Name(#[source] NameError),
    /// A key that is malformed or of a kind that is not offered.
    #[error("the certificate's public key cannot be used")]
    Key(#[source] PublicKeyError),
    /// An algorithm that is not verified here.
    #[error("the certificate's signature algorithm is not supported")]
    UnsupportedSignatureAlgorithm,
    /// Signed by another key, or changed since.
    #[error("the certificate's signature does not verify")]
    BadSignature,
}

impl From<NotDer> for CertificateError {
    fn from(NotDer: NotDer) -> Self {
        Self::Malformed
    }
}

impl From<ExtensionsError> for CertificateError {
    fn from(error: ExtensionsError) -> Self {
        match error {
            ExtensionsError::Malformed => Self::Malformed,
            ExtensionsError::Duplicate(oid) => Self::DuplicateExtension(oid),
        }
    }
}

/// What came back from the signer is not what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Misissued {
    /// The signed bytes differ from the intended ones.
    #[error("the signed bytes are not the intended ones")]
    OtherBytes,
    /// The signature is not the issuer's.
    #[error("the signature does not verify under the issuer's key")]
    BadSignature,
}

/// The `AlgorithmIdentifier` in DER.
pub(super) fn algorithm_der(algorithm: SignatureAlgorithm) -> Vec<u8> {
    // It is made of constants, so it can always be written.
    algorithm.identifier().to_der().unwrap_or_default()
}

pub(super) fn read_algorithm(value: Value<'_>) -> Result<Option<SignatureAlgorithm>, NotDer> {
    let identifier = AlgorithmIdentifierRef::try_from(value.der).map_err(|_| NotDer)?;
    Ok(SignatureAlgorithm::from_identifier(identifier))
}

fn parse(der: &[u8]) -> Result<Parsed, CertificateError> {
    if der.len() > MAX_DER {
        return Err(CertificateError::Malformed);
    }
    let mut outer = Value::only(der, id::SEQUENCE)?.values()?;
    let tbs = outer.expect(id::SEQUENCE)?;
    let algorithm = outer.expect(id::SEQUENCE)?;
    let signature = outer.any()?.bit_string_octets()?.to_vec();
    outer.end()?;

    let mut body = tbs.values()?;
    let version = body.optional(id::context_constructed(0))?;
    let serial = body.expect(id::INTEGER)?;
    let inner_algorithm = body.expect(id::SEQUENCE)?;
    let issuer = body.expect(id::SEQUENCE)?;
    let validity = Validity::read(body.expect(id::SEQUENCE)?)?;
    let subject = body.expect(id::SEQUENCE)?;
    let key = body.expect(id::SEQUENCE)?;
    // The unique identifiers of version 2, which nobody uses.
    body.optional(id::context(1))?;
    body.optional(id::context(2))?;
    let extensions = match body.optional(id::context_constructed(3))? {
        Some(wrapper) => Extension::read_all(Value::only(wrapper.content, id::SEQUENCE)?)?,
        None => Vec::new(),
    };
    body.end()?;

    let version = match version {
        Some(version) => Value::only(version.content, id::INTEGER)?.small()?,
        None => 0,
    };
    // The algorithm stands twice, once unsigned: a verifier that reads the other one would verify something else.
    if version > VERSION_3 || algorithm.der != inner_algorithm.der {
        return Err(CertificateError::Malformed);
    }
    let find =
        |oid| extensions.iter().find(|extension| extension.oid == oid).map(|found| found.value.as_slice());
    Ok(Parsed {
        tbs: tbs.der.to_vec(),
        signature,
        signature_algorithm: read_algorithm(algorithm)?,
        serial: SerialNumber::from_der_bytes(serial.content).map_err(CertificateError::Serial)?,
        issuer: DistinguishedName::from_der(issuer.der).map_err(CertificateError::Name)?,
        validity,
        subject: DistinguishedName::from_der(subject.der).map_err(CertificateError::Name)?,
        public_key: PublicKey::from_spki_der(key.der).map_err(CertificateError::Key)?,
        basic_constraints: find(oid::BASIC_CONSTRAINTS).map(BasicConstraints::from_der).transpose()?,
        key_usage: find(oid::KEY_USAGE).map(KeyUsage::from_der).transpose()?,
        extended_key_usage: find(oid::EXTENDED_KEY_USAGE).map(ExtendedKeyUsage::from_der).transpose()?,
        subject_key_id: find(oid::SUBJECT_KEY_ID).map(read_subject_key_id).transpose()?,
        authority_key_id: find(oid::AUTHORITY_KEY_ID).map(read_authority_key_id).transpose()?.flatten(),
        extensions,
        der: der.to_vec(),
    })
}

/// The PEM label ([RFC 7468 §5](https://www.rfc-editor.org/rfc/rfc7468#section-5)).
const LABEL: &str = "CERTIFICATE";
/// Version 3, which counts from zero.
const VERSION_3: u32 = 2;
/// Longest certificate or request looked at: one with as many names as are accepted, each as long as it can be.
pub(super) const MAX_DER: usize = 384 * 1024;

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
