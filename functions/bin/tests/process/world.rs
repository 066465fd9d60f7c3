//! A stack of the template whose functions are the real binaries, and an authority in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use stepless_aws::configuration::{ConfigurationSource, ConfigurationVersion, Expected, Found};
use stepless_aws::dynamodb::{DynamoDbStore, TimeLimits};
use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_core::key::{Digest, KeyKind, PrivateKey, PublicKey, SignatureAlgorithm};
use stepless_core::store::Store;
use stepless_core::x509::{
    Certificate, CertificateBody, DistinguishedName, Issuance, Profile, SerialNumber, Validity,
};
use stepless_localstack::acm::Acm;
use stepless_localstack::clock::FakeClock;
use stepless_localstack::emulator::Ministack;
use stepless_localstack::gateway::Shape;
use stepless_localstack::proxy::Proxy;
use stepless_localstack::runtime::{Between, Function, Overload};
use stepless_localstack::stack::{Stack, StackSettings};
use stepless_localstack::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use stepless_net::SystemClock;
use stepless_tests::csr::San;
use stepless_tests::{Csr, Key, Token};
use tempfile::TempDir;

/// The stack, what is behind it, and the key that mints tokens. The functions end before their clock.
pub(crate) struct World {
    /// Between the functions and KMS.
    pub(crate) kms: Proxy,
    /// Between the functions and the table.
    pub(crate) dynamodb: Proxy,
    pub(crate) acm: Acm,
    pub(crate) store: Arc<DynamoDbStore>,
    pub(crate) provisioner: Key,
    /// The configuration as [`World::configure`] writes it.
    pub(crate) configuration: Value,
    stack: Stack,
    clock: FakeClock,
    tokens: AtomicUsize,
    folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: Value,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: Certificate,
    pub(crate) key: Key,
}

impl World {
    /// A stack with a configuration in its table. Of each function there is one process at a time.
    pub(crate) async fn new() -> Self {
        let world = Self::unconfigured().await;
        world.configure().await;
        world
    }

    /// The same with several processes of each function at a time.
    pub(crate) async fn of_many_processes() -> Self {
        let world = Self::make(4).await;
        world.configure().await;
        world
    }

    /// A stack with table and keys, and no configuration yet.
    pub(crate) async fn unconfigured() -> Self {
        Self::make(1).await
    }

