//! A DNS server that does as it is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CAA, CNAME, NS, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

/// A server on UDP and TCP, which ends with the test.
pub(super) struct DnsServer {
    pub(super) address: SocketAddr,
    pub(super) asked: Arc<Mutex<Vec<Asked>>>,
    tasks: Vec<JoinHandle<()>>,
}

/// A question as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) id: u16,
    /// In the letters of the wire.
    pub(super) name: String,
    pub(super) kind: RecordType,
    pub(super) transport: Transport,
    pub(super) recursion_desired: bool,
    pub(super) from: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// What goes back: messages in this order, none for silence.
pub(super) type Answers = Vec<Message>;

type Handler = dyn Fn(&Message, Transport) -> Answers + Send + Sync;

impl DnsServer {
    /// A server on `ip`; on a free port when `port` is 0.
    pub(super) async fn start(
        ip: IpAddr,
        port: u16,
        handler: impl Fn(&Message, Transport) -> Answers + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp) = sockets(ip, port).await;
        let address = udp.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let handler: Arc<Handler> = Arc::new(handler);
        let tasks = vec![
            tokio::spawn(serve_udp(udp, Arc::clone(&handler), Arc::clone(&asked))),
            tokio::spawn(serve_tcp(tcp, handler, Arc::clone(&asked))),
        ];
        Self { address, asked, tasks }
    }

    /// A server that knows these records, as a resolver or as a server of a zone.
    pub(super) async fn with(ip: IpAddr, port: u16, role: Role, records: Records) -> Self {
        Self::start(ip, port, move |request, _| vec![records.answer(request, role)]).await
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The questions of this kind, in lower case.
    pub(super) fn names_asked(&self, kind: RecordType) -> Vec<String> {
        let asked = self.asked();
        asked.iter().filter(|asked| asked.kind == kind).map(|asked| asked.name.to_lowercase()).collect()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn sockets(ip: IpAddr, port: u16) -> (UdpSocket, TcpListener) {
    for _ in 0..20 {
        let udp = UdpSocket::bind((ip, port)).await.unwrap();
        // The same number may be taken for TCP.
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free for UDP and TCP");
}

async fn serve_udp(socket: UdpSocket, handler: Arc<Handler>, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut buffer = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let request = Message::from_vec(&buffer[..length]).unwrap();
        note(&asked, &request, Transport::Udp, from);
        for answer in handler(&request, Transport::Udp) {
            socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
        }
    }
}

async fn serve_tcp(listener: TcpListener, handler: Arc<Handler>, asked: Arc<Mutex<Vec<Asked>>>) {
    loop {
        let (mut stream, from) = listener.accept().await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut request = vec![0; length.into()];
        stream.read_exact(&mut request).await.unwrap();
        let request = Message::from_vec(&request).unwrap();
        note(&asked, &request, Transport::Tcp, from);
        for answer in handler(&request, Transport::Tcp) {
            let answer = answer.to_vec().unwrap();
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    }
}

fn note(asked: &Mutex<Vec<Asked>>, request: &Message, transport: Transport, from: SocketAddr) {
    let question = &request.queries[0];
    asked.lock().unwrap().push(Asked {
        id: request.id,
        name: question.name.to_ascii(),
        kind: question.query_type,
        transport,
        recursion_desired: request.recursion_desired,
        from,
    });
}

/// An empty answer to `request`.
pub(super) fn empty(request: &Message, code: ResponseCode) -> Message {
    let mut answer = request.clone();
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.response_code = code;
    answer.metadata.recursion_available = true;
    answer.edns = None;
    answer
}

/// How a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Follows CNAMEs, and says that it recurses.
    Resolver,
    /// Answers with authority for the name that was asked for.
    Authoritative,
}

/// A table of records, which can be changed while the server runs.
#[derive(Clone, Default)]
pub(super) struct Records(Arc<Mutex<Vec<Record>>>);

impl Records {
    pub(super) fn new(records: impl IntoIterator<Item = Record>) -> Self {
        Self(Arc::new(Mutex::new(records.into_iter().collect())))
    }

    pub(super) fn replace(&self, records: impl IntoIterator<Item = Record>) {
        *self.0.lock().unwrap() = records.into_iter().collect();
    }

    /// What the table says. The SOA of a name above the question goes along with an absence.
    pub(super) fn answer(&self, request: &Message, role: Role) -> Message {
        let records = self.0.lock().unwrap();
        let question = &request.queries[0];
        let mut answer = empty(request, ResponseCode::NoError);
        answer.metadata.authoritative = role == Role::Authoritative;
        answer.metadata.recursion_available = role == Role::Resolver;
        let mut at = question.name.clone();
        loop {
            let here = records.iter().filter(|record| record.name == at);
            let found: Vec<Record> =
                here.clone().filter(|r| r.record_type() == question.query_type).cloned().collect();
            let alias = here.clone().find(|record| record.record_type() == RecordType::CNAME);
            match (found.is_empty(), alias) {
                (true, Some(alias)) => {
                    answer.answers.push(alias.clone());
                    let RData::CNAME(target) = &alias.data else { panic!("{alias}") };
                    at = target.0.clone();
                    if role == Role::Resolver && answer.answers.len() < 30 {
                        continue;
                    }
                }
                (true, None) if here.count() == 0 => answer.metadata.response_code = ResponseCode::NXDomain,
                _ => answer.answers.extend(found),
            }
            break;
        }
        if answer.answers.is_empty() {
            let above =
                |record: &&Record| record.record_type() == RecordType::SOA && record.name.zone_of(&at);
            let nearest = records.iter().filter(above).max_by_key(|record| record.name.num_labels());
            answer.authorities.extend(nearest.cloned());
        }
        answer
    }
}

fn record(name: &str, data: RData) -> Record {
    Record::from_rdata(absolute(name), 60, data)
}

pub(super) fn absolute(name: &str) -> Name {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).unwrap()
}

/// An A or AAAA record.
pub(super) fn address(name: &str, address: IpAddr) -> Record {
    match address {
        IpAddr::V4(address) => record(name, RData::A(A(address))),
        IpAddr::V6(address) => record(name, RData::AAAA(AAAA(address))),
    }
}

pub(super) fn txt(name: &str, strings: &[&str]) -> Record {
    record(name, RData::TXT(TXT::new(strings.iter().map(|string| (*string).to_owned()).collect())))
}

pub(super) fn cname(name: &str, target: &str) -> Record {
    record(name, RData::CNAME(CNAME(absolute(target))))
}

pub(super) fn ns(zone: &str, server: &str) -> Record {
    record(zone, RData::NS(NS(absolute(server))))
}

pub(super) fn soa(zone: &str) -> Record {
    record(zone, RData::SOA(SOA::new(absolute("ns.invalid"), absolute("admin.invalid"), 1, 1, 1, 1, 1)))
}

pub(super) fn caa(name: &str, critical: bool, tag: &str, value: &str) -> Record {
    let mut data = CAA::new_issue(critical, None, Vec::new());
    data.tag = tag.to_owned();
    data.value = value.as_bytes().to_vec();
    record(name, RData::CAA(data))
}
