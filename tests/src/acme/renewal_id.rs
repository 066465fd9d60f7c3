//! How a certificate is named where its renewal is spoken of ([RFC 9773 §4.1](https://www.rfc-editor.org/rfc/rfc9773#section-4.1)).

use x509_cert::{
    Certificate,
    der::{Decode, Encode},
};

use crate::acme::jws::base64url;

/// The id of a certificate: its authority key identifier and its serial number.
pub fn renewal_id(der: &[u8]) -> String {
    let (key_id, serial) = parts(der);
    of(&key_id, &serial)
}

/// The id for any key identifier and serial number, the latter as the contents of its INTEGER.
pub fn of(key_id: &[u8], serial: &[u8]) -> String {
    format!("{}.{}", base64url(key_id), base64url(serial))
}

/// The key identifier, and the contents of the serial number's INTEGER.
pub fn parts(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let certificate = Certificate::from_der(der).expect("a server answers with a certificate");
    let body = certificate.tbs_certificate();
    let serial = body.serial_number().to_der().expect("what was parsed can be written");
    let extension = body
        .extensions()
        .into_iter()
        .flatten()
        .find(|extension| extension.extn_id.to_string() == AUTHORITY_KEY_IDENTIFIER)
        .expect("a leaf names its issuer's key");
    // SEQUENCE, its length, [0], its length.
    let value = extension.extn_value.as_bytes();
    assert_eq!(value[2], 0x80, "the key identifier comes first: {}", hex::encode(value));
    (value[4..4 + usize::from(value[3])].to_vec(), serial[2..].to_vec())
}

const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
