//! A token with claims.

use thiserror::Error;

use super::{Claims, ClaimsError, CompactJws, Header, Jwk, JwsError};
use crate::key::PublicKey;

/// A JWT in compact form, read once: header and claims are typed, the signature is not verified yet.
///
/// [RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)
#[derive(Clone, Debug)]
pub struct Jwt<'a> {
    jws: CompactJws<'a>,
    claims: Claims,
}

impl<'a> Jwt<'a> {
    /// Reads a token.
    ///
    /// # Errors
    /// [`JwtError`] says what is wrong with its form.
    pub fn parse(compact: &'a str) -> Result<Self, JwtError> {
        let jws = CompactJws::parse(compact)?;
        let claims = Claims::parse(jws.unverified_payload())?;
        Ok(Self { jws, claims })
    }

    /// The header. Until the signature is verified it is only good for finding the key.
    pub fn header(&self) -> &Header {
        self.jws.header()
    }

    /// The claims, whoever wrote them: only good for finding out who is to judge the token.
    pub fn unverified_claims(&self) -> &Claims {
        &self.claims
    }

    /// See [`CompactJws::signed_part`].
    pub fn signed_part(&self) -> &'a str {
        self.jws.signed_part()
    }

    /// The token, once `key` is seen to have signed it.
    ///
    /// # Errors
    /// [`JwsError`] as [`CompactJws::verify`].
    pub fn verify(self, key: &PublicKey) -> Result<VerifiedJwt<'a>, JwsError> {
        self.jws.verify(key)?;
        Ok(VerifiedJwt(self))
    }

    /// The token, once one of `keys` is seen to have signed it; a key whose `alg` is another one is passed over.
    ///
    /// The caller chooses few keys, by `kid`: each costs a verification.
    ///
    /// # Errors
    /// [`JwsError::NoKey`] when no key may be used with the token's algorithm, else the refusal of the last one tried.
    pub fn verify_with_any<'k>(
        self,
        keys: impl IntoIterator<Item = &'k Jwk>,
    ) -> Result<VerifiedJwt<'a>, JwsError> {
        let mut refusal = JwsError::NoKey;
        for key in keys.into_iter().filter(|key| key.permits(self.header().algorithm)) {
            match self.jws.verify(key.public_key()) {
                Ok(_) => return Ok(VerifiedJwt(self)),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

/// A token whose signature holds. What its claims say is still to be judged, its time first.
#[derive(Clone, Debug)]
pub struct VerifiedJwt<'a>(Jwt<'a>);

impl<'a> VerifiedJwt<'a> {
    /// The header.
    pub fn header(&self) -> &Header {
        self.0.jws.header()
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// See [`CompactJws::signed_part`].
    pub fn signed_part(&self) -> &'a str {
        self.0.jws.signed_part()
    }

    /// The claims alone.
    pub fn into_claims(self) -> Claims {
        self.0.claims
    }
}

/// Why a text is not a token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JwtError {
    /// It is not a signed message.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// Its payload is not a set of claims.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

#[cfg(test)]
mod tests;
