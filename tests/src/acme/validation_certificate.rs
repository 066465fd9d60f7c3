//! The certificates that a TLS server shows for tls-alpn-01 ([RFC 8737 §3](https://www.rfc-editor.org/rfc/rfc8737#section-3)), right and wrong.

use crate::{
    Key,
    acme::jws::sha256,
    asn1::{COMMON_NAME, bits, element, explicit, extension, integer, name, octets, sequence, utf8},
    csr::{San, san_value},
};

/// A certificate before it is signed.
#[derive(Clone, Debug)]
pub struct ValidationCertificate {
    /// Whole extensions.
    pub extensions: Vec<Vec<u8>>,
}

impl ValidationCertificate {
    /// As RFC 8737 wants it for one name and key authorization.
    pub fn new(san: San<'_>, key_authorization: &str) -> Self {
        Self::of(&[san]).acme(ACME_IDENTIFIER, Criticality::Critical, &digest(key_authorization))
    }

    /// With these names and without the extension of ACME.
    pub fn of(sans: &[San<'_>]) -> Self {
        Self { extensions: vec![extension("2.5.29.17", false, &san_value(sans))] }
    }

    /// Without any extension.
    pub fn bare() -> Self {
        Self { extensions: Vec::new() }
    }

    /// With one more extension, whose value is any DER.
    #[must_use]
    pub fn acme(mut self, id: &str, criticality: Criticality, value: &[u8]) -> Self {
        self.extensions.push(extension(id, criticality == Criticality::Critical, value));
        self
    }

    /// The self-signed certificate in DER.
    pub fn sign(&self, key: &Key) -> Vec<u8> {
        self.sign_by(key, key, "validation")
    }

    /// The certificate in DER, signed by another key under another name.
    pub fn sign_by(&self, key: &Key, issuer: &Key, issuer_name: &str) -> Vec<u8> {
        let now = jiff::Timestamp::now().as_second();
        let algorithm = issuer.signature_algorithm();
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => explicit(3, &element(0x30, &self.extensions.concat())),
        };
        let body = sequence(&[
            &explicit(0, &integer(&[2])),
            &integer(&[1]),
            &algorithm,
            &name(&[(COMMON_NAME, utf8(issuer_name))]),
            &sequence(&[&time(now - 3600), &time(now + 3600)]),
            &name(&[(COMMON_NAME, utf8("validation"))]),
            &key.spki(),
            &extensions,
        ]);
        sequence(&[&body, &algorithm, &bits(&issuer.sign(&body))])
    }
}

/// Whether an extension is marked as critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criticality {
    /// It is.
    Critical,
    /// It is not.
    NotCritical,
}

/// The value of the extension for a key authorization.
pub fn digest(key_authorization: &str) -> Vec<u8> {
    octets(&sha256(key_authorization.as_bytes()))
}

fn time(seconds: i64) -> Vec<u8> {
    let moment = jiff::Timestamp::from_second(seconds).expect("a moment of this era");
    element(0x17, moment.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
}

/// id-pe-acmeIdentifier.
pub const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";
