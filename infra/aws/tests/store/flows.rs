//! The authority's own flows over the store in DynamoDB: what they cost, and what bad weather does to them.

use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stepless_core::authority::{
    Authority, AuthorityError, AuthorityParts, ClientCredential, IssuedAtCheck, IssuedCertificate,
    Persistence, RevokeCredential, RevokeRequest, SignRequest,
};
use stepless_core::clock::{Clock, SignedDuration};
use stepless_core::config::{CaConfig, TimeDuration};
use stepless_core::fault::{Call, Faults};
use stepless_core::key::fault::FaultySigner;
use stepless_core::key::{Digest, KeyKind, LocalSigner, PrivateKey, SignatureAlgorithm};
use stepless_core::peer::PeerCertificates;
use stepless_core::provisioner::Provisioners;
use stepless_core::random::{Random, RandomError};
use stepless_core::x509::{
    Certificate, CertificateBody, DistinguishedName, IssuerChain, Profile, RequestBody, SubjectAltName,
    SubjectAltNames, Validity,
};
use stepless_localstack::proxy::{AwsError, Fault, Rule, When};

use crate::table::{Weather, both};

const ES256: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);

struct World {
    authority: Arc<Authority>,
    weather: Weather,
    /// Counts signatures.
    faults: Arc<Faults>,
    provisioner: PrivateKey,
}

impl World {
    async fn at(url: &str) -> Self {
        let weather = Weather::at(url).await;
        let (provisioner, issuer_key) = (new_key(), new_key());
        let issuer = issuer(&issuer_key);
        let config = config(&provisioner);
        let faults = Arc::new(Faults::none());
        let signer = Arc::new(LocalSigner::new(issuer_key));
        let authority = Authority::open(AuthorityParts {
            issuers: IssuerChain::new(vec![issuer.clone()]).unwrap(),
            signer: Arc::new(FaultySigner::new(signer, faults.clone())),
            roots: vec![issuer],
            federated_roots: Vec::new(),
            provisioners: Provisioners::from_config(&config).unwrap(),
            store: weather.store.clone(),
            persistence: Persistence::Durable,
            clock: weather.clock.clone(),
            random: Arc::new(SystemRandom),
            dns_names: config.dns_names.clone(),
            common_name: config.common_name.clone(),
            subject_template: config.authority.template.clone(),
            backdate: SignedDuration::from_mins(1),
            issued_at_check: IssuedAtCheck::Disabled,
            tls_options: config.tls.clone(),
        });
        Self { authority: Arc::new(authority.await.unwrap()), weather, faults, provisioner }
    }

