//! The protected header of a token.

use serde_json::{Map, Value};
use thiserror::Error;

use super::strict_json::{self, JsonError};
use super::{SigningAlgorithm, UnknownAlgorithm, base64url};
use crate::peer::MAX_CHAIN;

/// The protected header of a compact token, typed. Members that are not listed are ignored, members of the wrong JSON
/// type (`null` too) are refused.
///
/// [RFC 7515 §4](https://www.rfc-editor.org/rfc/rfc7515#section-4)
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// `alg`
    pub algorithm: SigningAlgorithm,
    /// `kid`: a name to compare with the names of known keys, nothing else.
    pub key_id: Option<String>,
    /// `typ`
    pub token_type: Option<String>,
    /// `cty`
    pub content_type: Option<String>,
    /// `x5c`: certificates in DER, the leaf first. Nothing is checked about them here.
    pub x5c: Option<Vec<Vec<u8>>>,
    /// `x5cInsecure`, as `x5c`: step's name for the chain of a certificate that asks for its own renewal.
    pub x5c_insecure: Option<Vec<Vec<u8>>>,
    /// `sshpop`: the SSH certificate in wire form that stands behind the signature.
    pub sshpop: Option<Vec<u8>>,
    /// `nebula`: the Nebula certificate that stands behind the signature.
    pub nebula: Option<Vec<u8>>,
    /// The token brings its own key or says where to fetch one (`jwk`, `jku`, `x5u`). It is never looked at; who judges
    /// the token may refuse it for trying.
    pub brings_own_key: bool,
}

impl Header {
    /// Reads the header's JSON.
    pub(super) fn parse(json: &[u8]) -> Result<Self, HeaderError> {
        let mut members = strict_json::parse_object(json)?;
        // RFC 7515 §4.1.11: no extension is understood here, and one that is not understood invalidates the token.
        // RFC 7797 §3: an unencoded payload is such an extension, and must not be taken for an encoded one.
        if members.contains_key("crit") || members.get("b64").is_some_and(|encoded| *encoded != true) {
            return Err(HeaderError::Critical);
        }
        let algorithm = string(&mut members, "alg")?.ok_or(HeaderError::NoAlgorithm)?.parse()?;
        let key_id = string(&mut members, "kid")?;
        // An empty kid of a token is a name that nobody has.
        if key_id.as_ref().is_some_and(|kid| !kid.is_empty() && !is_key_id(kid)) {
            return Err(HeaderError::BadKeyId);
        }
        Ok(Self {
            algorithm,
            key_id,
            token_type: string(&mut members, "typ")?,
            content_type: string(&mut members, "cty")?,
            x5c: chain(&mut members, "x5c")?,
            x5c_insecure: chain(&mut members, "x5cInsecure")?,
            sshpop: certificate(&mut members, "sshpop")?,
            nebula: certificate(&mut members, "nebula")?,
            brings_own_key: ["jwk", "jku", "x5u"].iter().any(|name| members.contains_key(*name)),
        })
    }
}

