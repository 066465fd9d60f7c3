//! Request bodies that are no use: too long, too late, no JSON, or JSON to choke on.

use std::io;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Method;
use http_body_util::{BodyExt, Full, Limited};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{Answer, World, csr, new_key, raw_token, request};

const MEBIBYTE: usize = 1024 * 1024;

/// Every route that reads a body, each time with this one.
async fn answers(world: &World, body: &[u8]) -> Vec<Answer> {
    let identity = world.identity("a.example").await;
    let plain = |path| request(Method::POST, path, Body::from(body.to_vec()));
    vec![
        world.send(plain("/sign")).await,
        world.send(plain("/1.0/revoke")).await,
        world.send(identity.request("/rekey", body.to_vec())).await,
    ]
}

#[rstest]
#[case::empty(b"")]
#[case::space(b" \n")]
#[case::text(b"hello")]
#[case::html(b"<html></html>")]
#[case::null(b"null")]
#[case::number(b"42")]
#[case::string(b"\"csr\"")]
#[case::list(b"[]")]
#[case::list_of_values(b"[\"csr\", \"ott\", null, null]")]
#[case::two_objects(b"{}{}")]
#[case::text_behind(b"{} and more")]
#[case::cut_short(b"{\"csr\": \"")]
#[case::trailing_comma(b"{\"csr\": \"\",}")]
#[case::comment(b"{/* */}")]
#[case::byte_order_mark(b"\xef\xbb\xbf{}")]
#[case::not_utf_8(b"{\"csr\": \"\xff\", \"ott\": \"\xff\"}")]
#[case::control_character(b"{\"csr\": \"a\x01b\"}")]
#[case::huge_number(b"{\"reasonCode\": 1e999, \"csr\": 1e999}")]
#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused(#[case] body: &[u8]) {
    let world = World::new().await;

    for answer in answers(&world, body).await {
        let message = answer.error(400);
        assert_eq!(message, "The request could not be completed: error decoding json.");
    }
}

#[rstest]
#[case::number(json!(1))]
#[case::truth(json!(true))]
#[case::list(json!(["x"]))]
#[case::object(json!({ "x": "x" }))]
#[tokio::test]
async fn a_member_of_another_kind_is_refused(#[case] wrong: Value) {
    let world = World::new().await;

    for (path, member) in [
        ("/sign", "csr"),
        ("/sign", "ott"),
        ("/sign", "notBefore"),
        ("/sign", "notAfter"),
        ("/revoke", "serial"),
        ("/revoke", "ott"),
        ("/revoke", "reason"),
    ] {
        let message = world.post(path, &json!({ member: wrong })).await.error(400);
        assert!(message.contains("error decoding json"), "{path} {member}: {message}");
    }
    for (member, wrong) in
        [("reasonCode", json!("1")), ("reasonCode", json!(1.5)), ("passive", json!("true"))]
    {
        world.post("/revoke", &json!({ member: wrong })).await.error(400);
    }
}

#[tokio::test]
async fn a_member_of_null_is_a_member_left_out() {
    let world = World::new().await;
    let (mut body, _) = world.sign_body("a.example");
    body["notBefore"] = Value::Null;
    body["notAfter"] = Value::Null;
    body["templateData"] = Value::Null;

    assert_eq!(world.post("/sign", &body).await.status, 201);
    let message = world.post("/sign", &json!({ "csr": null })).await.error(400);
    assert!(message.contains("missing csr"), "{message}");
}

#[tokio::test]
async fn l5_a_body_may_have_a_mebibyte_and_no_more() {
    let world = World::new().await;
    let (mut body, _) = world.sign_body("a.example");
    body["padding"] = "".into();
    let room = MEBIBYTE - body.to_string().len();
    body["padding"] = "x".repeat(room).into();

    assert_eq!(body.to_string().len(), MEBIBYTE);
    assert_eq!(world.post("/sign", &body).await.status, 201);
    for answer in answers(&world, &vec![b' '; MEBIBYTE + 1]).await {
        let message = answer.error(413);
        assert_eq!(message, "The request could not be completed: the body is longer than 1024 KiB.");
    }
}

