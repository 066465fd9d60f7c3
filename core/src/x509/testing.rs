//! Keys, authorities and requests for tests.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use super::certificate::algorithm_der;
use super::write::{self, id};
use super::{
    BasicConstraints, Certificate, CertificateBody, DistinguishedName, Extension, Issuance, Profile, Validity,
};
use crate::clock::Timestamp;
use crate::key::{Digest, KeyKind, PublicKey, SignatureAlgorithm};

/// What every test key signs with.
pub(super) const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);

/// A P-256 key.
pub(super) struct TestKey(EcdsaKeyPair);

impl TestKey {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(super) fn public(&self) -> PublicKey {
        PublicKey::from_bits(KeyKind::P256, self.0.public_key().as_ref()).unwrap()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(super) fn certify(&self, body: &CertificateBody) -> Certificate {
        let tbs = body.to_be_signed();
        Certificate::assemble(&tbs, body.signature_algorithm, &self.sign(&tbs)).unwrap()
    }

    /// A request with these attributes, each a whole `Attribute`.
    pub(super) fn request(&self, subject: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
        let info = write::sequence(&[
            write::small(0),
            subject.to_vec(),
            self.public().spki_der().to_vec(),
            write::constructed(id::context_constructed(0), attributes),
        ]);
        let signature = write::bit_string(&self.sign(&info));
        write::sequence(&[info, algorithm_der(ALGORITHM), signature])
    }
}

/// A key and its certificate.
pub(super) struct TestCa {
    pub(super) key: TestKey,
    pub(super) certificate: Certificate,
}

impl TestCa {
    pub(super) fn root(name: &str, profile: Profile) -> Self {
        let key = TestKey::new();
        let subject = DistinguishedName::from_common_name(name).unwrap();
        let serial = "1".parse().unwrap();
        let body =
            CertificateBody::root(serial, ALGORITHM, year_2026(), subject, key.public(), profile).unwrap();
        Self { certificate: key.certify(&body), key }
    }

    pub(super) fn intermediate(&self, name: &str, profile: Profile) -> Self {
        let key = TestKey::new();
        Self { certificate: self.issue(name, &key, profile), key }
    }

    pub(super) fn issue(&self, name: &str, key: &TestKey, profile: Profile) -> Certificate {
        let subject = DistinguishedName::from_common_name(name).unwrap();
        self.key.certify(&CertificateBody::new(self.issuance(), subject, key.public(), profile).unwrap())
    }

    pub(super) fn issuance(&self) -> Issuance<'_> {
        Issuance {
            serial: "2".parse().unwrap(),
            algorithm: ALGORITHM,
            issuer: &self.certificate,
            validity: year_2026(),
        }
    }
}

/// A CA profile with any path length and these extensions.
pub(super) fn ca_profile(path_len: Option<u32>, extra: Vec<Extension>) -> Profile {
    Profile { basic_constraints: Some(BasicConstraints::Ca { path_len }), extra, ..Profile::intermediate() }
}

pub(super) fn year_2026() -> Validity {
    Validity::new(at("2026-01-01T00:00:00Z"), at("2026-12-31T23:59:59Z")).unwrap()
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
