//! What a token comes to when its provisioner has verified it, and why one is refused.

use aws_lc_rs::digest;
use thiserror::Error;

use super::audience::{Audiences, Operation};
use crate::clock::Timestamp;
use crate::jose::{CLOCK_LEEWAY, Claims, Header, JwsError, JwtError, TimeError};
use crate::store::{Key, table};

/// A token whose signature and claims hold for the operation it was shown for.
#[derive(Debug)]
pub struct AuthorizedToken {
    claims: Claims,
    subject: String,
    expires: Timestamp,
    mark: [u8; 32],
}

impl AuthorizedToken {
    /// Everything that the token says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Its subject, which is not empty.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When it ends, the leeway for clocks included.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Where it is marked as spent.
    pub fn spent_key(&self) -> Key {
        table::spent("token", &self.mark)
    }

    /// A token that has been verified. `signed_part` is what its signature covers.
    ///
    /// # Errors
    /// [`TokenError::NoSubject`] when it names none.
    pub(super) fn new(
        provisioner: &str,
        claims: Claims,
        signed_part: &str,
        expires: Timestamp,
    ) -> Result<Self, TokenError> {
        let subject = claims.subject().filter(|subject| !subject.is_empty()).ok_or(TokenError::NoSubject)?;
        let subject = subject.to_owned();
        let mark = spent_mark(provisioner, claims.id(), signed_part);
        Ok(Self { claims, subject, expires, mark })
    }
}

/// The mark of a spent token: made of its provisioner and its id, or of its signed part where it has none. Never of its
/// text: an ECDSA signature has a twin that verifies too.
pub(crate) fn spent_mark(provisioner: &str, id: Option<&str>, signed_part: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let (tag, unique) = match id {
        Some(id) if !id.is_empty() => (b"jti", id),
        _ => (b"jws", signed_part),
    };
    // The length keeps provisioner and id apart, whatever they contain.
    context.update(&provisioner.len().to_be_bytes());
    context.update(provisioner.as_bytes());
    context.update(tag);
    context.update(unique.as_bytes());
    let mut mark = [0; 32];
    mark.copy_from_slice(context.finish().as_ref());
    mark
}

/// Refuses a token that says with which key it is to be verified. No judge here would look, but its author hoped so.
pub(crate) fn refuse_own_key(header: &Header) -> Result<(), TokenError> {
    if header.brings_own_key || header.x5c.is_some() { Err(TokenError::BringsOwnKey) } else { Ok(()) }
}

/// Whether a token whose signature holds is from one of `issuers`, for this authority and `operation`, and for this
/// time. Returned is when it can no longer be used, the leeway for clocks included.
pub(crate) fn check_claims(
    claims: &Claims,
    issuers: &[&str],
    audiences: &Audiences,
    operation: Operation,
    now: Timestamp,
) -> Result<Timestamp, TokenError> {
    if !claims.issuer().is_some_and(|issuer| issuers.contains(&issuer)) {
        return Err(TokenError::Issuer { found: claims.issuer().unwrap_or_default().to_owned() });
    }
    let audience = claims.audience();
    if !audiences.allow(&audience, operation, "") {
        return Err(TokenError::Audience(audience.into_iter().map(str::to_owned).collect()));
    }
    // A token that never ends would have to be remembered for ever.
    let expiry = claims.expiry().ok_or(TokenError::NoExpiry)?;
    claims.validate_time(now, CLOCK_LEEWAY)?;
    Ok(expiry.saturating_add(CLOCK_LEEWAY).unwrap_or(Timestamp::MAX))
}

/// Why a token is refused. Clients are not told which; the log is.
#[derive(Debug, Error)]
pub enum TokenError {
    /// Not a signed token with readable claims.
    #[error("the token cannot be read")]
    Malformed(#[from] JwtError),
    /// No provisioner stands behind issuer, key id and audience.
    #[error("no provisioner for issuer {issuer:?}, key id {key_id:?} and audience {audience:?}")]
    UnknownProvisioner {
        /// `iss`.
        issuer: String,
        /// `kid`.
        key_id: String,
        /// `aud`.
        audience: Vec<String>,
    },
    /// It brings a key, or says where to fetch one.
    #[error("the token brings its own key")]
    BringsOwnKey,
    /// The provisioner's key did not sign it.
    #[error("the signature of the token does not hold")]
    Signature(#[from] JwsError),
    /// It names another issuer than the provisioner.
    #[error("the issuer of the token is {found:?}")]
    Issuer {
        /// `iss`.
        found: String,
    },
    /// It is for something or somebody else.
    #[error("the audience of the token is {0:?}")]
    Audience(Vec<String>),
    /// It names no subject.
    #[error("the token has no subject")]
    NoSubject,
    /// It names another subject than the certificate it acts for.
    #[error("the subject of the token is {found:?}, the certificate's name is {expected:?}")]
    Subject {
        /// `sub`.
        found: String,
        /// The certificate's common name.
        expected: String,
    },
    /// It would never end.
    #[error("the token has no expiry")]
    NoExpiry,
    /// Its time has not come, or is over.
    #[error("the token is not valid at this time")]
    Time(#[from] TimeError),
    /// It was issued before the authority existed.
    #[error("the token was issued at {issued_at}, before the authority was created at {created}")]
    BeforeAuthority {
        /// `iat`.
        issued_at: Timestamp,
        /// The authority's first start.
        created: Timestamp,
    },
    /// There is no certificate in its header.
    #[error("the token carries no certificate chain")]
    NoChain,
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
