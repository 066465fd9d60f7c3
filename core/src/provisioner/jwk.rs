//! The JWK provisioner: whoever holds the private half of a key may mint tokens for any name.

use super::audience::{Audiences, Operation};
use super::token::{AuthorizedToken, TokenError, refuse_own_key};
use crate::clock::{SignedDuration, Timestamp};
use crate::jose::{CLOCK_LEEWAY, Jwt};
use crate::key::PublicKey;

/// What a JWK provisioner verifies tokens with.
#[derive(Debug)]
pub struct JwkProvisioner {
    /// The provisioner's name: `iss` of its tokens.
    pub name: String,
    /// Its id, under which its tokens are marked as spent.
    pub id: String,
    /// The key's id: `kid` of its tokens, and the credential id in its certificates.
    pub key_id: String,
    /// The key.
    pub key: PublicKey,
}

impl JwkProvisioner {
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
        let verified = token.verify(&self.key)?;
        let claims = verified.claims();
        if claims.issuer() != Some(&self.name) {
            return Err(TokenError::Issuer { found: claims.issuer().unwrap_or_default().to_owned() });
        }
        let audience = claims.audience();
        if !audiences.allow(&audience, operation, "") {
            return Err(TokenError::Audience(audience.into_iter().map(str::to_owned).collect()));
        }
        let expires = expiry(claims.expiry(), CLOCK_LEEWAY)?;
        claims.validate_time(now, CLOCK_LEEWAY)?;
        let signed_part = verified.signed_part();
        AuthorizedToken::new(&self.id, verified.into_claims(), signed_part, expires)
    }
}

/// When a token that ends at `expiry` can no longer be used.
pub(crate) fn expiry(expiry: Option<Timestamp>, leeway: SignedDuration) -> Result<Timestamp, TokenError> {
    let expiry = expiry.ok_or(TokenError::NoExpiry)?;
    Ok(expiry.saturating_add(leeway).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
#[path = "jwk_tests.rs"]
mod tests;
