//! One-time tokens, good and broken.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::Key;

/// A JWT before it is signed; every member can be changed or removed.
#[derive(Clone, Debug)]
pub struct Token {
    /// The protected header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
}

impl Token {
    /// A token as `step ca token` makes it. `audience` is the URL of the operation, `now` in seconds since 1970.
    pub fn new(key: &Key, issuer: &str, audience: &str, subject: &str, id: &str, now: i64) -> Self {
        Self {
            header: json!({"alg": key.jws_algorithm(), "kid": key.thumbprint(), "typ": "JWT"}),
            claims: json!({
                "aud": audience, "exp": now + LIFETIME, "iat": now, "iss": issuer, "jti": id, "nbf": now, "sub": subject,
            }),
        }
    }

    /// The same token with one claim set.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    /// The same token without one claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.as_object_mut().expect("claims are an object").remove(claim);
        self
    }

    /// The same token with one header member set.
    #[must_use]
    pub fn with_header(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.header[member] = value.into();
        self
    }

    /// The same token without one header member.
    #[must_use]
    pub fn without_header(mut self, member: &str) -> Self {
        self.header.as_object_mut().expect("the header is an object").remove(member);
        self
    }

    /// The compact form.
    pub fn sign(&self, key: &Key) -> String {
        let input = self.signing_input();
        let signature = key.sign_jws(input.as_bytes());
        format!("{input}.{}", encode(&signature))
    }

    /// The compact form with a signature of any bytes.
    pub fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.signing_input(), encode(signature))
    }

    /// The compact form with an HMAC-SHA256 keyed with `secret`.
    pub fn mac(&self, secret: &[u8]) -> String {
        let input = self.signing_input();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        self.with_signature(aws_lc_rs::hmac::sign(&key, input.as_bytes()).as_ref())
    }

    fn signing_input(&self) -> String {
        format!(
            "{}.{}",
            encode(self.header.to_string().as_bytes()),
            encode(self.claims.to_string().as_bytes())
        )
    }
}

/// Base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// How long a token of `step` is good for, in seconds.
pub const LIFETIME: i64 = 300;
