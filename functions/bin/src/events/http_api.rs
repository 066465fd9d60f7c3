//! HTTP APIs with payload format 2.0, and function URLs, which take the same.
//!
//! [AWS, payload format](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html)

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde::Deserialize;

use super::{EventError, TextBody, Told, append, certificate, shape, url};
use crate::environment::{Events, Gateway};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    raw_query_string: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    cookies: Option<Vec<String>>,
    request_context: Context,
    #[serde(flatten)]
    body: TextBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    domain_name: Option<String>,
    stage: Option<String>,
    request_id: Option<String>,
    http: Http,
    authentication: Option<Authentication>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    source_ip: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    client_cert: Option<ClientCert>,
}

/// A client certificate without its text is no client certificate that can be passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientCert {
    pub(super) client_cert_pem: String,
}

pub(super) fn read(gateway: &Gateway, event: &str) -> Result<Told, EventError> {
    let event: Event = serde_json::from_str(event).map_err(shape)?;
    let context = event.request_context;
    let mut headers = HeaderMap::new();
    for (name, value) in event.headers.iter().flatten() {
        append(&mut headers, name, value)?;
    }
    if let Some(cookies) = event.cookies.filter(|cookies| !cookies.is_empty()) {
        append(&mut headers, "cookie", &cookies.join("; "))?;
    }
    let (stage, path, client) = match gateway.events {
        Events::FunctionUrl => (String::new(), url::as_it_came(&event.raw_path), None),
        Events::HttpApi | Events::RestApi | Events::Alb(_) => {
            let client = context.authentication.and_then(|authentication| authentication.client_cert);
            let (stage, path) = below_stage(&event.raw_path, context.stage.as_deref());
            (stage, url::path_from_decoded(path), client)
        }
    };
    Ok(Told {
        method: context.http.method,
        path,
        stage,
        query: url::as_it_came(&event.raw_query_string.unwrap_or_default()),
        headers,
        body: event.body,
        host: context.domain_name,
        remote: context.http.source_ip.and_then(|address| address.parse().ok()),
        id: context.request_id,
        certificates: client.map(|client| certificate::from_pem(&client.client_cert_pem)).transpose()?,
    })
}

/// The name of every stage but the default one stands before the path.
fn below_stage<'a>(path: &'a str, stage: Option<&str>) -> (String, &'a str) {
    let stage = match stage {
        None | Some("" | DEFAULT_STAGE) => return (String::new(), path),
        Some(stage) => format!("/{stage}"),
    };
    let below = url::without_prefix(path, &stage);
    (if below == path { String::new() } else { stage }, below)
}

const DEFAULT_STAGE: &str = "$default";
