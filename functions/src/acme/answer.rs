//! Answers: a resource with the headers that belong to it, and what goes with every one of them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use stepless_core::acme::{Acme, AcmeError, Answer, Endpoint};

use super::arrival::Asked;
use super::problem::{Refused, failed};

/// What goes with an answer that is not for one client, and for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accompaniment {
    /// Nothing: it is the directory.
    Nothing,
    /// The link to the directory.
    Link,
}

/// Refuses what was not sent to a server of ours, and gives every answer its nonce and the link to the directory
/// ([RFC 8555 §6.5](https://www.rfc-editor.org/rfc/rfc8555#section-6.5),
/// [§7.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1)).
pub(super) async fn accompany(State(acme): State<Arc<Acme>>, mut request: Request, next: Next) -> Response {
    let asked = match Asked::read(&request) {
        Ok(asked) => asked,
        Err(error) => return Refused::from(error).into_response(),
    };
    // Nobody gets a nonce of a server that there is not.
    if let Err(error) = asked.endpoint(&acme) {
        return Refused::from(error).into_response();
    }
    request.extensions_mut().insert(asked.clone());
    let mut response = next.run(request).await;
    let accompaniment = response.extensions_mut().remove::<Accompaniment>();
    let added = asked
        .endpoint(&acme)
        .and_then(|endpoint| add(response.headers_mut(), &acme, &endpoint, accompaniment));
    match added {
        Ok(()) => response,
        Err(error) => Refused::from(error).into_response(),
    }
}

fn add(
    headers: &mut HeaderMap,
    acme: &Acme,
    endpoint: &Endpoint<'_>,
    accompaniment: Option<Accompaniment>,
) -> Result<(), AcmeError> {
    if accompaniment != Some(Accompaniment::Nothing) {
        headers.append(header::LINK, link(&endpoint.links().directory(), "index")?);
    }
    if accompaniment.is_none() {
        headers.insert(REPLAY_NONCE, value(&acme.new_nonce(endpoint)?.to_string())?);
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    Ok(())
}

/// A resource in JSON with its headers: 201 if the request has made it, 200 otherwise.
pub(crate) fn resource<T: Serialize>(answer: &Answer<T>) -> Result<Response, Refused> {
    with_headers(answer, json(status(answer), &answer.resource)?)
}

/// As [`resource`], with a body that is there already.
pub(super) fn with_body<T>(answer: &Answer<T>, body: impl IntoResponse) -> Result<Response, Refused> {
    with_headers(answer, (status(answer), body).into_response())
}

/// JSON.
pub(super) fn json<T: Serialize>(status: StatusCode, resource: &T) -> Result<Response, Refused> {
    document(status, JSON, resource).map_err(|error| failed().because(error).into())
}

/// A document in JSON of some media type.
pub(super) fn document<T: Serialize>(
    status: StatusCode,
    media_type: HeaderValue,
    resource: &T,
) -> Result<Response, serde_json::Error> {
    let mut bytes = serde_json::to_vec(resource)?;
    bytes.push(b'\n');
    Ok((status, [(header::CONTENT_TYPE, media_type)], bytes).into_response())
}

fn status<T>(answer: &Answer<T>) -> StatusCode {
    if answer.created { StatusCode::CREATED } else { StatusCode::OK }
}

fn with_headers<T>(answer: &Answer<T>, mut response: Response) -> Result<Response, Refused> {
    let headers = response.headers_mut();
    if let Some(location) = &answer.location {
        headers.insert(header::LOCATION, value(location)?);
    }
    let up = answer.up.iter().map(|url| (url, "up"));
    let next = answer.next.iter().map(|url| (url, "next"));
    let alternates = answer.alternates.iter().map(|url| (url, "alternate"));
    for (url, relation) in up.chain(next).chain(alternates) {
        headers.append(header::LINK, link(url, relation)?);
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// A link ([RFC 8288 §3](https://www.rfc-editor.org/rfc/rfc8288#section-3)).
pub(super) fn link(url: &str, relation: &str) -> Result<HeaderValue, AcmeError> {
    value(&format!("<{url}>;rel=\"{relation}\""))
}

/// What we write into a header consists of our own URLs and nonces, which are fit for it.
fn value(text: &str) -> Result<HeaderValue, AcmeError> {
    HeaderValue::from_str(text).map_err(|error| failed().because(error))
}

const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
