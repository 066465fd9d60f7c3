//! A JWK as it is written, before anything is known about it.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// The members of every kind of key. A member twice is refused; the values of secret ones are wiped.
#[derive(Deserialize)]
pub(in crate::jose) struct RawJwk {
    #[serde(rename = "kty")]
    pub(in crate::jose) key_type: String,
    #[serde(rename = "use", default, deserialize_with = "present")]
    pub(in crate::jose) usage: Option<String>,
    #[serde(rename = "key_ops", default, deserialize_with = "present")]
    pub(in crate::jose) operations: Option<Vec<String>>,
    #[serde(rename = "kid", default, deserialize_with = "present")]
    pub(in crate::jose) key_id: Option<String>,
    #[serde(rename = "crv", default, deserialize_with = "present")]
    pub(in crate::jose) curve: Option<String>,
    #[serde(rename = "alg", default, deserialize_with = "present")]
    pub(in crate::jose) algorithm: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(in crate::jose) x: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(in crate::jose) y: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(in crate::jose) n: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub(in crate::jose) e: Option<String>,
    #[serde(default)]
    d: Option<Secret>,
    #[serde(default)]
    p: Option<Secret>,
    #[serde(default)]
    q: Option<Secret>,
    #[serde(default)]
    dp: Option<Secret>,
    #[serde(default)]
    dq: Option<Secret>,
    #[serde(default)]
    qi: Option<Secret>,
    #[serde(default)]
    k: Option<Secret>,
}

impl RawJwk {
    /// The value of a secret member.
    pub(in crate::jose) fn secret(&self, member: SecretMember) -> Option<&Secret> {
        match member {
            SecretMember::D => self.d.as_ref(),
            SecretMember::P => self.p.as_ref(),
            SecretMember::Q => self.q.as_ref(),
            SecretMember::Dp => self.dp.as_ref(),
            SecretMember::Dq => self.dq.as_ref(),
            SecretMember::Qi => self.qi.as_ref(),
            SecretMember::K => self.k.as_ref(),
        }
    }

    /// The name of a secret member that is there.
    pub(super) fn secret_member(&self) -> Option<&'static str> {
        SecretMember::ALL.into_iter().find(|member| self.secret(*member).is_some()).map(SecretMember::name)
    }
}

/// A member that only private and symmetric keys have.
#[derive(Clone, Copy)]
pub(in crate::jose) enum SecretMember {
    D,
    P,
    Q,
    Dp,
    Dq,
    Qi,
    K,
}

impl SecretMember {
    const ALL: [Self; 7] = [Self::D, Self::P, Self::Q, Self::Dp, Self::Dq, Self::Qi, Self::K];

    pub(in crate::jose) fn name(self) -> &'static str {
        match self {
            Self::D => "d",
            Self::P => "p",
            Self::Q => "q",
            Self::Dp => "dp",
            Self::Dq => "dq",
            Self::Qi => "qi",
            Self::K => "k",
        }
    }
}

/// The text of a secret value.
pub(in crate::jose) struct Secret(Zeroizing<String>);

impl Secret {
    pub(in crate::jose) fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SecretVisitor)
    }
}

struct SecretVisitor;

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret(Zeroizing::new(text.to_owned())))
    }
}

/// Reads a member that is there; `null` is a value of the wrong type, not absence.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
