//! Certificate requests: good ones, and ones that ask for too much.

use super::der::{octets, sequence, value};
use crate::key::{PrivateKey, PublicKey, SignatureAlgorithm};
use crate::x509::{CertificateRequest, DistinguishedName, RequestBody, SubjectAltName, SubjectAltNames};

/// A request in PEM for `key`, with this common name (none if it is empty) and these names.
pub(crate) fn request(key: &PrivateKey, common_name: &str, names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| SubjectAltName::classify(name).unwrap()).collect();
    let body = RequestBody {
        subject: DistinguishedName::from_common_name(common_name).unwrap(),
        public_key: key.public_key().clone(),
        sans: SubjectAltNames::from(names),
    };
    let algorithm = SignatureAlgorithm::default_for(key.public_key().kind());
    body.assemble(algorithm, &key.sign(algorithm, &body.to_be_signed()).unwrap()).unwrap().to_pem()
}

/// A request made by hand, in which nothing has to fit.
pub(crate) struct HandmadeRequest {
    pub(crate) subject: DistinguishedName,
    pub(crate) public_key: PublicKey,
    /// Object identifier in DER content octets, and value in DER.
    pub(crate) extensions: Vec<(&'static [u8], Vec<u8>)>,
}

impl HandmadeRequest {
    /// For this key and common name, without extensions.
    pub(crate) fn new(public_key: &PublicKey, common_name: &str) -> Self {
        Self {
            subject: DistinguishedName::from_common_name(common_name).unwrap(),
            public_key: public_key.clone(),
            extensions: Vec::new(),
        }
    }

    /// The request in DER with this signature algorithm and whatever `sign` makes of its body.
    pub(crate) fn der(&self, algorithm: SignatureAlgorithm, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let extensions: Vec<Vec<u8>> = self
            .extensions
            .iter()
            .map(|(oid, content)| sequence(&[&value(0x06, oid), &octets(content)]))
            .collect();
        let attribute =
            sequence(&[&value(0x06, EXTENSION_REQUEST), &value(0x31, &sequence(&[&extensions.concat()]))]);
        let attributes = if extensions.is_empty() { Vec::new() } else { attribute };
        let info = sequence(&[
            &[0x02, 0x01, 0x00],
            self.subject.as_der(),
            self.public_key.spki_der(),
            &value(0xa0, &attributes),
        ]);
        let signature = [&[0], sign(&info).as_slice()].concat();
        let identifier = der::Encode::to_der(&algorithm.identifier()).unwrap();
        sequence(&[&info, &identifier, &value(0x03, &signature)])
    }

    /// The request in PEM, signed by `key`.
    pub(crate) fn signed_by(&self, key: &PrivateKey) -> String {
        let algorithm = SignatureAlgorithm::default_for(key.public_key().kind());
        let der = self.der(algorithm, |info| key.sign(algorithm, info).unwrap());
        CertificateRequest::from_der(&der).unwrap().to_pem()
    }
}

/// 1.2.840.113549.1.9.14
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
