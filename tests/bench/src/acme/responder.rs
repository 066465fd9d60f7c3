//! The other end of http-01: one thread that answers for all clients.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::BenchError;
use crate::http::find;

/// A web server on loopback. Its thread ends with the process.
#[derive(Clone, Debug)]
pub(super) struct Responder {
    port: u16,
    tokens: Arc<Mutex<HashMap<String, String>>>,
}

impl Responder {
    /// Starts it on this port, or with 0 on a free one.
    pub(super) fn start(port: u16) -> Result<Self, BenchError> {
        let listener = TcpListener::bind(("127.0.0.1", port)).map_err(BenchError::Connection)?;
        let port = listener.local_addr().map_err(BenchError::Connection)?.port();
        let responder = Self { port, tokens: Arc::default() };
        let serving = responder.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A server that was not answered says so in its own way.
                let _ = serving.answer(stream);
            }
        });
        Ok(responder)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// From now on, who asks for `token` gets `key_authorization`.
    pub(super) fn publish(&self, token: &str, key_authorization: String) {
        self.tokens().insert(token.to_owned(), key_authorization);
    }

    /// The token has served.
    pub(super) fn withdraw(&self, token: &str) {
        self.tokens().remove(token);
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        // One who says nothing keeps all others waiting.
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut request = Vec::new();
        let mut room = [0; 2048];
        while find(&request, b"\r\n\r\n").is_none() {
            let count = stream.read(&mut room)?;
            if count == 0 || request.len() > LONGEST_REQUEST {
                return Ok(());
            }
            request.extend_from_slice(room.get(..count).unwrap_or_default());
        }
        let request = String::from_utf8_lossy(&request);
        let path = request.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
        let token = path.and_then(|path| path.strip_prefix(WELL_KNOWN));
        let (status, body) = match token.and_then(|token| self.tokens().get(token).cloned()) {
            Some(key_authorization) => ("200 OK", key_authorization),
            None => ("404 Not Found", String::new()),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes())
    }
}

/// [RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)
const WELL_KNOWN: &str = "/.well-known/acme-challenge/";

const PATIENCE: Duration = Duration::from_secs(1);

const LONGEST_REQUEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(responder: &Responder, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", responder.port())).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_token_is_answered_while_it_is_published() {
        let responder = Responder::start(0).unwrap();
        let path = format!("{WELL_KNOWN}token");

        assert!(ask(&responder, &path).starts_with("HTTP/1.1 404 "));
        responder.publish("token", "token.thumbprint".to_owned());
        let answer = ask(&responder, &path);
        responder.withdraw("token");

        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\ntoken.thumbprint"),
            "{answer}"
        );
        assert!(ask(&responder, &path).starts_with("HTTP/1.1 404 "));
    }
}
