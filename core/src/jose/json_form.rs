//! A JWS in JSON form: what ACME's requests and account bindings have in common.

use serde_json::{Map, Value};
use thiserror::Error;

use super::base64url;
use super::header::NotAString;
use super::strict_json::{self, JsonError};

/// A JWS in JSON form with one signature, its protected header not yet typed.
///
/// Read are the flattened form ([RFC 7515 §7.2.2](https://www.rfc-editor.org/rfc/rfc7515#section-7.2.2)) and the
/// general form ([RFC 7515 §7.2.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.2.1)) with one signature in it.
/// Members that neither form has are ignored.
pub(super) struct JsonJws {
    /// The members of the protected header; no `crit` and no `b64` among them.
    pub(super) header: Map<String, Value>,
    /// What the signature covers.
    pub(super) signed_part: String,
    /// The payload, decoded.
    pub(super) payload: Vec<u8>,
    /// The signature, decoded.
    pub(super) signature: Vec<u8>,
}

impl JsonJws {
    /// Reads a JWS. Its size is looked at before anything is allocated.
    pub(super) fn parse(json: &[u8]) -> Result<Self, JwsFormError> {
        if json.len() > MAX_JWS_OCTETS {
            return Err(JwsFormError::TooLarge { octets: json.len() });
        }
        Self::from_members(strict_json::parse_object(json).map_err(JwsFormError::Json)?)
    }

    /// Reads a JWS from the members of its object.
    pub(super) fn from_members(mut members: Map<String, Value>) -> Result<Self, JwsFormError> {
        let payload = required(&mut members, "payload")?;
        let mut members = match members.remove("signatures") {
            None => members,
            Some(_) if SIGNATURE_MEMBERS.iter().any(|member| members.contains_key(*member)) => {
                return Err(JwsFormError::BothForms);
            }
            Some(signatures) => only_signature(signatures)?,
        };
        if members.contains_key("header") {
            return Err(JwsFormError::UnprotectedHeader);
        }
        let protected = required(&mut members, "protected")?;
        let signature = required(&mut members, "signature")?;
        let header =
            strict_json::parse_object(&decode("protected", &protected)?).map_err(JwsFormError::Header)?;
        // RFC 7515 §4.1.11: no extension is understood here, and one that is not understood invalidates the JWS.
        if header.contains_key("crit") {
            return Err(JwsFormError::Critical);
        }
        if header.contains_key("b64") {
            return Err(JwsFormError::UnencodedPayload);
        }
        Ok(Self {
            header,
            payload: decode("payload", &payload)?,
            signature: decode("signature", &signature)?,
            signed_part: format!("{protected}.{payload}"),
        })
    }
}

/// Why a text is not a JWS in JSON form with one signature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JwsFormError {
    /// Longer than any request that is used here.
    #[error("the JWS has {octets} bytes; at most {MAX_JWS_OCTETS} are accepted")]
    TooLarge {
        /// Its length.
        octets: usize,
    },
    /// Not a JSON object without duplicates.
    #[error("the JWS is refused: {0}")]
    Json(JsonError),
    /// Its protected header is not a JSON object without duplicates.
    #[error("the protected header of the JWS is refused: {0}")]
    Header(JsonError),
    /// A member that it needs is not there.
    #[error("the JWS has no {member}")]
    MissingMember {
        /// Its name.
        member: &'static str,
    },
    /// A member has the wrong JSON type.
    #[error("the member {member} of the JWS must be {expected}")]
    WrongType {
        /// Its name.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A value is not base64url without padding.
    #[error("the member {member} of the JWS is not base64url without padding")]
    NotBase64url {
        /// Its name.
        member: &'static str,
    },
    /// Members of the flattened form beside `signatures`.
    #[error("the JWS mixes the flattened and the general form")]
    BothForms,
    /// Not one signature.
    #[error("the JWS has {found} signatures; exactly one is needed")]
    SignatureCount {
        /// How many.
        found: usize,
    },
    /// A header that is not signed ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).
    #[error("the JWS has an unprotected header; put its members into the protected one")]
    UnprotectedHeader,
    /// It lists critical extensions.
    #[error("the JWS lists critical extensions; none are supported")]
    Critical,
    /// `b64`, whatever it says ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).
    #[error("the JWS uses the unencoded payload option; leave b64 out")]
    UnencodedPayload,
}

impl From<NotAString> for JwsFormError {
    fn from(NotAString { member }: NotAString) -> Self {
        Self::WrongType { member, expected: "a string" }
    }
}

/// Longest JWS in JSON form accepted. A request to finalize with a hundred names and an RSA-4096 key has about 13 KiB,
/// with names of the greatest length about 55.
pub const MAX_JWS_OCTETS: usize = 64 * 1024;

/// What the flattened form has of its own.
const SIGNATURE_MEMBERS: [&str; 3] = ["protected", "header", "signature"];

fn only_signature(signatures: Value) -> Result<Map<String, Value>, JwsFormError> {
    let wrong = JwsFormError::WrongType { member: "signatures", expected: "an array of one object" };
    let Value::Array(signatures) = signatures else { return Err(wrong) };
    match <[Value; 1]>::try_from(signatures) {
        Ok([Value::Object(members)]) => Ok(members),
        Ok(_) => Err(wrong),
        Err(signatures) => Err(JwsFormError::SignatureCount { found: signatures.len() }),
    }
}

fn required(members: &mut Map<String, Value>, member: &'static str) -> Result<String, JwsFormError> {
    super::header::string(members, member)?.ok_or(JwsFormError::MissingMember { member })
}

fn decode(member: &'static str, text: &str) -> Result<Vec<u8>, JwsFormError> {
    base64url::decode(text).ok_or(JwsFormError::NotBase64url { member })
}

#[cfg(test)]
mod tests;