    async fn make(concurrency: usize) -> Self {
        static WORLDS: AtomicUsize = AtomicUsize::new(0);
        let name = format!("world{}", WORLDS.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().unwrap();
        let ministack = Ministack::shared().unwrap_or_else(|error| panic!("{error}"));
        let (endpoint, url) = (ministack.endpoint(), ministack.url());
        let (kms, dynamodb) = (Proxy::start(&url).await.unwrap(), Proxy::start(&url).await.unwrap());
        let acm = Acm::start(endpoint).await.unwrap();
        let clock = FakeClock::new(0).unwrap_or_else(|error| panic!("{error}"));
        let mut environment = BTreeMap::from(clock.environment());
        environment.extend([
            ("AWS_ENDPOINT_URL_KMS".to_owned(), kms.url().to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.url().to_owned()),
            ("AWS_ENDPOINT_URL_ACM".to_owned(), acm.url().to_owned()),
        ]);
        let stack = Stack::create(&StackSettings {
            name: name.clone(),
            template: include_str!("../../../../template.yaml").to_owned(),
            parameters: Vec::new(),
            programs: Path::new(env!("CARGO_BIN_EXE_stepless-sign")).parent().unwrap().to_owned(),
            logs: folder.path().to_owned(),
            kms: endpoint,
            dynamodb: endpoint,
            sqs: endpoint,
            environment,
            shape: Shape::HttpApi,
            concurrency,
            overload: Overload::Wait,
            between: Between::Frozen,
        });
        let stack = stack.unwrap_or_else(|error| panic!("{error}"));
        let issuer = json!({"KeyId": format!("alias/{name}-issuer")});
        let issuer = endpoint.call("TrentService.GetPublicKey", &issuer).unwrap();
        let issuer = BASE64_STANDARD.decode(issuer["PublicKey"].as_str().unwrap()).unwrap();
        let (root, issuer) = certificates(&PublicKey::from_spki_der(&issuer).unwrap());
        let provisioner = Key::generate(stepless_tests::KeyKind::P256);
        let table = stack.resources().table.clone();
        let configuration = json!({
            "root": root.to_pem(), "crt": issuer.to_pem(), "key": format!("awskms:key-id=alias/{name}-issuer"),
            "address": ":443", "dnsNames": ["ca.example"], "db": {"type": "dynamodb", "dataSource": table},
            "authority": {"provisioners": [
                {"type": "JWK", "name": PROVISIONER, "key": provisioner.jwk(), "encryptedKey": ENCRYPTED_KEY},
            ]},
        });
        let store =
            DynamoDbStore::new(&client(&url), &table, Arc::new(SystemClock)).with_time_limits(PATIENT);
        let (store, tokens) = (Arc::new(store), AtomicUsize::new(0));
        Self { kms, dynamodb, acm, store, provisioner, configuration, stack, clock, tokens, folder }
    }

    /// Puts the configuration into the table.
    pub(crate) async fn configure(&self) -> ConfigurationVersion {
        self.write(&self.configuration.to_string(), Expected::Absent).await
    }

    /// Puts any text where the configuration lies.
    pub(crate) async fn write(&self, text: &str, expected: Expected<'_>) -> ConfigurationVersion {
        let place = ConfigurationSource::in_store(Arc::clone(&self.store) as Arc<dyn Store>);
        place.write(text, expected).await.unwrap()
    }

    /// Which configuration is in the table.
    pub(crate) async fn version(&self) -> ConfigurationVersion {
        let place = ConfigurationSource::in_store(Arc::clone(&self.store) as Arc<dyn Store>);
        match place.read(None).await.unwrap() {
            Found::Configuration(found) => found.version,
            found => panic!("{found:?}"),
        }
    }

    /// Ends the processes of a function, and waits until they are gone.
    pub(crate) async fn end_processes(&self, name: &str) {
        let function = self.function(name);
        eventually("the processes end", async || {
            function.retire_idle();
            function.processes().is_empty()
        })
        .await;
    }

    pub(crate) fn function(&self, name: &str) -> &Function {
        self.stack.function(&format!("stepless-{name}")).unwrap()
    }

    /// What time it is for the functions.
    pub(crate) fn now(&self) -> Timestamp {
        SystemClock.now().saturating_add(SignedDuration::from_secs(self.clock.ahead())).unwrap()
    }

    /// Sets the clock of the functions.
    pub(crate) fn set_clock(&self, ahead: SignedDuration) {
        self.clock.set(ahead.as_secs()).unwrap();
        for name in FUNCTIONS {
            self.function(name).set_clock_ahead(ahead.as_secs());
        }
    }

    /// What the function wrote to standard output and standard error.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("stepless-{name}.log"))).unwrap_or_default()
    }

    /// Everything that any function wrote.
    pub(crate) fn logs(&self) -> String {
        FUNCTIONS.map(|name| self.log(name)).concat()
    }

