//! REST APIs, and HTTP APIs with payload format 1.0.
//!
//! [AWS, input format](https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format)

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde::Deserialize;

use super::http_api::ClientCert;
use super::{EventError, TextBody, Told, append, certificate, shape, url};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    /// Only an HTTP API's event says it.
    version: Option<String>,
    path: String,
    http_method: String,
    headers: Option<BTreeMap<String, String>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    request_context: Context,
    #[serde(flatten)]
    body: TextBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    /// With the stage before it, where the client's own has one.
    path: Option<String>,
    domain_name: Option<String>,
    request_id: Option<String>,
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    source_ip: Option<String>,
    client_cert: Option<ClientCert>,
}

pub(super) fn read(event: &str) -> Result<Told, EventError> {
    let event: Event = serde_json::from_str(event).map_err(shape)?;
    let context = event.request_context;
    let query = url::query_from_decoded(values(
        event.query_string_parameters.as_ref(),
        event.multi_value_query_string_parameters.as_ref(),
    ));
    let client = context.identity.client_cert;
    let stage = context.path.as_deref().and_then(|whole| whole.strip_suffix(&event.path)).unwrap_or_default();
    Ok(Told {
        stage: stage.trim_end_matches('/').to_owned(),
        method: event.http_method,
        path: match event.version {
            None => url::as_it_came(&event.path),
            Some(_) => url::path_from_decoded(&event.path),
        },
        query,
        headers: headers(event.headers.as_ref(), event.multi_value_headers.as_ref())?,
        body: event.body,
        host: context.domain_name,
        // The console's test button has a word in the place of an address.
        remote: context.identity.source_ip.and_then(|address| address.parse().ok()),
        id: context.request_id,
        certificates: client.map(|client| certificate::from_pem(&client.client_cert_pem)).transpose()?,
    })
}

/// Names and values; those with several values each, where the event has them.
pub(super) fn values<'a>(
    single: Option<&'a BTreeMap<String, String>>,
    multiple: Option<&'a BTreeMap<String, Vec<String>>>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let single = single.filter(|_| multiple.is_none());
    let multiple = multiple.into_iter().flatten();
    let multiple =
        multiple.flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())));
    let single = single.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
    multiple.chain(single)
}

/// The headers of an event that has them once or with several values each.
pub(super) fn headers(
    single: Option<&BTreeMap<String, String>>,
    multiple: Option<&BTreeMap<String, Vec<String>>>,
) -> Result<HeaderMap, EventError> {
    let mut headers = HeaderMap::new();
    for (name, value) in values(single, multiple) {
        append(&mut headers, name, value)?;
    }
    Ok(headers)
}
