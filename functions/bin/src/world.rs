//! An authority in memory, for tests.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use stepless_aws::configuration::{ConfigurationSource, ConfigurationVersion, Expected};
use stepless_core::authority::{Authority, AuthorityParts, Persistence, Platform};
use stepless_core::clock::{FixedClock, Timestamp};
use stepless_core::config::CaConfig;
use stepless_core::key::{Digest, KeyKind, LocalSigner, PrivateKey, SignatureAlgorithm};
use stepless_core::store::MemoryStore;
use stepless_core::x509::{
    Certificate, CertificateBody, DistinguishedName, Issuance, IssuerChain, Profile, SerialNumber, Validity,
};
use stepless_functions::TraceHeader;
use stepless_net::SystemRandom;

use crate::source::{NotOpen, Opened, Opener};

pub(crate) const NOW: &str = "2026-06-01T00:00:00Z";

pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::new(NOW.parse().unwrap()))
}

/// A root, an issuer below it, and the issuer's key.
pub(crate) fn issuers() -> (Certificate, Certificate, PrivateKey) {
    let generate = || PrivateKey::generate(KeyKind::P256).unwrap();
    let (root_key, key) = (generate(), generate());
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let name = |text| DistinguishedName::from_common_name(text).unwrap();
    let serial = || "1".parse::<SerialNumber>().unwrap();
    let validity = Validity::new(at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z")).unwrap();
    let public = root_key.public_key().clone();
    let body = CertificateBody::root(serial(), ALGORITHM, validity, name("Root"), public, Profile::root());
    let root = certify(&body.unwrap(), &root_key);
    let issuance = Issuance { serial: serial(), algorithm: ALGORITHM, issuer: &root, validity };
    let public = key.public_key().clone();
    let body = CertificateBody::new(issuance, name("Issuer"), public, Profile::intermediate());
    let issuer = certify(&body.unwrap(), &root_key);
    (root, issuer, key)
}

fn certify(body: &CertificateBody, key: &PrivateKey) -> Certificate {
    let to_be_signed = body.to_be_signed();
    Certificate::assemble(&to_be_signed, ALGORITHM, &key.sign(ALGORITHM, &to_be_signed).unwrap()).unwrap()
}

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(Digest::Sha256);

/// What a test makes go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Weather {
    #[default]
    Fair,
    /// The key refuses.
    KeyRefuses,
}

/// Opens a new authority whenever the configuration in a store changed.
#[derive(Debug)]
pub(crate) struct TestOpener {
    pub(crate) place: ConfigurationSource,
    pub(crate) looks: AtomicUsize,
    pub(crate) weather: Mutex<Weather>,
    clock: Arc<FixedClock>,
}

impl TestOpener {
    pub(crate) fn new(clock: Arc<FixedClock>) -> Self {
        let place = ConfigurationSource::in_store(Arc::new(MemoryStore::new(clock.clone())));
        Self { place, looks: AtomicUsize::new(0), weather: Mutex::default(), clock }
    }

    pub(crate) async fn write(&self, text: &str, expected: Expected<'_>) -> ConfigurationVersion {
        self.place.write(text, expected).await.unwrap()
    }

    pub(crate) fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Opener for TestOpener {
    async fn open(&self, known: Option<&ConfigurationVersion>) -> Result<Option<Opened>, NotOpen> {
        use stepless_aws::configuration::Found;
        self.looks.fetch_add(1, Ordering::SeqCst);
        let found = match self.place.read(known).await? {
            Found::Unchanged => return Ok(None),
            Found::Absent => return Err(NotOpen::NoConfiguration { place: "the test".to_owned() }),
            Found::Configuration(found) => found,
        };
        let (config, _) = CaConfig::parse(&found.text)?;
        if *self.weather.lock().unwrap() == Weather::KeyRefuses {
            return Err(NotOpen::Recently);
        }
        let (root, issuer, key) = issuers();
        let platform = Platform {
            issuers: IssuerChain::new(vec![issuer]).unwrap(),
            signer: Arc::new(LocalSigner::new(key)),
            roots: vec![root],
            federated_roots: Vec::new(),
            store: Arc::new(MemoryStore::new(self.clock.clone())),
            persistence: Persistence::Durable,
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        };
        let parts = AuthorityParts::from_config(&config, platform).unwrap();
        let authority = Arc::new(Authority::open(parts).await.unwrap());
        let trace_header = TraceHeader::default();
        Ok(Some(Opened { authority, config: Arc::new(config), trace_header, version: found.version }))
    }
}

/// A configuration that `/provisioners` tells by this name.
pub(crate) fn configuration(provisioner: &str) -> String {
    serde_json::json!({
        "root": "root.crt", "crt": "ca.crt", "key": "awskms:key-id=1", "address": ":443", "dnsNames": ["ca.example"],
        "authority": { "provisioners": [{ "type": "ACME", "name": provisioner }] },
    })
    .to_string()
}