/// Why a token's header is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Not a JSON object without duplicates.
    #[error("the token's header is refused")]
    Json(#[from] JsonError),
    /// There is no `alg`.
    #[error("the token's header has no alg")]
    NoAlgorithm,
    /// The `alg` is not accepted.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// It lists critical extensions.
    #[error("the token's header lists critical extensions; none are supported")]
    Critical,
    /// The `kid` is longer than a name or has control characters.
    #[error("the token's kid is longer than {MAX_KEY_ID_OCTETS} bytes or has control characters")]
    BadKeyId,
    /// A member has the wrong JSON type.
    #[error("the token's header member {member} must be {expected}")]
    WrongType {
        /// Its name.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A list of certificates is empty or longer than any chain.
    #[error("the token's header member {member} must have 1 to {MAX_CHAIN} certificates")]
    ChainLength {
        /// Its name.
        member: &'static str,
    },
}

/// Longest `kid` accepted. step uses a thumbprint (43 bytes), OIDC providers a few more, ACME a URL.
const MAX_KEY_ID_OCTETS: usize = 1024;

/// A member of a header that should be a string is something else.
pub(super) struct NotAString {
    pub(super) member: &'static str,
}

impl From<NotAString> for HeaderError {
    fn from(NotAString { member }: NotAString) -> Self {
        Self::WrongType { member, expected: "a string" }
    }
}

/// Takes a member out that is a string where it is there.
pub(super) fn string(
    members: &mut Map<String, Value>,
    member: &'static str,
) -> Result<Option<String>, NotAString> {
    match members.remove(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(NotAString { member }),
    }
}

/// Whether a `kid` can be the name of a key.
pub(super) fn is_key_id(kid: &str) -> bool {
    !kid.is_empty() && kid.len() <= MAX_KEY_ID_OCTETS && !kid.contains(char::is_control)
}

fn certificate(
    members: &mut Map<String, Value>,
    member: &'static str,
) -> Result<Option<Vec<u8>>, HeaderError> {
    string(members, member)?
        .map(|text| {
            base64url::decode_standard(&text)
                .ok_or(HeaderError::WrongType { member, expected: "a certificate in base64" })
        })
        .transpose()
}

fn chain(
    members: &mut Map<String, Value>,
    member: &'static str,
) -> Result<Option<Vec<Vec<u8>>>, HeaderError> {
    let wrong = HeaderError::WrongType { member, expected: "an array of certificates in base64" };
    match members.remove(member) {
        None => Ok(None),
        Some(Value::Array(texts)) if (1..=MAX_CHAIN).contains(&texts.len()) => texts
            .iter()
            .map(|text| text.as_str().and_then(base64url::decode_standard).ok_or_else(|| wrong.clone()))
            .collect::<Result<_, _>>()
            .map(Some),
        Some(Value::Array(_)) => Err(HeaderError::ChainLength { member }),
        Some(_) => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_members_are_typed_and_unknown_ones_ignored() {
        let header = Header::parse(
            br#"{"alg":"ES256","kid":"k","typ":"JWT","cty":"c","x5c":["AQI="],"x5cInsecure":["Aw==","BA=="],
                "sshpop":"BQ==","nebula":"Bg==","x5t":7,"b64":true}"#,
        );

        assert_eq!(
            header,
            Ok(Header {
                algorithm: SigningAlgorithm::Es256,
                key_id: Some("k".into()),
                token_type: Some("JWT".into()),
                content_type: Some("c".into()),
                x5c: Some(vec![vec![1, 2]]),
                x5c_insecure: Some(vec![vec![3], vec![4]]),
                sshpop: Some(vec![5]),
                nebula: Some(vec![6]),
                brings_own_key: false,
            })
        );
    }

    #[rstest]
    #[case::no_alg("{}", HeaderError::NoAlgorithm)]
    #[case::null_alg(r#"{"alg":null}"#, HeaderError::WrongType { member: "alg", expected: "a string" })]
    #[case::crit(r#"{"alg":"ES256","crit":["b64"],"b64":true}"#, HeaderError::Critical)]
    #[case::unencoded_payload(r#"{"alg":"ES256","b64":false}"#, HeaderError::Critical)]
    #[case::empty_crit(r#"{"alg":"ES256","crit":[]}"#, HeaderError::Critical)]
    #[case::null_crit(r#"{"alg":"ES256","crit":null}"#, HeaderError::Critical)]
    #[case::null_kid(r#"{"alg":"ES256","kid":null}"#, HeaderError::WrongType { member: "kid", expected: "a string" })]
    #[case::object_kid(r#"{"alg":"ES256","kid":{}}"#, HeaderError::WrongType { member: "kid", expected: "a string" })]
    #[case::empty_x5c(r#"{"alg":"ES256","x5c":[]}"#, HeaderError::ChainLength { member: "x5c" })]
    #[case::url_base64_in_x5c(r#"{"alg":"ES256","x5c":["_-8="]}"#,
        HeaderError::WrongType { member: "x5c", expected: "an array of certificates in base64" })]
    #[case::x5c_string(r#"{"alg":"ES256","x5cInsecure":"AQI="}"#,
        HeaderError::WrongType { member: "x5cInsecure", expected: "an array of certificates in base64" })]
    #[case::sshpop_list(r#"{"alg":"ES256","sshpop":["AQI="]}"#,
        HeaderError::WrongType { member: "sshpop", expected: "a string" })]
    #[case::duplicate_alg(r#"{"alg":"ES256","alg":"ES256"}"#,
        HeaderError::Json(JsonError::DuplicateMember { name: "alg".into() }))]
    #[case::duplicate_unknown(r#"{"alg":"ES256","foo":1,"foo":1}"#,
        HeaderError::Json(JsonError::DuplicateMember { name: "foo".into() }))]
    #[case::array("[]", HeaderError::Json(JsonError::NotAnObject))]
    fn a_bad_header_is_refused_with_its_reason(#[case] json: &str, #[case] expected: HeaderError) {
        assert_eq!(Header::parse(json.as_bytes()), Err(expected));
    }

    #[rstest]
    #[case::nul("a\\u0000b".to_owned())]
    #[case::line_break("a\\nb".to_owned())]
    #[case::long("k".repeat(60_000))]
    fn t8_a_kid_that_is_no_name_is_refused(#[case] kid: String) {
        let json = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);

        assert_eq!(Header::parse(json.as_bytes()), Err(HeaderError::BadKeyId));
    }

    #[test]
    fn t25_a_chain_of_200_certificates_is_refused() {
        let json = format!(r#"{{"alg":"ES256","x5c":[{}]}}"#, vec![r#""AQI=""#; 200].join(","));

        assert_eq!(Header::parse(json.as_bytes()), Err(HeaderError::ChainLength { member: "x5c" }));
    }
}
