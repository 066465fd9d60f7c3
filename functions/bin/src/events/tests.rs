//! Every shape of event: what arrives of a request, and what of an answer.

use std::collections::BTreeMap;

use axum::body::to_bytes;
use axum::http::Response;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::environment::AlbCertificates;
use crate::world::issuers;

mod answers;
mod properties;

const PASSTHROUGH: Events = Events::Alb(AlbCertificates::Passthrough);
const VERIFY: Events = Events::Alb(AlbCertificates::Verify);
const ALB: Events = Events::Alb(AlbCertificates::None);

fn gateway(events: Events) -> Gateway {
    Gateway { events, hosts: Vec::new(), base_path: String::new() }
}

fn read(events: Events, event: &Value) -> Result<Request<Body>, PlatformRefusal> {
    request(&gateway(events), &event.to_string())
}

/// An event as AWS documents it.
fn sample(events: Events) -> Value {
    let text = match events {
        Events::HttpApi => include_str!("../../testdata/http-api-v2.json"),
        Events::RestApi => include_str!("../../testdata/rest-api-v1.json"),
        Events::FunctionUrl => include_str!("../../testdata/function-url.json"),
        Events::Alb(_) => include_str!("../../testdata/alb-multi-value.json"),
    };
    serde_json::from_str(text).unwrap()
}

fn set_path(events: Events, event: &mut Value, path: &str) {
    match events {
        Events::HttpApi | Events::FunctionUrl => event["rawPath"] = path.into(),
        Events::RestApi | Events::Alb(_) => event["path"] = path.into(),
    }
}

fn add_header(events: Events, event: &mut Value, name: &str, value: &str) {
    match events {
        Events::HttpApi | Events::FunctionUrl => event["headers"][name] = value.into(),
        Events::RestApi | Events::Alb(_) => event["multiValueHeaders"][name] = json!([value]),
    }
}

fn peer(request: &Request<Body>) -> Option<&PeerCertificates> {
    request.extensions().get()
}

#[rstest]
#[case(Events::HttpApi, "192.0.2.10", Some("JKJaXmPLvHcESHA="))]
#[case(Events::RestApi, "192.0.2.10", Some("c6af9ac6-7b61-11e6-9a41-93e8deadbeef"))]
#[case(Events::FunctionUrl, "192.0.2.10", Some("e1506fd5-9e7b-434f-bd42-4f8fa224b599"))]
#[case(ALB, "192.0.2.10", Some("Root=1-5c536348-3d683b8b04734faae651f476"))]
#[tokio::test]
async fn a_documented_event_becomes_its_request(
    #[case] events: Events,
    #[case] remote: &str,
    #[case] id: Option<&str>,
) {
    let request = read(events, &sample(events)).unwrap();

    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "/1.0/sign?cursor=a%20b&limit=2&limit=3");
    assert_eq!(request.headers()["content-type"], "application/json");
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap().0;
    assert_eq!((address.ip().to_string().as_str(), address.port()), (remote, 0));
    assert_eq!(request.extensions().get::<PlatformRequestId>().map(|id| id.0.as_str()), id);
    assert_eq!(to_bytes(request.into_body(), 1024).await.unwrap(), b"{\"csr\":\"\"}".as_slice());
}

#[rstest]
fn l2_an_event_of_another_shape_is_refused(
    #[values(Events::HttpApi, Events::RestApi, ALB)] configured: Events,
    #[values(Events::HttpApi, Events::RestApi, ALB)] sent: Events,
) {
    let refused = read(configured, &sample(sent)).is_err();

    assert_eq!(refused, configured != sent);
}

