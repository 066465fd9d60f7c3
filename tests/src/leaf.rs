//! Certificates signed by hand with a CA's own key: expired ones, foreign ones, ones no store has heard of.

use x509_cert::{
    Certificate,
    der::{Decode, Encode},
};

use crate::{
    Key,
    asn1::{COMMON_NAME, bits, element, explicit, extension, integer, name, octets, oid, sequence, utf8},
    csr::{San, san_value},
};

/// A certificate before it is signed.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The common name, and the only DNS name.
    pub name: String,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    /// The serial, big endian.
    pub serial: Vec<u8>,
    /// Whole extensions after the usual ones.
    pub extensions: Vec<Vec<u8>>,
}

impl Leaf {
    /// A client and server certificate for one name.
    pub fn new(name: &str, not_before: i64, not_after: i64, serial: &[u8]) -> Self {
        Self { name: name.into(), not_before, not_after, serial: serial.into(), extensions: Vec::new() }
    }

    /// With the extension that names the provisioner.
    #[must_use]
    pub fn provisioner(mut self, name: &str, credential: &str) -> Self {
        let value = sequence(&[&integer(&[1]), &octets(name.as_bytes()), &octets(credential.as_bytes())]);
        self.extensions.push(extension("1.3.6.1.4.1.37476.9000.64.1", false, &value));
        self
    }

    /// The certificate in DER, signed by the issuer's key; `issuer` is the issuer's certificate.
    pub fn sign(&self, key: &Key, issuer: &[u8], issuer_key: &Key) -> Vec<u8> {
        let issuer = Certificate::from_der(issuer).expect("the issuer is a certificate");
        let issuer_name = issuer.tbs_certificate().subject().to_der().expect("a name can be written");
        let algorithm = issuer_key.signature_algorithm();
        let usages = sequence(&[&oid("1.3.6.1.5.5.7.3.1"), &oid("1.3.6.1.5.5.7.3.2")]);
        let mut extensions = vec![
            extension("2.5.29.15", true, &[0x03, 0x02, 0x07, 0x80]),
            extension("2.5.29.37", false, &usages),
            extension("2.5.29.17", false, &san_value(&[San::Dns(&self.name)])),
        ];
        extensions.extend(self.extensions.iter().cloned());
        let body = sequence(&[
            &explicit(0, &integer(&[2])),
            &integer(&self.serial),
            &algorithm,
            &issuer_name,
            &sequence(&[&time(self.not_before), &time(self.not_after)]),
            &name(&[(COMMON_NAME, utf8(&self.name))]),
            &key.spki(),
            &explicit(3, &element(0x30, &extensions.concat())),
        ]);
        let signature = issuer_key.sign(&body);
        sequence(&[&body, &algorithm, &bits(&signature)])
    }
}

/// The same certificate from an earlier moment on, signed again by its issuer.
pub fn begin_earlier(der: &[u8], not_before: i64, issuer_key: &Key) -> Vec<u8> {
    let certificate = Certificate::from_der(der).expect("a certificate");
    let body = certificate.tbs_certificate();
    let old = body.validity().not_before.to_der().expect("a time can be written");
    let bytes = body.to_der().expect("what was parsed can be written");
    let at = bytes.windows(old.len()).position(|window| window == old).expect("the time is in the body");
    let body = [&bytes[..at], &time(not_before), &bytes[at + old.len()..]].concat();
    let signature = issuer_key.sign(&body);
    sequence(&[&body, &issuer_key.signature_algorithm(), &bits(&signature)])
}

fn time(seconds: i64) -> Vec<u8> {
    let moment = jiff::Timestamp::from_second(seconds).expect("a moment of this era");
    element(0x17, moment.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
}
