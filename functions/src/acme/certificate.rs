//! `/certificate/{serial}`, `/revoke-cert`, `/renewal-info/{id}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use stepless_core::acme::{Acme, AcmeError};

use super::answer::{Accompaniment, resource, with_body};
use super::named::{Names, serial};
use super::{Asked, Posted, Refused};
use crate::access_log::LoggedRevocation;
use crate::unhurried::to_the_end;

pub(super) async fn certificate(
    acme: State<Arc<Acme>>,
    Names((provisioner, serial)): Names<(String, String)>,
    posted: Posted,
) -> Result<Response, Refused> {
    alternate(acme, Names((provisioner, serial, FIRST.to_owned())), posted).await
}

pub(super) async fn alternate(
    State(acme): State<Arc<Acme>>,
    Names((_, text, number)): Names<(String, String, String)>,
    posted: Posted,
) -> Result<Response, Refused> {
    let serial = serial(&text)?;
    let number = number.parse::<u8>().map_err(|_| AcmeError::not_found("certificate"))?;
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        let answer = acme.certificate(&endpoint, posted.body(), &serial, number.into()).await?;
        with_body(&answer, ([(header::CONTENT_TYPE, PEM_CHAIN)], answer.resource.clone()))
    })
    .await
}

pub(super) async fn revoke(State(acme): State<Arc<Acme>>, posted: Posted) -> Result<Response, Refused> {
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        let answer = acme.revoke_cert(&endpoint, posted.body()).await?;
        let mut response = with_body(&answer, StatusCode::OK)?;
        response.extensions_mut().insert(LoggedRevocation(answer.resource));
        Ok(response)
    })
    .await
}

/// The one resource beside the directory that is had with GET, and is the same for everybody.
pub(super) async fn renewal_info(
    State(acme): State<Arc<Acme>>,
    asked: Asked,
    Names((_, id)): Names<(String, String)>,
) -> Result<Response, Refused> {
    let endpoint = asked.endpoint(&acme)?;
    let mut response = resource(&acme.renewal_info(&endpoint, &id).await?)?;
    response.extensions_mut().insert(Accompaniment::Link);
    Ok(response)
}

/// The number of the chain that a link without a number means.
const FIRST: &str = "0";

/// [RFC 8555 §9.1](https://www.rfc-editor.org/rfc/rfc8555#section-9.1)
const PEM_CHAIN: HeaderValue = HeaderValue::from_static("application/pem-certificate-chain");
