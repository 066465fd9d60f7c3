//! One client's side of a conversation: it signs, and hides what each server makes up by itself.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::{Value, json};
use stepless_tests::{
    Csr, Key, KeyKind, Request, Response,
    acme::{
        DnsAnswer, Jws, Signed, TlsAnswer, ValidationCertificate,
        account::{Challenge, dns_identifiers},
        client::target,
        dns_message::{A, Record},
        jws::{base64url, sha256},
    },
    asn1::unpem,
    certificate::serial_of,
    csr::San,
};

use crate::{
    session::{Session, Stop},
    world::Responders,
};

/// A client of one provisioner, with an account once it has made one.
pub(super) struct Conversation<'s, 'w> {
    session: &'s mut Session<'w>,
    base: String,
    pub(super) key: Arc<Key>,
    pub(super) kid: String,
    nonce: Option<String>,
}

impl<'s, 'w> Conversation<'s, 'w> {
    /// A client without an account.
    pub(super) fn new(session: &'s mut Session<'w>, provisioner: &str) -> Self {
        let base = format!("{}/acme/{provisioner}", session.url());
        Self { session, base, key: Arc::new(Key::generate(KeyKind::P256)), kid: String::new(), nonce: None }
    }

    /// A client with a new account.
    pub(super) fn with_account(session: &'s mut Session<'w>, provisioner: &str) -> Result<Self, Stop> {
        let mut conversation = Self::new(session, provisioner);
        conversation.new_account(&json!({"termsOfServiceAgreed": true}))?;
        Ok(conversation)
    }

    /// The URL of a resource of the provisioner.
    pub(super) fn url_of(&self, resource: &str) -> String {
        format!("{}/{resource}", self.base)
    }

    /// Becomes another client with another key and a new account.
    pub(super) fn become_another(&mut self) -> Result<(), Stop> {
        self.key = Arc::new(Key::generate(KeyKind::P256));
        self.new_account(&json!({"termsOfServiceAgreed": true}))
    }

    /// Makes an account for the client's key.
    pub(super) fn new_account(&mut self, payload: &Value) -> Result<(), Stop> {
        let answer = self.post_by_key("new-account", payload)?;
        self.kid = answer.header("location").unwrap_or_default().to_owned();
        if self.kid.is_empty() { Err(Stop("there is no account".into())) } else { Ok(()) }
    }

    /// A nonce: that of the last answer, or a new one.
    pub(super) fn nonce(&mut self) -> Result<String, Stop> {
        if let Some(nonce) = self.nonce.take() {
            return Ok(nonce);
        }
        let url = self.url_of("new-nonce");
        self.send(&Request::new("HEAD", &target(&url)))?;
        self.nonce.take().ok_or_else(|| Stop("there is no nonce".into()))
    }

    /// A message that shows the client's key.
    pub(super) fn by_key(&mut self, url: &str, payload: &str) -> Result<Jws, Stop> {
        let nonce = self.nonce()?;
        Ok(Jws::with_jwk(&self.key, &nonce, url, payload))
    }

    /// A message of the client's account.
    pub(super) fn by_account(&mut self, url: &str, payload: &str) -> Result<Jws, Stop> {
        let nonce = self.nonce()?;
        Ok(Jws::with_kid(&self.key, &self.kid, &nonce, url, payload))
    }

    /// Posts JSON to a resource, showing the key.
    pub(super) fn post_by_key(&mut self, resource: &str, payload: &Value) -> Result<Response, Stop> {
        let url = self.url_of(resource);
        let message = self.by_key(&url, &payload.to_string())?.sign(&self.key);
        self.deliver(&url, &message)
    }

    /// Posts JSON to a URL.
    pub(super) fn post(&mut self, url: &str, payload: &Value) -> Result<Response, Stop> {
        let message = self.by_account(url, &payload.to_string())?.sign(&self.key);
        self.deliver(url, &message)
    }

    /// POST-as-GET.
    pub(super) fn read(&mut self, url: &str) -> Result<Response, Stop> {
        let message = self.by_account(url, "")?.sign(&self.key);
        self.deliver(url, &message)
    }

