//! A certificate taken apart, so that two of them can be compared in everything but serial, times and signature.

use std::time::Duration;

use serde_json::{Value, json};
use x509_cert::{
    Certificate,
    certificate::TbsCertificate,
    der::{Decode, Encode},
};

/// The parts of a certificate that two servers with the same keys must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Everything that must be equal byte for byte: a name for people and the value in hex.
    pub fixed: Vec<(String, String)>,
    /// notBefore, seconds since 1970.
    pub not_before: i64,
    /// notAfter, seconds since 1970.
    pub not_after: i64,
    /// The serial as a decimal number.
    pub serial: String,
    /// How many octets the serial has.
    pub serial_octets: usize,
}

impl Parts {
    /// Takes a certificate in DER apart.
    pub fn of(der: &[u8]) -> Self {
        let certificate = Certificate::from_der(der).expect("a server answers with a certificate");
        let body: &TbsCertificate = certificate.tbs_certificate();
        let mut fixed = vec![
            ("version".into(), format!("{:?}", body.version())),
            ("signature algorithm".into(), hexed(body.signature())),
            ("outer signature algorithm".into(), hexed(certificate.signature_algorithm())),
            ("issuer".into(), hexed(body.issuer())),
            ("subject".into(), hexed(body.subject())),
            ("public key".into(), hexed(body.subject_public_key_info())),
            ("issuer unique id".into(), format!("{:?}", body.issuer_unique_id())),
            ("time types".into(), {
                let validity = body.validity();
                format!("{} {}", tag(&validity.not_before), tag(&validity.not_after))
            }),
        ];
        for (index, extension) in body.extensions().into_iter().flatten().enumerate() {
            let critical = if extension.critical { " critical" } else { "" };
            fixed.push((
                format!("extension {index}"),
                format!("{}{critical} {}", extension.extn_id, hex::encode(extension.extn_value.as_bytes())),
            ));
        }
        let serial = body.serial_number().as_bytes();
        Self {
            fixed,
            not_before: seconds(body.validity().not_before.to_unix_duration()),
            not_after: seconds(body.validity().not_after.to_unix_duration()),
            serial: decimal(serial),
            serial_octets: serial.len(),
        }
    }

    /// The part as a reader of a report wants it.
    pub fn to_json(&self) -> Value {
        let mut parts = json!({
            "not_before": self.not_before,
            "seconds": self.not_after - self.not_before,
            "serial": self.serial,
        });
        for (name, value) in &self.fixed {
            parts[name] = value.as_str().into();
        }
        parts
    }
}

/// A serial in the form the wire uses.
pub fn serial_of(der: &[u8]) -> String {
    Parts::of(der).serial
}

/// A big-endian number in decimal.
pub fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0u8];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let value = u32::from(*digit) * 256 + carry;
            *digit = (value % 10) as u8;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

fn tag(time: &x509_cert::time::Time) -> String {
    hexed(time).chars().take(2).collect()
}

fn seconds(since: Duration) -> i64 {
    i64::try_from(since.as_secs()).expect("a moment of this era")
}

fn hexed(value: &impl Encode) -> String {
    hex::encode(value.to_der().expect("what was parsed can be written"))
}
