//! Load balancers.
//!
//! [AWS, Lambda as a target](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html),
//! [AWS, mutual TLS headers](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html)

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IgnoredAny;
use stepless_core::peer::PeerCertificates;

use super::rest_api::{headers, values};
use super::{EventError, TextBody, Told, certificate, shape, url};
use crate::environment::AlbCertificates;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
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

/// Only a load balancer's event has this.
#[derive(Deserialize)]
struct Context {
    #[serde(rename = "elb")]
    _elb: BTreeMap<String, IgnoredAny>,
}

pub(super) fn read(certificates: AlbCertificates, event: &str) -> Result<Told, EventError> {
    let event: Event = serde_json::from_str(event).map_err(shape)?;
    let headers = headers(event.headers.as_ref(), event.multi_value_headers.as_ref())?;
    let _: Context = event.request_context;
    let query = url::query_as_it_came(values(
        event.query_string_parameters.as_ref(),
        event.multi_value_query_string_parameters.as_ref(),
    ));
    Ok(Told {
        method: event.http_method,
        path: url::as_it_came(&event.path),
        stage: String::new(),
        query,
        body: event.body,
        host: host(&headers),
        remote: remote(&headers),
        id: headers.get(TRACE_ID).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
        certificates: match certificates {
            AlbCertificates::None => None,
            AlbCertificates::Passthrough => client(&headers, CHAIN)?,
            AlbCertificates::Verify => client(&headers, LEAF)?,
        },
        headers,
    })
}

/// The certificates of a header that the balancer writes: PEM, percent-encoded.
fn client(headers: &HeaderMap, name: &str) -> Result<Option<PeerCertificates>, EventError> {
    let mut found = headers.get_all(name).iter();
    let Some(value) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(EventError::NoCertificate);
    }
    let pem = value.to_str().map(|text| percent_decode_str(text).decode_utf8());
    let Ok(Ok(pem)) = pem else { return Err(EventError::NoCertificate) };
    certificate::from_pem(&pem).map(Some)
}

/// A balancer has no name of its own in an event: what the client asked for, without the port.
fn host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => Some(name.to_owned()),
        _ => Some(host.to_owned()),
    }
}

/// The balancer appends the client's address to what the client sent: only the last entry is its own word.
fn remote(headers: &HeaderMap) -> Option<IpAddr> {
    let forwarded = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
    let last = forwarded.rsplit(',').next()?.trim();
    last.parse().ok().or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

const CHAIN: &str = "x-amzn-mtls-clientcert";
const LEAF: &str = "x-amzn-mtls-clientcert-leaf";
const FORWARDED_FOR: &str = "x-forwarded-for";
const TRACE_ID: &str = "x-amzn-trace-id";
