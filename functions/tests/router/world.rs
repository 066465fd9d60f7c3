//! An authority in memory behind the router, and what its clients send.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_lc_rs::rand;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use stepless_core::authority::{Authority, AuthorityParts, IssuedAtCheck, Persistence};
use stepless_core::clock::{Clock, FixedClock, SignedDuration, Timestamp};
use stepless_core::config::CaConfig;
use stepless_core::fault::Faults;
use stepless_core::key::fault::FaultySigner;
use stepless_core::key::{KeyKind, LocalSigner, PrivateKey, PublicKey, SignatureAlgorithm};
use stepless_core::peer::PeerCertificates;
use stepless_core::provisioner::Provisioners;
use stepless_core::random::{Random, RandomError};
use stepless_core::store::MemoryStore;
use stepless_core::store::fault::FaultyStore;
use stepless_core::x509::{
    Certificate, CertificateBody, DistinguishedName, Issuance, IssuerChain, Profile, RequestBody,
    SubjectAltName, SubjectAltNames, Validity,
};
use stepless_functions::{TraceHeader, info, renew, revoke, sign};
use tower::ServiceExt;

/// The authority, its router, and the key that mints tokens.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) authority: Arc<Authority>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) random: Arc<TestRandom>,
    pub(crate) root: Certificate,
    provisioner: PrivateKey,
    tokens: AtomicU64,
}

/// What [`World::with`] makes otherwise than [`World::new`].
pub(crate) struct Options {
    /// Provisioners behind the first one, as in `ca.json`.
    pub(crate) provisioners: Vec<Value>,
    pub(crate) persistence: Persistence,
    pub(crate) trace_header: TraceHeader,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            provisioners: Vec::new(),
            persistence: Persistence::Durable,
            trace_header: TraceHeader::default(),
        }
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: Certificate,
    pub(crate) key: Arc<PrivateKey>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let clock = Arc::new(FixedClock::new(at("2026-06-01T00:00:00Z")));
        let faults = Arc::new(Faults::none());
        let random = Arc::new(TestRandom::default());
        let provisioner = new_key();
        let (root, intermediate, intermediate_key) = issuers();
        let config = config(&provisioner, options.provisioners);
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let signer = Arc::new(LocalSigner::new(intermediate_key));
        let authority = Authority::open(AuthorityParts {
            issuers: IssuerChain::new(vec![intermediate]).unwrap(),
            signer: Arc::new(FaultySigner::new(signer, faults.clone())),
            roots: vec![root.clone()],
            federated_roots: Vec::new(),
            provisioners: Provisioners::from_config(&config).unwrap(),
            store: Arc::new(FaultyStore::new(store, faults.clone())),
            persistence: options.persistence,
            clock: clock.clone(),
            random: random.clone(),
            dns_names: config.dns_names.clone(),
            common_name: config.common_name.clone(),
            subject_template: config.authority.template.clone(),
            backdate: SignedDuration::from_mins(1),
            issued_at_check: IssuedAtCheck::Enabled,
            tls_options: config.tls.clone(),
        });
        let authority = Arc::new(authority.await.unwrap());
        let routes = info::routes().merge(sign::routes()).merge(renew::routes()).merge(revoke::routes());
        // One route more than `all` has: a handler that fails as no handler should.
        let routes = routes.route("/panic", axum::routing::get(panic));
        let router = stepless_functions::service(routes, authority.clone(), options.trace_header);
        Self { router, authority, clock, faults, random, root, provisioner, tokens: AtomicU64::new(0) }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone(), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, Body::empty())).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(request(Method::POST, path, Body::from(body.to_string()))).await
    }

    /// The claims of a token for `path`, good for five minutes and not yet used.
    pub(crate) fn claims(&self, subject: &str, path: &str) -> Value {
        let now = self.clock.now().as_second();
        json!({
            "iss": "admin", "sub": subject, "aud": format!("https://ca.example{path}"),
            "jti": self.tokens.fetch_add(1, Ordering::Relaxed).to_string(),
            "iat": now, "nbf": now, "exp": now + 300,
        })
    }

    /// A token of the provisioner with these claims.
    pub(crate) fn mint(&self, claims: &Value) -> String {
        token(&self.provisioner, &json!({ "alg": "ES256", "kid": KEY_ID, "typ": "JWT" }), claims)
    }

    /// A token for `/sign`.
    pub(crate) fn token(&self, subject: &str) -> String {
        self.mint(&self.claims(subject, "/1.0/sign"))
    }

    /// The body of a `/sign` that is granted, and the key in it.
    pub(crate) fn sign_body(&self, name: &str) -> (Value, PrivateKey) {
        let key = new_key();
        (json!({ "csr": csr(name, &key), "ott": self.token(name) }), key)
    }

    /// A certificate over `/sign`.
    pub(crate) async fn identity(&self, name: &str) -> Identity {
        let (body, key) = self.sign_body(name);
        let certificate = self.post("/sign", &body).await.certificate();
        Identity { certificate, key: Arc::new(key) }
    }

    /// A renewal token of an identity.
    pub(crate) fn renew_token(&self, identity: &Identity) -> String {
        let name = identity.certificate.subject().common_name().unwrap();
        let mut claims = self.claims(name, "/renew");
        claims["iss"] = "step-ca-client/1.0".into();
        let chain = [STANDARD.encode(identity.certificate.as_der())];
        token(&identity.key, &json!({ "alg": "ES256", "x5cInsecure": chain }), &claims)
    }
}

