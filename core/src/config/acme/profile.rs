//! The named profiles of an ACME provisioner: what a client may choose between
//! ([draft-ietf-acme-profiles](https://datatracker.ietf.org/doc/draft-ietf-acme-profiles/)).

use spki::ObjectIdentifier;

use super::super::claims::Lifetimes;
use crate::key::{KeyKind, PublicKey};
use crate::x509::{ExtendedKeyUsage, KeyUsage, Profile, SubjectAltNames};

/// The profiles of one provisioner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcmeProfiles {
    pub(super) list: Vec<AcmeProfile>,
    /// Its place in the list.
    pub(super) default: Option<usize>,
}

/// A profile: what certificates of an order that names it are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeProfile {
    /// What an order names it by: 1 to 64 letters, digits, hyphens and underscores.
    pub name: String,
    /// A text, or the URL of one, for people who choose.
    pub description: String,
    /// `minTLSCertDuration`, `defaultTLSCertDuration`, `maxTLSCertDuration`, within those of the provisioner.
    pub lifetimes: Lifetimes,
    /// `keyUsages`; `None` for those of any other certificate. It holds digitalSignature, so that no kind of key is
    /// left without a bit.
    pub key_usage: Option<KeyUsage>,
    /// `extKeyUsages`; `None` for those of any other certificate.
    pub extended_key_usage: Option<ExtendedKeyUsage>,
}

impl AcmeProfiles {
    /// These profiles, with the default at this place.
    #[cfg(test)]
    pub(crate) fn of(list: Vec<AcmeProfile>, default: Option<usize>) -> Self {
        Self { list, default }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &AcmeProfile> {
        self.list.iter()
    }

    /// The profile of that name, which counts upper and lower case.
    pub fn get(&self, name: &str) -> Option<&AcmeProfile> {
        self.list.iter().find(|profile| profile.name == name)
    }

    /// `defaultProfile`: that of an order which names none.
    pub fn default_profile(&self) -> Option<&AcmeProfile> {
        self.list.get(self.default?)
    }
}

impl AcmeProfile {
    /// A leaf of this profile for a key and names. Of its key usages the leaf gets those that a key of this kind can
    /// have.
    pub fn leaf(&self, key: &PublicKey, sans: SubjectAltNames) -> Profile {
        let mut leaf = Profile::leaf(key, sans);
        if let Some(usage) = self.key_usage {
            leaf.key_usage = usage_of(usage, key.kind());
        }
        if let Some(purposes) = &self.extended_key_usage {
            leaf.extended_key_usage = purposes.clone();
        }
        leaf
    }
}

/// The usages that a key of this kind can have: only RSA enciphers, only curves agree
/// ([RFC 8813 §3](https://www.rfc-editor.org/rfc/rfc8813#section-3),
/// [RFC 8410 §5](https://www.rfc-editor.org/rfc/rfc8410#section-5),
/// [RFC 9881 §5](https://www.rfc-editor.org/rfc/rfc9881#section-5)).
fn usage_of(wanted: KeyUsage, kind: KeyKind) -> KeyUsage {
    let of_kind = match kind {
        KeyKind::Rsa { .. } => KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT,
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => KeyUsage::KEY_AGREEMENT,
        KeyKind::Ed25519 | KeyKind::MlDsa(_) => KeyUsage::NONE,
    };
    let possible = of_kind | KeyUsage::DIGITAL_SIGNATURE | KeyUsage::CONTENT_COMMITMENT;
    KEY_USAGES
        .iter()
        .map(|(_, usage)| *usage)
        .filter(|usage| wanted.contains(*usage) && possible.contains(*usage))
        .fold(KeyUsage::NONE, KeyUsage::union)
}

/// What `keyUsages` may name. Not keyCertSign and cRLSign: a leaf is no authority.
pub(super) const KEY_USAGES: [(&str, KeyUsage); 5] = [
    ("digitalSignature", KeyUsage::DIGITAL_SIGNATURE),
    ("contentCommitment", KeyUsage::CONTENT_COMMITMENT),
    ("keyEncipherment", KeyUsage::KEY_ENCIPHERMENT),
    ("dataEncipherment", KeyUsage::DATA_ENCIPHERMENT),
    ("keyAgreement", KeyUsage::KEY_AGREEMENT),
];

/// What `extKeyUsages` may name: what somebody who has proved to hold a host can be. Nobody proves with a challenge
/// that they may sign code, time stamps or OCSP responses.
pub(super) const EXTENDED_KEY_USAGES: [(&str, ObjectIdentifier); 4] = [
    ("serverAuth", ExtendedKeyUsage::SERVER_AUTH),
    ("clientAuth", ExtendedKeyUsage::CLIENT_AUTH),
    // id-kp-eapOverLAN, of RADIUS servers (RFC 4334 §2).
    ("eapOverLAN", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.14")),
    // id-kp-ipsecIKE, of VPN gateways (RFC 4945 §5.1.3.12).
    ("ipsecIKE", ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.17")),
];
