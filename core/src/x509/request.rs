//! Certificate requests ([RFC 2986](https://www.rfc-editor.org/rfc/rfc2986), PKCS #10).

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use spki::ObjectIdentifier;
use thiserror::Error;

use super::certificate::{MAX_DER, read_algorithm};
use super::extension::{ExtensionsError, oid, read_authority_key_id};
use super::pem::{self, PemError};
use super::read::{NotDer, Value, Values};
use super::write::id;
use super::{
    BasicConstraints, DistinguishedName, ExtendedKeyUsage, Extension, KeyUsage, NameError, SanError,
    SubjectAltNames, directory_string,
};
use crate::key::{PublicKey, PublicKeyError, SignatureAlgorithm};

/// A certificate request, read strictly; its DER is kept. Its names would all be issued, as names; its signature holds
/// only after [`CertificateRequest::verify_proof_of_possession`].
#[derive(Clone)]
pub struct CertificateRequest {
    der: Vec<u8>,
    info: Vec<u8>,
    algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
    subject: DistinguishedName,
    public_key: PublicKey,
    extensions: Vec<Extension>,
    sans: SubjectAltNames,
    challenge_password: Option<String>,
}

impl CertificateRequest {
    /// Reads a PEM text with exactly one request.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_pem(text: &str) -> Result<Self, RequestError> {
        Self::from_der(&pem::read_one(text, &LABELS)?)
    }

    /// Reads DER, to the last byte.
    ///
    /// # Errors
    /// [`RequestError`]; never [`RequestError::BadSignature`], which is for
    /// [`CertificateRequest::verify_proof_of_possession`].
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        parse(der)
    }

    /// The DER, as it was read.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// PEM with lines of 64 characters and a line feed at the end.
    pub fn to_pem(&self) -> String {
        let [label, _] = LABELS;
        pem::write(label, &self.der)
    }

    /// The SHA-256 of the DER.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &self.der).as_ref());
        hash
    }

    /// [`CertificateRequest::sha256`] in lower-case hexadecimal, which is also what a token's `sha` claim holds.
    pub fn fingerprint_sha256(&self) -> String {
        hex::encode(self.sha256())
    }

    /// The key to be certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The subject asked for.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The common name asked for; `None` when absent or empty.
    pub fn common_name(&self) -> Option<&str> {
        self.subject.common_name()
    }

    /// The subject alternative names asked for.
    pub fn sans(&self) -> &SubjectAltNames {
        &self.sans
    }

    /// Every extension asked for, subjectAltName among them.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The challengePassword attribute, which SCEP uses.
    pub fn challenge_password(&self) -> Option<&str> {
        self.challenge_password.as_deref()
    }

    /// Whether whoever made the request holds the private key. Whether the key is worth certifying is another question,
    /// better asked first: [`PublicKey::check_strength`].
    ///
    /// # Errors
    /// [`RequestError::BadSignature`], also for an RSA key of a length that is not verified.
    pub fn verify_proof_of_possession(&self) -> Result<(), RequestError> {
        self.public_key
            .verify(self.algorithm, &self.info, &self.signature)
            .map_err(|_| RequestError::BadSignature)
    }
}

