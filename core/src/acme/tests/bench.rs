//! An ACME server in memory, a client that signs whatever it is told to, and a network that answers for its names.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::acme::fake::FakeProber;
use crate::acme::fault::FaultyProber;
use crate::acme::{
    Acme, AcmeError, Answer, Arrival, AuthorizationId, Endpoint, Id, ProbeHost, Retry, RetryTask,
    ScheduleError, Validator,
};
use crate::authority::Authority;
use crate::authority::tests::bench::{Gate, P256, World, request};
use crate::config::ChallengeType;
use crate::fault::{Call, Faults};
use crate::jose::{Jwk, Thumbprint};
use crate::key::{PrivateKey, SignatureAlgorithm};
use crate::x509::{Certificate, CertificateRequest, DnsName, SerialNumber};

/// One process, and the network around it.
pub(super) struct Server {
    pub(super) acme: Acme,
    pub(super) prober: Arc<FakeProber>,
    pub(super) queue: Arc<Queue>,
    pub(super) validator: Validator,
}

/// Retries that wait to be delivered.
#[derive(Debug, Default)]
pub(super) struct Queue {
    tasks: Mutex<Vec<(RetryTask, Duration)>>,
}

impl Queue {
    /// What was scheduled since the last time.
    pub(super) fn take(&self) -> Vec<(RetryTask, Duration)> {
        std::mem::take(&mut self.tasks.lock().unwrap())
    }
}

#[derive(Debug)]
struct FaultyRetry {
    faults: Arc<Faults>,
    queue: Arc<Queue>,
}

#[async_trait]
impl Retry for FaultyRetry {
    async fn schedule(&self, task: RetryTask, after: Duration) -> Result<(), ScheduleError> {
        let made = async { self.queue.tasks.lock().unwrap().push((task, after)) };
        self.faults.around(Call::Schedule, made).await.map_err(|injected| ScheduleError(Box::new(injected)))
    }
}

impl Server {
    /// One more process on this world's store, with a network of its own.
    pub(super) async fn new(world: &World) -> Self {
        let prober = Arc::new(FakeProber::new());
        let queue = Arc::new(Queue::default());
        Self::beside(world, prober, queue).await
    }

    /// One more process, in the same network and at the same queue.
    pub(super) async fn beside(world: &World, prober: Arc<FakeProber>, queue: Arc<Queue>) -> Self {
        Self::of(world, Arc::new(world.authority().await), prober, queue).await
    }

    /// One more process beside this one, with a gate at its `call`th call from now on.
    pub(super) async fn gated(&self, world: &World, call: usize) -> (Self, Arc<Gate>) {
        // It opens with one call.
        let (authority, gate) = world.gated(call + 1).await;
        (Self::of(world, authority, self.prober.clone(), self.queue.clone()).await, gate)
    }

    async fn of(
        world: &World,
        authority: Arc<Authority>,
        prober: Arc<FakeProber>,
        queue: Arc<Queue>,
    ) -> Self {
        let acme = Acme::open(authority).await.unwrap();
        let faults = world.faults.clone();
        let validator = Validator {
            prober: Arc::new(FaultyProber::new(prober.clone(), faults.clone())),
            retry: Arc::new(FaultyRetry { faults, queue: queue.clone() }),
        };
        Self { acme, prober, queue, validator }
    }

    /// The server as a request to this path reaches it.
    pub(super) fn at(&self, path: &str) -> Endpoint<'_> {
        let provisioner = path.split('/').nth(2).unwrap();
        self.acme.endpoint(Arrival { host: HOST, base_path: "", path }, provisioner).unwrap()
    }

    pub(super) fn nonce(&self) -> String {
        self.nonce_for("/acme/acme/new-nonce")
    }

    /// A nonce of the provisioner of this path.
    pub(super) fn nonce_for(&self, path: &str) -> String {
        self.acme.new_nonce(&self.at(path)).unwrap().as_str().to_owned()
    }
}

/// A key, perhaps with an account.
pub(super) struct Client {
    pub(super) key: PrivateKey,
    pub(super) account: Option<String>,
}

/// What a request is answered with, as JSON.
pub(super) type Reply = Result<Answer<Value>, AcmeError>;

