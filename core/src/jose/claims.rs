//! What a token says.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use super::strict_json::{self, JsonError};
use crate::clock::{SignedDuration, Timestamp};

mod step;

pub use step::{RaClaims, SshClaims};

/// The claims of a token, typed where a decision hangs on them.
///
/// | claim | accepted |
/// | --- | --- |
/// | `exp`, `nbf`, `iat` | a number from 0 to the end of the year 9999; a fraction is cut off |
/// | `iss`, `sub`, `jti` | a string |
/// | `aud` | a string or an array of strings |
/// | `sans` | an array of strings |
/// | `sha` | a string |
/// | `step`, `user` | an object; `step.ssh` and `step.ra` as [`SshClaims`] and [`RaClaims`] |
/// | `cnf` | an object; its `x5rt#S256` a base64url string of 32 bytes |
///
/// Any other JSON type is refused, never taken for absence. `null` is refused too in the seven registered claims; in
/// the last four rows it means absent, because programs in Go write an empty list so. Other claims may be anything.
///
/// [RFC 7519 §4.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1)
#[derive(Clone, PartialEq)]
pub struct Claims {
    members: Map<String, Value>,
    expiry: Option<Timestamp>,
    not_before: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    ssh: Option<SshClaims>,
    ra: Option<RaClaims>,
    confirmation: Option<[u8; 32]>,
}

impl Claims {
    /// Reads a set of claims; the caller bounds its size.
    ///
    /// # Errors
    /// [`ClaimsError`] names the claim and what it should be.
    pub fn parse(json: &[u8]) -> Result<Self, ClaimsError> {
        let mut members = strict_json::parse_object(json)?;
        for claim in step::NULL_MEANS_ABSENT {
            if members.get(claim).is_some_and(Value::is_null) {
                members.remove(claim);
            }
        }
        let step = object_in(&members, "step")?;
        let mut claims = Self {
            expiry: date(&members, "exp")?,
            not_before: date(&members, "nbf")?,
            issued_at: date(&members, "iat")?,
            ssh: step.map(SshClaims::of_step).transpose()?.flatten(),
            ra: step.map(RaClaims::of_step).transpose()?.flatten(),
            confirmation: object_in(&members, "cnf")?.map(step::confirmation).transpose()?.flatten(),
            members: Map::new(),
        };
        claims.members = members;

        for claim in ["iss", "sub", "jti", "sha"] {
            claims.string(claim)?;
        }
        claims.string_or_strings("aud")?;
        claims.strings("sans")?;
        claims.object("user")?;
        Ok(claims)
    }

    /// Whether the token counts at `now`. `leeway` is how far the clocks of others may be off; [`CLOCK_LEEWAY`] unless
    /// there is a reason.
    ///
    /// # Errors
    /// [`TimeError`]. [`TimeError::NoExpiry`] comes only when everything else holds, so that a caller whose tokens
    /// never expire may go on from it and from nothing else.
    pub fn validate_time(&self, now: Timestamp, leeway: SignedDuration) -> Result<(), TimeError> {
        let ahead = |instant: Timestamp| instant.duration_since(now) > leeway;
        if let Some(not_before) = self.not_before.filter(|instant| ahead(*instant)) {
            return Err(TimeError::NotYetValid { not_before });
        }
        if let Some(issued_at) = self.issued_at.filter(|instant| ahead(*instant)) {
            return Err(TimeError::IssuedInFuture { issued_at });
        }
        match self.expiry {
            Some(expiry) if now.duration_since(expiry) >= leeway => Err(TimeError::Expired { expiry }),
            Some(_) => Ok(()),
            None => Err(TimeError::NoExpiry),
        }
    }

    /// `exp`
    pub fn expiry(&self) -> Option<Timestamp> {
        self.expiry
    }

    /// `nbf`
    pub fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// `iat`
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// `iss`
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// `sub`
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `jti`
    pub fn id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// `aud`; empty when there is none.
    pub fn audience(&self) -> Vec<&str> {
        self.string_or_strings("aud").ok().flatten().unwrap_or_default()
    }

    /// `sans`: the names that the provisioner allows the bearer.
    pub fn sans(&self) -> Option<Vec<&str>> {
        self.strings("sans").ok().flatten()
    }

    /// `sha`: the fingerprint of the root certificate, there for clients.
    pub fn root_fingerprint(&self) -> Option<&str> {
        self.text("sha")
    }

    /// `step.ssh`: what the bearer may ask an SSH certificate for.
    pub fn ssh(&self) -> Option<&SshClaims> {
        self.ssh.as_ref()
    }

    /// `step.ra`: which registration authority passes a request on.
    pub fn ra(&self) -> Option<&RaClaims> {
        self.ra.as_ref()
    }

    /// `cnf."x5rt#S256"`: the SHA-256 of the only certificate request that the token is good for.
    pub fn confirmation(&self) -> Option<&[u8; 32]> {
        self.confirmation.as_ref()
    }

    /// `user`: what the provisioner's owner put in for templates.
    pub fn user(&self) -> Option<&Map<String, Value>> {
        self.members.get("user").and_then(Value::as_object)
    }

    /// Every claim as it was sent, for templates.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// A claim that has to be a string if it is there.
    ///
    /// # Errors
    /// [`ClaimsError::WrongType`] when it is something else, `null` included.
    pub fn string(&self, claim: &'static str) -> Result<Option<&str>, ClaimsError> {
        self.typed(claim, "a string", Value::as_str)
    }