#[rstest]
fn l1_a_client_cannot_write_the_headers_of_a_balancer(
    #[values(Events::HttpApi, Events::RestApi, Events::FunctionUrl, ALB)] events: Events,
    #[values(
        "X-Amzn-Mtls-Clientcert",
        "x-amzn-mtls-clientcert-leaf",
        "X_Amzn_Mtls_Clientcert",
        "x-amzn--mtls-clientcert",
        "X-AMZN-MTLS-CLIENTCERT-SUBJECT",
        "x-amzn_mtls-clientcert"
    )]
    name: &str,
) {
    let (certificate, ..) = issuers();
    let mut event = sample(events);
    add_header(events, &mut event, name, &escaped(&certificate.to_pem()));

    let request = read(events, &event).unwrap();

    assert_eq!(peer(&request), None);
    assert!(request.headers().keys().all(|name| !name.as_str().contains("mtls")));
}

#[test]
fn a_header_of_another_name_stays() {
    let mut event = sample(Events::HttpApi);
    add_header(Events::HttpApi, &mut event, "x-amzn-trace-id", "Root=1");

    assert_eq!(read(Events::HttpApi, &event).unwrap().headers()["x-amzn-trace-id"], "Root=1");
}

fn escaped(pem: &str) -> String {
    percent_encoding::utf8_percent_encode(pem, BY_A_BALANCER).to_string()
}

/// A balancer leaves `+`, `=` and `/` as they are.
const BY_A_BALANCER: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'+').remove(b'/').remove(b'=');

/// An event of a client with this certificate.
fn with_certificate(events: Events, pem: &str) -> Value {
    let mut event = sample(events);
    match events {
        Events::HttpApi | Events::FunctionUrl => {
            event["requestContext"]["authentication"] = json!({ "clientCert": { "clientCertPem": pem } });
        }
        Events::RestApi => {
            event["requestContext"]["identity"]["clientCert"] = json!({ "clientCertPem": pem });
        }
        PASSTHROUGH => add_header(events, &mut event, "x-amzn-mtls-clientcert", &escaped(pem)),
        Events::Alb(_) => add_header(events, &mut event, "x-amzn-mtls-clientcert-leaf", &escaped(pem)),
    }
    event
}

#[rstest]
fn l1_a_client_certificate_arrives_from_the_place_of_its_gateway(
    #[values(Events::HttpApi, Events::RestApi, PASSTHROUGH, VERIFY)] events: Events,
) {
    let (root, issuer, _) = issuers();
    let chain = format!("{}{}", issuer.to_pem(), root.to_pem());

    let request = read(events, &with_certificate(events, &chain)).unwrap();

    assert_eq!(peer(&request).unwrap().0[..], [issuer.as_der().to_vec(), root.as_der().to_vec()]);
    assert!(request.headers().keys().all(|name| !name.as_str().contains("mtls")));
}

#[test]
fn l1_a_balancers_header_counts_in_its_own_mode_only() {
    let (certificate, ..) = issuers();
    let pem = certificate.to_pem();

    assert_eq!(peer(&read(VERIFY, &with_certificate(PASSTHROUGH, &pem)).unwrap()), None);
    assert_eq!(peer(&read(PASSTHROUGH, &with_certificate(VERIFY, &pem)).unwrap()), None);
    assert_eq!(peer(&read(Events::FunctionUrl, &with_certificate(Events::FunctionUrl, &pem)).unwrap()), None);
}

#[rstest]
fn l1_a_certificate_that_cannot_be_read_is_never_no_certificate(
    #[values(Events::HttpApi, Events::RestApi, PASSTHROUGH, VERIFY)] events: Events,
    #[values("", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] pem: &str,
) {
    let refused = read(events, &with_certificate(events, pem));

    assert!(matches!(refused, Err(PlatformRefusal::Malformed(_))), "{refused:?}");
}

#[rstest]
#[case(Events::HttpApi, json!({ "clientCert": {} }))]
#[case(Events::HttpApi, json!({ "clientCert": "x" }))]
#[case(Events::HttpApi, json!("x"))]
fn l1_a_malformed_context_is_never_no_certificate(#[case] events: Events, #[case] authentication: Value) {
    let mut event = sample(events);
    event["requestContext"]["authentication"] = authentication;

    assert!(matches!(read(events, &event), Err(PlatformRefusal::Malformed(_))));
}

