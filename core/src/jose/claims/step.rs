//! The claims that step adds for its provisioners.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ClaimsError, typed_in};
use crate::jose::base64url;

/// `step.ssh`: the SSH certificate that a token is good for. An absent value leaves the choice to the provisioner.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SshClaims {
    /// `certType`: `user` or `host`; empty or absent when left open.
    pub cert_type: Option<String>,
    /// `keyID`
    #[serde(rename = "keyID")]
    pub key_id: Option<String>,
    /// `principals`; step writes an empty list as `null`.
    #[serde(default)]
    pub principals: Option<Vec<String>>,
    /// `validAfter`: a date or a duration, as text.
    pub valid_after: Option<String>,
    /// `validBefore`: a date or a duration, as text.
    pub valid_before: Option<String>,
    /// `templateData`, for templates.
    pub template_data: Option<Value>,
}

impl SshClaims {
    pub(super) fn of_step(step: &Map<String, Value>) -> Result<Option<Self>, ClaimsError> {
        part(step, "ssh", "step.ssh", "an object with certType, keyID, principals, validAfter, validBefore")
    }
}

/// `step.ra`: which registration authority passes a request on, and for which of its provisioners.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RaClaims {
    /// `authorityId`
    pub authority_id: Option<String>,
    /// `endpointId`
    pub endpoint_id: Option<String>,
    /// `provisionerId`
    pub provisioner_id: Option<String>,
    /// `provisionerType`
    pub provisioner_type: Option<String>,
    /// `provisionerName`
    pub provisioner_name: Option<String>,
}

impl RaClaims {
    pub(super) fn of_step(step: &Map<String, Value>) -> Result<Option<Self>, ClaimsError> {
        part(step, "ra", "step.ra", "an object of strings")
    }
}

/// Claims where `null` stands for nothing, because Go writes a nil slice, map or pointer so.
pub(super) const NULL_MEANS_ABSENT: [&str; 4] = ["sans", "step", "cnf", "user"];

/// The fingerprint in `cnf`.
pub(super) fn confirmation(cnf: &Map<String, Value>) -> Result<Option<[u8; 32]>, ClaimsError> {
    typed_in(cnf, "x5rt#S256", "a SHA-256 in base64url", |value| {
        base64url::decode(value.as_str()?)?.try_into().ok()
    })
}

fn part<T: for<'de> Deserialize<'de>>(
    step: &Map<String, Value>,
    member: &str,
    claim: &'static str,
    expected: &'static str,
) -> Result<Option<T>, ClaimsError> {
    match step.get(member) {
        None | Some(Value::Null) => Ok(None),
        // serde reads a struct from an array too.
        Some(value @ Value::Object(_)) => {
            T::deserialize(value).map(Some).map_err(|_| ClaimsError::WrongType { claim, expected })
        }
        Some(_) => Err(ClaimsError::WrongType { claim, expected }),
    }
}
