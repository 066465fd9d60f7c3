//! HTTP/1.1 messages on a blocking stream, as much of it as SDKs, emulators and the Lambda runtime speak on loopback.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::http::find;

/// A request or an answer, whole.
#[derive(Debug)]
pub(super) struct Message {
    /// The request line or the status line.
    pub(super) start: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn new(start: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { start: start.to_owned(), headers: headers.collect(), body: body.to_vec() }
    }

    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(value)
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.header(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    }

    /// Whether the sender closes the connection after it.
    pub(super) fn is_last(&self) -> bool {
        self.has("connection", "close")
    }
}

/// A connection, and what has come of the next message.
pub(super) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// The next message; `None` when the other side is done.
    pub(super) fn read(&mut self) -> io::Result<Option<Message>> {
        let end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end;
            }
            if !self.receive()? {
                return if self.received.is_empty() { Ok(None) } else { Err(cut()) };
            }
        };
        let head = self.take(end + 4)?;
        let head = String::from_utf8(head).map_err(|_| broken("a head that is no text"))?;
        let mut lines = head.trim_end().split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut message = Message { start, headers, body: Vec::new() };
        message.body = if message.has("transfer-encoding", "chunked") {
            self.chunks()?
        } else {
            let length = message.header("content-length").map_or(Ok(0), str::parse);
            self.take(length.map_err(|_| broken("a length that is no number"))?)?
        };
        Ok(Some(message))
    }

    /// Sends a message, with its length said and the connection kept.
    pub(super) fn write(&mut self, message: &Message) -> io::Result<()> {
        let mut octets = format!("{}\r\n", message.start).into_bytes();
        let hop = ["connection", "content-length", "transfer-encoding", "keep-alive"];
        for (name, value) in &message.headers {
            if !hop.iter().any(|hop| hop.eq_ignore_ascii_case(name)) {
                octets.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        octets.extend_from_slice(format!("content-length: {}\r\n\r\n", message.body.len()).as_bytes());
        octets.extend_from_slice(&message.body);
        self.stream.write_all(&octets)
    }

    /// [RFC 9112 §7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1), without trailers.
    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = find(&self.received, b"\r\n") {
                    break end;
                }
                if !self.receive()? {
                    return Err(cut());
                }
            };
            let line = self.take(end + 2)?;
            let size = std::str::from_utf8(&line).ok().and_then(|line| line.trim().split(';').next());
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or_else(|| broken("a chunk without its length"))?;
            let mut chunk = self.take(size + 2)?;
            if size == 0 {
                return Ok(whole);
            }
            chunk.truncate(size);
            whole.append(&mut chunk);
        }
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < count {
            if !self.receive()? {
                return Err(cut());
            }
        }
        let rest = self.received.split_off(count);
        Ok(std::mem::replace(&mut self.received, rest))
    }

    fn receive(&mut self) -> io::Result<bool> {
        let mut room = [0; 16 * 1024];
        let count = self.stream.read(&mut room)?;
        self.received.extend_from_slice(room.get(..count).unwrap_or_default());
        Ok(count > 0)
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended within a message")
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (TcpStream, Wire) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (sender, Wire::new(listener.accept().unwrap().0).unwrap())
    }

    #[test]
    fn messages_with_a_length_and_in_chunks_are_read_one_after_the_other() {
        let (mut sender, mut wire) = pair();
        sender.write_all(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST /b HTTP/1.1\r\n").unwrap();
        sender.write_all(b"Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n").unwrap();
        sender.write_all(b"GET /c HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        drop(sender);

        let read: Vec<_> = (0..3).map(|_| wire.read().unwrap().unwrap()).collect();

        assert_eq!(
            read.iter().map(|message| message.body.as_slice()).collect::<Vec<_>>(),
            [b"abc".as_slice(), b"def", b""]
        );
        assert_eq!(read.iter().map(Message::is_last).collect::<Vec<_>>(), [false, false, true]);
        assert!(wire.read().unwrap().is_none());
    }

    #[test]
    fn a_message_that_is_cut_off_is_an_error() {
        let (mut sender, mut wire) = pair();
        sender.write_all(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab").unwrap();
        drop(sender);

        assert_eq!(wire.read().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (sender, mut wire) = pair();
        let message = Message::new("HTTP/1.1 200 OK", &[("x", "y"), ("Connection", "close")], b"body");

        Wire::new(sender).unwrap().write(&message).unwrap();

        let read = wire.read().unwrap().unwrap();
        assert_eq!(
            (read.start.as_str(), read.header("X"), read.body.clone()),
            ("HTTP/1.1 200 OK", Some("y"), b"body".to_vec())
        );
        assert!(!Message::new("", &[], b"").is_last());
    }
}
