//! What a path names. A name that makes no sense is answered as one that nobody has.

use std::str::FromStr;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use stepless_core::acme::AcmeError;
use stepless_core::x509::SerialNumber;

use super::Refused;
use super::problem::not_there;

/// The parts of a path behind the provisioner, decoded once. Bytes that are no text name nothing (404).
pub(crate) struct Names<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Names<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let named: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        named.map(|Path(names)| Self(names)).map_err(|rejection| not_there().because(rejection).into())
    }
}

/// An id; `what` is what it would be the id of.
pub(crate) fn named<T: FromStr>(text: &str, what: &str) -> Result<T, AcmeError> {
    text.parse().map_err(|_| AcmeError::not_found(what))
}

/// A serial number, in the one spelling that our links have.
pub(super) fn serial(text: &str) -> Result<SerialNumber, AcmeError> {
    let serial = format!("0x{text}").parse::<SerialNumber>().map_err(|_| no_certificate())?;
    if hex::encode(serial.as_bytes()) == text { Ok(serial) } else { Err(no_certificate()) }
}

fn no_certificate() -> AcmeError {
    AcmeError::not_found("certificate")
}
