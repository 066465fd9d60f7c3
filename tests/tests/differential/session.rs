//! One server's side of the suite: it sends the requests and keeps the answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use serde_json::{Value, json};
use stepless_tests::{
    Client, Identity, Key, KeyKind, Request, Response, Server, Token,
    asn1::unpem,
    certificate::Parts,
    client::roots_of,
    csr::{Csr, San},
};

use crate::{cases::Case, requests, world::World};

/// Why a case could not go on; the other server's case may have gone further, which is then a difference.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) String);

/// Everything a case sent and got.
pub(crate) struct CaseRecord {
    pub(crate) name: String,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) stopped: Option<String>,
    /// The case asked for a moment, so that durations may be off by the second between two requests.
    pub(crate) absolute: bool,
    /// Texts that differ from server to server, and what stands for them.
    pub(crate) hidden: Vec<(String, String)>,
}

/// One request and its answer.
pub(crate) struct Exchange {
    pub(crate) request: Value,
    pub(crate) sent_at: i64,
    pub(crate) answer: Answer,
}

/// What came back.
pub(crate) enum Answer {
    Response(Response),
    /// The connection or the handshake failed.
    Refused(String),
}

/// The context of a running case.
pub(crate) struct Session<'a> {
    pub(crate) world: &'a World,
    server: &'a Server,
    client: Client,
    record: CaseRecord,
}

/// Runs every case against one server.
pub(crate) fn run_cases(world: &World, server: &Server, cases: &[Case]) -> Vec<CaseRecord> {
    let client = Client::new(server.address(), roots_of(&world.folder().root_pem()));
    cases
        .iter()
        .map(|case| {
            let record = CaseRecord {
                name: case.name.clone(),
                exchanges: Vec::new(),
                stopped: None,
                absolute: false,
                // With its colon: the digits alone can stand in a cursor by chance.
                hidden: vec![(format!(":{}", server.address().port()), ":<port>".into())],
            };
            let mut session = Session { world, server, client: client.clone(), record };
            if let Err(Stop(why)) = (case.steps)(&mut session) {
                session.record.stopped = Some(why);
            }
            session.record
        })
        .collect()
}

