//! Events as gateways and attackers write them, handed to the real functions: whatever comes, the answer is step's JSON,
//! and the process answers the next one.

use base64::{Engine, prelude::BASE64_STANDARD};
use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{
    Identity, Key, KeyKind, Request, asn1::pem, certificate::serial_of, leaf::Leaf, serverless::Options,
};

use crate::world::{Flow, World, fresh_id, now};

/// A kind of gateway, and what tells the functions of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    HttpApi,
    RestApi,
    FunctionUrl,
    Alb,
    AlbWithClientCertificates,
}

impl Shape {
    /// Functions behind such a gateway.
    fn world(self) -> World {
        let events = match self {
            Self::HttpApi => "http-api",
            Self::RestApi => "rest-api",
            Self::FunctionUrl => "function-url",
            Self::Alb => "alb",
            Self::AlbWithClientCertificates => "alb-mtls-passthrough",
        };
        let environment = vec![
            ("STEPLESS_EVENTS".to_owned(), events.to_owned()),
            ("STEPLESS_HOSTS".to_owned(), HOST.to_owned()),
        ];
        World::with(Options { environment, invoked_only: true, ..Options::default() })
    }

    /// The event of a request.
    fn event(self, path: &str, body: Option<&str>) -> Value {
        let headers = json!({"host": HOST, "content-type": "application/json"});
        match self {
            Self::HttpApi | Self::FunctionUrl => json!({
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": "",
                "headers": headers,
                "requestContext": {
                    "domainName": HOST,
                    "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
                    "requestId": "id",
                    "stage": "$default",
                },
                "body": body,
                "isBase64Encoded": false,
            }),
            Self::RestApi => json!({
                "resource": path,
                "path": path,
                "httpMethod": "POST",
                "headers": headers,
                "multiValueHeaders": {"host": [HOST], "content-type": ["application/json"]},
                "queryStringParameters": null,
                "multiValueQueryStringParameters": null,
                "requestContext": {
                    "domainName": HOST,
                    "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
                    "requestId": "id",
                    "stage": "prod",
                },
                "body": body,
                "isBase64Encoded": false,
            }),
            Self::Alb | Self::AlbWithClientCertificates => json!({
                "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/a/1"}},
                "httpMethod": "POST",
                "path": path,
                "queryStringParameters": {},
                "headers": {"host": HOST, "content-type": "application/json", "x-forwarded-for": "192.0.2.1"},
                "body": body.unwrap_or_default(),
                "isBase64Encoded": false,
            }),
        }
    }

    /// The same event from a client that showed this certificate; `None` where a gateway has no way to say so.
    fn with_client(self, mut event: Value, chain: &[Vec<u8>]) -> Option<Value> {
        let text: String = chain.iter().map(|der| pem("CERTIFICATE", der)).collect();
        let client = json!({"clientCertPem": text, "subjectDN": "CN=somebody", "serialNumber": "1"});
        match self {
            Self::HttpApi => event["requestContext"]["authentication"] = json!({"clientCert": client}),
            Self::RestApi => event["requestContext"]["identity"]["clientCert"] = client,
            Self::AlbWithClientCertificates => {
                event["headers"]["x-amzn-mtls-clientcert"] = escaped(&text).into()
            }
            Self::FunctionUrl | Self::Alb => return None,
        }
        Some(event)
    }
}

const SHAPES: [Shape; 5] =
    [Shape::HttpApi, Shape::RestApi, Shape::FunctionUrl, Shape::Alb, Shape::AlbWithClientCertificates];
const HOST: &str = "ca.example";

/// An answer to an event, in step's JSON.
struct Answered {
    status: u64,
    body: Value,
}

impl Answered {
    fn of(answer: &Value) -> Self {
        let text = answer["body"].as_str().unwrap_or_else(|| panic!("no answer of a gateway: {answer}"));
        let body = serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}"));
        Self { status: answer["statusCode"].as_u64().expect("an answer has a status"), body }
    }

    #[track_caller]
    fn assert_refused(&self, status: u64, context: &str) {
        assert_eq!(self.status, status, "{context}: {}", self.body);
        assert_eq!(self.body["status"], status, "{context}: {}", self.body);
        assert!(
            self.body["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{context}: {}",
            self.body
        );
    }
}

fn invoke(world: &World, function: &str, event: &Value) -> Answered {
    Answered::of(&world.authority.server.invoke(function, event))
}

/// The body of a good `/sign` request.
fn good_body(world: &World) -> String {
    let request = world.sign_request(&format!("{}.example", fresh_id()), &Key::generate(KeyKind::P256));
    String::from_utf8(request.body.expect("it has a body")).expect("JSON is text")
}

