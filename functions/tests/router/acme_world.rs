//! An authority with an ACME provisioner behind the router, and a client that signs as ACME asks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stepless_core::acme::fake::FakeProber;
use stepless_core::acme::{Acme, Retry, RetryTask, ScheduleError, Validator};
use stepless_core::authority::Persistence;
use stepless_core::fault::Faults;
use stepless_core::key::{Digest, PrivateKey, SignatureAlgorithm};
use stepless_functions::{AcmeServer, TraceHeader};

use crate::world::{Answer, Options, TestRandom, World, new_key};

/// The whole authority, as one binary serves it.
pub(crate) struct AcmeWorld {
    pub(crate) faults: Arc<Faults>,
    pub(crate) random: Arc<TestRandom>,
    router: Router,
    _world: World,
}

impl AcmeWorld {
    pub(crate) async fn new() -> Self {
        Self::with(Persistence::Durable).await
    }

    pub(crate) async fn with(persistence: Persistence) -> Self {
        let provisioners = vec![json!({ "type": "ACME", "name": "acme" })];
        let world = World::with(Options { provisioners, persistence, ..Options::default() }).await;
        let acme = Arc::new(Acme::open(world.authority.clone()).await.unwrap());
        let validator =
            Validator { prober: Arc::new(FakeProber::new()), retry: Arc::new(Scheduled::default()) };
        let server = AcmeServer { acme, validator };
        let router = stepless_functions::all(world.authority.clone(), Some(server), TraceHeader::default());
        Self { faults: world.faults.clone(), random: world.random.clone(), router, _world: world }
    }

    /// The URL of a resource of the provisioner.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{HOST}/acme/acme{path}")
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Request<Body> {
        let request = Request::builder().method(method).uri(path).header("host", HOST);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).unwrap()
    }

    pub(crate) async fn answer(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone(), request).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        self.answer(self.request(method, path, headers)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[]).await
    }
}

/// A client with a key, a nonce and, once it is known, an account.
pub(crate) struct Client<'a> {
    world: &'a AcmeWorld,
    key: PrivateKey,
    nonce: String,
    account: Option<String>,
}

impl<'a> Client<'a> {
    pub(crate) async fn new(world: &'a AcmeWorld) -> Self {
        let nonce = world.get("/acme/acme/new-nonce").await.header("replay-nonce").to_owned();
        Self { world, key: new_key(), nonce, account: None }
    }

    pub(crate) fn known_as(&mut self, account: &str) {
        self.account = Some(account.to_owned());
    }

    /// Sends a payload to a resource of the provisioner; to `new-account` with the key.
    pub(crate) async fn post(&mut self, path: &str, payload: &Value) -> Answer {
        let account = self.account.take_if(|_| path == "/new-account");
        let answer = self.post_raw(&self.world.url(path), &payload.to_string()).await;
        self.account = account.or(self.account.take());
        answer
    }

    pub(crate) async fn post_as_get(&mut self, url: &str) -> Answer {
        self.post_raw(url, "").await
    }

    pub(crate) async fn post_to(&mut self, url: &str, payload: &str) -> Answer {
        self.post_raw(url, payload).await
    }

    pub(crate) async fn post_raw(&mut self, url: &str, payload: &str) -> Answer {
        let mut header = json!({ "alg": "ES256", "nonce": self.nonce, "url": url });
        match &self.account {
            Some(account) => header["kid"] = account.as_str().into(),
            None => header["jwk"] = self.jwk(),
        }
        let (protected, payload) =
            (URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
        let signed = format!("{protected}.{payload}");
        let signature = self.key.sign_jose(ALGORITHM, signed.as_bytes()).unwrap();
        let jws = json!({
            "protected": protected, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(signature),
        });
        let path = url.strip_prefix(&format!("https://{HOST}")).unwrap();
        let mut request =
            self.world.request(Method::POST, path, &[("content-type", "application/jose+json")]);
        *request.body_mut() = Body::from(jws.to_string());
        let answer = self.world.answer(request).await;
        answer.header("replay-nonce").clone_into(&mut self.nonce);
        answer
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.key.public_key().ec_coordinates().unwrap();
        json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) })
    }
}

/// Keeps what was scheduled, and does none of it.
#[derive(Debug, Default)]
struct Scheduled(Mutex<Vec<RetryTask>>);

#[async_trait::async_trait]
impl Retry for Scheduled {
    async fn schedule(&self, task: RetryTask, _after: Duration) -> Result<(), ScheduleError> {
        self.0.lock().unwrap().push(task);
        Ok(())
    }
}

/// What the client calls the authority.
pub(crate) const HOST: &str = "ca.example";

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);
