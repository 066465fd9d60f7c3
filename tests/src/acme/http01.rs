//! Web servers on loopback for http-01, all on one port of several addresses. They answer as a test says and remember what they
//! were asked.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::acme::loopback::listeners;

/// What a server answers for a host and path.
#[derive(Clone, Debug)]
pub enum HttpAnswer {
    /// 200 with this body.
    Body(Vec<u8>),
    /// A status and a body.
    Status(u16, String),
    /// A redirect: status and `Location`.
    Redirect(u16, String),
    /// 200 and a body without end.
    Endless,
    /// 200 and one byte of a body after another, one a second, without end.
    Drip,
    /// Nothing until the client gives up.
    Silence,
    /// The connection is closed without an answer.
    Close,
    /// Bytes that are no HTTP.
    Garbage,
    /// One answer each time, the last one for ever.
    InTurn(Vec<HttpAnswer>),
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The `Host` header without its port, in lower case.
    pub host: String,
    /// Every header, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// The address that was connected to.
    pub local: IpAddr,
}

/// The running servers; their threads end with the process.
#[derive(Clone, Debug)]
pub struct HttpServer {
    port: u16,
    state: Arc<Mutex<State>>,
    sent: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    /// By host and target.
    answers: HashMap<(String, String), HttpAnswer>,
    got: Vec<Got>,
}

impl HttpServer {
    /// Starts on one free port of 127.0.0.1 to 127.0.0.4 and ::1.
    pub fn start() -> Self {
        let listeners = listeners();
        let port = listeners[0].local_addr().expect("a bound socket has an address").port();
        let server = Self { port, state: Arc::default(), sent: Arc::default() };
        for listener in listeners {
            let server = server.clone();
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let server = server.clone();
                    // A client that goes away in the middle is none of our business.
                    thread::spawn(move || server.serve(stream).ok());
                }
            });
        }
        server
    }

    /// The port, the same on every address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Says what to answer for a host and a target.
    pub fn set(&self, host: &str, target: &str, answer: HttpAnswer) {
        self.state().answers.insert((host.to_ascii_lowercase(), target.into()), answer);
    }

    /// Shows a key authorization where http-01 looks for it.
    pub fn show(&self, host: &str, token: &str, key_authorization: &str) {
        self.set(host, &well_known(token), HttpAnswer::Body(key_authorization.into()));
    }

    /// Everything asked of a host so far.
    pub fn got(&self, host: &str) -> Vec<Got> {
        self.state().got.iter().filter(|got| got.host.eq_ignore_ascii_case(host)).cloned().collect()
    }

    /// How many bytes of endless bodies any client has taken so far.
    pub fn endless_bytes(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding this")
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_write_timeout(Some(IDLE))?;
        let local = stream.local_addr()?.ip();
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(()) };
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let host = headers.iter().find(|(name, _)| name == "host").map_or("", |(_, value)| value);
        let host = without_port(host).to_ascii_lowercase();
        let answer = {
            let mut state = self.state();
            state.got.push(Got {
                method: method.into(),
                target: target.into(),
                host: host.clone(),
                headers,
                local,
            });
            match state.answers.get_mut(&(host, target.to_owned())) {
                Some(HttpAnswer::InTurn(turns)) => {
                    let now = turns.first().cloned().unwrap_or(HttpAnswer::Close);
                    if turns.len() > 1 {
                        turns.remove(0);
                    }
                    now
                }
                Some(answer) => answer.clone(),
                None => HttpAnswer::Status(404, "nothing is here\n".into()),
            }
        };
        self.answer(stream, &answer)
    }

    fn answer(&self, mut stream: TcpStream, answer: &HttpAnswer) -> std::io::Result<()> {
        match answer {
            HttpAnswer::Body(body) => write_answer(&mut stream, 200, "", body),
            HttpAnswer::Status(status, body) => write_answer(&mut stream, *status, "", body.as_bytes()),
            HttpAnswer::Redirect(status, location) => {
                write_answer(&mut stream, *status, &format!("Location: {location}\r\n"), b"")
            }
            HttpAnswer::Endless => {
                stream.write_all(OPEN_END)?;
                let chunk = [b'x'; 4096];
                loop {
                    stream.write_all(&chunk)?;
                    self.sent.fetch_add(chunk.len(), Ordering::Relaxed);
                }
            }
            HttpAnswer::Drip => {
                stream.write_all(OPEN_END)?;
                loop {
                    stream.write_all(b"x")?;
                    stream.flush()?;
                    thread::sleep(Duration::from_secs(1));
                }
            }
            HttpAnswer::Silence => {
                // The read ends when the client does.
                let _ = stream.read(&mut [0]);
                Ok(())
            }
            HttpAnswer::Close | HttpAnswer::InTurn(_) => Ok(()),
            HttpAnswer::Garbage => stream.write_all(b"\x00\x01\x02 this is not HTTP\r\n\r\n"),
        }
    }
}

/// Where http-01 looks ([RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).
pub fn well_known(token: &str) -> String {
    format!("/.well-known/acme-challenge/{token}")
}

fn write_answer(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nContent-Type: application/octet-stream\r\n\
         Connection: close\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())
}

fn without_port(host: &str) -> &str {
    if let Some(inside) = host.strip_prefix('[') {
        return inside.split(']').next().unwrap_or(inside);
    }
    host.split(':').next().unwrap_or(host)
}

const OPEN_END: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

const IDLE: Duration = Duration::from_secs(30);
