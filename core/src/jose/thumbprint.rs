//! The name of a key that is made from the key.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::base64url;
use super::jwk::Parameters;
use crate::key::{Digest, PublicKey};

/// The SHA-256 thumbprint of a public key. step uses it as `kid`, ACME in key authorizations.
///
/// It is made from the key and not from the JSON that brought it, so one key has one thumbprint.
///
/// [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The thumbprint of `key`; `None` for an ML-DSA key, which has no JWK here.
    pub fn of(key: &PublicKey) -> Option<Self> {
        // RFC 7638 §3: the required members in the order of their names, without white space. Nothing in them needs
        // to be escaped.
        let json = match Parameters::of(key)? {
            Parameters::Ec { curve, x, y } => {
                format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Parameters::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Parameters::Okp { curve, x } => format!(r#"{{"crv":"{curve}","kty":"OKP","x":"{x}"}}"#),
        };
        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(&Digest::Sha256.hash(json.as_bytes()));
        Some(Self(thumbprint))
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Thumbprint {
    type Err = ParseThumbprintError;

    fn from_str(text: &str) -> Result<Self, ParseThumbprintError> {
        base64url::decode(text).and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(ParseThumbprintError)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not a SHA-256 in base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a thumbprint is a SHA-256 in base64url, 43 characters")]
pub struct ParseThumbprintError;