impl fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not derived: a challenge password is a secret.
        f.debug_struct("CertificateRequest")
            .field("subject", &self.subject)
            .field("sans", &self.sans)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Not the PEM of one request.
    #[error("the text is not a PEM certificate request")]
    Pem(#[from] PemError),
    /// Not a request in DER.
    #[error("the certificate request is malformed")]
    Malformed,
    /// A key that is malformed or of a kind that is not offered.
    #[error("the certificate request's public key cannot be used")]
    Key(#[source] PublicKeyError),
    /// A subject that would not be issued.
    #[error("the certificate request's subject is refused")]
    Subject(#[source] NameError),
    /// A name that would not be issued.
    #[error("a name in the certificate request is refused")]
    Name(#[source] SanError),
    /// The same attribute or extension twice.
    #[error("the certificate request has {0} twice")]
    Duplicate(ObjectIdentifier),
    /// An extension whose value is malformed.
    #[error("the certificate request's extension {0} is malformed")]
    Extension(ObjectIdentifier),
    /// An algorithm that is not verified here.
    #[error(
        "the certificate request's signature algorithm is not supported; use ECDSA or RSA with SHA-256 or \
         stronger, Ed25519 or ML-DSA"
    )]
    UnsupportedSignatureAlgorithm,
    /// Signed by another key, or changed since.
    #[error("the certificate request's signature does not verify")]
    BadSignature,
}

impl From<NotDer> for RequestError {
    fn from(NotDer: NotDer) -> Self {
        Self::Malformed
    }
}

impl From<ExtensionsError> for RequestError {
    fn from(error: ExtensionsError) -> Self {
        match error {
            ExtensionsError::Malformed => Self::Malformed,
            ExtensionsError::Duplicate(oid) => Self::Duplicate(oid),
        }
    }
}

fn parse(der: &[u8]) -> Result<CertificateRequest, RequestError> {
    if der.len() > MAX_DER {
        return Err(RequestError::Malformed);
    }
    let mut outer = Value::only(der, id::SEQUENCE)?.values()?;
    let info = outer.expect(id::SEQUENCE)?;
    let algorithm = outer.expect(id::SEQUENCE)?;
    let signature = outer.any()?.bit_string_octets()?.to_vec();
    outer.end()?;

    let mut body = info.values()?;
    let version = body.expect(id::INTEGER)?.small()?;
    let subject = body.expect(id::SEQUENCE)?;
    let key = body.expect(id::SEQUENCE)?;
    let attributes = Attributes::read(body.expect(id::context_constructed(0))?.values()?)?;
    body.end()?;
    if version != 0 {
        return Err(RequestError::Malformed);
    }

    let subject = DistinguishedName::from_der(subject.der).map_err(RequestError::Subject)?;
    subject.check_text().map_err(RequestError::Subject)?;
    check_extensions(&attributes.extensions)?;
    let sans = attributes.extensions.iter().find(|extension| extension.oid == oid::SUBJECT_ALT_NAME);
    let sans = sans.map(|extension| SubjectAltNames::from_der(&extension.value)).transpose();
    Ok(CertificateRequest {
        der: der.to_vec(),
        info: info.der.to_vec(),
        subject,
        public_key: PublicKey::from_spki_der(key.der).map_err(RequestError::Key)?,
        algorithm: read_algorithm(algorithm)?.ok_or(RequestError::UnsupportedSignatureAlgorithm)?,
        signature,
        sans: sans.map_err(RequestError::Name)?.unwrap_or_default(),
        extensions: attributes.extensions,
        challenge_password: attributes.challenge_password,
    })
}

/// The attributes that are understood.
#[derive(Default)]
struct Attributes {
    extensions: Vec<Extension>,
    challenge_password: Option<String>,
}

impl Attributes {
    fn read(mut values: Values<'_>) -> Result<Self, RequestError> {
        let mut read = Self::default();
        let mut seen = Vec::new();
        while !values.is_at_end() {
            if seen.len() == MAX_ATTRIBUTES {
                return Err(RequestError::Malformed);
            }
            let mut attribute = values.expect(id::SEQUENCE)?.values()?;
            let oid = attribute.any()?.oid()?;
            let value = attribute.expect(id::SET)?;
            attribute.end()?;
            if seen.contains(&oid) {
                return Err(RequestError::Duplicate(oid));
            }
            seen.push(oid);
            match oid {
                EXTENSION_REQUEST => {
                    read.extensions = Extension::read_all(Value::only(value.content, id::SEQUENCE)?)?;
                }
                CHALLENGE_PASSWORD => {
                    let mut texts = value.values()?;
                    read.challenge_password = Some(directory_string::read(texts.any()?)?);
                    texts.end()?;
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

/// What is asked for may be ignored later, but only if it was understood.
fn check_extensions(extensions: &[Extension]) -> Result<(), RequestError> {
    for Extension { oid, value, .. } in extensions {
        let outcome = match *oid {
            oid::KEY_USAGE => KeyUsage::from_der(value).map(drop),
            oid::EXTENDED_KEY_USAGE => ExtendedKeyUsage::from_der(value).map(drop),
            oid::BASIC_CONSTRAINTS => BasicConstraints::from_der(value).map(drop),
            oid::AUTHORITY_KEY_ID => match read_authority_key_id(value) {
                Ok(Some(_)) => Ok(()),
                Ok(None) | Err(NotDer) => Err(NotDer),
            },
            _ => Ok(()),
        };
        outcome.map_err(|NotDer| RequestError::Extension(*oid))?;
    }
    Ok(())
}

/// The PEM label, and the one that old programs write ([RFC 7468 §7](https://www.rfc-editor.org/rfc/rfc7468#section-7)).
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];
/// Most attributes looked at: there are four in use.
const MAX_ATTRIBUTES: usize = 50;
/// extensionRequest ([RFC 2985 §5.4.2](https://www.rfc-editor.org/rfc/rfc2985#section-5.4.2)).
pub(super) const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
/// challengePassword ([RFC 2985 §5.4.1](https://www.rfc-editor.org/rfc/rfc2985#section-5.4.1)).
const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