fn identity(world: &World, shape: Shape, name: &str) -> Identity {
    let key = Key::generate(KeyKind::P256);
    let request: Request = world.sign_request(name, &key);
    let body = String::from_utf8(request.body.expect("it has a body")).expect("JSON is text");
    let answer = invoke(world, "sign", &shape.event("/1.0/sign", Some(&body)));
    assert_eq!(answer.status, 201, "{}", answer.body);
    let chain = answer.body["certChain"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Identity { chain: chain.flat_map(stepless_tests::asn1::unpem).collect(), key: key.into() }
}

/// Whatever was wrong before, the process answers the next event.
#[track_caller]
fn assert_alive(world: &World, shape: Shape) {
    let answer = invoke(world, "sign", &shape.event("/sign", Some(&good_body(world))));
    assert_eq!(answer.status, 201, "{shape:?}: {}", answer.body);
}

#[rstest]
fn l5_l10_a_malformed_event_is_refused_and_the_next_one_answered(
    #[values(Shape::HttpApi, Shape::RestApi, Shape::FunctionUrl, Shape::Alb)] shape: Shape,
) {
    let world = shape.world();
    let good = shape.event("/sign", Some(&good_body(&world)));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut event = good.clone();
        change(&mut event);
        event
    };
    let mut events = vec![
        ("no object", json!([])),
        ("null", Value::Null),
        ("a text", json!("event")),
        ("an empty object", json!({})),
        (
            "no context",
            changed(&|event| drop(event.as_object_mut().map(|event| event.remove("requestContext")))),
        ),
        ("context null", changed(&|event| event["requestContext"] = Value::Null)),
        ("context a text", changed(&|event| event["requestContext"] = json!("x"))),
        ("context empty", changed(&|event| event["requestContext"] = json!({}))),
        ("headers a list", changed(&|event| event["headers"] = json!([1]))),
        (
            "a header that none can be",
            changed(&|event| {
                event["headers"]["a b"] = json!("x");
                if event.get("multiValueHeaders").is_some() {
                    event["multiValueHeaders"]["a b"] = json!(["x"]);
                }
            }),
        ),
        ("body a number", changed(&|event| event["body"] = json!(7))),
        ("base64 that is none", changed(&|event| event["isBase64Encoded"] = json!(true))),
        ("base64 a text", changed(&|event| event["isBase64Encoded"] = json!("yes"))),
        ("a queue's event", json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]})),
    ];
    // What another gateway would send is not for this function: who could choose the shape would choose what is believed.
    for other in SHAPES {
        let same = |shape| match shape {
            Shape::HttpApi | Shape::FunctionUrl => 0,
            Shape::RestApi => 1,
            Shape::Alb | Shape::AlbWithClientCertificates => 2,
        };
        if same(other) != same(shape) {
            events.push(("another gateway's", other.event("/sign", Some(&good_body(&world)))));
        }
    }

    let mut wrong = Vec::new();
    for (what, event) in &events {
        let answer = invoke(&world, "sign", event);
        if answer.status != 400 || answer.body["status"] != 400 {
            wrong.push(format!("{what}: {} {}", answer.status, answer.body));
        }
    }

    assert!(wrong.is_empty(), "{shape:?}: {wrong:#?}");
    assert_alive(&world, shape);
}

