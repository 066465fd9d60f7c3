//! `/new-account`, `/account/{id}`, `/account/{id}/orders`, `/key-change`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use stepless_core::acme::Acme;
use url::form_urlencoded;

use super::answer::resource;
use super::named::{Names, named};
use super::{Posted, Refused};
use crate::unhurried::to_the_end;

pub(super) async fn new(State(acme): State<Arc<Acme>>, posted: Posted) -> Result<Response, Refused> {
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        resource(&acme.new_account(&endpoint, posted.body()).await?)
    })
    .await
}

pub(super) async fn account(
    State(acme): State<Arc<Acme>>,
    Names((_, id)): Names<(String, String)>,
    posted: Posted,
) -> Result<Response, Refused> {
    let id = named(&id, "account")?;
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        resource(&acme.account(&endpoint, posted.body(), &id).await?)
    })
    .await
}

pub(super) async fn orders(
    State(acme): State<Arc<Acme>>,
    Names((_, id)): Names<(String, String)>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Result<Response, Refused> {
    let id = named(&id, "account")?;
    let query = query.unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let cursor = parameters.find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned());
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        resource(&acme.orders(&endpoint, posted.body(), &id, cursor.as_deref()).await?)
    })
    .await
}

pub(super) async fn key_change(State(acme): State<Arc<Acme>>, posted: Posted) -> Result<Response, Refused> {
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        resource(&acme.key_change(&endpoint, posted.body()).await?)
    })
    .await
}
