use std::fs;
use std::path::Path;

use super::*;

fn incoming() -> Incoming {
    let certificate = include_bytes!("../../../../infra/net/testdata/client.crt.der");
    let mut headers = HeaderMap::new();
    headers.append("host", "ca.example.com:8443".parse().unwrap());
    headers.append("content-type", "application/json; charset=utf-8".parse().unwrap());
    headers.append("user-agent", "Smallstep CLI".parse().unwrap());
    headers.append("x-twice", "one".parse().unwrap());
    headers.append("x-twice", "two".parse().unwrap());
    headers.append("cookie", "a=1; b=2".parse().unwrap());
    headers.append("x-amzn-mtls-clientcert-leaf", "smuggled".parse().unwrap());
    Incoming {
        method: Method::POST,
        version: Version::HTTP_2,
        path: "/root/a%20b".into(),
        query: "x=1&x=2&y=%20z".into(),
        headers,
        authority: "ca.example.com:8443".into(),
        body: r#"{"csr":"é"}"#.into(),
        peer: "192.0.2.7:5555".parse().unwrap(),
        client: ClientCertificate::new(certificate),
        id: "00000000-0000-4000-8000-000000000001".into(),
        time: "2026-11-03T10:20:30.456Z".parse().unwrap(),
    }
}

fn taken() -> Taken {
    Taken {
        function: 0,
        key: "ANY /root/{sha}".into(),
        resource: "/root/{sha}".into(),
        parameters: BTreeMap::from([("sha".into(), "a b".into())]),
    }
}

/// `STEPLESS_BLESS=1` writes the files anew, to be read before they are committed.
#[track_caller]
fn is_golden(shape: Shape) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/{}.json", shape.name()));
    let event = incoming().event(shape, &taken());
    if std::env::var_os("STEPLESS_BLESS").is_some() {
        fs::write(&path, serde_json::to_string_pretty(&event).unwrap() + "\n").unwrap();
    }
    let golden: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(event, golden);
}

#[rstest::rstest]
#[case(Shape::HttpApi)]
#[case(Shape::RestApi)]
#[case(Shape::LoadBalancer)]
#[case(Shape::FunctionUrl)]
fn an_event_has_the_documented_shape(#[case] shape: Shape) {
    is_golden(shape);
    assert_eq!(shape.name().parse(), Ok(shape));
}

#[test]
fn a_body_that_is_not_declared_as_text_comes_in_base64() {
    let mut request = incoming();
    request.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let event = request.event(Shape::HttpApi, &taken());
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&"eyJjc3IiOiLDqSJ9".into(), &true.into()));
}

#[rstest::rstest]
#[case(Shape::HttpApi, "rawPath", "/a/b c/%2F")]
#[case(Shape::RestApi, "path", "/a%2Fb%20c/%252F%3Fx")]
#[case(Shape::LoadBalancer, "path", "/a%2Fb%20c/%252F%3Fx")]
#[case(Shape::FunctionUrl, "rawPath", "/a%2Fb%20c/%252F%3Fx")]
fn l4_only_an_http_api_decodes_a_path(#[case] shape: Shape, #[case] member: &str, #[case] path: &str) {
    let request = Incoming { path: "/a%2Fb%20c/%252F%3Fx".into(), ..incoming() };
    assert_eq!(request.event(shape, &taken())[member], path);
}

#[test]
fn o14_a_load_balancer_adds_the_address_of_the_client_to_what_the_client_claims() {
    let mut request = incoming();
    request.headers.insert("x-forwarded-for", "198.51.100.1".parse().unwrap());
    let event = request.event(Shape::LoadBalancer, &taken());
    assert_eq!(event["headers"]["x-forwarded-for"], "198.51.100.1, 192.0.2.7");
}

/// A client of HTTP/2 names the host outside of the headers.
#[rstest::rstest]
fn every_event_names_the_host_in_its_headers(
    #[values(Shape::HttpApi, Shape::RestApi, Shape::LoadBalancer, Shape::FunctionUrl)] shape: Shape,
) {
    let mut incoming = incoming();
    incoming.headers.remove("host");

    let event = incoming.event(shape, &taken());

    assert_eq!(event["headers"]["host"], "ca.example.com:8443", "{event}");
}
