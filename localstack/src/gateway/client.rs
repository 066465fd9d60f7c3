//! A client certificate in the words of the gateways.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// The certificate that a client showed, verified against the roots by the listener.
#[derive(Clone, Debug)]
pub(super) struct ClientCertificate {
    pem: String,
    subject: String,
    issuer: String,
    serial: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl ClientCertificate {
    /// From DER; `None` if it is no certificate, which the handshake would have refused.
    pub(super) fn new(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let body = certificate.tbs_certificate();
        let time = |time: x509_cert::time::Time| {
            Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok()
        };
        Some(Self {
            pem: pem(der),
            subject: body.subject().to_string(),
            issuer: body.issuer().to_string(),
            serial: body.serial_number().as_bytes().to_vec(),
            not_before: time(body.validity().not_before)?,
            not_after: time(body.validity().not_after)?,
        })
    }

    /// As `clientCert` of a request context has it.
    ///
    /// [Payload format](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html)
    pub(super) fn context(&self) -> Value {
        let serial: Vec<String> = self.serial.iter().map(|octet| format!("{octet:02x}")).collect();
        let date = |time: Timestamp| time.strftime("%b %e %H:%M:%S %Y GMT").to_string();
        json!({
            "clientCertPem": self.pem,
            "subjectDN": self.subject,
            "issuerDN": self.issuer,
            "serialNumber": serial.join(":"),
            "validity": {"notBefore": date(self.not_before), "notAfter": date(self.not_after)},
        })
    }

    /// As a load balancer that verifies tells it: header fields.
    ///
    /// [Mutual TLS with an ALB](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html)
    pub(super) fn load_balancer_fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("x-amzn-mtls-clientcert-leaf", utf8_percent_encode(&self.pem, UNSAFE_IN_FIELD).to_string()),
            ("x-amzn-mtls-clientcert-subject", self.subject.clone()),
            ("x-amzn-mtls-clientcert-issuer", self.issuer.clone()),
            ("x-amzn-mtls-clientcert-serial-number", hex::encode_upper(&self.serial)),
            (
                "x-amzn-mtls-clientcert-validity",
                format!("NotBefore={};NotAfter={}", self.not_before, self.not_after),
            ),
        ]
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(PEM_LINE).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

const PEM_LINE: usize = 64;

/// The load balancer leaves `+`, `=` and `/` as they are.
const UNSAFE_IN_FIELD: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'+')
    .remove(b'=')
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
