//! `/sign` with JWK tokens: a fresh token for every certificate.

use std::time::{Duration, Instant};

use crate::authority::{AuthorityFolder, HOST};
use crate::credentials::{Minter, Request};
use crate::error::BenchError;
use crate::http::{self, Connection};
use crate::load::{Load, Server};

/// A server that signs what it is asked to with a token.
pub(crate) struct Sign {
    server: Server,
    minter: Minter,
    requests: Vec<PreparedRequest>,
}

/// A client that signs: its connection, and the room for its next request.
pub(crate) struct SignClient {
    connection: Connection,
    buffer: Vec<u8>,
}

/// A request's head and the part of its body before the token; the token and [`BODY_END`] are still to come.
struct PreparedRequest {
    name: String,
    before_token: Vec<u8>,
}

/// Names and keys to sign, used again and again: no server looks whether it has seen a key.
const PREPARED: usize = 256;

const BODY_END: &[u8] = b"\"}";

/// What every answer with a certificate begins its certificate with.
const CERTIFICATE_MARK: &[u8] = b"\"crt\":\"-----BEGIN CERTIFICATE-----";

impl Sign {
    /// Requests to the server that has a copy of `folder` and listens on this port.
    pub(crate) fn new(port: u16, folder: &AuthorityFolder) -> Result<Self, BenchError> {
        let audience = format!("https://{HOST}:{port}/1.0/sign");
        let minter = Minter::new(&folder.provisioner, audience, folder.fingerprint())?;
        let requests = (0..PREPARED)
            .map(|number| {
                // All names, and so all tokens, have one length: the head can be made before the token.
                let request = Request::new(&format!("host-{number:04}.bench.test"))?;
                let mut token = Vec::new();
                minter.mint(&request.name, &mut token)?;
                let body = format!(r#"{{"csr":"{}","ott":""#, request.pem().replace('\n', "\\n"));
                let length = body.len() + token.len() + BODY_END.len();
                let head = format!(
                    "POST /1.0/sign HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
                );
                Ok(PreparedRequest { name: request.name, before_token: (head + &body).into_bytes() })
            })
            .collect::<Result<_, BenchError>>()?;
        Ok(Self { server: Server::new(port, &folder.root)?, minter, requests })
    }
}

impl Load for Sign {
    type Client = SignClient;

    fn server(&self) -> &Server {
        &self.server
    }

    fn client(&self, connection: Connection) -> Result<SignClient, BenchError> {
        Ok(SignClient { connection, buffer: Vec::new() })
    }

    fn certificate(&self, client: &mut SignClient, number: usize) -> Result<Duration, BenchError> {
        let request = self
            .requests
            .get(number % PREPARED)
            .ok_or(BenchError::Answer { what: "no request was prepared" })?;
        let buffer = &mut client.buffer;
        buffer.clear();
        buffer.extend_from_slice(&request.before_token);
        self.minter.mint(&request.name, buffer)?;
        buffer.extend_from_slice(BODY_END);

        let sent = Instant::now();
        let answer = client.connection.exchange(buffer)?;
        let took = sent.elapsed();
        if answer.status != 201 || http::find(answer.body, CERTIFICATE_MARK).is_none() {
            return Err(answer.refused());
        }
        Ok(took)
    }
}
