//! An ACME account's key, and the requests it signs.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::BenchError;

/// A fresh P-256 key.
pub(super) struct AccountKey {
    key: EcdsaKeyPair,
    random: SystemRandom,
    jwk: String,
    thumbprint: String,
}

/// How a request names the key that signed it.
#[derive(Clone, Copy)]
pub(super) enum Signer<'a> {
    /// By the key itself, before there is an account.
    Jwk,
    /// By the URL of its account.
    Account(&'a str),
}

impl AccountKey {
    pub(super) fn generate() -> Result<Self, BenchError> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| BenchError::Crypto { operation: "making an account's key" })?;
        // An uncompressed point: a mark, then both coordinates.
        let coordinates = key.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // Members in the order that a thumbprint wants (RFC 7638 §3).
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk.as_bytes()));
        Ok(Self { key, random: SystemRandom::new(), jwk, thumbprint })
    }

    /// What a server wants to see when it was given `token`.
    ///
    /// [RFC 8555 §8.1](https://www.rfc-editor.org/rfc/rfc8555#section-8.1)
    pub(super) fn authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.thumbprint)
    }

    /// A flattened JWS of `payload`, as ACME requests are.
    ///
    /// [RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)
    pub(super) fn sign(
        &self,
        signer: Signer<'_>,
        nonce: &str,
        url: &str,
        payload: &str,
    ) -> Result<String, BenchError> {
        let protected = match signer {
            Signer::Jwk => {
                format!(r#"{{"alg":"ES256","jwk":{},"nonce":"{nonce}","url":"{url}"}}"#, self.jwk)
            }
            Signer::Account(account) => {
                format!(r#"{{"alg":"ES256","kid":"{account}","nonce":"{nonce}","url":"{url}"}}"#)
            }
        };
        let mut signed = URL_SAFE_NO_PAD.encode(protected);
        let protected_length = signed.len();
        signed.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut signed);
        let signature = self
            .key
            .sign(&self.random, signed.as_bytes())
            .map_err(|_| BenchError::Crypto { operation: "signing an ACME request" })?;

        let (protected, payload) = signed.split_at(protected_length);
        let payload = payload.trim_start_matches('.');
        let mut body = String::with_capacity(signed.len() + ROOM_FOR_SIGNATURE);
        let _ = write!(body, r#"{{"protected":"{protected}","payload":"{payload}","signature":""#);
        URL_SAFE_NO_PAD.encode_string(signature, &mut body);
        body.push_str("\"}");
        Ok(body)
    }
}

/// A P-256 signature and the names of the members, with room to spare.
const ROOM_FOR_SIGNATURE: usize = 160;

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_request_verifies_under_the_key_it_names() {
        let account = AccountKey::generate().unwrap();

        let body = account.sign(Signer::Jwk, "nonce", "https://localhost/new-account", "{}").unwrap();

        let body: Value = serde_json::from_str(&body).unwrap();
        let part = |name: &str| body[name].as_str().unwrap().to_owned();
        let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let header: Value = serde_json::from_slice(&octets(&part("protected"))).unwrap();
        let coordinate = |name: &str| octets(header["jwk"][name].as_str().unwrap());
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let signed = format!("{}.{}", part("protected"), part("payload"));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &octets(&part("signature")))
            .unwrap();
        assert_eq!(octets(&part("payload")), b"{}");
    }

    #[test]
    fn a_thumbprint_is_that_of_the_whole_key() {
        let account = AccountKey::generate().unwrap();

        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, account.jwk.as_bytes()));

        assert_eq!(account.authorization("token"), format!("token.{thumbprint}"));
    }
}
