//! Public keys as JSON.

use std::fmt;

use serde::de::Error as _;
use serde::ser::{Error as _, SerializeStruct as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use thiserror::Error;

use super::{SigningAlgorithm, Thumbprint, UnknownAlgorithm, base64url};
use crate::key::{KeyKind, PublicKey, PublicKeyError};

mod raw;

pub(super) use raw::{RawJwk, SecretMember};

/// A public key for verifying signatures, as JSON: EC, RSA or Ed25519.
///
/// Reading is strict about what the key is and how it is used: a key that is symmetric, private, marked for encryption
/// or for an algorithm that it does not fit is refused. Members that say neither are ignored and not kept. Writing
/// gives the members in the order in which `step` writes them.
///
/// [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517), [RFC 8037 §2](https://www.rfc-editor.org/rfc/rfc8037#section-2)
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    key: PublicKey,
    key_id: Option<String>,
    algorithm: Option<SigningAlgorithm>,
    usage: Option<Usage>,
}

impl Jwk {
    /// Reads a JWK.
    ///
    /// # Errors
    /// [`JwkError`] says why it is no key for verifying.
    pub fn parse(json: &[u8]) -> Result<Self, JwkError> {
        let raw: RawJwk = serde_json::from_slice(json).map_err(|error| JwkError::json(&error))?;
        Self::from_raw(&raw)
    }

    /// Reads a JWK that is part of a JSON text in which no member stands twice. There is no line or column to tell of.
    pub(super) fn from_value(value: Value) -> Result<Self, JwkError> {
        if !value.is_object() {
            return Err(JwkError::Malformed { reason: "not an object".into(), line: 0, column: 0 });
        }
        let raw = RawJwk::deserialize(value).map_err(|error| JwkError::json(&error))?;
        Self::from_raw(&raw)
    }

    /// The JWK of a provisioner or client with this key: for signatures, named by its thumbprint, with the algorithm
    /// that `step` uses for such keys.
    ///
    /// # Errors
    /// [`JwkError::NoSuchKey`] for an ML-DSA key.
    pub fn from_public_key(key: PublicKey) -> Result<Self, JwkError> {
        let algorithm = SigningAlgorithm::default_for(key.kind());
        let algorithm = algorithm.ok_or(JwkError::NoSuchKey { key: key.kind() })?;
        Ok(Self {
            key_id: Thumbprint::of(&key).map(|thumbprint| thumbprint.to_string()),
            algorithm: Some(algorithm),
            usage: Some(Usage::Signature),
            key,
        })
    }

    /// The key itself.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// `kid`, which need not be the thumbprint.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// `alg`: the one algorithm that the key is for, if it says so.
    pub fn algorithm(&self) -> Option<SigningAlgorithm> {
        self.algorithm
    }

    /// Whether a signature with `algorithm` may be verified with the key.
    pub fn permits(&self, algorithm: SigningAlgorithm) -> bool {
        self.algorithm.is_none_or(|only| only == algorithm) && algorithm.fits(self.key.kind())
    }

    /// The JWK in `raw`, which has to be public.
    fn from_raw(raw: &RawJwk) -> Result<Self, JwkError> {
        match raw.secret_member() {
            Some(member) => Err(JwkError::Private { member }),
            None => Self::public_part(raw),
        }
    }

    /// The public half of `raw`.
    pub(super) fn public_part(raw: &RawJwk) -> Result<Self, JwkError> {
        let key = Parameters::read(raw)?.into_key()?;
        let usage = match raw.usage.as_deref() {
            None => None,
            Some("sig") => Some(Usage::Signature),
            Some(_) => return Err(JwkError::NotForSignatures),
        };
        if raw.operations.as_ref().is_some_and(|all| !all.iter().any(|one| one == "verify" || one == "sign"))
        {
            return Err(JwkError::NotForSignatures);
        }
        let algorithm = raw.algorithm.as_deref().map(str::parse::<SigningAlgorithm>).transpose()?;
        match algorithm.filter(|algorithm| !algorithm.fits(key.kind())) {
            Some(algorithm) => Err(JwkError::UnfitAlgorithm { algorithm, key: key.kind() }),
            None => Ok(Self { key, key_id: raw.key_id.clone(), algorithm, usage }),
        }
    }

