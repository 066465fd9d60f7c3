//! Certificate bodies: what is signed, byte for byte.

use spki::ObjectIdentifier;
use thiserror::Error;

use super::extension::oid;
use super::profile::KeyIds;
use super::write::{self, id};
use super::{
    Certificate, DistinguishedName, Extension, NameConstraintsError, Profile, SerialNumber, Validity,
};
use crate::key::{PublicKey, SignatureAlgorithm};

/// A `TBSCertificate` to be ([RFC 5280 §4.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateBody {
    /// Its serial number.
    pub serial: SerialNumber,
    /// What it will be signed with.
    pub signature_algorithm: SignatureAlgorithm,
    /// The issuer's subject, byte for byte.
    pub issuer: DistinguishedName,
    /// From when to when.
    pub validity: Validity,
    /// Whose it is; may be empty.
    pub subject: DistinguishedName,
    /// The certified key.
    pub public_key: PublicKey,
    /// The extensions, in this order.
    pub extensions: Vec<Extension>,
}

/// What an issuer puts into a certificate, whoever asks for it.
#[derive(Clone, Debug)]
pub struct Issuance<'a> {
    /// A serial number that is not in use.
    pub serial: SerialNumber,
    /// What the issuer signs with.
    pub algorithm: SignatureAlgorithm,
    /// The issuer's certificate.
    pub issuer: &'a Certificate,
    /// From when to when.
    pub validity: Validity,
}

impl CertificateBody {
    /// A certificate for a key, by an issuer.
    ///
    /// # Errors
    /// [`BodyError`] when an extension is given twice or the name constraints are malformed.
    pub fn new(
        issuance: Issuance<'_>,
        subject: DistinguishedName,
        public_key: PublicKey,
        profile: Profile,
    ) -> Result<Self, BodyError> {
        let extensions = profile.into_extensions(&KeyIds {
            subject: &public_key.key_identifier(),
            authority: issuance.authority_key_id(&subject),
            subject_name_is_empty: subject.is_empty(),
        })?;
        Self::issue(issuance, subject, public_key, extensions)
    }

    /// A root: issuer and subject are the same, and so are the key that is certified and the one that signs.
    ///
    /// # Errors
    /// [`BodyError`] as [`CertificateBody::new`].
    pub fn root(
        serial: SerialNumber,
        algorithm: SignatureAlgorithm,
        validity: Validity,
        subject: DistinguishedName,
        public_key: PublicKey,
        profile: Profile,
    ) -> Result<Self, BodyError> {
        let extensions = profile.into_extensions(&KeyIds {
            subject: &public_key.key_identifier(),
            authority: None,
            subject_name_is_empty: subject.is_empty(),
        })?;
        let body = Self {
            serial,
            signature_algorithm: algorithm,
            issuer: subject.clone(),
            validity,
            subject,
            public_key,
            extensions,
        };
        body.checked()
    }

    /// The certificate that follows `old`, for the same key. It has the old subject's bytes and every extension of the
    /// old one but the authorityKeyIdentifier, which names the present issuer and comes first.
    ///
    /// # Errors
    /// [`BodyError`] as [`CertificateBody::new`].
    pub fn renewal(issuance: Issuance<'_>, old: &Certificate) -> Result<Self, BodyError> {
        Self::successor(issuance, old, old.public_key().clone(), &[oid::AUTHORITY_KEY_ID])
    }

    /// The certificate that follows `old`, for another key, with that key's subjectKeyIdentifier.
    ///
    /// # Errors
    /// [`BodyError`] as [`CertificateBody::new`].
    pub fn rekey(
        issuance: Issuance<'_>,
        old: &Certificate,
        public_key: PublicKey,
    ) -> Result<Self, BodyError> {
        Self::successor(issuance, old, public_key, &[oid::AUTHORITY_KEY_ID, oid::SUBJECT_KEY_ID])
    }

    /// The DER of the `TBSCertificate`: what the issuer signs.
    pub fn to_be_signed(&self) -> Vec<u8> {
        let version = write::constructed(id::context_constructed(0), &[write::small(VERSION_3)]);
        let extensions: Vec<Vec<u8>> = self.extensions.iter().map(Extension::to_der).collect();
        let extensions = match extensions.is_empty() {
            true => Vec::new(),
            false => write::constructed(id::context_constructed(3), &[write::sequence(&extensions)]),
        };
        write::sequence(&[
            version.as_slice(),
            &write::unsigned(self.serial.as_bytes()),
            &super::certificate::algorithm_der(self.signature_algorithm),
            self.issuer.as_der(),
            &self.validity.to_der(),
            self.subject.as_der(),
            self.public_key.spki_der(),
            &extensions,
        ])
    }

    /// Generated extensions come first and those carried over behind them, as in step-ca's renewals.
    fn successor(
        issuance: Issuance<'_>,
        old: &Certificate,
        public_key: PublicKey,
        dropped: &[ObjectIdentifier],
    ) -> Result<Self, BodyError> {
        let subject = old.subject().clone();
        let carried: Vec<Extension> =
            old.extensions().iter().filter(|extension| !dropped.contains(&extension.oid)).cloned().collect();
        let extensions = Profile { extra: carried, ..Profile::default() }.into_extensions(&KeyIds {
            subject: &public_key.key_identifier(),
            authority: issuance.authority_key_id(&subject),
            subject_name_is_empty: subject.is_empty(),
        })?;
        Self::issue(issuance, subject, public_key, extensions)
    }

    fn issue(
        issuance: Issuance<'_>,
        subject: DistinguishedName,
        public_key: PublicKey,
        extensions: Vec<Extension>,
    ) -> Result<Self, BodyError> {
        let body = Self {
            serial: issuance.serial,
            signature_algorithm: issuance.algorithm,
            issuer: issuance.issuer.subject().clone(),
            validity: issuance.validity,
            subject,
            public_key,
            extensions,
        };
        body.checked()
    }

    fn checked(self) -> Result<Self, BodyError> {
        for (index, extension) in self.extensions.iter().enumerate() {
            if self.extensions.iter().skip(index + 1).any(|later| later.oid == extension.oid) {
                return Err(BodyError::DuplicateExtension(extension.oid));
            }
        }
        Ok(self)
    }
}

impl Issuance<'_> {
    /// The issuer's subjectKeyIdentifier, whatever it was made from. A certificate that bears its issuer's name gets
    /// none: it would be taken for self-signed.
    fn authority_key_id(&self, subject: &DistinguishedName) -> Option<&[u8]> {
        self.issuer.subject_key_id().filter(|key_id| !key_id.is_empty() && self.issuer.subject() != subject)
    }
}

/// Why no body can be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// An extension that is given twice.
    #[error("the certificate would have extension {0} twice")]
    DuplicateExtension(ObjectIdentifier),
    /// Name constraints that cannot be written.
    #[error("the certificate's name constraints cannot be written")]
    NameConstraints(#[from] NameConstraintsError),
}

/// Version 3, which counts from zero.
const VERSION_3: u32 = 2;

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
