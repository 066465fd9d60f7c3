//! An authority whose key is in the double of KMS, and whose store is in memory.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stepless_aws::kms::{KmsSigner, OpenKeyError};
use stepless_core::authority::{
    Authority, AuthorityError, AuthorityParts, IssuedAtCheck, IssuedCertificate, LEASE, OpenError,
    Persistence, SignRequest,
};
use stepless_core::clock::{Clock as _, FixedClock, SignedDuration, Timestamp};
use stepless_core::config::{CaConfig, TimeDuration};
use stepless_core::key::{Digest, KeyKind, PrivateKey, PublicKey, SignatureAlgorithm, Signer};
use stepless_core::provisioner::Provisioners;
use stepless_core::random::{Random, RandomError};
use stepless_core::store::table::{self, CertificateRecord, CertificateState};
use stepless_core::store::{MemoryStore, Store as _};
use stepless_core::x509::{
    Certificate, CertificateBody, DistinguishedName, Issuance, IssuerChain, Profile, RequestBody,
    SerialNumber, SubjectAltName, SubjectAltNames, Validity,
};

use crate::kms_bench::{Bench, key_id};

const ES256: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);

/// The name by which the authority knows its key.
pub(crate) const ALIAS: &str = "alias/issuer";

/// A root in memory, an issuer in the double of KMS, and what they work with.
pub(crate) struct Ca {
    pub(crate) bench: Bench,
    /// The ARN of the issuer's key.
    pub(crate) arn: String,
    root: Certificate,
    issuer: Certificate,
    provisioner: PrivateKey,
    clock: Arc<FixedClock>,
    store: Arc<MemoryStore>,
    random: Arc<RecordingRandom>,
}

impl Ca {
    pub(crate) async fn new(kind: KeyKind) -> Self {
        let bench = Bench::new().await;
        let arn = bench.key(kind).as_str().to_owned();
        bench.double.point_alias(ALIAS, &arn);
        let signer = KmsSigner::open(bench.client.clone(), key_id(ALIAS), None).await.unwrap();
        let root_key = new_key();
        let root = root(&root_key);
        let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
        bench.proxy.forget_calls();
        Self {
            issuer: issuer(&root, &root_key, signer.public_key()),
            root,
            provisioner: new_key(),
            store: Arc::new(MemoryStore::new(clock.clone())),
            random: Arc::default(),
            clock,
            arn,
            bench,
        }
    }

    /// The authority of one more process, which opens the key itself.
    pub(crate) async fn authority(&self) -> Authority {
        self.open().await.unwrap()
    }

    /// As [`Ca::authority`], where the key may not be the issuer's.
    pub(crate) async fn open(&self) -> Result<Authority, OpenError> {
        Authority::open(self.parts(Arc::new(self.open_key().await.unwrap()))).await
    }

    /// Opens the key as the product does.
    pub(crate) async fn open_key(&self) -> Result<KmsSigner, OpenKeyError> {
        let preferred = self.issuer.signature_algorithm();
        KmsSigner::open(self.bench.client.clone(), key_id(ALIAS), preferred).await
    }

    pub(crate) fn parts(&self, signer: Arc<dyn Signer>) -> AuthorityParts {
        let config = config(&self.provisioner);
        AuthorityParts {
            issuers: IssuerChain::new(vec![self.issuer.clone()]).unwrap(),
            signer,
            roots: vec![self.root.clone()],
            federated_roots: Vec::new(),
            provisioners: Provisioners::from_config(&config).unwrap(),
            store: self.store.clone(),
            persistence: Persistence::Durable,
            clock: self.clock.clone(),
            random: self.random.clone(),
            dns_names: config.dns_names.clone(),
            common_name: config.common_name.clone(),
            subject_template: config.authority.template.clone(),
            backdate: SignedDuration::from_mins(1),
            issued_at_check: IssuedAtCheck::Disabled,
            tls_options: config.tls.clone(),
        }
    }

