//! A client of ACME, and the web server that its challenges lead to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use stepless_core::jose::Thumbprint;
use stepless_core::key::{Digest, KeyKind, PrivateKey, SignatureAlgorithm};
use stepless_core::x509::Certificate;
use stepless_tests::csr::San;
use stepless_tests::{Csr, Key};

use crate::world::{Answer, World, event};

/// Has an account, and orders certificates for 127.0.0.1.
pub(crate) struct Client<'a> {
    world: &'a World,
    pub(crate) key: PrivateKey,
    nonce: String,
    pub(crate) account: Option<String>,
}

/// A challenge of http-01, and what it asks for.
pub(crate) struct Challenge {
    pub(crate) url: String,
    pub(crate) path: String,
    pub(crate) key_authorization: String,
}

impl<'a> Client<'a> {
    /// With a new account.
    pub(crate) async fn new(world: &'a World) -> Self {
        let mut client = Self::without_account(world).await;
        let made = client.post(&url("/new-account"), "{}").await;
        assert_eq!(made.status, 201, "{made:?} {}", world.log("acme"));
        client.account = Some(text(&made.headers["location"]));
        client
    }

    pub(crate) async fn without_account(world: &'a World) -> Self {
        let answer = world.send("acme", &event("GET", "/acme/acme/new-nonce", None)).await;
        assert_eq!(answer.status, 204, "{answer:?} {}", world.log("acme"));
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        Self { world, key, nonce: text(&answer.headers["replay-nonce"]), account: None }
    }

    /// A new order, and its URL as a member `url`.
    pub(crate) async fn order(&mut self) -> Value {
        self.order_with(json!({})).await
    }

    /// A new order with more members.
    pub(crate) async fn order_with(&mut self, mut order: Value) -> Value {
        order["identifiers"] = json!([{"type": "ip", "value": "127.0.0.1"}]);
        let made = self.post(&url("/new-order"), &order.to_string()).await;
        assert_eq!(made.status, 201, "{made:?}");
        let mut order = made.body;
        order["url"] = made.headers["location"].clone();
        order
    }

    pub(crate) async fn challenge(&mut self, order: &Value) -> Challenge {
        let authorization = self.post(&text(&order["authorizations"][0]), "").await.body;
        let challenges = authorization["challenges"].as_array().unwrap();
        let challenge = challenges.iter().find(|challenge| challenge["type"] == "http-01").unwrap();
        let token = text(&challenge["token"]);
        Challenge {
            url: text(&challenge["url"]),
            path: format!("/.well-known/acme-challenge/{token}"),
            key_authorization: format!("{token}.{}", Thumbprint::of(self.key.public_key()).unwrap()),
        }
    }

    /// Finalizes an order that is ready, and fetches its certificate.
    pub(crate) async fn certificate(&mut self, order: &Value) -> Certificate {
        let url = self.finalize(order).await;
        self.fetch(&url).await
    }

    /// Finalizes an order that is ready, and tells where its certificate is.
    pub(crate) async fn finalize(&mut self, order: &Value) -> String {
        let csr = Csr::new("", &[San::Ip(&[127, 0, 0, 1])]);
        let csr = BASE64.encode(csr.sign(&Key::generate(stepless_tests::KeyKind::P256)));
        let done = self.post(&text(&order["finalize"]), &json!({"csr": csr}).to_string()).await;
        assert_eq!((done.status, &done.body["status"]), (200, &json!("valid")), "{done:?}");
        text(&done.body["certificate"])
    }

    pub(crate) async fn fetch(&mut self, url: &str) -> Certificate {
        let fetched = self.post(url, "").await;
        assert_eq!(fetched.status, 200, "{fetched:?}");
        assert_eq!(fetched.headers["content-type"], "application/pem-certificate-chain");
        let chain = Certificate::parse_pem_bundle(fetched.body.as_str().unwrap()).unwrap();
        assert_eq!(chain.len(), 2);
        chain.into_iter().next().unwrap()
    }

    pub(crate) async fn revoke(&mut self, certificate: &Certificate, reason: u8) -> Answer {
        let body = json!({"certificate": BASE64.encode(certificate.as_der()), "reason": reason});
        self.post(&url("/revoke-cert"), &body.to_string()).await
    }

    /// Sends a payload, signed as the server asks.
    pub(crate) async fn post(&mut self, url: &str, payload: &str) -> Answer {
        let mut header = json!({"alg": "ES256", "nonce": self.nonce, "url": url});
        match &self.account {
            Some(account) => header["kid"] = account.as_str().into(),
            None => header["jwk"] = jwk(&self.key),
        }
        let jws = jws(&self.key, &header, payload);
        let path = url.strip_prefix("https://ca.example").unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let function = if path.ends_with("/finalize") { "acme-finalize" } else { "acme" };
        let mut event = event("POST", path, Some(&jws));
        event["headers"]["content-type"] = "application/jose+json".into();
        event["rawQueryString"] = query.into();
        let answer = self.world.send(function, &event).await;
        self.nonce = text(&answer.headers["replay-nonce"]);
        answer
    }
}

/// A signed request in JSON.
pub(crate) fn jws(key: &PrivateKey, header: &Value, payload: &str) -> Value {
    let (protected, payload) = (BASE64.encode(header.to_string()), BASE64.encode(payload));
    let algorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);
    let signature = key.sign_jose(algorithm, format!("{protected}.{payload}").as_bytes()).unwrap();
    json!({"protected": protected, "payload": payload, "signature": BASE64.encode(signature)})
}

pub(crate) fn jwk(key: &PrivateKey) -> Value {
    let (x, y) = key.public_key().ec_coordinates().unwrap();
    json!({"kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y)})
}

pub(crate) fn url(path: &str) -> String {
    format!("https://ca.example/acme/acme{path}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// A web server that answers what it was told to.
pub(crate) struct Responder {
    port: u16,
    site: Arc<Site>,
}

#[derive(Default)]
struct Site {
    pages: Mutex<BTreeMap<String, String>>,
    closed: AtomicBool,
    asked: AtomicUsize,
}

impl Responder {
    /// It listens until the test ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, site) = (listener.local_addr().unwrap().port(), Arc::new(Site::default()));
        let served = Arc::clone(&site);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if served.closed.load(Ordering::SeqCst) {
                    continue;
                }
                let mut request = String::new();
                // A client that hangs up gets nothing.
                let _ = BufReader::new(&stream).read_line(&mut request);
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let answer = match served.pages.lock().unwrap().get(&path) {
                    Some(page) => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len()),
                    None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
                };
                let _ = stream.write_all(answer.as_bytes());
                served.asked.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, site }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn answer(&self, path: &str, page: &str) {
        self.site.pages.lock().unwrap().insert(path.to_owned(), page.to_owned());
    }

    /// From now on connections end without an answer.
    pub(crate) fn close(&self) {
        self.site.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        self.site.closed.store(false, Ordering::SeqCst);
    }

    /// How many requests it has answered.
    pub(crate) fn asked(&self) -> usize {
        self.site.asked.load(Ordering::SeqCst)
    }
}
