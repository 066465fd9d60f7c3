//! As much of an HTTP/1.1 client as the measurement needs: one blocking connection, one request at a time.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::authority::HOST;
use crate::error::BenchError;

/// TLS as each connection speaks it: `root` is trusted, HTTP/1.1 is meant by the absence of ALPN.
pub(crate) fn tls(root: &CertificateDer<'static>) -> Result<Arc<ClientConfig>, BenchError> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone())?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Every connection shall pay for its handshake.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// A keep-alive connection.
pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    received: Vec<u8>,
    body: Vec<u8>,
}

/// An answer; it stands until the next request.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    head: &'a str,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// The first header of this name.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        let mut headers = self.head.split("\r\n").filter_map(|line| line.split_once(':'));
        let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(value.trim())
    }

    /// The failure that it is where something else was hoped for.
    pub(crate) fn refused(&self) -> BenchError {
        let body = String::from_utf8_lossy(self.body).trim().to_owned();
        BenchError::Refused { status: self.status, body }
    }
}

impl Connection {
    /// A connection to a loopback port, its handshake done.
    pub(crate) fn open(port: u16, tls: &Arc<ClientConfig>) -> Result<Self, BenchError> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(BenchError::Connection)?;
        socket.set_nodelay(true).map_err(BenchError::Connection)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(BenchError::Connection)?;
        let name = ServerName::try_from(HOST).map_err(|_| BenchError::Answer { what: "server name" })?;
        let mut connection = ClientConnection::new(Arc::clone(tls), name)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(BenchError::Connection)?;
        }
        Ok(Self { stream: StreamOwned::new(connection, socket), received: Vec::new(), body: Vec::new() })
    }

    /// Sends a whole request and waits for the whole answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, BenchError> {
        self.stream.write_all(request).map_err(BenchError::Connection)?;
        self.received.clear();
        self.body.clear();
        let head = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break Head::parse(self.received.get(..end).unwrap_or_default(), end + 4)?;
            }
            self.receive()?;
        };
        match head.length {
            BodyLength::Known(length) => {
                while self.received.len() < head.end + length {
                    self.receive()?;
                }
                self.body
                    .extend_from_slice(self.received.get(head.end..head.end + length).unwrap_or_default());
            }
            BodyLength::Chunked => self.receive_chunks(head.end)?,
        }
        let octets = self.received.get(..head.end).unwrap_or_default();
        let text = std::str::from_utf8(octets).map_err(|_| BenchError::Answer { what: "head" })?;
        Ok(Answer { status: head.status, head: text, body: &self.body })
    }

    fn receive(&mut self) -> Result<(), BenchError> {
        let before = self.received.len();
        self.received.resize(before + RECEIVE_OCTETS, 0);
        let room = self.received.get_mut(before..).unwrap_or_default();
        let count = self.stream.read(room).map_err(BenchError::Connection)?;
        self.received.truncate(before + count);
        if count == 0 {
            return Err(BenchError::Answer { what: "the connection was closed" });
        }
        Ok(())
    }

    /// [RFC 9112 §7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1)
    fn receive_chunks(&mut self, mut at: usize) -> Result<(), BenchError> {
        let broken = || BenchError::Answer { what: "a chunk without its length" };
        loop {
            let line = loop {
                if let Some(end) = find(self.received.get(at..).unwrap_or_default(), b"\r\n") {
                    break at..at + end;
                }
                self.receive()?;
            };
            let length = self.received.get(line.clone()).and_then(|line| std::str::from_utf8(line).ok());
            let length = length.and_then(|text| usize::from_str_radix(text, 16).ok()).ok_or_else(broken)?;
            let start = line.end + 2;
            while self.received.len() < start + length + 2 {
                self.receive()?;
            }
            if length == 0 {
                return Ok(());
            }
            self.body.extend_from_slice(self.received.get(start..start + length).unwrap_or_default());
            at = start + length + 2;
        }
    }
}

struct Head {
    status: u16,
    length: BodyLength,
    end: usize,
}

enum BodyLength {
    Known(usize),
    Chunked,
}

impl Head {
    fn parse(octets: &[u8], end: usize) -> Result<Self, BenchError> {
        let text = std::str::from_utf8(octets).map_err(|_| BenchError::Answer { what: "head" })?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let status = status
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or(BenchError::Answer { what: "status line" })?;
        if status == NO_CONTENT {
            return Ok(Self { status, length: BodyLength::Known(0), end });
        }
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                let length =
                    value.trim().parse().map_err(|_| BenchError::Answer { what: "content length" })?;
                return Ok(Self { status, length: BodyLength::Known(length), end });
            }
            if name.eq_ignore_ascii_case("transfer-encoding") {
                return Ok(Self { status, length: BodyLength::Chunked, end });
            }
        }
        Err(BenchError::Answer { what: "an answer without a length" })
    }
}

/// Such an answer has no body and need not say so ([RFC 9110 §8.6](https://www.rfc-editor.org/rfc/rfc9110#section-8.6)).
const NO_CONTENT: u16 = 204;

/// An answer that takes longer is a failure, not a slow answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than any answer has; so it mostly comes in one read.
const RECEIVE_OCTETS: usize = 8 * 1024;

/// Where `pattern` begins in `octets`.
pub(crate) fn find(octets: &[u8], pattern: &[u8]) -> Option<usize> {
    octets.windows(pattern.len()).position(|window| window == pattern)
}
