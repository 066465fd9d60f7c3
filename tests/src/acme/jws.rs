//! JSON Web Signatures as ACME wants them ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)), and as it does not.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::Key;

/// A message before it is signed; every part can be changed.
#[derive(Clone, Debug)]
pub struct Jws {
    /// The protected header.
    pub protected: Value,
    /// The payload: JSON, or nothing for a POST-as-GET.
    pub payload: String,
}

impl Jws {
    /// A message that shows its own key.
    pub fn with_jwk(key: &Key, nonce: &str, url: &str, payload: &str) -> Self {
        let protected =
            json!({"alg": key.jws_algorithm(), "jwk": key.bare_jwk(), "nonce": nonce, "url": url});
        Self { protected, payload: payload.into() }
    }

    /// A message of an account.
    pub fn with_kid(key: &Key, kid: &str, nonce: &str, url: &str, payload: &str) -> Self {
        let protected = json!({"alg": key.jws_algorithm(), "kid": kid, "nonce": nonce, "url": url});
        Self { protected, payload: payload.into() }
    }

    /// The same message with one member of the header set.
    #[must_use]
    pub fn header(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.protected[member] = value.into();
        self
    }

    /// The same message without one member of the header.
    #[must_use]
    pub fn without_header(mut self, member: &str) -> Self {
        self.protected.as_object_mut().expect("the header is an object").remove(member);
        self
    }

    /// Signed by the key.
    pub fn sign(&self, key: &Key) -> Signed {
        self.with_signature(&key.sign_jws(self.signing_input().as_bytes()))
    }

    /// With an HMAC-SHA256 instead of a signature.
    pub fn mac(&self, secret: &[u8]) -> Signed {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        self.with_signature(hmac::sign(&key, self.signing_input().as_bytes()).as_ref())
    }

    /// With a signature of any bytes.
    pub fn with_signature(&self, signature: &[u8]) -> Signed {
        let (protected, payload) = self.parts();
        Signed::of(&protected, &payload, signature)
    }

    /// What is signed.
    pub fn signing_input(&self) -> String {
        let (protected, payload) = self.parts();
        format!("{protected}.{payload}")
    }

    fn parts(&self) -> (String, String) {
        (base64url(self.protected.to_string().as_bytes()), base64url(self.payload.as_bytes()))
    }
}

/// A message in the flattened JSON serialisation; every member can be changed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// `protected`, `payload` and `signature`.
    pub members: Value,
}

impl Signed {
    /// The same message with one member set.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members[member] = value.into();
        self
    }

    /// The same message without one member.
    #[must_use]
    pub fn without(mut self, member: &str) -> Self {
        self.members.as_object_mut().expect("a JWS is an object").remove(member);
        self
    }

    /// A member as text.
    pub fn member(&self, member: &str) -> &str {
        self.members[member].as_str().unwrap_or_else(|| panic!("the JWS has no {member}"))
    }

    /// The same message with `=` behind one member, as padded base64 would have it.
    #[must_use]
    pub fn padded(self, member: &str) -> Self {
        let text = format!("{}=", self.member(member));
        self.with(member, text)
    }

    /// The body of a request.
    pub fn body(&self) -> String {
        self.members.to_string()
    }

    fn of(protected: &str, payload: &str, signature: &[u8]) -> Self {
        Self {
            members: json!({"protected": protected, "payload": payload, "signature": base64url(signature)}),
        }
    }
}

/// Base64url without padding.
pub fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}