    /// Posts a message as it is.
    pub(super) fn deliver(&mut self, url: &str, message: &Signed) -> Result<Response, Stop> {
        self.deliver_as(url, "application/jose+json", &message.body())
    }

    /// Posts any body.
    pub(super) fn deliver_as(&mut self, url: &str, kind: &str, body: &str) -> Result<Response, Stop> {
        let request = Request::new("POST", &target(url)).header("Content-Type", kind).body(body.to_owned());
        self.send(&request)
    }

    /// Sends any request.
    pub(super) fn send(&mut self, request: &Request) -> Result<Response, Stop> {
        let answer = self.session.send(request)?;
        if let Some(nonce) = answer.header("replay-nonce") {
            self.nonce = Some(nonce.to_owned());
            self.session.hide(nonce, "<nonce>");
        }
        for header in ["location", "link"] {
            for (_, value) in answer.headers.iter().filter(|(name, _)| name == header) {
                self.hide_ids(value);
            }
        }
        self.hide_members(&answer.json().unwrap_or_default());
        if answer.header("content-type") == Some("application/pem-certificate-chain") {
            let chain = unpem(&String::from_utf8_lossy(&answer.body));
            self.session.hide(&serial_of(&chain[0]), "<serial>");
        }
        Ok(answer)
    }

    /// An order of DNS names.
    pub(super) fn order(&mut self, names: &[&str]) -> Result<Order, Stop> {
        self.order_with(&json!({"identifiers": dns_identifiers(names)}))
    }

    /// An order with these members.
    pub(super) fn order_with(&mut self, payload: &Value) -> Result<Order, Stop> {
        let url = self.url_of("new-order");
        let answer = self.post(&url, payload)?;
        let object = answer.json().unwrap_or_default();
        let authorizations = stepless_tests::acme::account::texts(&object["authorizations"]);
        let (Some(url), Some(finalize)) = (answer.header("location"), object["finalize"].as_str()) else {
            return Err(Stop("there is no order".into()));
        };
        Ok(Order { url: url.into(), finalize: finalize.into(), authorizations })
    }

    /// A challenge of an authorization.
    pub(super) fn challenge(&mut self, authorization: &str, kind: &str) -> Result<Challenge, Stop> {
        let object = self.read(authorization)?.json().unwrap_or_default();
        Challenge::find(&object, kind).ok_or_else(|| Stop(format!("there is no {kind}")))
    }

    /// Says that a challenge is ready.
    pub(super) fn ready(&mut self, challenge: &Challenge) -> Result<Response, Stop> {
        self.post(&challenge.url.clone(), &json!({}))
    }

