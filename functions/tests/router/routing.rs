//! What the router decides before any handler is asked.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use rstest::rstest;

use crate::world::{World, request};

const GET: [&str; 10] = [
    "/health",
    "/version",
    "/root/00",
    "/roots",
    "/roots.pem",
    "/intermediates",
    "/intermediates.pem",
    "/federation",
    "/provisioners",
    "/provisioners/key-of-admin/encrypted-key",
];
const POST: [&str; 5] = ["/sign", "/renew", "/re-sign", "/rekey", "/revoke"];

#[tokio::test]
async fn a_route_answers_the_same_under_1_0() {
    let world = World::new().await;

    for path in GET {
        let (plain, alias) = (world.get(path).await, world.get(&format!("/1.0{path}")).await);
        assert_eq!((plain.status, &plain.body), (alias.status, &alias.body), "{path}");
    }
    for path in POST {
        let plain = world.post(path, &serde_json::json!({})).await;
        let alias = world.post(&format!("/1.0{path}"), &serde_json::json!({})).await;
        assert_eq!((plain.error(400), &plain.body), (alias.error(400), &alias.body), "{path}");
    }
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    let world = World::new().await;

    for path in GET {
        let get = world.get(path).await;
        let head = world.send(request(Method::HEAD, path, Body::empty())).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.headers["content-type"], get.headers["content-type"], "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
}

#[rstest]
#[case::read(&GET, &["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"], "GET,HEAD")]
#[case::write(&POST, &["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"], "POST")]
#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones(
    #[case] paths: &[&str],
    #[case] methods: &[&str],
    #[case] allowed: &str,
) {
    let world = World::new().await;

    for path in paths.iter().flat_map(|path| [(*path).to_owned(), format!("/1.0{path}")]) {
        for method in methods {
            let answer = world.send(request(method.parse().unwrap(), &path, Body::empty())).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), allowed, "{method} {path}");
            if *method != "HEAD" {
                let message = answer.error(405);
                assert!(message.starts_with("The method is not allowed for this resource."), "{message}");
            }
        }
    }
}

/// One decoding, no normalisation: what is not spelled like a route is none.
#[tokio::test]
async fn l4_other_spellings_of_a_path_are_not_found() {
    let world = World::new().await;

    for path in [
        "/",
        "/1.0",
        "/1.0/",
        "/nothing",
        "/1.0/nothing",
        "/2.0/health",
        "/1.0/1.0/health",
        "/health/",
        "//health",
        "/./health",
        "/x/../health",
        "/x/%2e%2e/health",
        "/%252e%252e/health",
        "/HEALTH",
        "/health;x",
        "/sign/",
        "/root/",
        "/root/a/b",
        "/root/%ff",
        "/provisioners//encrypted-key",
        "/provisioners/%ff/encrypted-key",
        "/provisioners/nobody/encrypted-key",
        "/crl",
        "/1.0/crl",
    ] {
        let message = world.get(path).await.error(404);
        assert!(message.starts_with("The requested resource could not be found."), "{path}: {message}");
    }
    world.post("/nothing", &serde_json::json!({})).await.error(404);
}
