//! What a request carries: a certificate request made before the run, and a token made for it alone.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::authority::{PROVISIONER, ProvisionerKey};
use crate::error::BenchError;

/// A name and a certificate request for it, in DER.
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) der: Vec<u8>,
}

impl Request {
    /// A request for `name` with a fresh P-256 key, signed by it.
    ///
    /// [RFC 2986 §4](https://www.rfc-editor.org/rfc/rfc2986#section-4)
    pub(crate) fn new(name: &str) -> Result<Self, BenchError> {
        let failed = |_| BenchError::Crypto { operation: "making a certificate request" };
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?;

        let common_name = tlv(SEQUENCE, &[OID_COMMON_NAME, &tlv(UTF8_STRING, &[name.as_bytes()])]);
        let subject = tlv(SEQUENCE, &[&tlv(SET, &[&common_name])]);
        let key_info =
            tlv(SEQUENCE, &[EC_PUBLIC_KEY_P256, &tlv(BIT_STRING, &[&[0], key.public_key().as_ref()])]);
        let names = tlv(SEQUENCE, &[&tlv(DNS_NAME, &[name.as_bytes()])]);
        let extension = tlv(SEQUENCE, &[OID_SUBJECT_ALT_NAME, &tlv(OCTET_STRING, &[&names])]);
        let extensions = tlv(SET, &[&tlv(SEQUENCE, &[&extension])]);
        let attributes = tlv(ATTRIBUTES, &[&tlv(SEQUENCE, &[OID_EXTENSION_REQUEST, &extensions])]);
        let info = tlv(SEQUENCE, &[VERSION_1, &subject, &key_info, &attributes]);
        let signature = key.sign(&SystemRandom::new(), &info).map_err(failed)?;
        let der = tlv(SEQUENCE, &[&info, ECDSA_WITH_SHA256, &tlv(BIT_STRING, &[&[0], signature.as_ref()])]);

        Ok(Self { name: name.to_owned(), der })
    }

    /// The request in PEM.
    pub(crate) fn pem(&self) -> String {
        let mut pem = String::from("-----BEGIN CERTIFICATE REQUEST-----\n");
        let text = STANDARD.encode(&self.der);
        for line in text.as_bytes().chunks(PEM_LINE) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE REQUEST-----\n");
        pem
    }
}

/// Makes tokens of a JWK provisioner, as `step ca token` would.
pub(crate) struct Minter {
    key: EcdsaKeyPair,
    random: SystemRandom,
    header: String,
    audience: String,
    fingerprint: String,
}

impl Minter {
    /// Tokens for `audience`, the URL of a route, of the authority whose root has this fingerprint.
    pub(crate) fn new(
        provisioner: &ProvisionerKey,
        audience: String,
        fingerprint: String,
    ) -> Result<Self, BenchError> {
        let key = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &provisioner.private,
            &provisioner.public,
        )
        .map_err(|_rejected| BenchError::Folder { what: "provisioner key" })?;
        let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"JWT"}}"#, provisioner.key_id);
        Ok(Self {
            key,
            random: SystemRandom::new(),
            header: URL_SAFE_NO_PAD.encode(header),
            audience,
            fingerprint,
        })
    }

    /// Appends to `buffer` a token for one certificate for `name`, good for five minutes.
    pub(crate) fn mint(&self, name: &str, buffer: &mut Vec<u8>) -> Result<(), BenchError> {
        let failed = |_| BenchError::Crypto { operation: "signing a token" };
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(failed)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());

        let mut claims = String::with_capacity(CLAIMS_LENGTH);
        let _ = write!(
            claims,
            r#"{{"aud":"{}","exp":{},"iat":{now},"iss":"{PROVISIONER}","jti":"{}","nbf":{now},"sans":["{name}"],"sha":"{}","sub":"{name}"}}"#,
            self.audience,
            now + LIFETIME_SECONDS,
            hex::encode(id),
            self.fingerprint,
        );
        let mut token = String::with_capacity(2 * CLAIMS_LENGTH);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&claims, &mut token);
        let signature = self.key.sign(&self.random, token.as_bytes()).map_err(failed)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        buffer.extend_from_slice(token.as_bytes());
        Ok(())
    }
}

const LIFETIME_SECONDS: u64 = 300;

/// About the length of a token's claims: room made in one go.
const CLAIMS_LENGTH: usize = 384;

const PEM_LINE: usize = 64;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const DNS_NAME: u8 = 0x82;
const ATTRIBUTES: u8 = 0xa0;

const VERSION_1: &[u8] = &[0x02, 0x01, 0x00];
const OID_COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const OID_SUBJECT_ALT_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];
const OID_EXTENSION_REQUEST: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const ECDSA_WITH_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY_P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];

/// A DER element of `tag` around `parts`, with the shortest length there is.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let significant = length.iter().skip_while(|octet| **octet == 0);
    let mut element = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => element.push(short),
        _ => {
            element.push(0x80 | significant.clone().count().to_le_bytes()[0]);
            element.extend(significant);
        }
    }
    element.extend(content);
    element
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn openssl_accepts_a_request_and_reads_its_names() {
        let request = Request::new("host-1.bench.test").unwrap();
        let mut openssl = Command::new("openssl")
            .args(["req", "-verify", "-noout", "-text"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();

        openssl.stdin.take().unwrap().write_all(request.pem().as_bytes()).unwrap();
        let output = openssl.wait_with_output().unwrap();

        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("self-signature verify OK"), "{text}");
        assert!(text.contains("CN = host-1.bench.test") && text.contains("DNS:host-1.bench.test"), "{text}");
    }

    #[test]
    fn lengths_take_the_short_and_the_long_form() {
        assert_eq!(tlv(SEQUENCE, &[&[1, 2]]), [0x30, 2, 1, 2]);
        assert_eq!(tlv(SEQUENCE, &[&[0; 127]])[..2], [0x30, 127]);
        assert_eq!(tlv(SEQUENCE, &[&[0; 128]])[..3], [0x30, 0x81, 128]);
        assert_eq!(tlv(SEQUENCE, &[&[0; 300]])[..4], [0x30, 0x82, 1, 44]);
    }
}
