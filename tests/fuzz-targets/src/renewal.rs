//! Renewal tokens: the one credential whose certificates the client brings along.

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use stepless_core::authority::{
    Authority, AuthorityError, AuthorityParts, ClientCredential, IssuedAtCheck, IssuedCertificate,
    Persistence, RenewToken,
};
use stepless_core::clock::{FixedClock, SignedDuration, Timestamp};
use stepless_core::config::CaConfig;
use stepless_core::key::{LocalSigner, PrivateKey, SignatureAlgorithm};
use stepless_core::provisioner::Provisioners;
use stepless_core::random::{Random, RandomError};
use stepless_core::store::MemoryStore;
use stepless_core::x509::{
    Certificate, CertificateBody, DistinguishedName, Issuance, IssuerChain, Profile, ProvisionerExtension,
    ProvisionerKind, SubjectAltName, SubjectAltNames, Validity,
};

use crate::token::{compact, signed_part};

/// [`Authority::renew`] with a token in compact form; with a token of this header and payload, as two lines, that the
/// leaf's key signs; and with a token that shows these bytes as its certificate.
///
/// A certificate that comes of it is the leaf's successor, whatever the token says.
pub fn renew_token(data: &[u8]) {
    let issued = match std::str::from_utf8(data) {
        Ok(text) if text.contains('\n') => renew(text),
        Ok(text) => renew_with(text.to_owned()),
        Err(_) => {
            renew(&format!("{{\"alg\":\"ES256\",\"x5cInsecure\":[\"{}\"]}}\n{{}}", STANDARD.encode(data)))
        }
    };
    if let Ok(issued) = issued {
        assert_eq!(issued.certificate().subject(), WORLD.leaf.subject());
        assert_eq!(issued.certificate().public_key(), WORLD.leaf.public_key());
        assert_eq!(issued.certificate().sans(), WORLD.leaf.sans());
    }
}

/// Renews with a token of this header and payload, signed with the leaf's key. `@leaf` stands for the leaf in base64.
///
/// # Errors
/// [`AuthorityError`] of [`Authority::renew`].
pub fn renew(lines: &str) -> Result<IssuedCertificate, AuthorityError> {
    let lines = lines.replace("@leaf", &STANDARD.encode(WORLD.leaf.as_der()));
    let lines = lines.split_once('\n').unwrap_or((&lines, ""));
    let algorithm = SignatureAlgorithm::default_for(WORLD.leaf_key.public_key().kind());
    let signature = WORLD.leaf_key.sign_jose(algorithm, signed_part(lines).as_bytes());
    renew_with(compact(lines, &signature.expect("the leaf's key signs")))
}

fn renew_with(token: String) -> Result<IssuedCertificate, AuthorityError> {
    // A new store each time: the same token may be spent again, and a run does not depend on those before it.
    let authority = ready(WORLD.open());
    ready(authority.renew(&ClientCredential::RenewToken(RenewToken::new(token))))
}

/// An authority whose keys and time never change.
struct World {
    root: Certificate,
    intermediate: Certificate,
    intermediate_key: &'static [u8],
    leaf: Certificate,
    leaf_key: PrivateKey,
    config: CaConfig,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let root_key = key(include_bytes!("../../../core/src/key/testdata/p384.pem"));
        let intermediate_pem = include_bytes!("../../../core/src/key/testdata/ed25519.pem");
        let intermediate_key = key(intermediate_pem);
        let leaf_key = key(include_bytes!("../../../core/src/key/testdata/p256.pem"));
        let root_body = CertificateBody::root(
            "1".parse().expect("a serial number"),
            algorithm(&root_key),
            validity(),
            name("Root"),
            root_key.public_key().clone(),
            Profile::root(),
        );
        let root = sign(&root_body.expect("a root"), &root_key);
        let intermediate =
            certify(&root, &root_key, "Intermediate", intermediate_key.public_key(), Profile::intermediate());
        let sans = SubjectAltNames {
            names: vec![SubjectAltName::classify("leaf.example").expect("a name")],
            others: Vec::new(),
        };
        let extension = ProvisionerExtension {
            kind: ProvisionerKind::Jwk,
            name: "admin".to_owned(),
            credential_id: "key".to_owned(),
            key_value_pairs: Vec::new(),
        };
        let mut profile = Profile::leaf(leaf_key.public_key(), sans);
        profile.extra.push(extension.to_extension());
        let leaf = certify(&intermediate, &intermediate_key, "leaf.example", leaf_key.public_key(), profile);

        let (x, y) = leaf_key.public_key().ec_coordinates().expect("a P-256 key");
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "kid": "key",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        let config = json!({
            "root": "root.crt", "crt": "ca.crt", "key": "ca.key", "address": ":9000", "dnsNames": ["ca.example"],
            "authority": { "provisioners": [{ "type": "JWK", "name": "admin", "key": jwk }] },
        });
        let (config, _) = CaConfig::parse(&config.to_string()).expect("a configuration");
        Self { root, intermediate, intermediate_key: intermediate_pem, leaf, leaf_key, config }
    }

    async fn open(&self) -> Authority {
        let clock = Arc::new(FixedClock::new(at("2026-06-01T00:00:00Z")));
        Authority::open(AuthorityParts {
            issuers: IssuerChain::new(vec![self.intermediate.clone()]).expect("an issuer"),
            signer: Arc::new(LocalSigner::new(key(self.intermediate_key))),
            roots: vec![self.root.clone()],
            federated_roots: Vec::new(),
            provisioners: Provisioners::from_config(&self.config).expect("a provisioner"),
            store: Arc::new(MemoryStore::new(clock.clone())),
            persistence: Persistence::Durable,
            clock,
            random: Arc::new(NotRandom),
            dns_names: self.config.dns_names.clone(),
            common_name: self.config.common_name.clone(),
            subject_template: self.config.authority.template.clone(),
            backdate: SignedDuration::from_mins(1),
            issued_at_check: IssuedAtCheck::Disabled,
            tls_options: self.config.tls.clone(),
        })
        .await
        .expect("an authority")
    }
}

/// The same bytes every time, so that a run can be repeated.
#[derive(Debug)]
struct NotRandom;

impl Random for NotRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.fill(0x5a);
        Ok(())
    }
}

/// The outcome of a future that never waits: store and signer are in memory.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

fn key(pem: &[u8]) -> PrivateKey {
    PrivateKey::from_pem(pem, None).expect("a key of the test data")
}

fn algorithm(key: &PrivateKey) -> SignatureAlgorithm {
    SignatureAlgorithm::default_for(key.public_key().kind())
}

fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::from_common_name(common_name).expect("a name")
}

fn validity() -> Validity {
    Validity::new(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")).expect("a year")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn certify(
    issuer: &Certificate,
    issuer_key: &PrivateKey,
    common_name: &str,
    public_key: &stepless_core::key::PublicKey,
    profile: Profile,
) -> Certificate {
    let issuance = Issuance {
        serial: "2".parse().expect("a serial number"),
        algorithm: algorithm(issuer_key),
        issuer,
        validity: validity(),
    };
    let body = CertificateBody::new(issuance, name(common_name), public_key.clone(), profile);
    sign(&body.expect("a certificate"), issuer_key)
}

fn sign(body: &CertificateBody, key: &PrivateKey) -> Certificate {
    let to_be_signed = body.to_be_signed();
    let signature = key.sign(body.signature_algorithm, &to_be_signed).expect("the key signs");
    Certificate::assemble(&to_be_signed, body.signature_algorithm, &signature).expect("a certificate")
}