impl Client {
    pub(super) fn new() -> Self {
        Self { key: PrivateKey::generate(P256).unwrap(), account: None }
    }

    /// With an account.
    pub(super) async fn registered(server: &Server) -> Self {
        let mut client = Self::new();
        client.register(server, json!({ "termsOfServiceAgreed": true })).await.unwrap();
        client
    }

    pub(super) async fn register(&mut self, server: &Server, payload: Value) -> Reply {
        let path = "/acme/acme/new-account";
        let endpoint = server.at(path);
        let body = self.jws(server, path, Some(&payload), true);
        let answer = json_of(server.acme.new_account(&endpoint, &body).await)?;
        self.account.clone_from(&answer.location);
        Ok(answer)
    }

    /// What the owner of a name has to show for this token.
    pub(super) fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", Thumbprint::of(self.key.public_key()).unwrap())
    }

    /// A signed request; without a payload a POST-as-GET.
    pub(super) fn jws(&self, server: &Server, path: &str, payload: Option<&Value>, own_key: bool) -> Vec<u8> {
        let mut header = json!({
            "alg": "ES256",
            "nonce": server.nonce_for(path),
            "url": format!("https://{HOST}{path}"),
        });
        if own_key {
            header["jwk"] = self.jwk();
        } else {
            header["kid"] = json!(self.account.as_ref().expect("an account"));
        }
        self.sign(&header, payload.map(Value::to_string).unwrap_or_default().as_bytes())
    }

    pub(super) fn jwk(&self) -> Value {
        serde_json::to_value(Jwk::from_public_key(self.key.public_key().clone()).unwrap()).unwrap()
    }

    pub(super) fn sign(&self, header: &Value, payload: &[u8]) -> Vec<u8> {
        let protected = URL_SAFE_NO_PAD.encode(header.to_string());
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let algorithm = SignatureAlgorithm::default_for(self.key.public_key().kind());
        let signature = self.key.sign_jose(algorithm, format!("{protected}.{payload}").as_bytes()).unwrap();
        json!({ "protected": protected, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(signature) })
            .to_string()
            .into_bytes()
    }

    pub(super) async fn new_order(&self, server: &Server, payload: &Value) -> Reply {
        let path = "/acme/acme/new-order";
        let body = self.jws(server, path, Some(payload), false);
        json_of(server.acme.new_order(&server.at(path), &body).await)
    }

    pub(super) async fn order(&self, server: &Server, url: &str) -> Reply {
        let path = path_of(url);
        let body = self.jws(server, path, None, false);
        json_of(server.acme.order(&server.at(path), &body, &last::<Id>(url)).await)
    }

    pub(super) async fn authorization(&self, server: &Server, url: &str) -> Reply {
        self.change_authorization(server, url, None).await
    }

    pub(super) async fn change_authorization(
        &self,
        server: &Server,
        url: &str,
        payload: Option<&Value>,
    ) -> Reply {
        let path = path_of(url);
        let body = self.jws(server, path, payload, false);
        let id = last::<AuthorizationId>(url);
        json_of(server.acme.authorization(&server.at(path), &*server.validator.retry, &body, &id).await)
    }

    /// Says that it is ready for a challenge.
    pub(super) async fn respond(&self, server: &Server, url: &str) -> Reply {
        let path = path_of(url);
        let body = self.jws(server, path, Some(&json!({})), false);
        let (rest, kind) = url.rsplit_once('/').unwrap();
        let (id, kind) = (last::<AuthorizationId>(rest), kind.parse::<ChallengeType>().unwrap());
        json_of(server.acme.challenge(&server.at(path), &server.validator, &body, &id, kind).await)
    }

    pub(super) async fn finalize(&self, server: &Server, order: &Answer<Value>, csr: &[u8]) -> Reply {
        let url = order.resource["finalize"].as_str().unwrap();
        let path = path_of(url);
        let payload = json!({ "csr": URL_SAFE_NO_PAD.encode(csr) });
        let body = self.jws(server, path, Some(&payload), false);
        let id = last::<Id>(url.strip_suffix("/finalize").unwrap());
        json_of(server.acme.finalize(&server.at(path), &body, &id).await)
    }

    pub(super) async fn certificate(&self, server: &Server, url: &str) -> Result<Answer<String>, AcmeError> {
        let path = path_of(url);
        let body = self.jws(server, path, None, false);
        let serial: SerialNumber = format!("0x{}", url.rsplit('/').next().unwrap()).parse().unwrap();
        server.acme.certificate(&server.at(path), &body, &serial, 0).await
    }

    pub(super) async fn revoke(
        &self,
        server: &Server,
        certificate: &Certificate,
        own_key: bool,
    ) -> Result<(), AcmeError> {
        let path = "/acme/acme/revoke-cert";
        let payload = json!({ "certificate": URL_SAFE_NO_PAD.encode(certificate.as_der()) });
        let body = self.jws(server, path, Some(&payload), own_key);
        server.acme.revoke_cert(&server.at(path), &body).await.map(|_| ())
    }

    /// Puts what http-01 asks for where it is looked for, for every authorization of an order.
    pub(super) async fn publish(&self, server: &Server, order: &Answer<Value>) -> Vec<String> {
        let mut challenges = Vec::new();
        for url in urls(&order.resource["authorizations"]) {
            let authorization = self.authorization(server, &url).await.unwrap().resource;
            let challenge = challenge_of(&authorization, "http-01");
            let token = challenge["token"].as_str().unwrap();
            let name: DnsName = authorization["identifier"]["value"].as_str().unwrap().parse().unwrap();
            server.prober.put_file(
                &ProbeHost::Dns(name),
                &format!("/.well-known/acme-challenge/{token}"),
                self.key_authorization(token),
            );
            challenges.push(challenge["url"].as_str().unwrap().to_owned());
        }
        challenges
    }

    /// An order for these names that is ready to be finalized.
    pub(super) async fn ready_order(&self, server: &Server, names: &[&str]) -> Answer<Value> {
        let order = self.new_order(server, &for_names(names)).await.unwrap();
        for challenge in self.publish(server, &order).await {
            assert_eq!(self.respond(server, &challenge).await.unwrap().resource["status"], "valid");
        }
        order
    }

    /// A certificate for these names.
    pub(super) async fn obtain(&self, server: &Server, names: &[&str], key: &PrivateKey) -> Certificate {
        let order = self.ready_order(server, names).await;
        let order = self.finalize(server, &order, &csr(key, names)).await.unwrap();
        assert_eq!(order.resource["status"], "valid");
        let chain = self.certificate(server, order.resource["certificate"].as_str().unwrap()).await.unwrap();
        Certificate::parse_pem_bundle(&chain.resource).unwrap().swap_remove(0)
    }
}

