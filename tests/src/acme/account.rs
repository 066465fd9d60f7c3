//! An account, and the steps of an order as single requests.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Csr, Key, KeyKind,
    acme::{
        Acme, Answer,
        jws::{Jws, base64url},
    },
    asn1::unpem,
    csr::San,
};

/// An account that the server knows.
#[derive(Debug)]
pub struct Account {
    /// The client that speaks for it.
    pub acme: Acme,
    /// Its key.
    pub key: Arc<Key>,
    /// Its URL, which is its key id.
    pub url: String,
}

impl Account {
    /// An account that the server knows under this URL.
    pub fn new(acme: Acme, key: Arc<Key>, url: &str) -> Self {
        Self { acme, key, url: url.into() }
    }

    /// The same account in the hands of another client.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::new(self.acme.again(), Arc::clone(&self.key), &self.url)
    }

    /// A message of this account, with a fresh nonce.
    pub fn message(&self, url: &str, payload: &str) -> Jws {
        Jws::with_kid(&self.key, &self.url, &self.acme.nonce(), url, payload)
    }

    /// Posts JSON.
    pub fn post(&self, url: &str, payload: &Value) -> Answer {
        self.acme.post(url, &self.message(url, &payload.to_string()).sign(&self.key))
    }

    /// POST-as-GET.
    pub fn get(&self, url: &str) -> Answer {
        self.acme.post(url, &self.message(url, "").sign(&self.key))
    }

    /// POST-as-GET with a given nonce, which it thereby spends.
    pub fn get_with_nonce(&self, url: &str, nonce: &str) -> Answer {
        self.acme.post(url, &self.message(url, "").header("nonce", nonce).sign(&self.key))
    }

    /// Asks for an order of these DNS names.
    pub fn try_order(&self, names: &[&str]) -> Answer {
        self.post(&self.acme.directory().new_order, &json!({"identifiers": dns_identifiers(names)}))
    }

    /// An order of these DNS names.
    #[track_caller]
    pub fn order(&self, names: &[&str]) -> Order {
        Order::of(&self.try_order(names))
    }

    /// An order with these members.
    #[track_caller]
    pub fn order_with(&self, payload: &Value) -> Order {
        Order::of(&self.post(&self.acme.directory().new_order, payload))
    }

    /// The authorization behind a URL.
    #[track_caller]
    pub fn authorization(&self, url: &str) -> Value {
        let answer = self.get(url);
        answer.assert_status(200);
        answer.json()
    }

    /// The challenge of a kind in an authorization.
    #[track_caller]
    pub fn challenge(&self, authorization: &str, kind: &str) -> Challenge {
        Challenge::find(&self.authorization(authorization), kind)
            .unwrap_or_else(|| panic!("no {kind} in {authorization}"))
    }

    /// What proves the control of a name to this account ([RFC 8555 §8.1](https://www.rfc-editor.org/rfc/rfc8555#section-8.1)).
    pub fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.key.thumbprint())
    }

    /// Says that a challenge is ready to be looked at.
    pub fn ready(&self, challenge: &Challenge) -> Answer {
        self.post(&challenge.url, &json!({}))
    }

    /// Asks until the object is neither `pending` nor `processing`.
    #[track_caller]
    pub fn settle(&self, url: &str) -> Value {
        self.wait(url, |object| object["status"] != "pending" && object["status"] != "processing")
    }

    /// Asks until `done` says so.
    #[track_caller]
    pub fn wait(&self, url: &str, done: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let answer = self.get(url);
            answer.assert_status(200);
            let object = answer.json();
            if done(&object) {
                return object;
            }
            assert!(begin.elapsed() < PATIENCE, "{url} is still {object}");
            thread::sleep(POLL);
        }
    }

    /// Sends a certificate request.
    pub fn finalize(&self, order: &Order, csr: &[u8]) -> Answer {
        self.post(&order.finalize, &json!({"csr": base64url(csr)}))
    }

    /// Downloads a chain, leaf first, in DER.
    #[track_caller]
    pub fn chain(&self, certificate: &str) -> Vec<Vec<u8>> {
        let answer = self.get(certificate);
        answer.assert_status(200);
        unpem(&String::from_utf8_lossy(&answer.0.body))
    }
}

/// An order as it was when it was made.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its URL.
    pub url: String,
    /// Its authorizations' URLs.
    pub authorizations: Vec<String>,
    /// Where its certificate request goes.
    pub finalize: String,
    /// The whole object.
    pub object: Value,
}

impl Order {
    /// The order that newOrder answered with.
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status(), 201, "{answer}");
        let object = answer.json();
        Self {
            url: answer.location(),
            authorizations: texts(&object["authorizations"]),
            finalize: answer.text("finalize"),
            object,
        }
    }
}

/// A challenge.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// Its URL.
    pub url: String,
    /// Its token; empty for kinds without one.
    pub token: String,
    /// The whole object.
    pub object: Value,
}

impl Challenge {
    /// The challenge of a kind, if the authorization has one.
    pub fn find(authorization: &Value, kind: &str) -> Option<Self> {
        let object = authorization["challenges"].as_array()?.iter().find(|one| one["type"] == kind)?;
        Some(Self {
            url: object["url"].as_str()?.into(),
            token: object["token"].as_str().unwrap_or_default().into(),
            object: object.clone(),
        })
    }
}

/// Identifiers of DNS names.
pub fn dns_identifiers(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"type": "dns", "value": name})).collect()
}

/// A request for these names as most clients make it: no common name.
pub fn csr(names: &[&str], key: &Key) -> Vec<u8> {
    let sans: Vec<San<'_>> = names.iter().map(|name| San::Dns(name)).collect();
    Csr::new("", &sans).sign(key)
}

/// A fresh key of the kind most clients have.
pub fn fresh_key() -> Key {
    Key::generate(KeyKind::P256)
}

/// The texts of a list.
pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
}

/// Longer than the server goes on trying.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two questions.
const POLL: Duration = Duration::from_millis(100);
