//! The JWK provisioner: whoever holds the private half of a key may mint tokens for any name.

use super::audience::{Audiences, Operation};
use super::token::{AuthorizedToken, TokenError, check_claims, refuse_own_key};
use crate::clock::Timestamp;
use crate::jose::{Jwk, Jwt};

/// What a JWK provisioner verifies tokens with.
#[derive(Debug)]
pub struct JwkProvisioner {
    /// The provisioner's name: `iss` of its tokens.
    pub name: String,
    /// Its id, under which its tokens are marked as spent.
    pub id: String,
    /// The key. Its `alg`, where it has one, is the only algorithm that its tokens may use.
    pub key: Jwk,
}

impl JwkProvisioner {
    /// The key's id, or the empty text: `kid` of its tokens, and the credential id in its certificates.
    pub fn key_id(&self) -> &str {
        self.key.key_id().unwrap_or_default()
    }

    /// Verifies a token for `operation`: signature first, then claims. Nothing is written.
    ///
    /// A token must name this provisioner as issuer, this authority and operation as audience, a subject, and an
    /// expiry; `nbf` and `iat` hold if they are there. Clocks may differ by a minute.
    ///
    /// # Errors
    /// [`TokenError`] says what does not hold.
    pub fn authorize(
        &self,
        token: Jwt<'_>,
        operation: Operation,
        audiences: &Audiences,
        now: Timestamp,
    ) -> Result<AuthorizedToken, TokenError> {
        refuse_own_key(token.header())?;
        let verified = token.verify_with_any([&self.key])?;
        let expires = check_claims(verified.claims(), &[&self.name], audiences, operation, now)?;
        let signed_part = verified.signed_part();
        AuthorizedToken::new(&self.id, verified.into_claims(), signed_part, expires)
    }
}

#[cfg(test)]
#[path = "jwk_tests.rs"]
mod tests;