    /// What this account shows for a token.
    pub(super) fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.key.thumbprint())
    }

    /// Shows the right answer to a challenge of a name.
    pub(super) fn show(&mut self, name: &str, kind: &str, challenge: &Challenge) {
        let answer = self.key_authorization(&challenge.token);
        self.show_this(name, kind, challenge, &answer);
    }

    /// Shows any answer.
    pub(super) fn show_this(&mut self, name: &str, kind: &str, challenge: &Challenge, answer: &str) {
        let Responders { http, tls, dns } = self.session.world.responders();
        match kind {
            "http-01" => http.show(name, &challenge.token, answer),
            "dns-01" => {
                dns.set_txt(&format!("_acme-challenge.{name}"), &[&base64url(&sha256(answer.as_bytes()))]);
            }
            _ => {
                let key = Arc::new(Key::generate(KeyKind::P256));
                let certificate = ValidationCertificate::new(San::Dns(name), answer).sign(&key);
                tls.set(name, TlsAnswer::new(certificate, key));
            }
        }
    }

    /// Lets a name have no address.
    pub(super) fn unresolvable(&mut self, name: &str) {
        self.session.world.responders().dns.set(name, A, DnsAnswer::Records(Vec::new()));
    }

    /// Lets a name have an address.
    pub(super) fn resolve(&mut self, name: &str, address: std::net::Ipv4Addr) {
        self.session.world.responders().dns.set(name, A, DnsAnswer::Records(vec![Record::A(address)]));
    }

    /// Proves every name of an order by one kind of challenge; a wildcard is proved as its base.
    pub(super) fn prove(&mut self, order: &Order, kind: &str) -> Result<(), Stop> {
        for authorization in &order.authorizations {
            let object = self.read(authorization)?.json().unwrap_or_default();
            let name = object["identifier"]["value"].as_str().unwrap_or_default().to_owned();
            let found = Challenge::find(&object, kind);
            let challenge = found.ok_or_else(|| Stop(format!("there is no {kind}")))?;
            self.show(&name, kind, &challenge);
            self.ready(&challenge)?;
        }
        Ok(())
    }

    /// A ready order.
    pub(super) fn ready_order(&mut self, names: &[&str]) -> Result<Order, Stop> {
        let order = self.order(names)?;
        self.prove(&order, "http-01")?;
        Ok(order)
    }

    /// Sends a certificate request.
    pub(super) fn finalize(&mut self, order: &Order, csr: &[u8]) -> Result<Response, Stop> {
        self.post(&order.finalize.clone(), &json!({"csr": base64url(csr)}))
    }

    /// A whole certificate of the session's key: where it is, and the leaf in DER.
    pub(super) fn issue(&mut self, names: &[&str]) -> Result<(String, Vec<u8>), Stop> {
        let order = self.ready_order(names)?;
        let csr = self.csr(names);
        let answer = self.finalize(&order, &csr)?.json().unwrap_or_default();
        let url = answer["certificate"].as_str().unwrap_or_default().to_owned();
        if url.is_empty() {
            return Err(Stop("there is no certificate".into()));
        }
        let answer = self.read(&url)?;
        let leaf = unpem(&String::from_utf8_lossy(&answer.body)).remove(0);
        Ok((url, leaf))
    }

    /// A request for DNS names, signed by the key that both sides use.
    pub(super) fn csr(&self, names: &[&str]) -> Vec<u8> {
        let sans: Vec<San<'_>> = names.iter().map(|name| San::Dns(name)).collect();
        Csr::new("", &sans).sign(&self.session.key(KeyKind::P256))
    }

    /// A name that no other case has, under a name that both sides share.
    pub(super) fn fresh_name(&mut self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Of one length, for lengths are a part of DER.
        let name = format!("n{:08}.example", COUNT.fetch_add(1, Ordering::Relaxed));
        self.session.hide(&name, "<name>");
        self.session.hide(&hex::encode(&name), "<name in hex>");
        name
    }

    fn hide_members(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.hide_ids(text),
            Value::Array(list) => list.iter().for_each(|one| self.hide_members(one)),
            Value::Object(members) => {
                for (name, member) in members {
                    match (name.as_str(), member.as_str()) {
                        ("token" | "id", Some(text)) => self.session.hide(text, &format!("<{name}>")),
                        _ => self.hide_members(member),
                    }
                }
            }
            _ => {}
        }
    }

    /// Hides what stands behind the name of a kind of object in a URL.
    fn hide_ids(&mut self, text: &str) {
        for kind in ["account", "order", "authz", "challenge", "certificate"] {
            let Some((_, rest)) = text.split_once(&format!("/{kind}/")) else { continue };
            let end = rest.find(['>', '"', '?']).unwrap_or(rest.len());
            let ids = &rest[..end];
            if kind == "challenge" {
                // step-ca names a challenge by an id, we by its type.
                self.session.hide(&format!("/challenge/{ids}"), "/challenge/<id>/<id>");
            }
            for id in ids.split('/').filter(|id| id.len() > WORD && !WORDS.contains(id)) {
                self.session.hide(id, "<id>");
            }
        }
    }
}

impl<'w> Deref for Conversation<'_, 'w> {
    type Target = Session<'w>;

    fn deref(&self) -> &Session<'w> {
        self.session
    }
}

impl DerefMut for Conversation<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.session
    }
}

/// An order, as its maker knows it.
pub(super) struct Order {
    pub(super) url: String,
    pub(super) finalize: String,
    pub(super) authorizations: Vec<String>,
}

/// Parts of a path that are the same on both sides.
const WORDS: [&str; 2] = ["finalize", "tls-alpn-01"];

/// A shorter part of a path is no id.
const WORD: usize = 8;
