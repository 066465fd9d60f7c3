//! External account bindings ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use serde_json::{Map, Value};
use thiserror::Error;

use super::header::{is_key_id, string};
use super::json_form::{JsonJws, JwsFormError};
use super::{Jwk, JwkError, VerifiedPayload, strict_json};
use crate::key::PublicKey;
use crate::secret::SecretBytes;

/// The inner JWS of an external account binding: an account's public key under a MAC, well-formed but not yet verified.
///
/// Its form is as that of [`FlattenedJws`](super::FlattenedJws). Its algorithm is a MAC and nothing else, and nothing
/// but its `kid` names a key, so that no public key can ever be taken for the secret.
///
/// [RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)
pub struct MacJws {
    algorithm: MacAlgorithm,
    key_id: String,
    url: String,
    signed_part: String,
    payload: Vec<u8>,
    mac: Vec<u8>,
}

impl MacJws {
    /// Reads a binding.
    ///
    /// # Errors
    /// [`MacJwsError`] says what is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, MacJwsError> {
        Self::from_jws(JsonJws::parse(json)?)
    }

    /// Reads a binding that is part of a JSON text in which no member stands twice, such as
    /// [`strict_json::parse_object`] reads.
    ///
    /// # Errors
    /// [`MacJwsError`] as [`MacJws::parse`].
    pub fn from_members(members: Map<String, Value>) -> Result<Self, MacJwsError> {
        Self::from_jws(JsonJws::from_members(members)?)
    }

    /// `alg`
    pub fn algorithm(&self) -> MacAlgorithm {
        self.algorithm
    }

    /// `kid`: a name to compare with the names of known secrets, nothing else.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// `url`: a text to compare with the URL of the request around it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The payload, once its MAC is seen to be made with `secret`. An empty secret, which everybody knows, never fits.
    ///
    /// # Errors
    /// [`MacError`].
    pub fn verify(&self, secret: &SecretBytes) -> Result<VerifiedPayload<'_>, MacError> {
        if secret.expose().is_empty() {
            return Err(MacError);
        }
        let key = hmac::Key::new(self.algorithm.hmac(), secret.expose());
        match hmac::verify(&key, self.signed_part.as_bytes(), &self.mac) {
            Ok(()) => Ok(VerifiedPayload(&self.payload)),
            Err(_) => Err(MacError),
        }
    }

    /// Whether the holder of `secret` vouched for `account_key`. Keys are compared as keys: how the payload spells its
    /// own does not matter.
    ///
    /// # Errors
    /// [`BindingError`] says what is wrong; the MAC is looked at first.
    pub fn verify_account_key(
        &self,
        secret: &SecretBytes,
        account_key: &PublicKey,
    ) -> Result<(), BindingError> {
        let payload = self.verify(secret)?;
        let members = strict_json::parse_object(payload.as_bytes()).map_err(BindingError::Payload)?;
        let bound = Jwk::from_value(Value::Object(members)).map_err(BindingError::Jwk)?;
        if bound.public_key() == account_key { Ok(()) } else { Err(BindingError::OtherKey) }
    }

    fn from_jws(jws: JsonJws) -> Result<Self, MacJwsError> {
        let JsonJws { mut header, signed_part, payload, signature } = jws;
        let mut text = |member| match string(&mut header, member) {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(MacJwsError::MissingMember { member }),
            Err(error) => Err(MacJwsError::Form(error.into())),
        };
        let algorithm = text("alg")?.parse()?;
        let key_id = text("kid")?;
        let url = text("url")?;
        if !is_key_id(&key_id) {
            return Err(MacJwsError::BadKeyId);
        }
        for member in ["nonce", "jwk"] {
            if header.contains_key(member) {
                return Err(MacJwsError::Forbidden { member });
            }
        }
        Ok(Self { algorithm, key_id, url, signed_part, payload, mac: signature })
    }
}

impl fmt::Debug for MacJws {
    /// Leaves out payload and MAC: a binding is a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacJws")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// A JOSE algorithm that makes a MAC ([RFC 7518 §3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl MacAlgorithm {
    /// Every algorithm that is accepted.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::Hs384, Self::Hs512];

    /// The name in a header, such as `HS256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Hs256 => hmac::HMAC_SHA256,
            Self::Hs384 => hmac::HMAC_SHA384,
            Self::Hs512 => hmac::HMAC_SHA512,
        }
    }
}

impl FromStr for MacAlgorithm {
    type Err = NotAMac;

    /// Reads the name; case counts ([RFC 7515 §4.1.1](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.1)).
    fn from_str(name: &str) -> Result<Self, NotAMac> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        found.ok_or_else(|| NotAMac { name: super::clip(name) })
    }
}

/// An `alg` that makes no MAC, or none that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the algorithm {name:?} of the external account binding is not a MAC; use HS256, HS384 or HS512")]
pub struct NotAMac {
    /// The beginning of what was found.
    pub name: String,
}

/// Why a text is not an external account binding.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MacJwsError {
    /// Not a JWS in JSON form with one signature, or a member of its header has the wrong type.
    #[error("the external account binding is malformed: {0}")]
    Form(#[from] JwsFormError),
    /// A member that its protected header needs is not there.
    #[error("the protected header of the external account binding has no {member}")]
    MissingMember {
        /// Its name.
        member: &'static str,
    },
    /// The `alg` is not a MAC.
    #[error(transparent)]
    Algorithm(#[from] NotAMac),
    /// The `kid` is empty, longer than a name, or has control characters.
    #[error("the kid of the external account binding is no name of a key")]
    BadKeyId,
    /// A member that belongs to the request around it.
    #[error("the protected header of the external account binding must not have {member}")]
    Forbidden {
        /// Its name.
        member: &'static str,
    },
}

/// The MAC is not one of this secret over this binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the MAC of the external account binding does not hold")]
pub struct MacError;

/// Why a binding does not bind an account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BindingError {
    /// The MAC does not hold.
    #[error(transparent)]
    Mac(#[from] MacError),
    /// The payload is not a JSON object without duplicates.
    #[error("the payload of the external account binding is refused: {0}")]
    Payload(strict_json::JsonError),
    /// The payload is no public key.
    #[error("the payload of the external account binding is no public key: {0}")]
    Jwk(JwkError),
    /// It is about another key.
    #[error("the external account binding is for another key than the one that signed the request")]
    OtherKey,
}

#[cfg(test)]
mod tests;
