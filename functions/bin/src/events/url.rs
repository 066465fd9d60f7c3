//! Paths and query strings: encoded again where a gateway has decoded them, so that a function decodes once.
//!
//! An HTTP API hands paths over decoded, in both of its payload formats, and query strings as they came; a REST API
//! decodes query strings and leaves paths; a load balancer and a function URL decode nothing.
//!
//! Of that AWS documents the query strings:
//! [REST API](https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html),
//! [load balancer](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html). For paths
//! there are events that others recorded:
//! [an HTTP API's](https://github.com/fastify/aws-lambda-fastify/issues/169),
//! [a REST API's](https://github.com/localstack/localstack/pull/7728),
//! [every gateway's](https://github.com/middleapi/standard-server/pull/93).

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// A path that was decoded.
pub(super) fn path_from_decoded(path: &str) -> String {
    utf8_percent_encode(path, DECODED_PATH).to_string()
}

/// A path or a query string that was not decoded. What cannot stand in a URI is encoded, the rest stays.
pub(super) fn as_it_came(text: &str) -> String {
    utf8_percent_encode(text, NEVER_IN_A_URI).to_string()
}

/// A query string of decoded names and values.
pub(super) fn query_from_decoded<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    join(pairs, |text| utf8_percent_encode(text, DECODED_QUERY).to_string())
}

/// A query string of names and values as they came.
pub(super) fn query_as_it_came<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    join(pairs, as_it_came)
}

fn join<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, encoded: impl Fn(&str) -> String) -> String {
    let pairs = pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The path below `prefix`, which has no slash at its end; the whole path where it is not below.
pub(super) fn without_prefix<'a>(path: &'a str, prefix: &str) -> &'a str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// What the grammar of a URI has no place for.
///
/// [RFC 3986 §2](https://www.rfc-editor.org/rfc/rfc3986#section-2)
const NEVER_IN_A_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What may stand in a path as it is. Everything else is encoded, as our own links are: a signed request names the URL
/// that it was sent to, and must find it the same.
const DECODED_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+');

const DECODED_QUERY: &AsciiSet = &NEVER_IN_A_URI.add(b'%').add(b'?').add(b'&').add(b'=').add(b'+').add(b';');