    pub(crate) async fn send(&self, name: &str, event: &Value) -> Answer {
        let answer = self.function(name).invoke(event.to_string().into()).await;
        let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
        let text = answer["body"].as_str().unwrap();
        Answer {
            status: answer["statusCode"].as_u64().unwrap(),
            headers: answer["headers"].clone(),
            body: serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("info", &event("GET", path, None)).await
    }

    /// A token for a route, not used yet.
    pub(crate) fn token(&self, route: &str, subject: &str) -> Token {
        let id = self.tokens.fetch_add(1, Ordering::Relaxed).to_string();
        let audience = format!("https://ca.example/1.0/{route}");
        Token::new(&self.provisioner, PROVISIONER, &audience, subject, &id, self.now().as_second())
    }

    /// A token to renew a certificate with, which its own key signs.
    pub(crate) fn renewal_token(&self, subject: &str, identity: &Identity) -> String {
        let chain = json!([BASE64_STANDARD.encode(identity.certificate.as_der())]);
        let token = self.token("renew", subject).with("iss", "step-ca-client/1.0");
        token.with_header("x5cInsecure", chain).without_header("kid").sign(&identity.key)
    }

    /// Asks for a certificate with a token.
    pub(crate) async fn sign_with(&self, name: &str, token: &str) -> (Answer, Key) {
        let key = Key::generate(stepless_tests::KeyKind::P256);
        let csr = Csr::new(name, &[San::Dns(name)]).pem(&key);
        let body = json!({"csr": csr, "ott": token});
        (self.send("sign", &event("POST", "/1.0/sign", Some(&body))).await, key)
    }

    pub(crate) async fn sign(&self, name: &str) -> Answer {
        let token = self.token("sign", name).sign(&self.provisioner);
        self.sign_with(name, &token).await.0
    }

    pub(crate) async fn identity(&self, name: &str) -> Identity {
        let token = self.token("sign", name).sign(&self.provisioner);
        let (answer, key) = self.sign_with(name, &token).await;
        Identity { certificate: answer.certificate(), key }
    }

    /// Renews over a connection on which the certificate was shown.
    pub(crate) async fn renew(&self, identity: &Identity) -> Answer {
        let mut event = event("POST", "/1.0/renew", None);
        event["requestContext"]["authentication"]["clientCert"]["clientCertPem"] =
            identity.certificate.to_pem().into();
        self.send("renew", &event).await
    }

    pub(crate) async fn revoke(&self, serial: &SerialNumber) -> Answer {
        let serial = serial.to_string();
        let token = self.token("revoke", &serial).sign(&self.provisioner);
        let body = json!({"serial": serial, "ott": token, "passive": true});
        self.send("revoke", &event("POST", "/1.0/revoke", Some(&body))).await
    }
}

impl Answer {
    /// The message of an error in step's form.
    #[track_caller]
    pub(crate) fn error(&self, status: u64) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        self.body["message"].as_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn certificate(&self) -> Certificate {
        assert_eq!(self.status, 201, "{self:?}");
        Certificate::from_pem(self.body["crt"].as_str().unwrap()).unwrap()
    }
}

/// An event of an HTTP API.
pub(crate) fn event(method: &str, path: &str, body: Option<&Value>) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "ca.example", "user-agent": "Smallstep CLI"},
        "requestContext": {
            "domainName": "ca.example", "stage": "$default", "requestId": "gateway-1",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
        },
        "body": body.map(Value::to_string), "isBase64Encoded": false,
    })
}

/// Waits until it comes true, with a sentence for when it does not.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "{what}");
}

fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test"))
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// A root, and an issuer with this key below it.
fn certificates(issuer: &PublicKey) -> (Certificate, Certificate) {
    let root_key = PrivateKey::generate(KeyKind::P256).unwrap();
    let now = SystemClock.now();
    let days = |days: i64| now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap();
    let validity = Validity::new(days(-1), days(3650)).unwrap();
    let name = |text| DistinguishedName::from_common_name(text).unwrap();
    let serial = || "1".parse::<SerialNumber>().unwrap();
    let public = root_key.public_key().clone();
    let body = CertificateBody::root(serial(), ALGORITHM, validity, name("Root"), public, Profile::root());
    let root = certify(&body.unwrap(), &root_key);
    let issuance = Issuance { serial: serial(), algorithm: ALGORITHM, issuer: &root, validity };
    let body = CertificateBody::new(issuance, name("Issuer"), issuer.clone(), Profile::intermediate());
    let issuer = certify(&body.unwrap(), &root_key);
    (root, issuer)
}

fn certify(body: &CertificateBody, key: &PrivateKey) -> Certificate {
    let to_be_signed = body.to_be_signed();
    Certificate::assemble(&to_be_signed, ALGORITHM, &key.sign(ALGORITHM, &to_be_signed).unwrap()).unwrap()
}

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);

pub(crate) const PROVISIONER: &str = "admin";

/// It stands in the configuration, and clients may have it.
const ENCRYPTED_KEY: &str = "an.encrypted.key";

pub(crate) const FUNCTIONS: [&str; 8] =
    ["info", "sign", "renew", "revoke", "endpoint-certificate", "acme", "acme-finalize", "acme-retry"];

/// Emulators on a busy machine are slower than DynamoDB.
const PATIENT: TimeLimits =
    TimeLimits { attempt: Duration::from_secs(20), operation: Duration::from_secs(60) };