    /// A request with a token of its own.
    pub(crate) fn application(&self, names: &[String]) -> Application {
        let now = self.clock.now().as_second();
        let csr = csr(&new_key(), names);
        let id = hex::encode(digest::digest(&digest::SHA256, csr.as_bytes()));
        let claims = json!({
            "iss": "admin", "sub": names[0], "sans": names, "aud": "https://ca.example/1.0/sign",
            "jti": id, "iat": now, "nbf": now, "exp": now + 300,
        });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = json!({ "alg": "ES256", "kid": "key-of-admin", "typ": "JWT" });
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.provisioner.sign_jose(ES256, signed.as_bytes()).unwrap();
        Application { csr, token: format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)) }
    }

    /// A request for one host.
    pub(crate) fn host(&self) -> Application {
        self.application(&["host.example".to_owned()])
    }

    /// Whoever holds an intent holds it no longer.
    pub(crate) fn end_leases(&self) {
        self.clock.advance(LEASE.as_secs() + 1);
    }

    /// The records of all certificates that were ever begun, in order.
    pub(crate) async fn records(&self) -> Vec<(SerialNumber, CertificateState)> {
        let mut records = Vec::new();
        for serial in self.random.serials() {
            if let Some(found) = self.store.get(&table::certificate(&serial)).await.unwrap() {
                records.push((serial, table::decode::<CertificateRecord>(&found).unwrap().state));
            }
        }
        records
    }

    /// The records' states in a word each.
    pub(crate) async fn states(&self) -> Vec<&'static str> {
        let records = self.records().await.into_iter();
        let word = |state| match state {
            CertificateState::Intent { .. } => "intent",
            CertificateState::Abandoned { .. } => "abandoned",
            CertificateState::Issued { .. } => "issued",
        };
        records.map(|(_, state)| word(state)).collect()
    }

    /// What KMS was asked to sign, and did.
    pub(crate) fn signed(&self) -> Vec<Value> {
        self.bench.double.requests("Sign").into_iter().map(|call| call["Message"].clone()).collect()
    }

    /// Whether a certificate is what this authority issues.
    #[track_caller]
    pub(crate) fn assert_sound(&self, issued: &IssuedCertificate) {
        issued.certificate().verify_signature(self.issuer.public_key()).unwrap();
    }

    pub(crate) fn issuer_key(&self) -> &PublicKey {
        self.issuer.public_key()
    }
}

/// What a client sends.
pub(crate) struct Application {
    csr: String,
    token: String,
}

impl Application {
    pub(crate) async fn to(&self, authority: &Authority) -> Result<IssuedCertificate, AuthorityError> {
        let (not_before, not_after) = (TimeDuration::Unset, TimeDuration::Unset);
        authority.sign(SignRequest { csr: &self.csr, token: &self.token, not_before, not_after }).await
    }
}

/// The randomness of the system; it remembers the serial numbers that were made of it.
#[derive(Debug, Default)]
struct RecordingRandom(Mutex<Vec<SerialNumber>>);

impl RecordingRandom {
    fn serials(&self) -> Vec<SerialNumber> {
        self.0.lock().unwrap().clone()
    }
}

impl Random for RecordingRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        rand::fill(buffer).map_err(|_| RandomError)?;
        if let Ok(serial) = format!("0x{}", hex::encode(&buffer)).parse() {
            self.0.lock().unwrap().push(serial);
        }
        Ok(())
    }
}

fn new_key() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

fn csr(key: &PrivateKey, names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| SubjectAltName::classify(name).unwrap()).collect();
    let body = RequestBody {
        subject: DistinguishedName::from_common_name("").unwrap(),
        public_key: key.public_key().clone(),
        sans: SubjectAltNames::from(names),
    };
    body.assemble(ES256, &key.sign(ES256, &body.to_be_signed()).unwrap()).unwrap().to_pem()
}

fn root(key: &PrivateKey) -> Certificate {
    let name = DistinguishedName::from_common_name("Root").unwrap();
    let public_key = key.public_key().clone();
    let serial = "1".parse().unwrap();
    let body = CertificateBody::root(serial, ES256, validity(), name, public_key, Profile::root());
    certify(key, &body.unwrap())
}

fn issuer(root: &Certificate, root_key: &PrivateKey, key: &PublicKey) -> Certificate {
    let serial = "2".parse().unwrap();
    let issuance = Issuance { serial, algorithm: ES256, issuer: root, validity: validity() };
    let name = DistinguishedName::from_common_name("Issuer").unwrap();
    certify(root_key, &CertificateBody::new(issuance, name, key.clone(), Profile::intermediate()).unwrap())
}

fn certify(key: &PrivateKey, body: &CertificateBody) -> Certificate {
    let to_be_signed = body.to_be_signed();
    Certificate::assemble(&to_be_signed, ES256, &key.sign(ES256, &to_be_signed).unwrap()).unwrap()
}

fn validity() -> Validity {
    let instant = |text: &str| text.parse::<Timestamp>().unwrap();
    Validity::new(instant("2026-01-01T00:00:00Z"), instant("2036-01-01T00:00:00Z")).unwrap()
}

fn config(provisioner: &PrivateKey) -> CaConfig {
    let (x, y) = provisioner.public_key().ec_coordinates().unwrap();
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let provisioner = json!({
        "type": "JWK", "name": "admin",
        "key": { "use": "sig", "kty": "EC", "kid": "key-of-admin", "crv": "P-256", "alg": "ES256", "x": x, "y": y },
    });
    let config = json!({
        "root": "root.crt", "crt": "ca.crt", "key": ALIAS, "kms": { "type": "awskms" }, "address": ":443",
        "dnsNames": ["ca.example"], "authority": { "provisioners": [provisioner] },
    });
    CaConfig::parse(&config.to_string()).unwrap().0
}

const NOW: &str = "2026-06-01T12:00:00Z";