    /// Writes the members of a public key, `use` to `e`.
    pub(super) fn write<S: serde::ser::SerializeStruct>(&self, object: &mut S) -> Result<(), S::Error> {
        // A key without parameters does not become a JWK.
        let parameters =
            Parameters::of(&self.key).ok_or_else(|| S::Error::custom("no JWK has such a key"))?;
        if let Some(Usage::Signature) = self.usage {
            object.serialize_field("use", "sig")?;
        }
        object.serialize_field("kty", parameters.key_type())?;
        if let Some(key_id) = &self.key_id {
            object.serialize_field("kid", key_id)?;
        }
        if let Parameters::Ec { curve, .. } | Parameters::Okp { curve, .. } = &parameters {
            object.serialize_field("crv", curve)?;
        }
        if let Some(algorithm) = &self.algorithm {
            object.serialize_field("alg", algorithm)?;
        }
        match &parameters {
            Parameters::Ec { x, y, .. } => {
                object.serialize_field("x", x)?;
                object.serialize_field("y", y)
            }
            Parameters::Rsa { n, e } => {
                object.serialize_field("n", n)?;
                object.serialize_field("e", e)
            }
            Parameters::Okp { x, .. } => object.serialize_field("x", x),
        }
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk").field("key", &self.key).field("kid", &self.key_id).finish_non_exhaustive()
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Jwk", MAX_PUBLIC_MEMBERS)?;
        self.write(&mut object)?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_raw(&RawJwk::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// What a key is for. `enc` has no variant: such a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Signature,
}

/// The members that make the key, in base64url.
pub(super) enum Parameters {
    Ec { curve: &'static str, x: String, y: String },
    Rsa { n: String, e: String },
    Okp { curve: &'static str, x: String },
}

impl Parameters {
    /// The parameters of `key` in their one canonical form: coordinates as long as the field, numbers without leading
    /// zeros. `None` for an ML-DSA key.
    pub(super) fn of(key: &PublicKey) -> Option<Self> {
        let ec = |curve| {
            let (x, y) = key.ec_coordinates().unwrap_or_default();
            Self::Ec { curve, x: base64url::encode(x), y: base64url::encode(y) }
        };
        Some(match key.kind() {
            KeyKind::P256 => ec("P-256"),
            KeyKind::P384 => ec("P-384"),
            KeyKind::P521 => ec("P-521"),
            KeyKind::Rsa { .. } => {
                let (n, e) = key.rsa_components().unwrap_or_default();
                Self::Rsa { n: base64url::encode(&n), e: base64url::encode(&e) }
            }
            KeyKind::Ed25519 => Self::Okp { curve: "Ed25519", x: base64url::encode(key.bits()) },
            KeyKind::MlDsa(_) => return None,
        })
    }

    fn read(raw: &RawJwk) -> Result<Self, JwkError> {
        let member = |member: &'static str, value: &Option<String>| {
            value.clone().ok_or(JwkError::MissingMember { member })
        };
        match raw.key_type.as_str() {
            "EC" => Ok(Self::Ec {
                curve: curve(raw, &["P-256", "P-384", "P-521"])?,
                x: member("x", &raw.x)?,
                y: member("y", &raw.y)?,
            }),
            "RSA" => Ok(Self::Rsa { n: member("n", &raw.n)?, e: member("e", &raw.e)? }),
            "OKP" => Ok(Self::Okp { curve: curve(raw, &["Ed25519"])?, x: member("x", &raw.x)? }),
            other => Err(JwkError::UnknownKeyType { found: super::clip(other) }),
        }
    }

    fn into_key(self) -> Result<PublicKey, JwkError> {
        match self {
            Self::Ec { curve, x, y } => {
                let (kind, octets) = match curve {
                    "P-256" => (KeyKind::P256, 32),
                    "P-384" => (KeyKind::P384, 48),
                    _ => (KeyKind::P521, 66),
                };
                let coordinate = |member, text: &str| {
                    let bytes = bytes(member, text)?;
                    // RFC 7518 §6.2.1.2: always the full length of the field.
                    if bytes.len() == octets { Ok(bytes) } else { Err(JwkError::Length { member, octets }) }
                };
                Ok(PublicKey::from_ec_coordinates(kind, &coordinate("x", &x)?, &coordinate("y", &y)?)?)
            }
            Self::Rsa { n, e } => {
                let (n, e) = (bytes("n", &n)?, bytes("e", &e)?);
                Ok(PublicKey::from_rsa_components(without_leading_zeros(&n), without_leading_zeros(&e))?)
            }
            Self::Okp { x, .. } => {
                let x = bytes("x", &x)?;
                if x.len() != ED25519_OCTETS {
                    return Err(JwkError::Length { member: "x", octets: ED25519_OCTETS });
                }
                Ok(PublicKey::from_bits(KeyKind::Ed25519, &x)?)
            }
        }
    }

    fn key_type(&self) -> &'static str {
        match self {
            Self::Ec { .. } => "EC",
            Self::Rsa { .. } => "RSA",
            Self::Okp { .. } => "OKP",
        }
    }
}

/// Why a JWK is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JwkError {
    /// Not JSON, a member twice, or of the wrong type.
    #[error("malformed JWK at line {line}, column {column}: {reason}")]
    Malformed {
        /// What the parser says; it quotes no value of a secret member.
        reason: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A symmetric key, or a type that is not offered.
    #[error("the JWK has the key type {found:?}; use EC, RSA or OKP")]
    UnknownKeyType {
        /// The beginning of its `kty`.
        found: String,
    },
    /// A curve that is not offered.
    #[error("the JWK has the curve {found:?}; use P-256, P-384, P-521 or Ed25519")]
    UnknownCurve {
        /// The beginning of its `crv`.
        found: String,
    },
    /// A member that such a key needs is not there.
    #[error("the JWK has no {member}")]
    MissingMember {
        /// Its name.
        member: &'static str,
    },
    /// A member that only private keys have, in a place for public ones.
    #[error("the JWK is private (it has {member}); a public key is needed")]
    Private {
        /// Its name.
        member: &'static str,
    },
    /// A value is not base64url without padding.
    #[error("the member {member} of the JWK is not base64url without padding")]
    NotBase64url {
        /// Its name.
        member: &'static str,
    },
    /// A value has the wrong length; leading zeros count.
    #[error("the member {member} of the JWK must have {octets} bytes")]
    Length {
        /// Its name.
        member: &'static str,
        /// The length needed.
        octets: usize,
    },
    /// `use` or `key_ops` keep it from signatures.
    #[error("the JWK is not for signatures")]
    NotForSignatures,
    /// Its `alg` is not accepted.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// Its `alg` is one for other keys.
    #[error("the algorithm {algorithm} of the JWK does not go with a {key} key")]
    UnfitAlgorithm {
        /// What it says.
        algorithm: SigningAlgorithm,
        /// What it is.
        key: KeyKind,
    },
    /// A kind of key that tokens are not signed with.
    #[error("{key} keys do not sign tokens; use P-256, P-384, P-521, RSA or Ed25519")]
    NoSuchKey {
        /// What it is.
        key: KeyKind,
    },
    /// The values are no key.
    #[error("the JWK is refused")]
    Key(#[from] PublicKeyError),
    /// The private values are no key, or not the one of the public values.
    #[error("the private part of the JWK is not that of its public part")]
    Inconsistent,
}

impl JwkError {
    /// The parser's complaint about members that may be secret: it names members and types, so it may be kept, but a
    /// value of the wrong type would be quoted.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        let reason = match error.classify() {
            serde_json::error::Category::Data => "a member is missing, there twice, or of the wrong type",
            _ => "not JSON",
        };
        Self::Malformed { reason: reason.into(), line: error.line(), column: error.column() }
    }
}

/// Members of the longest public key: `use`, `kty`, `kid`, `crv`, `alg`, `x`, `y`.
const MAX_PUBLIC_MEMBERS: usize = 7;

/// [RFC 8032 §5.1.5](https://www.rfc-editor.org/rfc/rfc8032#section-5.1.5)
pub(super) const ED25519_OCTETS: usize = 32;

fn curve(raw: &RawJwk, offered: &[&'static str]) -> Result<&'static str, JwkError> {
    let found = raw.curve.as_deref().ok_or(JwkError::MissingMember { member: "crv" })?;
    offered
        .iter()
        .find(|curve| **curve == found)
        .copied()
        .ok_or_else(|| JwkError::UnknownCurve { found: super::clip(found) })
}

fn bytes(member: &'static str, text: &str) -> Result<Vec<u8>, JwkError> {
    base64url::decode(text).ok_or(JwkError::NotBase64url { member })
}

/// RFC 7518 §2 forbids them in numbers, but older providers write the sign octet of their big integers. The
/// thumbprint is made from the number, so they change nothing.
fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
