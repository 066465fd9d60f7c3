//! Certificate authorities that sign whatever they are given.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::key::{KeyKind, PrivateKey, PublicKey, SignatureAlgorithm};
use crate::x509::{
    Certificate, CertificateBody, DistinguishedName, Issuance, Profile, ProvisionerExtension,
    ProvisionerKind, SerialNumber, SubjectAltName, SubjectAltNames, Validity,
};

/// The kind of all keys here that need be of no other.
pub(crate) const P256: KeyKind = KeyKind::P256;

/// A key and its CA certificate.
pub(crate) struct Ca {
    pub(crate) key: Arc<PrivateKey>,
    pub(crate) certificate: Certificate,
}

impl Ca {
    pub(crate) fn root(name: &str) -> Self {
        let key = PrivateKey::generate(P256).unwrap();
        let body = CertificateBody::root(
            serial(1),
            algorithm(&key),
            validity("2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z"),
            DistinguishedName::from_common_name(name).unwrap(),
            key.public_key().clone(),
            Profile::root(),
        );
        Self { certificate: certify(&key, &body.unwrap()), key: Arc::new(key) }
    }

    /// A CA below this one that issues leaves until 2031.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_until(name, "2031-01-01T00:00:00Z")
    }

    pub(crate) fn intermediate_until(&self, name: &str, end: &str) -> Self {
        let subject = DistinguishedName::from_common_name(name).unwrap();
        self.intermediate_with(subject, validity("2026-01-01T00:00:00Z", end), Profile::intermediate())
    }

    pub(crate) fn intermediate_with(
        &self,
        subject: DistinguishedName,
        validity: Validity,
        profile: Profile,
    ) -> Self {
        self.intermediate_of(P256, subject, validity, profile)
    }

    /// A CA below this one with a key of another kind.
    pub(crate) fn intermediate_of(
        &self,
        kind: KeyKind,
        subject: DistinguishedName,
        validity: Validity,
        profile: Profile,
    ) -> Self {
        let key = PrivateKey::generate(kind).unwrap();
        let issuance = self.issuance(serial(2), validity);
        let body = CertificateBody::new(issuance, subject, key.public_key().clone(), profile).unwrap();
        Self { certificate: certify(&self.key, &body), key: Arc::new(key) }
    }

    /// A leaf that no authority has a record of. It names the provisioner `admin` if `extension` says so.
    pub(crate) fn leaf(
        &self,
        key: &PublicKey,
        names: &[&str],
        extension: Extension,
        validity: Validity,
    ) -> Certificate {
        let names = names.iter().map(|name| SubjectAltName::classify(name).unwrap()).collect::<Vec<_>>();
        let common_name = names.first().map(ToString::to_string).unwrap_or_default();
        let mut profile = Profile::leaf(key, SubjectAltNames::from(names));
        if let Extension::Of(name) = extension {
            let extension = ProvisionerExtension {
                kind: ProvisionerKind::Jwk,
                name: name.to_owned(),
                credential_id: "kid".to_owned(),
                key_value_pairs: Vec::new(),
            };
            profile.extra.push(extension.to_extension());
        }
        let subject = DistinguishedName::from_common_name(&common_name).unwrap();
        let issuance = self.issuance(serial(4711), validity);
        self.certify(&CertificateBody::new(issuance, subject, key.clone(), profile).unwrap())
    }

    pub(crate) fn issuance(&self, serial: SerialNumber, validity: Validity) -> Issuance<'_> {
        Issuance { serial, algorithm: algorithm(&self.key), issuer: &self.certificate, validity }
    }

    pub(crate) fn certify(&self, body: &CertificateBody) -> Certificate {
        certify(&self.key, body)
    }
}

/// Whether a leaf has the extension that names its provisioner.
#[derive(Clone, Copy)]
pub(crate) enum Extension {
    Of(&'static str),
    Absent,
}

pub(crate) fn validity(start: &str, end: &str) -> Validity {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    Validity::new(at(start), at(end)).unwrap()
}

fn certify(key: &PrivateKey, body: &CertificateBody) -> Certificate {
    let to_be_signed = body.to_be_signed();
    let signature = key.sign(algorithm(key), &to_be_signed).unwrap();
    Certificate::assemble(&to_be_signed, body.signature_algorithm, &signature).unwrap()
}

fn algorithm(key: &PrivateKey) -> SignatureAlgorithm {
    SignatureAlgorithm::default_for(key.public_key().kind())
}

fn serial(number: u32) -> SerialNumber {
    number.to_string().parse().unwrap()
}