#[test]
fn l1_two_certificates_of_a_balancer_are_refused() {
    let (certificate, ..) = issuers();
    let mut event = with_certificate(PASSTHROUGH, &certificate.to_pem());
    let values = &mut event["multiValueHeaders"]["x-amzn-mtls-clientcert"];
    let first = values[0].clone();
    values.as_array_mut().unwrap().push(first);

    assert!(matches!(read(PASSTHROUGH, &event), Err(PlatformRefusal::Malformed(_))));
}

#[rstest]
#[case::null(Value::Null)]
#[case::empty(json!({}))]
#[case::null_inside(json!({ "clientCert": null }))]
fn a_context_without_a_certificate_is_a_client_without_one(#[case] authentication: Value) {
    let mut event = sample(Events::HttpApi);
    event["requestContext"]["authentication"] = authentication;

    assert_eq!(peer(&read(Events::HttpApi, &event).unwrap()), None);
}

#[rstest]
fn o14_the_address_of_a_client_is_the_gateways_word(
    #[values(Events::HttpApi, Events::RestApi, Events::FunctionUrl)] events: Events,
) {
    let mut event = sample(events);
    add_header(events, &mut event, "x-forwarded-for", "198.51.100.1");

    let request = read(events, &event).unwrap();

    assert_eq!(
        request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap().0.ip().to_string(),
        "192.0.2.10"
    );
}

#[rstest]
#[case("198.51.100.1, 192.0.2.10", Some("192.0.2.10"))]
#[case("192.0.2.10:4711", Some("192.0.2.10"))]
#[case("2001:db8::1", Some("2001:db8::1"))]
#[case("198.51.100.1, [2001:db8::1]:4711", Some("2001:db8::1"))]
#[case("198.51.100.1, unknown", None)]
fn o14_of_what_a_balancer_forwards_only_the_last_entry_counts(
    #[case] forwarded: &str,
    #[case] remote: Option<&str>,
) {
    let mut event = sample(ALB);
    add_header(ALB, &mut event, "x-forwarded-for", forwarded);

    let request = read(ALB, &event).unwrap();

    let found = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|remote| remote.0.ip().to_string());
    assert_eq!(found.as_deref(), remote);
}

#[rstest]
fn l4_a_name_in_a_path_is_decoded_once_whoever_decodes(
    #[values(Events::HttpApi, Events::RestApi, Events::FunctionUrl, ALB)] events: Events,
    #[values("a b", "100%", "a+b", "é", "%2e%2e", "a?b#c", "a;b")] name: &str,
) {
    let sent = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string();
    let path = match events {
        Events::HttpApi => format!("/provisioners/{name}/encrypted-key"),
        Events::RestApi | Events::FunctionUrl | Events::Alb(_) => {
            format!("/provisioners/{sent}/encrypted-key")
        }
    };
    let mut event = sample(events);
    set_path(events, &mut event, &path);

    let request = read(events, &event).unwrap();

    let segment = request.uri().path().split('/').nth(2).unwrap().to_owned();
    assert_eq!(percent_encoding::percent_decode_str(&segment).decode_utf8().unwrap(), name);
}

/// [HTTP APIs decode in both formats](https://github.com/middleapi/standard-server/pull/93).
#[test]
fn l4_format_1_of_an_http_api_has_its_path_decoded_too() {
    let mut event = sample(Events::RestApi);
    event["version"] = "1.0".into();
    event["path"] = "/provisioners/100% a/encrypted-key".into();

    let request = read(Events::RestApi, &event).unwrap();

    assert_eq!(request.uri().path(), "/provisioners/100%25%20a/encrypted-key");
}

