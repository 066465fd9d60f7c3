//! An authority in bad weather: a proxy before its KMS, another before its table, and a clock that the test sets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use stepless_localstack::{
    clock::FakeClock,
    proxy::{Proxy, Rule},
};
use stepless_tests::{
    Client, Csr, Identity, Key, KeyKind, Request, Response, Token,
    asn1::unpem,
    certificate::serial_of,
    csr::San,
    serverless::{self, Options, Table},
};

use crate::authority::{Authority, Made};

/// An authority, what stands between its functions and the emulators, and the key of its provisioner.
pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) kms: Proxy,
    pub(crate) dynamodb: Proxy,
    clock: Option<Arc<FakeClock>>,
    admin: Key,
    client: Client,
}

impl World {
    /// Functions that tell the time as everybody does.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// Functions whose clock the test sets; it begins so many seconds off.
    pub(crate) fn with_clock(seconds: i64) -> Self {
        let clock = Some(Arc::new(serverless::fake_clock(seconds)));
        Self::with(Options { clock, ..Options::default() })
    }

    pub(crate) fn with(mut options: Options) -> Self {
        let (kms, dynamodb) = (serverless::proxy(), serverless::proxy());
        options.environment.extend([
            ("AWS_ENDPOINT_URL_KMS".to_owned(), kms.url().to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.url().to_owned()),
        ]);
        let authority = Authority::start_with(Made::SteplessInit, &options);
        let (admin, client) = (authority.folder.admin_key(), authority.client());
        Self { authority, kms, dynamodb, clock: options.clock, admin, client }
    }

    /// Sets the clock of the functions to so many seconds off.
    pub(crate) fn set_clock(&self, seconds: i64) {
        let clock = self.clock.as_ref().expect("this world has a clock");
        clock.set(seconds).expect("the clock's folder is ours");
    }

    /// Fair weather from now on.
    pub(crate) fn clear(&self) {
        self.kms.clear_rules();
        self.dynamodb.clear_rules();
    }

    pub(crate) fn table(&self) -> &Table {
        self.authority.server.table()
    }

    /// A request of this kind that has not been sent yet. What it needs is made in fair weather.
    pub(crate) fn prepare(&self, flow: Flow) -> Prepared {
        let name = format!("{}.example", fresh_id());
        let (client, request) = match flow {
            Flow::Sign => (self.client.clone(), self.sign_request(&name, &Key::generate(KeyKind::P256))),
            Flow::Renew => {
                let identity = self.identity(&name);
                (self.client.with_identity(&identity), Request::new("POST", "/1.0/renew").body(""))
            }
            Flow::RenewByToken => {
                let request = Request::new("POST", "/1.0/renew").body("");
                (
                    self.client.clone(),
                    bearer(request, &self.renew_token(&self.identity(&name), &name, "renew")),
                )
            }
            Flow::Rekey => {
                let csr = Csr::new(&name, &[San::Dns(&name)]).pem(&Key::generate(KeyKind::P256));
                let identity = self.identity(&name);
                (self.client.with_identity(&identity), Request::post("/1.0/rekey", &json!({"csr": csr})))
            }
            Flow::Revoke => {
                let serial = serial_of(&self.identity(&name).chain[0]);
                let token = self.token("revoke", &serial).sign(&self.admin);
                let body = json!({"serial": serial, "ott": token, "reasonCode": 0, "passive": true});
                (self.client.clone(), Request::post("/1.0/revoke", &body))
            }
        };
        let issued_before = self.table().issued(&name).len();
        Prepared { flow, name, client, request, issued_before }
    }

    /// A certificate for `name`, and its key.
    pub(crate) fn identity(&self, name: &str) -> Identity {
        let key = Key::generate(KeyKind::P256);
        let answer = self.client.send(&self.sign_request(name, &key)).expect("the gateway answers");
        assert_eq!(answer.status, 201, "{}\n{}", text(&answer), self.authority.server.log());
        Identity { chain: chain(&answer), key: key.into() }
    }

    /// `POST /1.0/sign` with a token that nobody has used.
    pub(crate) fn sign_request(&self, name: &str, key: &Key) -> Request {
        let csr = Csr::new(name, &[San::Dns(name)]).pem(key);
        let token = self.token("sign", name).with("sans", [name].to_vec()).sign(&self.admin);
        Request::post("/1.0/sign", &json!({"csr": csr, "ott": token}))
    }

    /// A token as `step ca token` makes it.
    pub(crate) fn token(&self, operation: &str, subject: &str) -> Token {
        let audience = format!("{}/1.0/{operation}", self.authority.server.url());
        Token::new(&self.admin, "admin", &audience, subject, &fresh_id(), now())
    }

