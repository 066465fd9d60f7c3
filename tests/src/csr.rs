//! Certificate requests (PKCS#10), good and broken.

use crate::{
    Key,
    asn1::{COMMON_NAME, explicit, extension, implicit, integer, name, oid, pem, sequence, set, utf8},
};

/// A request before it is signed; its parts are DER, so that each can be wrong.
#[derive(Clone, Debug)]
pub struct Csr {
    /// The subject: a whole Name.
    pub subject: Vec<u8>,
    /// The requested extensions, each a whole Extension.
    pub extensions: Vec<Vec<u8>>,
    /// More attributes, each a whole Attribute, after the requested extensions.
    pub attributes: Vec<Vec<u8>>,
    /// The SubjectPublicKeyInfo to claim instead of the signing key's own.
    pub spki: Option<Vec<u8>>,
}

impl Csr {
    /// A request as `step` makes it: the common name and the names behind it.
    pub fn new(common_name: &str, sans: &[San<'_>]) -> Self {
        let subject = match common_name {
            "" => name(&[]),
            text => name(&[(COMMON_NAME, utf8(text))]),
        };
        let csr = Self { subject, extensions: Vec::new(), attributes: Vec::new(), spki: None };
        if sans.is_empty() { csr } else { csr.extension("2.5.29.17", false, &san_value(sans)) }
    }

    /// One more requested extension.
    #[must_use]
    pub fn extension(mut self, id: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions.push(extension(id, critical, value));
        self
    }

    /// Another subject.
    #[must_use]
    pub fn subject(mut self, attributes: &[(&str, Vec<u8>)]) -> Self {
        self.subject = name(attributes);
        self
    }

    /// The signed request in DER.
    pub fn sign(&self, key: &Key) -> Vec<u8> {
        let info = self.info(key);
        let signature = key.sign(&info);
        sequence(&[&info, &key.signature_algorithm(), &crate::asn1::bits(&signature)])
    }

    /// The request in DER with its signature broken in one bit.
    pub fn sign_badly(&self, key: &Key) -> Vec<u8> {
        let info = self.info(key);
        // Another message keeps the signature well formed, so that only its verification can find it out.
        let signature = key.sign(b"another message");
        sequence(&[&info, &key.signature_algorithm(), &crate::asn1::bits(&signature)])
    }

    /// The signed request in PEM.
    pub fn pem(&self, key: &Key) -> String {
        to_pem(&self.sign(key))
    }

    fn info(&self, key: &Key) -> Vec<u8> {
        let mut attributes = Vec::new();
        if !self.extensions.is_empty() {
            attributes.extend(extension_request(&self.extensions));
        }
        attributes.extend(self.attributes.concat());
        let spki = self.spki.clone().unwrap_or_else(|| key.spki());
        sequence(&[&integer(&[0]), &self.subject, &spki, &explicit(0, &attributes)])
    }
}

/// A name of the subject.
#[derive(Clone, Copy, Debug)]
pub enum San<'a> {
    /// dNSName.
    Dns(&'a str),
    /// rfc822Name.
    Email(&'a str),
    /// uniformResourceIdentifier.
    Uri(&'a str),
    /// iPAddress: four or sixteen octets, or any other number of them.
    Ip(&'a [u8]),
    /// A whole GeneralName.
    Raw(&'a [u8]),
}

/// The value of a subjectAltName extension.
pub fn san_value(sans: &[San<'_>]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = sans
        .iter()
        .map(|san| match san {
            San::Email(text) => implicit(1, text.as_bytes()),
            San::Dns(text) => implicit(2, text.as_bytes()),
            San::Uri(text) => implicit(6, text.as_bytes()),
            San::Ip(octets) => implicit(7, octets),
            San::Raw(whole) => whole.to_vec(),
        })
        .collect();
    crate::asn1::element(0x30, &names.concat())
}

/// The attribute that carries requested extensions.
pub fn extension_request(extensions: &[Vec<u8>]) -> Vec<u8> {
    let list = crate::asn1::element(0x30, &extensions.concat());
    sequence(&[&oid("1.2.840.113549.1.9.14"), &set(&[&list])])
}

/// A request in PEM.
pub fn to_pem(der: &[u8]) -> String {
    pem("CERTIFICATE REQUEST", der)
}
