//! Signed requests of ACME ([RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)).

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use super::header::{is_key_id, string};
use super::json_form::{JsonJws, JwsFormError};
use super::jwk::Parameters;
use super::{Jwk, JwkError, SigningAlgorithm, UnknownAlgorithm, VerifiedPayload, base64url};
use crate::key::{KeyKind, PublicKey, SignatureInvalid, WeakKey};

/// A JWS in JSON form as ACME's requests and key changes are, well-formed but not yet verified.
///
/// Accepted are the flattened form and the general form with exactly one signature; everything in the header is
/// protected. An ECDSA signature has the length of its curve, without exception.
///
/// [RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2),
/// [RFC 7515 §7.2](https://www.rfc-editor.org/rfc/rfc7515#section-7.2)
pub struct FlattenedJws {
    header: AcmeHeader,
    signed_part: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl FlattenedJws {
    /// Reads a JWS of at most [`MAX_JWS_OCTETS`](super::MAX_JWS_OCTETS). A key that comes with it is checked as one that
    /// an account may have.
    ///
    /// # Errors
    /// [`AcmeJwsError`] says what is wrong with it; neither [`AcmeJwsError::UnfitKey`] nor [`AcmeJwsError::Signature`]
    /// comes from here.
    pub fn parse(json: &[u8]) -> Result<Self, AcmeJwsError> {
        let JsonJws { header, signed_part, payload, signature } = JsonJws::parse(json)?;
        Ok(Self { header: AcmeHeader::from_members(header)?, signed_part, payload, signature })
    }

    /// The protected header. Until the signature is verified it is only good for finding the key.
    pub fn header(&self) -> &AcmeHeader {
        &self.header
    }

    /// The payload, whoever wrote it; empty in a POST-as-GET.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, once `key` is seen to have signed it with an algorithm that goes with it.
    ///
    /// # Errors
    /// [`AcmeJwsError::UnfitKey`] before any cryptography, [`AcmeJwsError::Signature`] after.
    pub fn verify(&self, key: &PublicKey) -> Result<VerifiedPayload<'_>, AcmeJwsError> {
        let algorithm = self.header.algorithm;
        if !algorithm.fits(key.kind()) {
            return Err(AcmeJwsError::UnfitKey { algorithm, key: key.kind() });
        }
        key.verify_jose(algorithm.into(), self.signed_part.as_bytes(), &self.signature)?;
        Ok(VerifiedPayload(&self.payload))
    }
}

impl fmt::Debug for FlattenedJws {
    /// Leaves out payload and signature: a request is a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlattenedJws").field("header", &self.header).finish_non_exhaustive()
    }
}

/// The protected header of a request. Members that are not listed are ignored, members of the wrong JSON type (`null`
/// too) are refused.
///
/// [RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeHeader {
    /// `alg`
    pub algorithm: SigningAlgorithm,
    /// `jwk` or `kid`
    pub key: AcmeKey,
    /// `nonce`: base64url; nothing else is known about it. A request needs one, the inner JWS of a key change must have
    /// none.
    pub nonce: Option<String>,
    /// `url`: a text to compare with the request's own URL.
    pub url: Option<String>,
}

/// How a request names the key that signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcmeKey {
    /// `jwk`: the key itself. It is strong enough for an account, is meant for signatures with the header's algorithm,
    /// and is spelt in the one way that its thumbprint is made from.
    Jwk(Jwk),
    /// `kid`: the URL of the account, to compare with the names of known accounts, nothing else.
    KeyId(String),
}

impl AcmeHeader {
    fn from_members(mut members: Map<String, Value>) -> Result<Self, AcmeJwsError> {
        let text = |members: &mut Map<String, Value>, member| {
            string(members, member).map_err(|error| AcmeJwsError::Form(error.into()))
        };
        let algorithm = text(&mut members, "alg")?.ok_or(AcmeJwsError::NoAlgorithm)?;
        let algorithm: SigningAlgorithm = algorithm.parse()?;
        let key = match (members.remove("jwk"), text(&mut members, "kid")?) {
            (Some(jwk), None) => AcmeKey::Jwk(account_key(jwk, algorithm)?),
            (None, Some(kid)) if is_key_id(&kid) => AcmeKey::KeyId(kid),
            (None, Some(_)) => return Err(AcmeJwsError::BadKeyId),
            (None, None) => return Err(AcmeJwsError::NoKey),
            (Some(_), Some(_)) => return Err(AcmeJwsError::TwoKeys),
        };
        let nonce = text(&mut members, "nonce")?;
        // RFC 8555 §6.5.2: such a request is malformed, not one with a bad nonce.
        if nonce.as_ref().is_some_and(|nonce| base64url::decode(nonce).is_none()) {
            return Err(AcmeJwsError::NonceEncoding);
        }
        Ok(Self { algorithm, key, nonce, url: text(&mut members, "url")? })
    }
}