    fn renew_token(&self, identity: &Identity, name: &str, operation: &str) -> String {
        let chain: Vec<Value> = identity.chain.iter().map(|der| BASE64_STANDARD.encode(der).into()).collect();
        let audience = format!("{}/{operation}", self.authority.server.url());
        Token::new(&identity.key, "step-ca-client/1.0", &audience, name, &fresh_id(), now())
            .without_header("kid")
            .with_header("x5cInsecure", chain)
            .sign(&identity.key)
    }

    /// What was asked for happened, and happened once; `answer` is the one that said so.
    #[track_caller]
    pub(crate) fn assert_done_once(&self, asked: &Prepared, answer: &Response) {
        asked.assert_done(answer);
        match asked.flow {
            Flow::Revoke => {
                let serials: Vec<_> =
                    self.table().issued(&asked.name).iter().map(|der| serial_of(der)).collect();
                let revoked = self.table().revoked();
                assert!(serials.iter().all(|serial| revoked.contains(serial)), "{serials:?} {revoked:?}");
            }
            _ => {
                let issued = self.table().issued(&asked.name);
                assert_eq!(issued.len(), asked.issued_before + 1, "one certificate for one request");
                assert!(issued.contains(&chain(answer)[0]), "what left is what is on record");
            }
        }
    }

    /// Nothing has come of a request so far.
    #[track_caller]
    pub(crate) fn assert_not_done(&self, asked: &Prepared) {
        assert_eq!(
            self.table().issued(&asked.name).len(),
            asked.issued_before,
            "nothing may have been issued"
        );
    }
}

/// What a client may want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// A certificate for a one-time token.
    Sign,
    /// The next certificate, by the client certificate.
    Renew,
    /// The next certificate, by a token of the certificate's own key.
    RenewByToken,
    /// The next certificate, for another key.
    Rekey,
    /// A revocation by a one-time token.
    Revoke,
}

/// A request that can be sent again and again.
pub(crate) struct Prepared {
    pub(crate) flow: Flow,
    pub(crate) name: String,
    client: Client,
    pub(crate) request: Request,
    issued_before: usize,
}

impl Prepared {
    pub(crate) fn send(&self) -> Response {
        self.client.send(&self.request).expect("the gateway answers")
    }

    /// What a client does that is told to come again: it does, until it is not told so any more.
    #[track_caller]
    pub(crate) fn come_again(&self) -> Response {
        let begin = Instant::now();
        loop {
            let answer = self.send();
            if answer.status != 503 {
                return answer;
            }
            assert_busy(&answer);
            assert!(begin.elapsed() < PATIENCE, "still busy: {}", text(&answer));
            thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    pub(crate) fn assert_done(&self, answer: &Response) {
        let expected = if self.flow == Flow::Revoke { 200 } else { 201 };
        assert_eq!(answer.status, expected, "{:?}: {}", self.flow, text(answer));
    }
}

/// The answer is step's JSON: `status` as in the head, and a message.
#[track_caller]
pub(crate) fn assert_step_json(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{}", text(answer));
    let body = answer.json().unwrap_or_else(|| panic!("not JSON: {}", text(answer)));
    assert_eq!(body["status"], status, "{body}");
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{body}");
}

/// The answer is 503 in step's JSON and says when to come again.
#[track_caller]
pub(crate) fn assert_busy(answer: &Response) {
    assert_step_json(answer, 503);
    let after = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
    assert!(after.is_some_and(|seconds| (1..=60).contains(&seconds)), "{:?}", answer.headers);
}

/// The chain of a `/sign` answer, in DER.
pub(crate) fn chain(answer: &Response) -> Vec<Vec<u8>> {
    let body = answer.json().unwrap_or_default();
    let chain = body["certChain"].as_array().unwrap_or_else(|| panic!("no chain in {body}"));
    chain.iter().filter_map(Value::as_str).flat_map(unpem).collect()
}

pub(crate) fn text(answer: &Response) -> String {
    format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body))
}

/// The same fault for every call of an operation.
pub(crate) fn every(proxy: &Proxy, operations: &[&str], fault: &stepless_localstack::proxy::Fault) {
    for operation in operations {
        proxy.add(Rule::every(operation, fault.clone()));
    }
}

fn bearer(request: Request, token: &str) -> Request {
    request.header("Authorization", &format!("Bearer {token}"))
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A text that no other test of this process uses.
pub(crate) fn fresh_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("t{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Longer than a function needs to open.
const PATIENCE: Duration = Duration::from_secs(30);