    /// A claim that has to be an array of strings if it is there.
    ///
    /// # Errors
    /// [`ClaimsError::WrongType`] when it is something else, `null` included.
    pub fn strings(&self, claim: &'static str) -> Result<Option<Vec<&str>>, ClaimsError> {
        self.typed(claim, "an array of strings", |value| {
            value.as_array()?.iter().map(Value::as_str).collect()
        })
    }

    /// A claim that has to be a string or an array of strings if it is there.
    ///
    /// # Errors
    /// [`ClaimsError::WrongType`] when it is something else, `null` included.
    pub fn string_or_strings(&self, claim: &'static str) -> Result<Option<Vec<&str>>, ClaimsError> {
        self.typed(claim, "a string or an array of strings", |value| match value {
            Value::Array(values) => values.iter().map(Value::as_str).collect(),
            single => single.as_str().map(|text| vec![text]),
        })
    }

    /// A claim that has to be true or false if it is there.
    ///
    /// # Errors
    /// [`ClaimsError::WrongType`] when it is something else, `null` included.
    pub fn boolean(&self, claim: &'static str) -> Result<Option<bool>, ClaimsError> {
        self.typed(claim, "true or false", Value::as_bool)
    }

    /// A claim that has to be an object if it is there.
    ///
    /// # Errors
    /// [`ClaimsError::WrongType`] when it is something else, `null` included.
    pub fn object(&self, claim: &'static str) -> Result<Option<&Map<String, Value>>, ClaimsError> {
        object_in(&self.members, claim)
    }

    /// A claim that has to be a date, as `exp` is, if it is there.
    ///
    /// # Errors
    /// [`ClaimsError::WrongType`] when it is something else, `null` included.
    pub fn date(&self, claim: &'static str) -> Result<Option<Timestamp>, ClaimsError> {
        date(&self.members, claim)
    }

    fn typed<'v, T>(
        &'v self,
        claim: &'static str,
        expected: &'static str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, ClaimsError> {
        typed_in(&self.members, claim, expected, read)
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.members.get(claim).and_then(Value::as_str)
    }
}

impl fmt::Debug for Claims {
    /// Shows who and when; a claim may be personal, so the rest is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("iss", &self.issuer())
            .field("sub", &self.subject())
            .field("exp", &self.expiry)
            .finish_non_exhaustive()
    }
}

/// Why a payload is not a set of claims.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClaimsError {
    /// Not a JSON object without duplicates.
    #[error("the token's claims are refused")]
    Json(#[from] JsonError),
    /// A claim has the wrong JSON type, or a number that is no date.
    #[error("the claim {claim} must be {expected}")]
    WrongType {
        /// Its name.
        claim: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

/// Why a token does not count at this time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimeError {
    /// `exp` has passed.
    #[error("the token expired at {expiry}")]
    Expired {
        /// The claim.
        expiry: Timestamp,
    },
    /// `nbf` is still to come.
    #[error("the token is not valid before {not_before}")]
    NotYetValid {
        /// The claim.
        not_before: Timestamp,
    },
    /// `iat` is still to come: a clock is wrong, and with it the other two.
    #[error("the token was issued at {issued_at}, which is in the future")]
    IssuedInFuture {
        /// The claim.
        issued_at: Timestamp,
    },
    /// There is no `exp`; all else holds.
    #[error("the token has no expiry (exp)")]
    NoExpiry,
}

/// How far the clock of whoever wrote a token may be off: what step-ca grants.
pub const CLOCK_LEEWAY: SignedDuration = SignedDuration::from_secs(60);

fn typed_in<'v, T>(
    members: &'v Map<String, Value>,
    claim: &'static str,
    expected: &'static str,
    read: impl FnOnce(&'v Value) -> Option<T>,
) -> Result<Option<T>, ClaimsError> {
    members.get(claim).map(|value| read(value).ok_or(ClaimsError::WrongType { claim, expected })).transpose()
}

fn object_in<'v>(
    members: &'v Map<String, Value>,
    claim: &'static str,
) -> Result<Option<&'v Map<String, Value>>, ClaimsError> {
    typed_in(members, claim, "an object", Value::as_object)
}

fn date(members: &Map<String, Value>, claim: &'static str) -> Result<Option<Timestamp>, ClaimsError> {
    typed_in(members, claim, "a date in seconds since 1970", |value| {
        let seconds = match value.as_i64() {
            Some(seconds) => seconds,
            None => whole_seconds(value.as_f64()?)?,
        };
        // jiff ends a day before the year 9999 does, and its last second is what some write for "never".
        (0..=LAST_SECOND)
            .contains(&seconds)
            .then(|| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
    })
}

/// `seconds` without its fraction.
///
/// NumericDate may have one ([RFC 7519 §2](https://www.rfc-editor.org/rfc/rfc7519#section-2)), and some providers send it.
fn whole_seconds(seconds: f64) -> Option<i64> {
    // Every whole number below 2^53 is an f64, and the range ends far below: the conversion loses the fraction only.
    (0.0..=LAST_SECOND_FLOAT).contains(&seconds).then_some(seconds as i64)
}

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;
const LAST_SECOND_FLOAT: f64 = 253_402_300_799.0;

#[cfg(test)]
mod tests;
