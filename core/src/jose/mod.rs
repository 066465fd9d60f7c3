//! JOSE: signed tokens, keys and encrypted keys as JSON writes them.
//!
//! A token is read once, as [`Jwt`]: bounded, strict, its claims typed. Until [`Jwt::verify`] has been passed its
//! content is only good for finding the key. Keys are [`Jwk`] and, with the private half, [`PrivateJwk`]; [`jwe`]
//! opens and closes the encrypted ones. ACME signs in JSON form: [`FlattenedJws`], and [`MacJws`] inside of it, which
//! is all that a MAC is good for. Never here: which key belongs to whom, what a claim must say.

mod algorithm;
mod base64url;
mod claims;
mod flattened;
mod header;
mod json_form;
mod jwk;
mod jwks;
mod jws;
mod jwt;
mod mac_jws;
mod private_jwk;
mod thumbprint;

pub mod jwe;
pub mod strict_json;

pub use algorithm::{SigningAlgorithm, UnknownAlgorithm};
pub use claims::{CLOCK_LEEWAY, Claims, ClaimsError, RaClaims, SshClaims, TimeError};
pub use flattened::{AcmeHeader, AcmeJwsError, AcmeJwsProblem, AcmeKey, FlattenedJws};
pub use header::{Header, HeaderError};
pub use json_form::{JwsFormError, MAX_JWS_OCTETS};
pub use jwk::{Jwk, JwkError};
pub use jwks::{JwkSet, JwkSetError};
pub use jws::{CompactJws, JwsError, MAX_TOKEN_OCTETS, TokenPart, VerifiedPayload};
pub use jwt::{Jwt, JwtError, VerifiedJwt};
pub use mac_jws::{BindingError, MacAlgorithm, MacError, MacJws, MacJwsError, NotAMac};
pub use private_jwk::PrivateJwk;
pub use thumbprint::{ParseThumbprintError, Thumbprint};

#[cfg(test)]
mod testing;

/// The beginning of a text from outside, for an error: enough to recognise it, too little to flood a log.
fn clip(text: &str) -> String {
    text.chars().take(MAX_QUOTED_CHARS).collect()
}

/// Longer than every name that JOSE defines.
const MAX_QUOTED_CHARS: usize = 48;
