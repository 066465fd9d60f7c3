//! A client of one ACME server. It sends what it is told, keeps the newest nonce, and follows nothing by itself.

use std::sync::Mutex;

use serde_json::Value;

use crate::{
    Client, Key, Request,
    acme::{
        Account, Answer,
        jws::{Jws, Signed},
    },
};

/// A client without an account.
#[derive(Debug)]
pub struct Acme {
    client: Client,
    /// The directory's URL.
    directory: String,
    /// What the directory said.
    urls: Directory,
    /// The nonce of the last answer, for the next request.
    nonce: Mutex<Option<String>>,
}

/// The URLs of a directory ([RFC 8555 §7.1.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1)); empty where it has none.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// `newNonce`.
    pub new_nonce: String,
    /// `newAccount`.
    pub new_account: String,
    /// `newOrder`.
    pub new_order: String,
    /// `newAuthz`.
    pub new_authz: String,
    /// `revokeCert`.
    pub revoke_cert: String,
    /// `keyChange`.
    pub key_change: String,
    /// `renewalInfo`.
    pub renewal_info: String,
    /// `meta`; null where there is none.
    pub meta: Value,
}

impl Acme {
    /// Reads the directory.
    pub fn new(client: Client, directory: &str) -> Self {
        let mut acme =
            Self { client, directory: directory.into(), urls: Directory::default(), nonce: Mutex::new(None) };
        let answer = acme.get(directory);
        answer.assert_status(200);
        let url = |member: &str| answer.text(member);
        acme.urls = Directory {
            new_nonce: url("newNonce"),
            new_account: url("newAccount"),
            new_order: url("newOrder"),
            new_authz: url("newAuthz"),
            revoke_cert: url("revokeCert"),
            key_change: url("keyChange"),
            renewal_info: url("renewalInfo"),
            meta: answer.json()["meta"].clone(),
        };
        acme
    }

    /// Another client of the same server, with its own nonces.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            client: self.client.clone(),
            directory: self.directory.clone(),
            urls: self.urls.clone(),
            nonce: Mutex::new(None),
        }
    }

    /// The directory's URL.
    pub fn directory_url(&self) -> &str {
        &self.directory
    }

    /// What the directory said.
    pub fn directory(&self) -> &Directory {
        &self.urls
    }

    /// A plain GET.
    pub fn get(&self, url: &str) -> Answer {
        self.send(url, Request::get(&target(url)))
    }

    /// Any request; the `Host` is that of the URL.
    pub fn send(&self, url: &str, request: Request) -> Answer {
        // RFC 8555 §6.1 wants to know who asks.
        let request = request.header("User-Agent", USER_AGENT);
        let bytes = request.to_bytes(host(url));
        let answer = Answer(self.client.send_bytes(&bytes).unwrap_or_else(|error| {
            panic!("{} {url} got no answer: {error}", request.method);
        }));
        if let Some(nonce) = answer.header("replay-nonce") {
            *self.nonce.lock().expect("no test panics while it holds this") = Some(nonce.to_owned());
        }
        answer
    }

    /// Posts a message as ACME wants it.
    pub fn post(&self, url: &str, message: &Signed) -> Answer {
        self.post_body(url, "application/jose+json", &message.body())
    }

    /// Posts any body.
    pub fn post_body(&self, url: &str, content_type: &str, body: &str) -> Answer {
        let request =
            Request::new("POST", &target(url)).header("Content-Type", content_type).body(body.to_owned());
        self.send(url, request)
    }

    /// A nonce nobody has used: that of the last answer, or a new one.
    pub fn nonce(&self) -> String {
        let last = self.nonce.lock().expect("no test panics while it holds this").take();
        last.unwrap_or_else(|| self.new_nonce())
    }

    /// Forgets the nonce of the last answer, because somebody else uses it.
    pub fn forget_nonce(&self) {
        self.nonce.lock().expect("no test panics while it holds this").take();
    }

    /// A nonce from newNonce.
    pub fn new_nonce(&self) -> String {
        let answer = self.send(&self.urls.new_nonce, Request::new("HEAD", &target(&self.urls.new_nonce)));
        self.forget_nonce();
        answer.nonce()
    }

    /// A message that shows `key`, with a fresh nonce.
    pub fn with_jwk(&self, key: &Key, url: &str, payload: &str) -> Jws {
        Jws::with_jwk(key, &self.nonce(), url, payload)
    }

    /// Posts a message that shows `key`.
    pub fn post_as_key(&self, key: &Key, url: &str, payload: &Value) -> Answer {
        self.post(url, &self.with_jwk(key, url, &payload.to_string()).sign(key))
    }

    /// Makes an account with these members.
    #[track_caller]
    pub fn account_with(self, key: Key, payload: &Value) -> Account {
        let answer = self.post_as_key(&key, &self.urls.new_account, payload);
        assert_eq!(answer.status(), 201, "{answer}");
        Account::new(self, key.into(), &answer.location())
    }
}

/// The path and query of a URL of ours.
pub fn target(url: &str) -> String {
    let rest = without_scheme(url);
    rest.find('/').map_or_else(|| "/".into(), |at| rest[at..].into())
}

/// Host and port of a URL of ours.
pub fn host(url: &str) -> &str {
    let rest = without_scheme(url);
    rest.split('/').next().unwrap_or(rest)
}

fn without_scheme(url: &str) -> &str {
    url.strip_prefix("https://").unwrap_or_else(|| panic!("{url:?} is no URL of the server under test"))
}

const USER_AGENT: &str = "stepless-tests";