/// One request, as the gateways of the local platform tell of it: both sides mean the same.
#[rstest]
#[case(Events::HttpApi, include_str!("../../../../localstack/testdata/http-api.json"), "x=1&x=2&y=%20z", true)]
#[case(Events::RestApi, include_str!("../../../../localstack/testdata/rest-api.json"), "x=1&x=2&y=%20z", true)]
#[case(Events::FunctionUrl, include_str!("../../../../localstack/testdata/function-url.json"), "x=1&x=2&y=%20z", false)]
#[case(VERIFY, include_str!("../../../../localstack/testdata/alb.json"), "x=2&y=%20z", true)]
fn an_event_of_the_local_platform_is_read_as_the_request_that_it_tells_of(
    #[case] events: Events,
    #[case] event: &str,
    #[case] query: &str,
    #[case] has_certificate: bool,
) {
    let request = request(&gateway(events), event).unwrap();

    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri().path_and_query().unwrap().as_str(), format!("/root/a%20b?{query}"));
    assert_eq!(request.headers()["cookie"], "a=1; b=2");
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap().0;
    assert_eq!(address.ip().to_string(), "192.0.2.7");
    assert_eq!(peer(&request).is_some(), has_certificate);
    assert!(!request.headers().contains_key("x-amzn-mtls-clientcert-leaf"));
}

#[rstest]
#[case("$default", "", "/health", "/health", "")]
#[case("prod", "", "/prod/health", "/health", "/prod")]
#[case("prod", "", "/prod", "/", "/prod")]
#[case("prod", "", "/production/health", "/production/health", "")]
#[case("$default", "/ca", "/ca/1.0/health", "/1.0/health", "/ca")]
#[case("$default", "/ca", "/health", "/health", "")]
#[case("prod", "/ca", "/prod/ca/health", "/health", "/prod/ca")]
fn l4_what_a_stage_or_a_mapping_puts_before_a_path_is_removed_and_told(
    #[case] stage: &str,
    #[case] base_path: &str,
    #[case] path: &str,
    #[case] expected: &str,
    #[case] removed: &str,
) {
    let mut event = sample(Events::HttpApi);
    event["rawPath"] = path.into();
    event["requestContext"]["stage"] = stage.into();
    let gateway = Gateway { base_path: base_path.into(), ..gateway(Events::HttpApi) };

    let request = request(&gateway, &event.to_string()).unwrap();

    assert_eq!(request.uri().path(), expected);
    assert_eq!(request.extensions().get(), Some(&BasePath(removed.to_owned())));
}

/// The event has the path below the stage, and beside it the whole one where the stage is a part of the URL.
#[rstest]
#[case("/live/health", "/live")]
#[case("/health", "")]
fn l4_the_stage_of_a_rest_api_is_told(#[case] whole: &str, #[case] removed: &str) {
    let mut event = sample(Events::RestApi);
    event["path"] = "/health".into();
    event["requestContext"]["path"] = whole.into();

    let request = read(Events::RestApi, &event).unwrap();

    assert_eq!(request.uri().path(), "/health");
    assert_eq!(request.extensions().get(), Some(&BasePath(removed.to_owned())));
}

/// A signed request names its URL as our links have it, and a gateway that decodes it takes nothing away.
#[test]
fn a_path_that_was_decoded_is_encoded_as_links_are() {
    let mut event = sample(Events::HttpApi);
    event["rawPath"] = "/acme/a b@c=(d)~$&+/directory".into();

    let request = read(Events::HttpApi, &event).unwrap();

    assert_eq!(request.uri().path(), "/acme/a%20b%40c%3D%28d%29~$&+/directory");
}

#[rstest]
#[case::no_slash("health")]
#[case::a_host("ca.example:443")]
fn a_path_that_is_none_is_refused(#[case] path: &str) {
    let mut event = sample(Events::HttpApi);
    event["rawPath"] = path.into();

    assert!(matches!(read(Events::HttpApi, &event), Err(PlatformRefusal::Malformed(_))));
}

#[test]
fn l16_what_is_wrong_with_an_event_is_said_without_the_event() {
    let mut event = sample(Events::HttpApi);
    event["requestContext"]["http"] = "a one-time token".into();

    let Err(PlatformRefusal::Malformed(error)) = read(Events::HttpApi, &event) else { panic!("it was read") };

    let mut chain = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        chain.push(cause.to_string());
        source = cause.source();
    }
    assert!(!chain.concat().contains("a one-time token"), "{chain:?}");
}