/// What `new-order` is asked for these DNS names.
pub(super) fn for_names(names: &[&str]) -> Value {
    let identifiers: Vec<_> = names.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
    json!({ "identifiers": identifiers })
}

/// A certificate request in DER.
pub(super) fn csr(key: &PrivateKey, names: &[&str]) -> Vec<u8> {
    CertificateRequest::from_pem(&request(key, "", names)).unwrap().as_der().to_vec()
}

pub(super) fn challenge_of(authorization: &Value, kind: &str) -> Value {
    let challenges = authorization["challenges"].as_array().unwrap();
    challenges.iter().find(|challenge| challenge["type"] == kind).cloned().unwrap_or_else(|| {
        panic!("{authorization} has no {kind}");
    })
}

pub(super) fn urls(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|url| url.as_str().unwrap().to_owned()).collect()
}

pub(super) fn path_of(url: &str) -> &str {
    url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(HOST)).unwrap_or(url)
}

pub(super) fn json_of<T: Serialize>(reply: Result<Answer<T>, AcmeError>) -> Reply {
    let Answer { resource, created, location, up, next, alternates, retry_after } = reply?;
    let resource = serde_json::to_value(resource).unwrap();
    Ok(Answer { resource, created, location, up, next, alternates, retry_after })
}

fn last<T: std::str::FromStr<Err: std::fmt::Debug>>(url: &str) -> T {
    url.rsplit('/').next().unwrap().parse().unwrap()
}

pub(super) const HOST: &str = "ca.example";
