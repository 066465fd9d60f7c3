//! A name server on loopback, UDP and TCP, which answers as a test says and remembers what it was asked.
//!
//! Every name below `example` exists and has the address 127.0.0.1, unless a test says something else of it. The zone is
//! `example`, and this server is its only one.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use crate::acme::dns_message::{A, AAAA, CNAME, Message, NS, NXDOMAIN, Question, Record, SERVFAIL, SOA};

/// What the server answers for a name.
#[derive(Clone, Debug)]
pub enum DnsAnswer {
    /// These records, of one type; an empty list is "no such record".
    Records(Vec<Record>),
    /// One answer each time, the last one for ever.
    InTurn(Vec<DnsAnswer>),
    /// The first `usize` records and the truncation bit over UDP; all of them over TCP.
    Truncated(usize, Vec<Record>),
    /// The name does not exist.
    NoName,
    /// The server failed.
    Failure,
    /// Nothing.
    Silence,
    /// An answer with another id, then none.
    WrongId(Vec<Record>),
}

/// A question that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name as it was spelt, without its last dot.
    pub name: String,
    /// The record type.
    pub kind: u16,
    /// It came over TCP.
    pub tcp: bool,
    /// The client's port.
    pub port: u16,
    /// The query's id.
    pub id: u16,
}

/// The running server; its threads end with the process.
#[derive(Clone, Debug)]
pub struct DnsServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By lower-case name and type.
    answers: HashMap<(String, u16), DnsAnswer>,
    asked: Vec<Asked>,
}

impl DnsServer {
    /// Starts on a free port.
    pub fn start() -> Self {
        let (udp, tcp) = both_transports();
        let address = udp.local_addr().expect("a bound socket has an address");
        let server = Self { address, state: Arc::default() };
        let by_udp = server.clone();
        thread::spawn(move || by_udp.serve_udp(&udp));
        let by_tcp = server.clone();
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let server = by_tcp.clone();
                thread::spawn(move || server.serve_tcp(stream));
            }
        });
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says what to answer for a name and a record type.
    pub fn set(&self, name: &str, kind: u16, answer: DnsAnswer) {
        self.state().answers.insert((name.to_ascii_lowercase(), kind), answer);
    }

    /// The TXT records of a name, each of one string.
    pub fn set_txt(&self, name: &str, texts: &[&str]) {
        let records = texts.iter().map(|text| Record::Txt(vec![(*text).into()])).collect();
        self.set(name, crate::acme::dns_message::TXT, DnsAnswer::Records(records));
    }

    /// The one IPv4 address of a name.
    pub fn set_address(&self, name: &str, address: Ipv4Addr) {
        self.set(name, A, DnsAnswer::Records(vec![Record::A(address)]));
    }

    /// Everything asked so far about a name, in any spelling.
    pub fn asked(&self, name: &str) -> Vec<Asked> {
        let all = &self.state().asked;
        all.iter().filter(|asked| asked.name.eq_ignore_ascii_case(name)).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding this")
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            for answer in self.answers(&buffer[..length], peer, Transport::Udp) {
                // The client may be gone.
                let _ = socket.send_to(&answer, peer);
            }
        }
    }

    fn serve_tcp(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(IDLE));
        let Ok(peer) = stream.peer_addr() else { return };
        let mut length = [0; 2];
        while stream.read_exact(&mut length).is_ok() {
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            if stream.read_exact(&mut query).is_err() {
                return;
            }
            for answer in self.answers(&query, peer, Transport::Tcp) {
                let framed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
                if stream.write_all(&framed).is_err() {
                    return;
                }
            }
        }
    }

    /// What to send: nothing, or one message.
    fn answers(&self, query: &[u8], peer: SocketAddr, transport: Transport) -> Vec<Vec<u8>> {
        let Some(question) = Question::parse(query) else { return Vec::new() };
        let mut state = self.state();
        state.asked.push(Asked {
            name: question.name.clone(),
            kind: question.kind,
            tcp: transport == Transport::Tcp,
            port: peer.port(),
            id: question.id,
        });
        let name = question.name.to_ascii_lowercase();
        let key = (name.clone(), question.kind);
        let answer = match state.answers.get_mut(&key) {
            Some(DnsAnswer::InTurn(turns)) => {
                let now = turns.first().cloned().unwrap_or(DnsAnswer::Silence);
                if turns.len() > 1 {
                    turns.remove(0);
                }
                now
            }
            Some(answer) => answer.clone(),
            None => state.usual(&name, question.kind),
        };
        // As a resolver does: the alias, and what stands at its end.
        let mut owner = question.name.clone();
        let mut alias = Vec::new();
        let answer = match state.alias(&name, question.kind) {
            Some(target) => {
                alias.push((owner, Record::Cname(target.clone())));
                owner = target;
                let end = state.answers.get(&(owner.clone(), question.kind)).cloned();
                end.unwrap_or_else(|| state.usual(&owner, question.kind))
            }
            None => answer,
        };
        let message = |records: &[Record], truncated| {
            let found = records.iter().map(|record| (owner.clone(), record.clone()));
            Message { truncated, answers: alias.iter().cloned().chain(found).collect(), ..Message::default() }
        };
        let message = match answer {
            DnsAnswer::Records(records) if records.is_empty() => no_record(0),
            DnsAnswer::Records(records) => message(&records, false),
            DnsAnswer::Truncated(few, records) if transport == Transport::Udp => {
                message(&records[..few.min(records.len())], true)
            }
            DnsAnswer::Truncated(_, records) => message(&records, false),
            DnsAnswer::NoName => no_record(NXDOMAIN),
            DnsAnswer::Failure => Message { code: SERVFAIL, ..Message::default() },
            DnsAnswer::Silence | DnsAnswer::InTurn(_) => return Vec::new(),
            DnsAnswer::WrongId(records) => {
                let other = Question { id: !question.id, ..question.clone() };
                return vec![other.answer(&message(&records, false))];
            }
        };
        vec![question.answer(&message)]
    }
}

impl State {
    /// Where an alias leads, if the name is one and something else than the alias is asked for.
    fn alias(&self, name: &str, kind: u16) -> Option<String> {
        match self.answers.get(&(name.to_owned(), CNAME)) {
            Some(DnsAnswer::Records(records)) if kind != CNAME => match records.first() {
                Some(Record::Cname(target)) => Some(target.to_ascii_lowercase()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The answer for what no test has spoken of.
    fn usual(&self, name: &str, kind: u16) -> DnsAnswer {
        let below = name == ZONE || name.ends_with(&format!(".{ZONE}"));
        match kind {
            NS if name == ZONE => DnsAnswer::Records(vec![Record::Ns(format!("ns.{ZONE}"))]),
            SOA if name == ZONE => DnsAnswer::Records(vec![Record::Soa(ZONE.into())]),
            A if below => DnsAnswer::Records(vec![Record::A(Ipv4Addr::LOCALHOST)]),
            AAAA if below => DnsAnswer::Records(Vec::new()),
            _ if below => DnsAnswer::Records(Vec::new()),
            _ => DnsAnswer::NoName,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

fn no_record(code: u8) -> Message {
    Message { code, authority: vec![(ZONE.into(), Record::Soa(ZONE.into()))], ..Message::default() }
}

/// One port for both transports.
fn both_transports() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = udp.local_addr().expect("a bound socket has an address");
        // Somebody else may have the same port of the other transport.
        if let Ok(tcp) = TcpListener::bind(address) {
            return (udp, tcp);
        }
    }
}

/// The zone this server has.
pub const ZONE: &str = "example";

/// An idle connection is closed after that.
const IDLE: Duration = Duration::from_secs(30);