#[tokio::test]
async fn l5_compression_is_not_undone() {
    let world = World::new().await;
    let mut gzip = request(Method::POST, "/sign", Body::from(b"\x1f\x8b\x08\0\0\0\0\0".to_vec()));
    gzip.headers_mut().insert("content-encoding", "gzip".parse().unwrap());

    world.send(gzip).await.error(400);
}

/// [`answers`], within a time that is long even for a busy machine without optimisation. Work that grows faster than
/// the text, or goes deeper than a stack, fails by far.
async fn soon(world: &World, body: &[u8]) -> Vec<Answer> {
    let start = Instant::now();
    let answers = answers(world, body).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    answers
}

#[rstest]
#[case::nested_lists([b"{\"templateData\":".as_slice(), &[b'['; 100_000], &[b']'; 100_000], b"}"].concat())]
#[case::nested_lists_at_the_top([[b'['; 100_000], [b']'; 100_000]].concat())]
#[case::nested_lists_in_a_member([b"{\"csr\":".as_slice(), &[b'['; 100_000], &[b']'; 100_000], b"}"].concat())]
#[case::nested_objects([&b"{\"a\":".repeat(100_000), b"1".as_slice(), &[b'}'; 100_000]].concat())]
#[case::unclosed([b"{\"templateData\":".as_slice(), &[b'['; MEBIBYTE - 100]].concat())]
#[case::one_string([b"{\"csr\":\"".as_slice(), &[b'x'; MEBIBYTE - 100], b"\"}"].concat())]
#[case::one_token([b"{\"csr\":\"x\",\"ott\":\"".as_slice(), &[b'.'; MEBIBYTE - 100], b"\"}"].concat())]
#[case::one_number([b"{\"reasonCode\":".as_slice(), &[b'9'; MEBIBYTE - 100], b"}"].concat())]
#[case::members([b"{".as_slice(), &b"\"a\":1,".repeat(MEBIBYTE / 6 - 10), b"\"b\":1}"].concat())]
#[case::escapes([b"{\"csr\":\"".as_slice(), &b"\\u0041".repeat(MEBIBYTE / 6 - 10), b"\"}"].concat())]
#[tokio::test]
async fn l17_json_to_choke_on_is_refused_soon(#[case] body: Vec<u8>) {
    let world = World::new().await;

    for answer in soon(&world, &body).await {
        answer.error(400);
    }
}

#[tokio::test]
async fn l17_a_million_members_are_not_read() {
    let world = World::new().await;
    let members: Vec<String> = (0..1_000_000).map(|n| format!("\"{n}\":{n}")).collect();
    let body = format!("{{{}}}", members.join(","));

    for answer in soon(&world, body.as_bytes()).await {
        answer.error(413);
    }
}

#[tokio::test]
async fn l17_json_to_choke_on_inside_a_token_is_refused_soon() {
    let world = World::new().await;
    let csr = csr("a.example", &new_key());
    let nested = |n: usize| format!("{{\"user\":{}{}}}", "[".repeat(n), "]".repeat(n));

    for payload in [nested(20_000), format!("{{{}}}", "\"a\":1,".repeat(7_000) + "\"b\":1")] {
        for token in [raw_token(r#"{"alg":"ES256"}"#, &payload), raw_token(&payload, "{}")] {
            let body = json!({ "csr": csr, "ott": token }).to_string();
            let answers = soon(&world, body.as_bytes()).await;
            answers.first().unwrap().error(401);
        }
    }
}

#[rstest]
#[case::late(io::ErrorKind::TimedOut, 408, "the body did not arrive in time")]
#[case::broken_off(io::ErrorKind::ConnectionReset, 400, "error reading request body")]
#[tokio::test]
async fn a_body_that_does_not_arrive_is_the_clients_fault(
    #[case] kind: io::ErrorKind,
    #[case] status: u16,
    #[case] detail: &str,
) {
    let world = World::new().await;
    let identity = world.identity("a.example").await;
    let body = || Body::new(Limited::new(Full::from("{}"), 0).map_err(move |_| io::Error::from(kind)));

    for answer in [
        world.send(request(Method::POST, "/sign", body())).await,
        world.send(request(Method::POST, "/revoke", body())).await,
        world.send(identity.request("/rekey", body())).await,
    ] {
        let message = answer.error(status);
        assert_eq!(message, format!("The request could not be completed: {detail}."));
    }
}
