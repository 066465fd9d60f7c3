//! Request ids: whose they are, and that they are echoed.

use axum::body::Body;
use axum::http::{HeaderValue, Method, header};
use rstest::rstest;
use stepless_functions::TraceHeader;
use uuid::Uuid;

use crate::world::{Answer, Options, World, request};

async fn ask(world: &World, path: &str, headers: &[(&'static str, &[u8])]) -> Answer {
    let mut request = request(Method::GET, path, Body::empty());
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    world.send(request).await
}

#[track_caller]
fn assert_made_up(answer: &Answer) {
    let id = Uuid::parse_str(answer.header("x-request-id")).unwrap();
    assert_eq!(id.get_version_num(), 4);
}

#[rstest]
#[case::given(&[("x-request-id", b"abc-123".as_slice())], "abc-123")]
#[case::by_the_tracer(&[("x-smallstep-id", b"step-1".as_slice())], "step-1")]
#[case::both(&[("x-smallstep-id", b"step-1".as_slice()), ("x-request-id", b"abc")], "abc")]
#[case::twice(&[("x-request-id", b"one".as_slice()), ("x-request-id", b"two")], "one")]
#[case::one_unsound(&[("x-request-id", b"a b".as_slice()), ("x-smallstep-id", b"step-1")], "step-1")]
#[tokio::test]
async fn a_given_id_comes_back(#[case] headers: &[(&'static str, &[u8])], #[case] expected: &str) {
    let world = World::new().await;

    for path in ["/health", "/root/00", "/nothing", "/sign", "/panic"] {
        assert_eq!(ask(&world, path, headers).await.header("x-request-id"), expected, "{path}");
    }
}

#[rstest]
#[case::none(&[])]
#[case::empty(&[("x-request-id", b"".as_slice())])]
#[case::space(&[("x-request-id", b"a b".as_slice())])]
#[case::tab(&[("x-request-id", b"a\tb".as_slice())])]
#[case::not_ascii(&[("x-request-id", "é".as_bytes())])]
#[case::latin_1(&[("x-request-id", b"\xe9".as_slice())])]
#[case::too_long(&[("x-request-id", [b'x'; 513].as_slice())])]
#[case::another_header(&[("x-trace-id", b"abc".as_slice())])]
#[tokio::test]
async fn o7_an_unsound_id_is_replaced(#[case] headers: &[(&'static str, &[u8])]) {
    let world = World::new().await;

    assert_made_up(&ask(&world, "/health", headers).await);
    assert_made_up(&ask(&world, "/nothing", headers).await);
}

#[tokio::test]
async fn made_up_ids_differ() {
    let world = World::new().await;

    let (one, two) = (world.get("/health").await, world.get("/health").await);

    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[tokio::test]
async fn the_configured_header_is_asked_instead() {
    let trace_header = TraceHeader::new("X-Trace-Id").unwrap();
    let world = World::with(Options { trace_header, ..Options::default() }).await;

    let answer = ask(&world, "/health", &[("x-trace-id", b"abc")]).await;
    assert_eq!(answer.header("x-request-id"), "abc");
    assert_made_up(&ask(&world, "/health", &[("x-smallstep-id", b"abc")]).await);
    assert!(TraceHeader::new("not a header").is_none());
}

#[tokio::test]
async fn an_id_does_not_change_the_answer() {
    let world = World::new().await;

    let answer = ask(&world, "/health", &[("x-request-id", b"\"},{\"")]).await;

    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(answer.body, "{\"status\":\"ok\"}\n");
}
