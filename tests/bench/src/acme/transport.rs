//! How ACME requests reach a server.

use std::fmt;

use serde::Serialize;

use crate::error::BenchError;
use crate::http::Connection;

/// Which request of an order it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Step {
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    Authorization,
    Challenge,
    AuthorizationAgain,
    Finalize,
    Order,
    Certificate,
}

impl Step {
    /// In the order in which a client makes them.
    pub(super) const ALL: [Self; 10] = [
        Self::Directory,
        Self::NewNonce,
        Self::NewAccount,
        Self::NewOrder,
        Self::Authorization,
        Self::Challenge,
        Self::AuthorizationAgain,
        Self::Finalize,
        Self::Order,
        Self::Certificate,
    ];

    /// Whether it is made for every order, and not once an account.
    pub(super) fn is_of_an_order(self) -> bool {
        !matches!(self, Self::Directory | Self::NewNonce | Self::NewAccount)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "directory",
            Self::NewNonce => "newNonce",
            Self::NewAccount => "newAccount",
            Self::NewOrder => "newOrder",
            Self::Authorization => "authorization",
            Self::Challenge => "challenge",
            Self::AuthorizationAgain => "authorization again",
            Self::Finalize => "finalize",
            Self::Order => "order",
            Self::Certificate => "certificate",
        })
    }
}

/// A request: a GET, or a POST of a JWS.
pub(super) struct Asked<'a> {
    pub(super) step: Step,
    pub(super) path: &'a str,
    pub(super) jws: Option<&'a str>,
}

/// As much of an answer as a client needs.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) nonce: Option<String>,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// The failure that it is where something else was hoped for.
    pub(super) fn refused(&self) -> BenchError {
        let body = String::from_utf8_lossy(&self.body).trim().to_owned();
        BenchError::Refused { status: self.status, body }
    }
}

/// A way to a server.
pub(super) trait Transport {
    /// Sends a request and waits for its answer.
    fn exchange(&mut self, asked: &Asked<'_>) -> Result<Reply, BenchError>;
}

/// What a JWS is sent as ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).
pub(super) const JOSE: &str = "application/jose+json";

/// A keep-alive connection over TLS.
pub(super) struct Tls {
    connection: Connection,
    host: String,
}

impl Tls {
    pub(super) fn new(connection: Connection, host: String) -> Self {
        Self { connection, host }
    }
}

impl Transport for Tls {
    fn exchange(&mut self, asked: &Asked<'_>) -> Result<Reply, BenchError> {
        let (path, host) = (asked.path, &self.host);
        let request = match asked.jws {
            None => format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Some(jws) => format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {JOSE}\r\nContent-Length: {}\r\n\r\n{jws}",
                jws.len()
            ),
        };
        let answer = self.connection.exchange(request.as_bytes())?;
        Ok(Reply {
            status: answer.status,
            nonce: answer.header("replay-nonce").map(str::to_owned),
            location: answer.header("location").map(str::to_owned),
            body: answer.body.to_vec(),
        })
    }
}