#[rstest]
fn l5_a_body_in_base64_is_the_same_body(
    #[values(Shape::HttpApi, Shape::RestApi, Shape::FunctionUrl, Shape::Alb)] shape: Shape,
) {
    let world = shape.world();
    let mut event = shape.event("/sign", Some(&BASE64_STANDARD.encode(good_body(&world))));
    event["isBase64Encoded"] = true.into();

    let answer = invoke(&world, "sign", &event);

    assert_eq!(answer.status, 201, "{}", answer.body);
    for (what, body, status) in [
        ("nothing", String::new(), 400),
        ("not JSON", "%".to_owned(), 400),
        ("octets that are no text", BASE64_STANDARD.encode([0xff, 0xfe, 0x00]), 400),
        ("gzip", BASE64_STANDARD.encode([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), 400),
    ] {
        let mut event = shape.event("/sign", Some(&body));
        event["isBase64Encoded"] = (!["nothing", "not JSON"].contains(&what)).into();
        invoke(&world, "sign", &event).assert_refused(status, what);
    }
    assert_alive(&world, shape);
}

/// Longer than we read, and shorter than Lambda's 6 MB.
#[rstest]
fn l5_a_body_of_almost_six_megabytes_is_refused_in_steps_json(
    #[values(Shape::HttpApi, Shape::RestApi, Shape::Alb)] shape: Shape,
) {
    let world = shape.world();
    let body = "a".repeat(5_900_000);
    invoke(&world, "sign", &shape.event("/sign", Some(&body))).assert_refused(413, "a long text");
    let mut event = shape.event("/sign", Some(&BASE64_STANDARD.encode(vec![b'a'; 4_400_000])));
    event["isBase64Encoded"] = true.into();
    invoke(&world, "sign", &event).assert_refused(413, "long base64");
    assert_alive(&world, shape);
}

/// Longer than Lambda takes: no function sees it, and the gateway says why.
#[test]
fn l5_a_body_of_more_than_six_megabytes_is_refused_before_a_function_sees_it() {
    let world = World::new();
    let asked = world.prepare(Flow::Sign);
    let client = world.authority.client();
    for octets in [5_900_000, 6_100_000] {
        let answer =
            client.send(&Request::new("POST", "/sign").body("a".repeat(octets))).expect("it answers");
        assert_eq!(answer.status, 413, "{octets}: {answer:?}");
        assert!(answer.json().is_some_and(|body| body["message"].is_string()), "{answer:?}");
    }
    let event = Shape::HttpApi.event("/sign", Some(&"a".repeat(6_300_000)));
    let refused = world.authority.server.try_invoke("sign", &event).expect_err("Lambda does not take it");
    assert!(refused.contains("6291456"), "{refused}");

    let answer = asked.send();
    world.assert_done_once(&asked, &answer);
}

/// The header that a load balancer writes, in every spelling that somebody could take for it, on every gateway that does
/// not write it.
#[rstest]
fn l1_a_client_certificate_in_a_header_is_none(
    #[values(Shape::HttpApi, Shape::RestApi, Shape::FunctionUrl, Shape::Alb)] shape: Shape,
) {
    let world = shape.world();
    let victim = identity(&world, shape, &format!("{}.example", fresh_id()));
    let text: String = victim.chain.iter().map(|der| pem("CERTIFICATE", der)).collect();
    for name in [
        "x-amzn-mtls-clientcert",
        "X-Amzn-Mtls-Clientcert",
        "X_AMZN_MTLS_CLIENTCERT",
        "x-amzn-mtls-clientcert-leaf",
        "X-Amzn-Mtls-Clientcert-Leaf",
        "x-client-cert",
        "x-forwarded-client-cert",
    ] {
        for value in [escaped(&text), text.replace('\n', " "), escaped(&escaped(&text))] {
            let mut event = shape.event("/renew", Some(""));
            event["headers"][name] = value.as_str().into();
            if shape == Shape::RestApi {
                event["multiValueHeaders"][name] = json!([value, value]);
            }
            invoke(&world, "renew", &event).assert_refused(400, name);
        }
    }
    assert_eq!(world.table().certificates().iter().filter(|record| record.state() == "issued").count(), 1);
}

/// Gateways look at a certificate's dates and its root at most; everything else is looked at again here.
#[rstest]
fn l1_l3_a_client_certificate_of_a_gateway_is_verified_again(
    #[values(Shape::HttpApi, Shape::RestApi, Shape::AlbWithClientCertificates)] shape: Shape,
) {
    let world = shape.world();
    let renew = |chain: &[Vec<u8>]| {
        let event = shape.with_client(shape.event("/renew", Some("")), chain);
        invoke(&world, "renew", &event.expect("this gateway knows client certificates"))
    };
    let good = identity(&world, shape, &format!("{}.example", fresh_id()));
    assert_eq!(renew(&good.chain).status, 201);

    // Of somebody else's authority, with our issuer's certificate behind it.
    let stranger = Key::generate(KeyKind::P256);
    let leaf = Leaf::new("a.example", now() - 600, now() + 600, &[7; 16]);
    let foreign = leaf.sign(&stranger, &good.chain[1], &stranger);
    renew(&[foreign, good.chain[1].clone()]).assert_refused(401, "a stranger's");

    // A part of a certificate is none, and is never taken for a client without one.
    let cut = &good.chain[0][..good.chain[0].len() - 1];
    renew(&[cut.to_vec()]).assert_refused(400, "cut off");

    let revoked = identity(&world, shape, &format!("{}.example", fresh_id()));
    let serial = serial_of(&revoked.chain[0]);
    let body = json!({"serial": serial, "passive": true}).to_string();
    let event = shape.with_client(shape.event("/revoke", Some(&body)), &revoked.chain);
    assert_eq!(invoke(&world, "revoke", &event.expect("it knows client certificates")).status, 200);
    renew(&revoked.chain).assert_refused(401, "revoked");
}

#[rstest]
fn l2_an_event_for_another_host_is_refused(
    #[values(Shape::HttpApi, Shape::RestApi, Shape::FunctionUrl, Shape::Alb)] shape: Shape,
) {
    let world = shape.world();
    for host in ["abcdef.execute-api.us-east-1.amazonaws.com", "other.example", "", "ca.example.evil.example"]
    {
        let mut event = shape.event("/sign", Some(&good_body(&world)));
        match shape {
            Shape::Alb | Shape::AlbWithClientCertificates => event["headers"]["host"] = host.into(),
            Shape::HttpApi | Shape::RestApi | Shape::FunctionUrl => {
                event["requestContext"]["domainName"] = host.into();
            }
        }
        invoke(&world, "sign", &event).assert_refused(403, host);
    }
    let mut nameless = shape.event("/sign", Some(&good_body(&world)));
    let part = if shape == Shape::Alb { &mut nameless["headers"] } else { &mut nameless["requestContext"] };
    part.as_object_mut().map(|part| part.remove(if shape == Shape::Alb { "host" } else { "domainName" }));
    invoke(&world, "sign", &nameless).assert_refused(403, "no host");
    assert_alive(&world, shape);
}

/// As a load balancer escapes a PEM text in a header.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|octet| match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=' => {
                char::from(octet).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
