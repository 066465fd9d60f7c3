//! An ACME client as it gets one certificate after the other, each with a fresh order proved by http-01.

use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::account::{AccountKey, Signer};
use super::responder::Responder;
use super::transport::{Asked, Reply, Step, Transport};
use crate::credentials::Request;
use crate::error::BenchError;

/// A client with an account of its own.
pub(super) struct Client<T> {
    transport: T,
    responder: Responder,
    key: AccountKey,
    new_order: String,
    account: String,
    /// From the answer before, as long as no request has spent it.
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    new_nonce: String,
    new_account: String,
    new_order: String,
}

#[derive(Deserialize)]
struct Order {
    status: String,
    #[serde(default)]
    authorizations: Vec<String>,
    finalize: String,
    certificate: Option<String>,
}

#[derive(Deserialize)]
struct Authorization {
    status: String,
    challenges: Vec<Challenge>,
}

#[derive(Deserialize)]
struct Challenge {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    token: Option<String>,
}

impl<T: Transport> Client<T> {
    /// Reads the directory, and makes an account.
    pub(super) fn register(transport: T, responder: Responder) -> Result<Self, BenchError> {
        let mut client = Self {
            transport,
            responder,
            key: AccountKey::generate()?,
            new_order: String::new(),
            account: String::new(),
            nonce: None,
        };
        let directory = client.get(Step::Directory, DIRECTORY)?;
        let directory: Directory = read(Step::Directory, &directory)?;
        client.get(Step::NewNonce, path_of(&directory.new_nonce)?)?;
        let terms = r#"{"termsOfServiceAgreed":true}"#;
        let account = client.post(Step::NewAccount, &directory.new_account, Signer::Jwk, terms)?;
        client.account = location(account)?;
        client.new_order = directory.new_order;
        Ok(client)
    }

    /// Orders a certificate for the name of `request`, and fetches it.
    pub(super) fn certificate(&mut self, request: &Request) -> Result<(), BenchError> {
        let name = &request.name;
        let wanted = format!(r#"{{"identifiers":[{{"type":"dns","value":"{name}"}}]}}"#);
        let new_order = self.new_order.clone();
        let reply = self.ask(Step::NewOrder, &new_order, &wanted)?;
        let order: Order = read(Step::NewOrder, &reply)?;
        let order_url = location(reply)?;
        let authorization_url =
            order.authorizations.first().ok_or(BenchError::Answer { what: "an order" })?;

        self.prove(authorization_url)?;
        let request = format!(r#"{{"csr":"{}"}}"#, URL_SAFE_NO_PAD.encode(&request.der));
        self.ask(Step::Finalize, &order.finalize, &request)?;
        let order: Order = self.poll(Step::Order, &order_url, |order: &Order| &order.status)?;
        let certificate = order.certificate.ok_or(BenchError::Answer { what: "a valid order" })?;
        let reply = self.ask(Step::Certificate, &certificate, POST_AS_GET)?;
        if !reply.body.starts_with(CERTIFICATE_MARK) {
            return Err(reply.refused());
        }
        Ok(())
    }

    fn prove(&mut self, authorization_url: &str) -> Result<(), BenchError> {
        let reply = self.ask(Step::Authorization, authorization_url, POST_AS_GET)?;
        let authorization: Authorization = read(Step::Authorization, &reply)?;
        let challenge = authorization.challenges.into_iter().find(|challenge| challenge.kind == "http-01");
        let challenge = challenge.ok_or(BenchError::Answer { what: "an authorization without http-01" })?;
        let token = challenge.token.ok_or(BenchError::Answer { what: "a challenge without a token" })?;

        self.responder.publish(&token, self.key.authorization(&token));
        let proved = self.ask(Step::Challenge, &challenge.url, "{}").and_then(|_| {
            let step = Step::AuthorizationAgain;
            self.poll(step, authorization_url, |authorization: &Authorization| &authorization.status)
        });
        self.responder.withdraw(&token);
        proved.map(drop)
    }

    /// Asks until it is valid, at least once.
    fn poll<R: DeserializeOwned>(
        &mut self,
        step: Step,
        url: &str,
        status: impl Fn(&R) -> &str,
    ) -> Result<R, BenchError> {
        let began = Instant::now();
        loop {
            let reply = self.ask(step, url, POST_AS_GET)?;
            let object: R = read(step, &reply)?;
            match status(&object) {
                "valid" => return Ok(object),
                "pending" | "processing" if began.elapsed() < PATIENCE => thread::sleep(POLL_AFTER),
                _ => return Err(reply.refused()),
            }
        }
    }

    fn ask(&mut self, step: Step, url: &str, payload: &str) -> Result<Reply, BenchError> {
        let account = self.account.clone();
        self.post(step, url, Signer::Account(&account), payload)
    }

    fn post(
        &mut self,
        step: Step,
        url: &str,
        signer: Signer<'_>,
        payload: &str,
    ) -> Result<Reply, BenchError> {
        let nonce = self.nonce.take().ok_or(BenchError::Answer { what: "an answer without a nonce" })?;
        let jws = self.key.sign(signer, &nonce, url, payload)?;
        self.exchange(&Asked { step, path: path_of(url)?, jws: Some(&jws) })
    }

    fn get(&mut self, step: Step, path: &str) -> Result<Reply, BenchError> {
        self.exchange(&Asked { step, path, jws: None })
    }

    fn exchange(&mut self, asked: &Asked<'_>) -> Result<Reply, BenchError> {
        let mut reply = self.transport.exchange(asked)?;
        if let Some(nonce) = reply.nonce.take() {
            self.nonce = Some(nonce);
        }
        match reply.status {
            200..=299 => Ok(reply),
            _ => Err(reply.refused()),
        }
    }
}

fn read<R: DeserializeOwned>(step: Step, reply: &Reply) -> Result<R, BenchError> {
    let what = match step {
        Step::Directory => "the directory",
        Step::Authorization | Step::AuthorizationAgain => "an authorization",
        _ => "an order",
    };
    serde_json::from_slice(&reply.body).map_err(|source| BenchError::Json { what, source })
}

fn location(reply: Reply) -> Result<String, BenchError> {
    reply.location.ok_or(BenchError::Answer { what: "a new resource without its URL" })
}

fn path_of(url: &str) -> Result<&str, BenchError> {
    let after_scheme = url.strip_prefix("https://").unwrap_or_default();
    let slash = after_scheme.find('/');
    slash.and_then(|at| after_scheme.get(at..)).ok_or(BenchError::Answer { what: "a URL of another scheme" })
}

/// Of the provisioner named `acme`.
const DIRECTORY: &str = "/acme/acme/directory";

/// [RFC 8555 §6.3](https://www.rfc-editor.org/rfc/rfc8555#section-6.3)
const POST_AS_GET: &str = "";

const CERTIFICATE_MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Far less than clients wait, so that the wait is not what is measured.
const POLL_AFTER: Duration = Duration::from_millis(5);

/// What is not valid by then is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_follows_the_host() {
        assert_eq!(path_of("https://localhost:9000/acme/acme/new-order").unwrap(), "/acme/acme/new-order");
        assert!(path_of("http://localhost/acme").is_err());
        assert!(path_of("https://localhost").is_err());
    }
}