/// The key in `jwk`, if an account may have it.
fn account_key(jwk: Value, algorithm: SigningAlgorithm) -> Result<Jwk, AcmeJwsError> {
    let spelling = |member: &str| jwk.get(member).and_then(Value::as_str).map(str::to_owned);
    let (n, e) = (spelling("n"), spelling("e"));
    let jwk = match Jwk::from_value(jwk) {
        Ok(jwk) => jwk,
        Err(JwkError::Malformed { .. }) => return Err(AcmeJwsError::JwkForm),
        Err(error) => return Err(AcmeJwsError::Jwk(error)),
    };
    let key = jwk.public_key();
    if !jwk.permits(algorithm) {
        return Err(AcmeJwsError::UnfitJwk { algorithm, key: key.kind() });
    }
    // RFC 7518 §6.3.1.1 forbids leading zeros. Who writes them takes the thumbprint from them too, and no challenge of
    // that account would ever be found right.
    if let Some(Parameters::Rsa { n: canonical_n, e: canonical_e }) = Parameters::of(key) {
        for (member, written, canonical) in [("n", n, canonical_n), ("e", e, canonical_e)] {
            if written.is_none_or(|written| written != canonical) {
                return Err(AcmeJwsError::LeadingZeros { member });
            }
        }
    }
    match key.check_strength() {
        Ok(()) => Ok(jwk),
        Err(WeakKey::TooShort { bits }) => Err(AcmeJwsError::ShortKey { bits }),
        Err(weak) => Err(AcmeJwsError::WeakKey(weak)),
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AcmeJwsError {
    /// Not a JWS in JSON form with one signature, or a member of its header has the wrong type.
    #[error(transparent)]
    Form(#[from] JwsFormError),
    /// There is no `alg`.
    #[error("the protected header of the JWS has no alg")]
    NoAlgorithm,
    /// The `alg` is not accepted; `none` and MACs are among those.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// Neither `jwk` nor `kid`.
    #[error("the protected header of the JWS names no key; it needs jwk or kid")]
    NoKey,
    /// Both `jwk` and `kid`.
    #[error("the protected header of the JWS has both jwk and kid; only one of them may be there")]
    TwoKeys,
    /// The `kid` is empty, longer than a URL, or has control characters.
    #[error("the kid of the JWS is not the URL of an account")]
    BadKeyId,
    /// The `jwk` is not an object with members of the right types.
    #[error("the jwk of the JWS is malformed: a member is missing or of the wrong type")]
    JwkForm,
    /// The `jwk` is no public key of a kind that is offered, or not for signatures.
    #[error("the public key of the JWS is refused: {0}")]
    Jwk(JwkError),
    /// The `alg` of the JWS is not the one of its `jwk`, or goes with keys of another kind.
    #[error("the algorithm {algorithm} does not go with the jwk of the JWS, a {key} key")]
    UnfitJwk {
        /// What the JWS says.
        algorithm: SigningAlgorithm,
        /// What the key is.
        key: KeyKind,
    },
    /// A number of an RSA key is not written in its shortest form.
    #[error(
        "the member {member} of the jwk begins with a zero octet; leave it out (RFC 7518, section 6.3.1)"
    )]
    LeadingZeros {
        /// Its name.
        member: &'static str,
    },
    /// The RSA key is too short.
    #[error("the RSA key of the JWS has {bits} bits; at least 2048 are needed")]
    ShortKey {
        /// Its length.
        bits: usize,
    },
    /// The key can be broken, or is longer than is verified here.
    #[error(transparent)]
    WeakKey(WeakKey),
    /// The `nonce` is not base64url without padding.
    #[error("the nonce of the JWS is not base64url without padding")]
    NonceEncoding,
    /// The algorithm does not go with the account's key.
    #[error("the algorithm {algorithm} does not go with the account's key, a {key} key")]
    UnfitKey {
        /// What the JWS says.
        algorithm: SigningAlgorithm,
        /// What the key is.
        key: KeyKind,
    },
    /// The signature is not the key's.
    #[error("the signature of the JWS does not hold")]
    Signature(#[from] SignatureInvalid),
}

impl AcmeJwsError {
    /// Which of ACME's errors it is.
    pub fn problem(&self) -> AcmeJwsProblem {
        match self {
            Self::Form(_)
            | Self::NoAlgorithm
            | Self::NoKey
            | Self::TwoKeys
            | Self::BadKeyId
            | Self::JwkForm
            | Self::NonceEncoding
            | Self::Signature(_) => AcmeJwsProblem::Malformed,
            Self::Algorithm(_) => {
                AcmeJwsProblem::BadSignatureAlgorithm { supported: SigningAlgorithm::ALL.into() }
            }
            Self::UnfitKey { key, .. } => {
                let all = SigningAlgorithm::ALL.into_iter();
                let supported = all.filter(|algorithm| algorithm.fits(*key)).collect();
                AcmeJwsProblem::BadSignatureAlgorithm { supported }
            }
            Self::Jwk(_)
            | Self::UnfitJwk { .. }
            | Self::LeadingZeros { .. }
            | Self::ShortKey { .. }
            | Self::WeakKey(_) => AcmeJwsProblem::BadPublicKey,
        }
    }
}

/// The error of [RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7) that a refused JWS comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcmeJwsProblem {
    /// `malformed`
    Malformed,
    /// `badSignatureAlgorithm`
    BadSignatureAlgorithm {
        /// What the problem document lists as `algorithms`.
        supported: Vec<SigningAlgorithm>,
    },
    /// `badPublicKey`
    BadPublicKey,
}

#[cfg(test)]
mod tests;
