//! Who is at the other end: a client certificate, or a bearer token that stands in for one.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use stepless_core::authority::{ClientCredential, RenewToken};
use stepless_core::peer::PeerCertificates;

use crate::error::ApiError;

/// What a request that acts for an existing certificate shows for it. The platform's client certificate comes first;
/// a bearer token is looked at only without one.
///
/// Rejects a request that has neither (400).
pub(crate) struct Client(pub(crate) ClientCredential);

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        if let Some(certificates) = peer_certificates(parts) {
            return Ok(Self(ClientCredential::Certificates(certificates)));
        }
        let bearer = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match bearer {
            Some(token) => Ok(Self(ClientCredential::RenewToken(RenewToken::new(token.to_owned())))),
            None => Err(ApiError::bad_request("missing client certificate")),
        }
    }
}

/// The certificates of the TLS connection, leaf first; `None` when the client showed none.
pub(crate) fn peer_certificates(parts: &Parts) -> Option<PeerCertificates> {
    parts.extensions.get::<PeerCertificates>().filter(|certificates| !certificates.0.is_empty()).cloned()
}

/// The certificates of the TLS connection, if there are any; never rejects.
pub(crate) struct MaybePeer(pub(crate) Option<PeerCertificates>);

impl<S: Sync> FromRequestParts<S> for MaybePeer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(peer_certificates(parts)))
    }
}