impl Session<'_> {
    /// Sends a request without a client certificate.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Response, Stop> {
        self.send_with(&self.client.clone(), request)
    }

    /// Sends a request with a client certificate.
    pub(crate) fn send_as(&mut self, identity: &Identity, request: &Request) -> Result<Response, Stop> {
        self.send_with(&self.client.with_identity(identity), request)
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        now()
    }

    /// A moment as the API wants it, `offset` seconds from now.
    pub(crate) fn moment(&mut self, offset: i64) -> String {
        self.record.absolute = true;
        let moment = jiff::Timestamp::from_second(now() + offset).expect("a moment of this era");
        self.hide(&moment.to_string(), "<moment>");
        self.hide(&moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(), "<moment>");
        moment.to_string()
    }

    /// Lets durations differ by the seconds between two requests.
    pub(crate) fn moments_differ(&mut self) {
        self.record.absolute = true;
    }

    /// Says that a text is another one on the other server.
    pub(crate) fn hide(&mut self, text: &str, placeholder: &str) {
        self.record.hidden.push((text.into(), placeholder.into()));
    }

    /// The audience of an operation.
    pub(crate) fn audience(&self, operation: &str) -> String {
        format!("{}/1.0/{operation}", self.server.url())
    }

    /// `https://localhost:<port>`.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// The port of the server.
    pub(crate) fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// The key of a provisioner.
    pub(crate) fn provisioner(&self, name: &str) -> Arc<Key> {
        self.world.provisioner(name)
    }

    /// An unsigned token for /sign.
    pub(crate) fn token_of(&self, provisioner: &str, subject: &str, sans: &[&str]) -> Token {
        let key = self.provisioner(provisioner);
        let root = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.world.root());
        Token::new(&key, provisioner, &self.audience("sign"), subject, &fresh_id(), now())
            .with("sha", hex::encode(root.as_ref()))
            .with("sans", sans.to_vec())
    }

    /// A signed token of the provisioner `admin` for /sign.
    pub(crate) fn ott(&self, subject: &str, sans: &[&str]) -> String {
        self.token_of("admin", subject, sans).sign(&self.provisioner("admin"))
    }

    /// The client key of a kind, the same for both servers.
    pub(crate) fn key(&self, kind: KeyKind) -> Arc<Key> {
        self.world.client_key(kind)
    }

    /// A good request for one DNS name, signed by the P-256 key.
    pub(crate) fn csr(&self, name: &str) -> String {
        Csr::new(name, &[San::Dns(name)]).pem(&self.key(KeyKind::P256))
    }

    /// Sends a /sign request with the given members.
    pub(crate) fn sign(&mut self, body: &Value) -> Result<Response, Stop> {
        self.send(&Request::post("/sign", body))
    }

    /// Gets a certificate for one name from a provisioner, with more members of the body.
    pub(crate) fn issue(&mut self, provisioner: &str, name: &str, extra: &Value) -> Result<Identity, Stop> {
        self.issue_with(provisioner, name, KeyKind::P256, extra)
    }

    /// As [`Session::issue`], for a key of a kind.
    pub(crate) fn issue_with(
        &mut self,
        provisioner: &str,
        name: &str,
        kind: KeyKind,
        extra: &Value,
    ) -> Result<Identity, Stop> {
        self.issue_for(provisioner, name, self.key(kind), extra)
    }

    /// As [`Session::issue`], for any key.
    pub(crate) fn issue_for(
        &mut self,
        provisioner: &str,
        name: &str,
        key: Arc<Key>,
        extra: &Value,
    ) -> Result<Identity, Stop> {
        let ott = self.token_of(provisioner, name, &[name]).sign(&self.provisioner(provisioner));
        let csr = Csr::new(name, &[San::Dns(name)]).pem(&key);
        let mut body = json!({"csr": csr, "ott": ott});
        for (member, value) in extra.as_object().into_iter().flatten() {
            body[member] = value.clone();
        }
        let response = self.sign(&body)?;
        self.identity(&response, key)
    }

    /// The certificate of a response, with its key.
    pub(crate) fn identity(&mut self, response: &Response, key: Arc<Key>) -> Result<Identity, Stop> {
        let body = response.json().unwrap_or_default();
        let Some(chain) = body["certChain"].as_array() else {
            return Err(Stop(format!("no certificate came back, but {}", response.status)));
        };
        let chain: Vec<Vec<u8>> = chain.iter().filter_map(Value::as_str).flat_map(unpem).collect();
        self.hide(&Parts::of(&chain[0]).serial, "<serial>");
        Ok(Identity { chain, key })
    }

    fn send_with(&mut self, client: &Client, request: &Request) -> Result<Response, Stop> {
        let sent_at = now();
        let answer = client.send(request);
        let recorded = requests::to_json(request);
        let (answer, result) = match answer {
            Ok(response) => {
                for der in response.json().iter().filter_map(|body| body["crt"].as_str()).flat_map(unpem) {
                    self.hide(&Parts::of(&der).serial, "<serial>");
                }
                (Answer::Response(response.clone()), Ok(response))
            }
            Err(error) => {
                (Answer::Refused(error.to_string()), Err(Stop("the connection was refused".into())))
            }
        };
        self.record.exchanges.push(Exchange { request: recorded, sent_at, answer });
        result
    }
}

impl CaseRecord {
    /// The case for a reader.
    pub(crate) fn to_json(&self) -> Value {
        let steps: Vec<Value> = self
            .exchanges
            .iter()
            .map(|exchange| {
                let answer = match &exchange.answer {
                    Answer::Refused(why) => json!({"refused": why}),
                    Answer::Response(response) => response_json(response),
                };
                json!({"request": exchange.request, "answer": answer})
            })
            .collect();
        match &self.stopped {
            Some(why) => json!({"steps": steps, "stopped": why}),
            None => json!(steps),
        }
    }
}

/// An id no other token has.
pub(crate) fn fresh_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{}-{count}", now(), std::process::id())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_secs()).expect("a moment of this era")
}

fn response_json(response: &Response) -> Value {
    let mut shown = json!({"status": response.status, "headers": response.headers});
    match response.json() {
        Some(mut body) => {
            if let Some(der) = body["crt"].as_str().map(unpem).and_then(|blocks| blocks.into_iter().next()) {
                body["crt"] = Parts::of(&der).to_json();
                body["certChain"][0] = "as crt".into();
            }
            shown["json"] = body;
            let text = String::from_utf8_lossy(&response.body);
            if response.status >= 400 || text.len() < 300 {
                shown["body"] = text.into_owned().into();
            }
        }
        None => shown["body"] = String::from_utf8_lossy(&response.body).into_owned().into(),
    }
    shown
}
