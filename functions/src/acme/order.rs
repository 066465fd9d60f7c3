//! `/new-order`, `/new-authz`, `/order/{id}`, `/authz/{id}`, `/challenge/{authorization}/{type}`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use stepless_core::acme::{Acme, AcmeError};
use stepless_core::config::ChallengeType;

use super::answer::resource;
use super::named::{Names, named};
use super::{AcmeServer, Posted, Refused};
use crate::unhurried::to_the_end;

pub(super) async fn new(State(acme): State<Arc<Acme>>, posted: Posted) -> Result<Response, Refused> {
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        resource(&acme.new_order(&endpoint, posted.body()).await?)
    })
    .await
}

pub(super) async fn new_authorization(
    State(acme): State<Arc<Acme>>,
    posted: Posted,
) -> Result<Response, Refused> {
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        resource(&acme.new_authz(&endpoint, posted.body()).await?)
    })
    .await
}

pub(super) async fn order(
    State(acme): State<Arc<Acme>>,
    Names((_, id)): Names<(String, String)>,
    posted: Posted,
) -> Result<Response, Refused> {
    let id = named(&id, "order")?;
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        resource(&acme.order(&endpoint, posted.body(), &id).await?)
    })
    .await
}

pub(super) async fn authorization(
    State(server): State<AcmeServer>,
    Names((_, id)): Names<(String, String)>,
    posted: Posted,
) -> Result<Response, Refused> {
    let id = named(&id, "authorization")?;
    to_the_end(async move {
        let AcmeServer { acme, validator } = &server;
        let endpoint = posted.asked.endpoint(acme)?;
        resource(&acme.authorization(&endpoint, &*validator.retry, posted.body(), &id).await?)
    })
    .await
}

pub(super) async fn challenge(
    State(server): State<AcmeServer>,
    Names((_, id, kind)): Names<(String, String, String)>,
    posted: Posted,
) -> Result<Response, Refused> {
    let id = named(&id, "challenge")?;
    let kind = challenge_type(&kind)?;
    to_the_end(async move {
        let AcmeServer { acme, validator } = &server;
        let endpoint = posted.asked.endpoint(acme)?;
        resource(&acme.challenge(&endpoint, validator, posted.body(), &id, kind).await?)
    })
    .await
}

/// In the one spelling that our links have.
fn challenge_type(text: &str) -> Result<ChallengeType, AcmeError> {
    let kind: ChallengeType = named(text, "challenge")?;
    if kind.name() == text { Ok(kind) } else { Err(AcmeError::not_found("challenge")) }
}
