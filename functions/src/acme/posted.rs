//! Signed requests: what a POST must look like before anybody looks into it.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, StatusCode, header};
use stepless_core::acme::AcmeError;
use stepless_core::jose::MAX_JWS_OCTETS;

use super::Refused;
use super::arrival::Asked;
use crate::body::{Received, receive};

/// The body of a POST, and where it was sent.
///
/// Rejects another content type than `application/jose+json` (415), and a body over [`MAX_JWS_OCTETS`] (413), one that
/// does not arrive in time (408), and one that finds no room (503).
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) asked: Asked,
    received: Received,
}

impl Posted {
    /// The JWS, not looked into.
    pub(crate) fn body(&self) -> &[u8] {
        &self.received.bytes
    }
}

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        check_content_type(&parts.headers)?;
        let asked = Asked::from_request_parts(&mut parts, state).await?;
        let received = receive(Request::from_parts(parts, body), MAX_JWS_OCTETS).await?;
        Ok(Self { asked, received })
    }
}

/// The media type of a JWS in JSON form, which has no parameters.
///
/// [RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2)
fn check_content_type(headers: &HeaderMap) -> Result<(), AcmeError> {
    let mut found = headers.get_all(header::CONTENT_TYPE).iter();
    match (found.next(), found.next()) {
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(JOSE_JSON) => Ok(()),
        (None, _) | (Some(_), _) => {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16();
            Err(AcmeError::malformed("the content type must be application/jose+json").with_status(status))
        }
    }
}

const JOSE_JSON: &[u8] = b"application/jose+json";