    fn token(&self, subject: &str, path: &str) -> String {
        let now = self.weather.clock.now().as_second();
        let claims = json!({
            "iss": "admin", "sub": subject, "aud": format!("https://ca.example{path}"),
            "jti": format!("{path} {subject}"), "iat": now, "nbf": now, "exp": now + 300,
        });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = json!({ "alg": "ES256", "kid": "key-of-admin", "typ": "JWT" });
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.provisioner.sign_jose(ES256, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    async fn sign(&self, name: &str, key: &PrivateKey) -> Result<IssuedCertificate, AuthorityError> {
        let (csr, token) = (csr(name, key), self.token(name, "/1.0/sign"));
        sign(&self.authority, &csr, &token).await
    }

    /// What was called since the last time.
    fn calls(&self) -> Vec<String> {
        let calls = self.weather.proxy.operations();
        self.weather.proxy.forget_calls();
        calls
    }

    fn signatures(&self) -> usize {
        self.faults.calls().iter().filter(|call| **call == Call::Sign).count()
    }
}

async fn sign(authority: &Authority, csr: &str, token: &str) -> Result<IssuedCertificate, AuthorityError> {
    let (not_before, not_after) = (TimeDuration::Unset, TimeDuration::Unset);
    authority.sign(SignRequest { csr, token, not_before, not_after }).await
}

fn by_tls(certificate: &Certificate) -> ClientCredential {
    ClientCredential::Certificates(PeerCertificates(Arc::new([certificate.as_der().to_vec()])))
}

#[tokio::test]
async fn signing_renewing_and_rekeying_cost_two_calls_and_a_signature_and_revoking_one_call() {
    for url in both() {
        let world = World::at(&url).await;
        let (key, next) = (new_key(), new_key());
        assert_eq!(world.calls(), Vec::<String>::new());

        let issued = world.sign("host.example", &key).await.unwrap();
        assert_eq!((world.calls(), world.signatures()), (two(), 1));

        let renewed = world.authority.renew(&by_tls(issued.certificate())).await.unwrap();
        assert_eq!((world.calls(), world.signatures()), (two(), 2));

        world.weather.clock.advance(1);
        let csr = csr("host.example", &next);
        let rekeyed = world.authority.rekey(&by_tls(renewed.certificate()), &csr).await.unwrap();
        assert_eq!((world.calls(), world.signatures()), (two(), 3));

        let serial = rekeyed.certificate().serial().to_string();
        let credential = RevokeCredential::Token(world.token(&serial, "/1.0/revoke"));
        let request = RevokeRequest::parse(&serial, 0, "test".to_owned(), true).unwrap();
        world.authority.revoke(request, &credential).await.unwrap();
        assert_eq!((world.calls(), world.signatures()), (vec!["TransactWriteItems".to_owned()], 3));
    }
}

/// The intent is several conditional writes, the certificate a single one.
fn two() -> Vec<String> {
    vec!["TransactWriteItems".to_owned(), "UpdateItem".to_owned()]
}

#[tokio::test]
async fn d6_a_request_whose_commits_lose_their_answers_gets_its_certificate_with_one_signature() {
    for url in both() {
        for fault in [Fault::DropAfter, Fault::AnswerAfter(AwsError::new(500, "InternalServerError"))] {
            let world = World::at(&url).await;
            for operation in ["TransactWriteItems", "UpdateItem"] {
                world.weather.proxy.add(Rule::new(operation, When::First(2), fault.clone()));
            }

            world.sign("host.example", &new_key()).await.unwrap();

            assert_eq!(world.signatures(), 1);
            assert_eq!(world.calls().len(), 6);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d3_a_token_that_fifty_requests_bring_at_once_is_good_for_one_of_them() {
    for url in both() {
        let world = World::at(&url).await;
        world.weather.proxy.add(Rule::of_any(When::Percent(20), Fault::DropAfter));
        let (csr, token) = (csr("host.example", &new_key()), world.token("host.example", "/1.0/sign"));

        let requests: Vec<_> = (0..50)
            .map(|_| {
                let (authority, csr, token) = (world.authority.clone(), csr.clone(), token.clone());
                tokio::spawn(async move { sign(&authority, &csr, &token).await })
            })
            .collect();
        let mut issued = 0;
        for request in requests {
            issued += usize::from(request.await.unwrap().is_ok());
        }

        assert_eq!((issued, world.signatures()), (1, 1));
    }
}

fn new_key() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

fn csr(name: &str, key: &PrivateKey) -> String {
    let body = RequestBody {
        subject: DistinguishedName::from_common_name(name).unwrap(),
        public_key: key.public_key().clone(),
        sans: SubjectAltNames { names: vec![SubjectAltName::classify(name).unwrap()], others: Vec::new() },
    };
    body.assemble(ES256, &key.sign(ES256, &body.to_be_signed()).unwrap()).unwrap().to_pem()
}

/// A root that issues leaves itself.
fn issuer(key: &PrivateKey) -> Certificate {
    let instant = |text: &str| text.parse().unwrap();
    let validity = Validity::new(instant("2099-01-01T00:00:00Z"), instant("2110-01-01T00:00:00Z")).unwrap();
    let name = DistinguishedName::from_common_name("Root").unwrap();
    let serial = "1".parse().unwrap();
    let body =
        CertificateBody::root(serial, ES256, validity, name, key.public_key().clone(), Profile::root());
    let to_be_signed = body.unwrap().to_be_signed();
    Certificate::assemble(&to_be_signed, ES256, &key.sign(ES256, &to_be_signed).unwrap()).unwrap()
}

fn config(provisioner: &PrivateKey) -> CaConfig {
    let (x, y) = provisioner.public_key().ec_coordinates().unwrap();
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let provisioner = json!({
        "type": "JWK", "name": "admin",
        "key": { "use": "sig", "kty": "EC", "kid": "key-of-admin", "crv": "P-256", "alg": "ES256", "x": x, "y": y },
    });
    let config = json!({
        "root": "root.crt", "crt": "ca.crt", "key": "ca.key", "address": ":443", "dnsNames": ["ca.example"],
        "authority": { "provisioners": [provisioner] },
    });
    CaConfig::parse(&config.to_string()).unwrap().0
}

#[derive(Debug)]
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        rand::fill(buffer).map_err(|_| RandomError)
    }
}
