//! Tokens: good ones, and ones that lack or lie.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{World, key_id};
use crate::key::{PrivateKey, SignatureAlgorithm};
use crate::x509::Certificate;

/// A token before it is signed.
#[derive(Clone)]
pub(crate) struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Token {
    /// A token of the provisioner `admin` for `/sign`, as `step ca token` makes it; its id is like no other's.
    pub(crate) fn new(world: &World, subject: &str) -> Self {
        let now = world.now().as_second();
        let claims = json!({
            "iss": "admin",
            "sub": subject,
            "aud": "https://ca.example/1.0/sign",
            "nbf": now,
            "iat": now,
            "exp": now + 300,
            "jti": fresh_id(),
            "sha": world.root.certificate.fingerprint_sha256(),
            "sans": [subject],
        });
        Self { header: object(json!({ "typ": "JWT", "kid": key_id(&world.admin) })), claims: object(claims) }
    }

    /// A token of the provisioner `admin` that revokes this serial number.
    pub(crate) fn revoking(world: &World, serial: impl ToString) -> Self {
        Self::new(world, &serial.to_string()).with("aud", "https://ca.example/1.0/revoke").without("sans")
    }

    /// The token with which `step ca renew` stands in for mutual TLS.
    pub(crate) fn renewing(world: &World, certificate: &Certificate) -> Self {
        let token = Self::new(world, certificate.subject().common_name().unwrap_or_default());
        token
            .with("iss", "step-ca-client/1.0")
            .with("aud", "https://ca.example/renew")
            .without("jti")
            .without("sans")
            .without("sha")
            .header("x5cInsecure", x5c(&[certificate, &world.issuer.certificate]))
            .without_header("kid")
    }

    pub(crate) fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    pub(crate) fn header(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.header.insert(member.to_owned(), value.into());
        self
    }

    pub(crate) fn without_header(mut self, member: &str) -> Self {
        self.header.remove(member);
        self
    }

    /// The token, signed with the algorithm that goes with the key.
    pub(crate) fn mint(&self, key: &PrivateKey) -> String {
        let algorithm = SignatureAlgorithm::default_for(key.public_key().kind());
        let name = crate::jose::SigningAlgorithm::default_for(key.public_key().kind()).unwrap().name();
        let signed = self.clone().header("alg", name).signed_part();
        let signature = key.sign_jose(algorithm, signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64url(&signature))
    }

    /// The token with any algorithm and any signature.
    pub(crate) fn forge(&self, algorithm: &str, signature: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let signed = self.clone().header("alg", algorithm).signed_part();
        format!("{signed}.{}", base64url(&signature(signed.as_bytes())))
    }

    fn signed_part(&self) -> String {
        let part =
            |members: &Map<String, Value>| base64url(Value::from(members.clone()).to_string().as_bytes());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }
}

/// An id that no other token has.
pub(crate) fn fresh_id() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    format!("{:032x}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The chain of a token's header.
pub(crate) fn x5c(chain: &[&Certificate]) -> Vec<String> {
    chain.iter().map(|certificate| STANDARD.encode(certificate.as_der())).collect()
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => unreachable!("written as an object"),
    }
}
