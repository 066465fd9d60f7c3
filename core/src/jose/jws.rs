//! A signed message in three parts.

use std::fmt;

use thiserror::Error;

use super::{Header, HeaderError, SigningAlgorithm, base64url};
use crate::key::{KeyKind, PublicKey, SignatureInvalid};

/// A JWS in compact form, well-formed but not yet verified.
///
/// [RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)
#[derive(Clone)]
pub struct CompactJws<'a> {
    signed_part: &'a str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> CompactJws<'a> {
    /// Reads a JWS. Its size and its dots are counted before anything is allocated.
    ///
    /// # Errors
    /// [`JwsError`] says what is wrong with it; none of the variants about keys and signatures comes from here.
    pub fn parse(compact: &'a str) -> Result<Self, JwsError> {
        if compact.len() > MAX_TOKEN_OCTETS {
            return Err(JwsError::TooLarge { octets: compact.len() });
        }
        match compact.bytes().filter(|byte| *byte == b'.').count() {
            2 => {}
            // RFC 7516 §9 tells the two apart by this number.
            4 => return Err(JwsError::Encrypted),
            _ => return Err(JwsError::NotThreeParts),
        }
        let (signed_part, signature) = compact.rsplit_once('.').ok_or(JwsError::NotThreeParts)?;
        let (header, payload) = signed_part.split_once('.').ok_or(JwsError::NotThreeParts)?;

        Ok(Self {
            signed_part,
            header: Header::parse(&decode(header, TokenPart::Header)?)?,
            payload: decode(payload, TokenPart::Payload)?,
            signature: decode(signature, TokenPart::Signature)?,
        })
    }

    /// The header. Until the signature is verified it is only good for finding the key.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, whoever wrote it.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Header and payload as they were sent: what is signed.
    ///
    /// A mark of a spent token is made from this and never from the whole text: the same signed part has many valid
    /// signatures, and (r, n - s) is one that anybody can compute. The base64 is strict, so that the same header and
    /// payload have no second text either.
    pub fn signed_part(&self) -> &'a str {
        self.signed_part
    }

    /// The payload, once `key` is seen to have signed it with an algorithm that goes with it.
    ///
    /// # Errors
    /// [`JwsError::UnfitKey`] before any cryptography, [`JwsError::Signature`] after.
    pub fn verify(&self, key: &PublicKey) -> Result<VerifiedPayload<'_>, JwsError> {
        let algorithm = self.header.algorithm;
        if !algorithm.fits(key.kind()) {
            return Err(JwsError::UnfitKey { algorithm, key: key.kind() });
        }
        key.verify_jose(algorithm.into(), self.signed_part.as_bytes(), &self.signature)?;
        Ok(VerifiedPayload(&self.payload))
    }
}

impl fmt::Debug for CompactJws<'_> {
    /// Leaves out payload and signature: a token is a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompactJws").field("header", &self.header).finish_non_exhaustive()
    }
}

/// A payload whose signature or MAC holds; only `verify` of a JWS makes one.
#[derive(Clone, Copy)]
pub struct VerifiedPayload<'a>(pub(super) &'a [u8]);

impl<'a> VerifiedPayload<'a> {
    /// Its bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for VerifiedPayload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedPayload(..)")
    }
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JwsError {
    /// Longer than any token that is used here.
    #[error("the token has {octets} bytes; at most {MAX_TOKEN_OCTETS} are accepted")]
    TooLarge {
        /// Its length.
        octets: usize,
    },
    /// Not header, payload and signature.
    #[error("the token is not a signed token of three parts")]
    NotThreeParts,
    /// A JWE; it is not opened.
    #[error("the token is encrypted; a signed token is needed")]
    Encrypted,
    /// A part is not base64url without padding.
    #[error("the {part} of the token is not base64url without padding")]
    NotBase64url {
        /// Which one.
        part: TokenPart,
    },
    /// The header is refused.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The token's algorithm does not go with the key.
    #[error("the token's algorithm {algorithm} does not go with its {key} key")]
    UnfitKey {
        /// What the token says.
        algorithm: SigningAlgorithm,
        /// What the key is.
        key: KeyKind,
    },
    /// None of the keys known may be used for the token.
    #[error("no known key fits the token")]
    NoKey,
    /// The signature is not the key's.
    #[error("the token's signature is refused")]
    Signature(#[from] SignatureInvalid),
}

/// A part of a compact token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPart {
    /// The protected header.
    Header,
    /// What is signed or encrypted.
    Payload,
    /// The signature.
    Signature,
    /// The encrypted key of a JWE.
    EncryptedKey,
    /// The initialisation vector of a JWE.
    InitializationVector,
    /// The authentication tag of a JWE.
    Tag,
}

impl fmt::Display for TokenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
            Self::EncryptedKey => "encrypted key",
            Self::InitializationVector => "initialization vector",
            Self::Tag => "tag",
        })
    }
}

/// Longest token accepted.
///
/// A renewal token with a chain of RSA-4096 certificates, encoded twice, has about 12 KiB, an OIDC token with 200
/// groups about 10. API Gateway ends headers at 10 KiB, but a token in a body has no such end.
pub const MAX_TOKEN_OCTETS: usize = 64 * 1024;

fn decode(text: &str, part: TokenPart) -> Result<Vec<u8>, JwsError> {
    base64url::decode(text).ok_or(JwsError::NotBase64url { part })
}

#[cfg(test)]
mod tests;
