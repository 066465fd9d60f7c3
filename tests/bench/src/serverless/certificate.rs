//! As much of a certificate as the measurement needs: its serial number.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

use crate::error::BenchError;

/// The leaf in an answer of `/sign` or `/renew`, in PEM.
pub(super) fn leaf(answer: &Value) -> Result<&str, BenchError> {
    answer
        .get("crt")
        .and_then(Value::as_str)
        .ok_or(BenchError::Answer { what: "an answer without a certificate" })
}

/// The serial number of a certificate in PEM, in decimal, as `/revoke` takes it.
pub(super) fn serial(pem: &str) -> Result<String, BenchError> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
    let serial = certificate.ok().and_then(|der| Some(decimal(serial_octets(&der)?)));
    serial.ok_or(BenchError::Answer { what: "a certificate that cannot be read" })
}

/// `Certificate`, `TBSCertificate`, the version, and then it ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
fn serial_octets(der: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(der)?;
    let (to_be_signed, _) = element(certificate)?;
    let (_version, rest) = element(to_be_signed)?;
    let (serial, _) = element(rest)?;
    Some(serial)
}

/// The content of the first DER element, and what follows it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, start) = match *der.get(1)? {
        short @ 0..0x80 => (usize::from(short), 2),
        long => {
            let octets = usize::from(long & 0x7f);
            let length = der.get(2..2 + octets)?.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet));
            (length, 2 + octets)
        }
    };
    Some((der.get(start..start + length)?, der.get(start + length..)?))
}

fn decimal(octets: &[u8]) -> String {
    let mut digits = vec![0_u32];
    for octet in octets {
        let mut carry = u32::from(*octet);
        for digit in &mut digits {
            let value = *digit * 256 + carry;
            *digit = value % 10;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().filter_map(|digit| char::from_digit(*digit, 10)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_a_number() {
        assert_eq!(decimal(&[0]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        assert_eq!(decimal(&[0xff; 16]), u128::MAX.to_string());
    }

    #[test]
    fn the_serial_number_is_found_behind_the_version() {
        let to_be_signed = [&[0xa0, 3, 2, 1, 2][..], &[2, 2, 1, 0], &[0x30, 0]].concat();
        let to_be_signed = [&[0x30, 0x81, to_be_signed.len() as u8][..], &to_be_signed].concat();
        let certificate = [&[0x30, to_be_signed.len() as u8][..], &to_be_signed].concat();

        assert_eq!(serial_octets(&certificate), Some(&[1, 0][..]));
        assert_eq!(serial_octets(&certificate[..8]), None);
    }
}
