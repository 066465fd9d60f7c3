//! One call to an AWS service with a JSON protocol, unsigned: the emulators take any credentials.
//!
//! Blocking and without a client library, so that it works before, inside and outside of any runtime.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use url::Url;

/// The address of an emulator on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint(SocketAddr);

impl Endpoint {
    /// The emulator that listens at `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// `http://127.0.0.1:<port>`, as the SDKs and `AWS_ENDPOINT_URL` take it.
    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }

    /// Calls `target` (`DynamoDB_20120810.CreateTable`, `TrentService.CreateKey`) and returns what it answered.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the name of the service's error, or [`CallError::Unreachable`].
    pub fn call(&self, target: &str, input: &Value) -> Result<Value, CallError> {
        // DynamoDB and SQS speak version 1.0 of the protocol, the others 1.1; the emulators want each its own.
        let old = target.starts_with("DynamoDB") || target.starts_with("AmazonSQS");
        let version = if old { "1.0" } else { "1.1" };
        let service = match target.split_once('.').map(|(service, _)| service) {
            Some("DynamoDB_20120810") => "dynamodb",
            Some("CertificateManager") => "acm",
            Some("AmazonSQS") => "sqs",
            _ => "kms",
        };
        let body = input.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/x-amz-json-{version}\r\n\
             X-Amz-Target: {target}\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/20260101/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=00\r\nContent-Length: {}\r\n\r\n{body}",
            self.0,
            body.len()
        );
        let unreachable =
            |source| CallError::Unreachable { target: target.to_owned(), endpoint: self.url(), source };
        let (status, body) = exchange(self.0, &request).map_err(unreachable)?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status == 200 {
            return Ok(answer);
        }
        let text =
            |names: [&str; 2]| names.iter().find_map(|name| answer.get(*name)?.as_str()).unwrap_or_default();
        let kind = text(["__type", "code"]);
        Err(CallError::Refused {
            target: target.to_owned(),
            status,
            kind: kind.rsplit('#').next().unwrap_or(kind).to_owned(),
            message: text(["message", "Message"]).to_owned(),
        })
    }

    /// Whether a plain GET of `path` is answered with 200.
    pub(crate) fn answers(&self, path: &str) -> bool {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.0);
        exchange(self.0, &request).is_ok_and(|(status, _)| status == 200)
    }
}

impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    /// `http://127.0.0.1:4566`, `http://localhost:4566/`: a name is looked up here, once.
    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        let refused = || ParseEndpointError::NotAnEndpoint { text: text.to_owned() };
        let url = Url::parse(text).map_err(|_| refused())?;
        if url.scheme() != "http" || url.path() != "/" || url.query().is_some() {
            return Err(refused());
        }
        let host = url.host_str().ok_or_else(refused)?.trim_matches(['[', ']']).to_owned();
        let unknown = |source| ParseEndpointError::UnknownHost { host: host.clone(), source };
        let port = url.port_or_known_default().ok_or_else(refused)?;
        let addresses: Vec<_> = (host.as_str(), port).to_socket_addrs().map_err(unknown)?.collect();
        // `localhost` is [::1] first on many machines, and emulators in containers publish their ports on 127.0.0.1.
        let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
        address.copied().map(Self).ok_or_else(refused)
    }
}

/// A text is not the address of an emulator.
#[derive(Debug, Error)]
pub enum ParseEndpointError {
    /// It is something else.
    #[error("{text:?} is not an endpoint: it has to be like http://127.0.0.1:4566, without a path")]
    NotAnEndpoint {
        /// The text.
        text: String,
    },
    /// Nobody knows the host.
    #[error("{host} has no address")]
    UnknownHost {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
}

/// A call to an emulator failed.
#[derive(Debug, Error)]
pub enum CallError {
    /// The service answered with an error.
    #[error("{target} was answered with {status} {kind}: {message}")]
    Refused {
        /// The call.
        target: String,
        /// The HTTP status.
        status: u16,
        /// The name of the error, without its namespace: `ResourceInUseException`.
        kind: String,
        /// What the service said.
        message: String,
    },
    /// No answer, or none that is HTTP.
    #[error("{target} was not answered by {endpoint}")]
    Unreachable {
        /// The call.
        target: String,
        /// Where it went.
        endpoint: String,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

/// One request on a connection of its own.
fn exchange(address: SocketAddr, request: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (answer.get(..end)?, answer.get(end + 4..)?);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = if head.contains("\r\ntransfer-encoding: chunked") { dechunked(body)? } else { body.to_vec() };
    Some((status, body))
}

fn dechunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line_end = body.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(body.get(..line_end)?).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        let start = line_end + 2;
        whole.extend_from_slice(body.get(start..start.checked_add(size)?)?);
        body = body.get(start + size + 2..)?;
    }
}

/// The access key that everything local uses. DynamoDB Local takes letters and digits only.
pub const ACCESS_KEY_ID: &str = "local";

/// The secret that belongs to it; the emulators do not look at it.
pub const SECRET_ACCESS_KEY: &str = "local";

/// The region that everything local is in.
pub const REGION: &str = "us-east-1";

/// Longest wait for a step of a call. The first call of a service makes an emulator load it.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_chunked_answer_is_put_together() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n5;x=y\r\n\":1}\n\r\n0\r\n\r\n";
        assert_eq!(parse(answer), Some((200, b"{\"a\":1}\n".to_vec())));
    }

    #[rstest]
    #[case("http://127.0.0.1:4566", "http://127.0.0.1:4566")]
    #[case("http://localhost:4566/", "http://127.0.0.1:4566")]
    #[case("http://[::1]:8000", "http://[::1]:8000")]
    fn an_endpoint_is_read_from_its_url(#[case] text: &str, #[case] url: &str) {
        assert_eq!(text.parse::<Endpoint>().unwrap().url(), url);
    }

    #[rstest]
    fn what_is_no_endpoint_is_refused_with_its_text(
        #[values("https://127.0.0.1:4566", "127.0.0.1:4566", "http://127.0.0.1:4566/kms", "")] text: &str,
    ) {
        let refused = text.parse::<Endpoint>().unwrap_err();
        assert!(
            matches!(&refused, ParseEndpointError::NotAnEndpoint { text: named } if named == text),
            "{refused}"
        );
    }

    #[test]
    fn half_an_answer_is_none() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nContent-Le"), None);
    }
}
