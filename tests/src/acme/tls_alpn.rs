//! TLS servers on loopback for tls-alpn-01, all on one port of several addresses. They show what a test says and remember who came.

use std::{
    collections::HashMap,
    io::Read,
    net::{IpAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::{self, sign::any_supported_type},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::Acceptor,
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::{Key, acme::loopback::listeners};

/// What a server shows for a name.
#[derive(Clone, Debug)]
pub struct TlsAnswer {
    /// The chain, leaf first, each in DER.
    pub chain: Vec<Vec<u8>>,
    /// The leaf's key.
    pub key: Arc<Key>,
    /// The protocols it agrees to; empty for a server that knows no ALPN.
    pub protocols: Vec<Vec<u8>>,
}

impl TlsAnswer {
    /// A server that agrees to `acme-tls/1`.
    pub fn new(certificate: Vec<u8>, key: Arc<Key>) -> Self {
        Self { chain: vec![certificate], key, protocols: vec![ACME_TLS.into()] }
    }

    /// The same server with other protocols.
    #[must_use]
    pub fn protocols(mut self, protocols: &[&[u8]]) -> Self {
        self.protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        self
    }
}

/// A handshake that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeted {
    /// The server name, if there was one.
    pub name: Option<String>,
    /// The protocols that were offered.
    pub protocols: Vec<Vec<u8>>,
    /// The address that was connected to.
    pub local: IpAddr,
}

/// The running servers; their threads end with the process.
#[derive(Clone, Debug)]
pub struct TlsServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By lower-case server name.
    answers: HashMap<String, TlsAnswer>,
    greeted: Vec<Greeted>,
}

impl TlsServer {
    /// Starts on one free port of 127.0.0.1 to 127.0.0.4 and ::1.
    pub fn start() -> Self {
        let listeners = listeners();
        let port = listeners[0].local_addr().expect("a bound socket has an address").port();
        let server = Self { port, state: Arc::default() };
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

    /// Says what to show for a server name.
    pub fn set(&self, name: &str, answer: TlsAnswer) {
        self.state().answers.insert(name.to_ascii_lowercase(), answer);
    }

    /// Every handshake so far with that server name.
    pub fn greeted(&self, name: &str) -> Vec<Greeted> {
        let all = &self.state().greeted;
        all.iter().filter(|one| one.name.as_deref() == Some(name)).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding this")
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_write_timeout(Some(IDLE))?;
        let local = stream.local_addr()?.ip();
        let mut acceptor = Acceptor::default();
        let accepted = loop {
            acceptor.read_tls(&mut stream)?;
            match acceptor.accept() {
                Ok(Some(accepted)) => break accepted,
                Ok(None) => {}
                Err((error, mut alert)) => {
                    alert.write_all(&mut stream)?;
                    return Err(std::io::Error::other(error));
                }
            }
        };
        let hello = accepted.client_hello();
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let protocols = hello.alpn().map(|all| all.map(<[u8]>::to_vec).collect()).unwrap_or_default();
        let answer = {
            let mut state = self.state();
            state.greeted.push(Greeted { name: name.clone(), protocols, local });
            name.and_then(|name| state.answers.get(&name).cloned())
        };
        // Nobody is at home under that name: the connection is closed.
        let Some(answer) = answer else { return Ok(()) };
        let mut connection = match accepted.into_connection(config(&answer)) {
            Ok(connection) => connection,
            Err((error, mut alert)) => {
                alert.write_all(&mut stream)?;
                return Err(std::io::Error::other(error));
            }
        };
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        // Until the client closes: a validator that has seen the certificate has seen everything.
        let _ = rustls::Stream::new(&mut connection, &mut stream).read(&mut [0]);
        Ok(())
    }
}

/// The server name of an IP address ([RFC 8738 §6](https://www.rfc-editor.org/rfc/rfc8738#section-6)).
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = hex::encode(address.octets());
            let labels: Vec<String> = digits.chars().rev().map(String::from).collect();
            format!("{}.ip6.arpa", labels.join("."))
        }
    }
}

fn config(answer: &TlsAnswer) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(answer.key.pkcs8().to_vec()));
    let key = any_supported_type(&key).expect("rustls can use every key we make");
    let chain = answer.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        // Not `with_single_cert`: it would look into the certificate, which may be one that no client should take.
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key))));
    config.alpn_protocols.clone_from(&answer.protocols);
    Arc::new(config)
}

/// The protocol of tls-alpn-01.
pub const ACME_TLS: &[u8] = b"acme-tls/1";

const IDLE: Duration = Duration::from_secs(30);