impl Identity {
    /// What the platform knows of a connection on which this identity was shown.
    pub(crate) fn peer(&self) -> PeerCertificates {
        PeerCertificates(Arc::new([self.certificate.as_der().to_vec()]))
    }

    /// A request over such a connection.
    pub(crate) fn request(&self, path: &str, body: impl Into<Body>) -> Request<Body> {
        let mut request = request(Method::POST, path, body.into());
        request.extensions_mut().insert(self.peer());
        request
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn of(router: Router, request: Request<Body>) -> Self {
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Self { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap() }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        assert!(self.body.ends_with(b"\n"));
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    /// The message of an error in the one shape that all errors have.
    #[track_caller]
    pub(crate) fn error(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
        body["message"].as_str().unwrap().to_owned()
    }

    /// The certificate of a 201.
    #[track_caller]
    pub(crate) fn certificate(&self) -> Certificate {
        assert_eq!(self.status, StatusCode::CREATED, "{self:?}");
        Certificate::from_pem(self.json()["crt"].as_str().unwrap()).unwrap()
    }
}

pub(crate) fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    Request::builder().method(method).uri(path).body(body).unwrap()
}

pub(crate) fn new_key() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

/// A request in PEM for one DNS name.
pub(crate) fn csr(name: &str, key: &PrivateKey) -> String {
    let body = RequestBody {
        subject: DistinguishedName::from_common_name(name).unwrap(),
        public_key: key.public_key().clone(),
        sans: SubjectAltNames { names: vec![SubjectAltName::classify(name).unwrap()], others: Vec::new() },
    };
    body.assemble(ALGORITHM, &key.sign(ALGORITHM, &body.to_be_signed()).unwrap()).unwrap().to_pem()
}

/// A token with this header and these claims.
pub(crate) fn token(key: &PrivateKey, header: &Value, claims: &Value) -> String {
    let signed = signed_part(&header.to_string(), &claims.to_string());
    let signature = key.sign_jose(ALGORITHM, signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token with this header and payload, whatever they are, and a signature that is none.
pub(crate) fn raw_token(header: &str, payload: &str) -> String {
    format!("{}.{}", signed_part(header, payload), URL_SAFE_NO_PAD.encode([7; 64]))
}

fn signed_part(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// A JWK provisioner as `ca.json` has it.
pub(crate) fn jwk_provisioner(name: &str, key_id: &str, key: &PublicKey) -> Value {
    let (x, y) = key.ec_coordinates().unwrap();
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    json!({
        "type": "JWK", "name": name, "encryptedKey": format!("jwe.of.{name}"),
        "key": { "use": "sig", "kty": "EC", "kid": key_id, "crv": "P-256", "alg": "ES256", "x": x, "y": y },
    })
}

pub(crate) const KEY_ID: &str = "key-of-admin";

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(stepless_core::key::Digest::Sha256);

async fn panic() {
    panic!("this handler always panics");
}

fn config(provisioner: &PrivateKey, more: Vec<Value>) -> CaConfig {
    let mut provisioners = vec![jwk_provisioner("admin", KEY_ID, provisioner.public_key())];
    provisioners.extend(more);
    let config = json!({
        "root": "root.crt", "crt": "ca.crt", "key": "ca.key", "address": ":443", "dnsNames": ["ca.example"],
        "authority": { "provisioners": provisioners },
    });
    CaConfig::parse(&config.to_string()).unwrap().0
}

fn issuers() -> (Certificate, Certificate, PrivateKey) {
    let (root_key, key) = (new_key(), new_key());
    let name = |name| DistinguishedName::from_common_name(name).unwrap();
    let validity = Validity::new(at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z")).unwrap();
    let serial = || "1".parse().unwrap();
    let root_key_public = root_key.public_key().clone();
    let body =
        CertificateBody::root(serial(), ALGORITHM, validity, name("Root"), root_key_public, Profile::root());
    let root = certify(&body.unwrap(), &root_key);
    let issuance = Issuance { serial: serial(), algorithm: ALGORITHM, issuer: &root, validity };
    let profile = Profile::intermediate();
    let body = CertificateBody::new(issuance, name("Intermediate"), key.public_key().clone(), profile);
    let intermediate = certify(&body.unwrap(), &root_key);
    (root, intermediate, key)
}

fn certify(body: &CertificateBody, key: &PrivateKey) -> Certificate {
    let to_be_signed = body.to_be_signed();
    Certificate::assemble(&to_be_signed, ALGORITHM, &key.sign(ALGORITHM, &to_be_signed).unwrap()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The system's randomness, which panics once when it is told to: the authority asks it for a serial number.
#[derive(Debug, Default)]
pub(crate) struct TestRandom {
    panics: AtomicBool,
}

impl TestRandom {
    pub(crate) fn panic_once(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }
}

impl Random for TestRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "this call was made to panic");
        rand::fill(buffer).map_err(|_| RandomError)
    }
}
