//! ACME over HTTP: prefixes, headers, problems, hosts.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use stepless_core::authority::Persistence;
use stepless_core::fault::Fault;
use stepless_functions::BasePath;

use crate::access_log::Log;
use crate::acme_world::{AcmeWorld, Client, HOST};
use crate::world::Answer;
use tracing::instrument::WithSubscriber;

const PREFIXES: [&str; 2] = ["/acme/acme", "/2.0/acme/acme"];

const POSTS: [&str; 15] = [
    "/new-account",
    "/account/AAAAAAAAAAAAAAAAAAAAAA",
    "/account/AAAAAAAAAAAAAAAAAAAAAA/orders",
    "/key-change",
    "/new-order",
    "/new-authz",
    "/order/AAAAAAAAAAAAAAAAAAAAAA",
    "/order/AAAAAAAAAAAAAAAAAAAAAA/finalize",
    "/authz/AAAAAAAAAAAAAAAAAAAAAAA",
    "/challenge/AAAAAAAAAAAAAAAAAAAAAAA/http-01",
    "/certificate/01",
    "/certificate/01/1",
    "/revoke-cert",
    "/directory",
    "/new-nonce",
];

#[tokio::test]
async fn the_directory_stands_under_both_prefixes_and_says_the_same() {
    let world = AcmeWorld::new().await;

    for prefix in PREFIXES {
        let answer = world.get(&format!("{prefix}/directory")).await;

        assert_eq!(answer.status, 200);
        let directory = answer.json();
        assert_eq!(directory["newNonce"], format!("https://{HOST}/acme/acme/new-nonce"));
        assert_eq!(directory["renewalInfo"], format!("https://{HOST}/acme/acme/renewal-info"));
        assert!(!answer.headers.contains_key("replay-nonce"), "{prefix}");
        assert!(!answer.headers.contains_key("link"), "{prefix}");
        let head = world.send(Method::HEAD, &format!("{prefix}/directory"), &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    }
}

#[tokio::test]
async fn a_nonce_comes_with_204_for_get_and_200_for_head() {
    let world = AcmeWorld::new().await;

    for prefix in PREFIXES {
        for (method, status) in [(Method::GET, 204), (Method::HEAD, 200)] {
            let answer = world.send(method, &format!("{prefix}/new-nonce"), &[]).await;

            assert_eq!(answer.status, status);
            assert!(answer.body.is_empty());
            assert_accompanied(&answer);
        }
    }
}

#[tokio::test]
async fn a7_no_two_answers_have_the_same_nonce() {
    let world = AcmeWorld::new().await;
    let nonce = async || world.get("/acme/acme/new-nonce").await.header("replay-nonce").to_owned();

    assert_ne!(nonce().await, nonce().await);
}

#[tokio::test]
async fn an_account_and_an_order_are_made_looked_at_and_listed() {
    let world = AcmeWorld::new().await;
    let mut client = Client::new(&world).await;

    let made = client.post("/new-account", &json!({ "termsOfServiceAgreed": true })).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_accompanied(&made);
    let account = made.header("location").to_owned();
    assert_eq!(made.json()["status"], "valid");
    client.known_as(&account);

    let again = client.post("/new-account", &json!({})).await;
    assert_eq!((again.status, again.header("location")), (StatusCode::OK, account.as_str()), "{again:?}");

    let order =
        client.post("/new-order", &json!({ "identifiers": [{ "type": "dns", "value": "a.example" }] })).await;
    assert_eq!(order.status, 201, "{order:?}");
    let location = order.header("location").to_owned();
    let order = order.json();
    assert_eq!(order["status"], "pending");

    let found = client.post_as_get(&location).await;
    assert_eq!((found.status, found.json()), (StatusCode::OK, order.clone()), "{found:?}");
    assert_accompanied(&found);

    let orders = client.post_as_get(&format!("{account}/orders")).await;
    assert_eq!(orders.json(), json!({ "orders": [location] }));

    let authorization = client.post_as_get(order["authorizations"][0].as_str().unwrap()).await;
    assert_eq!(authorization.json()["status"], "pending", "{authorization:?}");
    let challenge = &authorization.json()["challenges"][0];
    let asked = client.post_to(challenge["url"].as_str().unwrap(), "{}").await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let up = format!("<{}>;rel=\"up\"", order["authorizations"][0].as_str().unwrap());
    assert!(asked.headers.get_all("link").iter().any(|link| *link == *up), "{asked:?}");

    let early = client.post_to(order["finalize"].as_str().unwrap(), "{\"csr\":\"\"}").await;
    assert!(early.status.is_client_error(), "{early:?}");
    assert_problem(&early, early.status.as_u16());
    assert_accompanied(&early);
}

#[tokio::test]
async fn directory_and_nonce_are_had_with_post_as_get_by_an_account() {
    let world = AcmeWorld::new().await;
    let mut client = Client::new(&world).await;
    let account = client.post("/new-account", &json!({})).await;
    client.known_as(account.header("location"));

    let directory = client.post_as_get(&world.url("/directory")).await;
    assert_eq!(
        (directory.status, directory.json()),
        (StatusCode::OK, world.get("/acme/acme/directory").await.json())
    );
    assert_accompanied(&directory);
    let nonce = client.post_as_get(&world.url("/new-nonce")).await;
    assert_eq!((nonce.status, nonce.body.len()), (StatusCode::OK, 0));
    assert_accompanied(&nonce);
}

#[tokio::test]
async fn a_get_of_what_is_read_with_post_is_405_with_a_nonce() {
    let world = AcmeWorld::new().await;

    for prefix in PREFIXES {
        for path in POSTS.into_iter().filter(|path| !["/directory", "/new-nonce"].contains(path)) {
            let answer = world.get(&format!("{prefix}{path}")).await;

            assert_eq!(answer.header("allow"), "POST", "{path}");
            assert_eq!(assert_problem(&answer, 405), "malformed", "{path}");
            assert_accompanied(&answer);
        }
    }
}

#[rstest]
#[case::none(&[])]
#[case::json(&[("content-type", "application/json")])]
#[case::parameter(&[("content-type", "application/jose+json; charset=utf-8")])]
#[case::twice(&[("content-type", "application/jose+json"), ("content-type", "application/jose+json")])]
#[tokio::test]
async fn another_content_type_is_415(#[case] headers: &[(&'static str, &str)]) {
    let world = AcmeWorld::new().await;

    for path in POSTS {
        let answer = world.send(Method::POST, &format!("/acme/acme{path}"), headers).await;

        assert_eq!(assert_problem(&answer, 415), "malformed", "{path}");
        assert_accompanied(&answer);
    }
}

#[tokio::test]
async fn a_jws_may_have_64_kib_and_not_one_octet_more() {
    let world = AcmeWorld::new().await;
    let post = async |octets| {
        let mut request = world.request(Method::POST, "/acme/acme/new-account", &[JOSE]);
        *request.body_mut() = Body::from("a".repeat(octets));
        world.answer(request).await
    };

    assert_problem(&post(64 * 1024).await, 400);
    let answer = post(64 * 1024 + 1).await;
    assert_eq!(assert_problem(&answer, 413), "malformed");
    assert_accompanied(&answer);
}

/// Neither tells more than the other.
#[tokio::test]
async fn an_id_that_makes_no_sense_is_answered_as_one_that_nobody_has() {
    let world = AcmeWorld::new().await;
    let mut client = Client::new(&world).await;
    let account = client.post("/new-account", &json!({})).await;
    client.known_as(account.header("location"));

    for (unknown, senseless) in [
        ("/order/AAAAAAAAAAAAAAAAAAAAAA", "/order/1"),
        ("/order/AAAAAAAAAAAAAAAAAAAAAA/finalize", "/order/1/finalize"),
        ("/authz/AAAAAAAAAAAAAAAAAAAAAAA", "/authz/%2e%2e%2fx"),
        ("/certificate/0102", "/certificate/x"),
        ("/certificate/0102/1", "/certificate/0102/-1"),
    ] {
        let unknown = client.post_raw(&world.url(unknown), "").await;
        let senseless = client.post_raw(&world.url(senseless), "").await;

        if unknown.status == 404 {
            assert_eq!(unknown.body, senseless.body);
        }
        assert_eq!(assert_problem(&senseless, 404), "malformed");
        assert_accompanied(&senseless);
    }
    for path in [
        "/certificate/0A",
        "/certificate/00",
        "/challenge/AAAAAAAAAAAAAAAAAAAAAAA/HTTP-01",
        "/nothing",
        "/%ff",
    ] {
        let answer = client.post_raw(&world.url(path), "").await;
        assert_eq!(assert_problem(&answer, 404), "malformed", "{path}");
    }
}

#[rstest]
#[case::unknown("/acme/nobody/directory")]
#[case::of_another_kind("/acme/admin/directory")]
#[case::no_text("/acme/%ff/directory")]
#[case::nothing_below("/acme/")]
#[case::nothing_at_all("/acme")]
#[case::the_other_prefix("/2.0/acme/nobody/new-nonce")]
#[tokio::test]
async fn a_server_that_there_is_not_is_404_without_a_nonce(#[case] path: &str) {
    let world = AcmeWorld::new().await;

    let answer = world.get(path).await;

    assert_eq!(assert_problem(&answer, 404), "malformed");
    assert!(!answer.headers.contains_key("replay-nonce"));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn outside_of_acme_errors_stay_steps() {
    let world = AcmeWorld::new().await;

    for path in ["/nothing", "/1.0/acme/acme/directory", "/acmes", "/2.0/health"] {
        assert!(!world.get(path).await.error(404).is_empty(), "{path}");
    }
    assert_eq!(world.get("/health").await.status, 200);
}

#[rstest]
#[case::another_host("evil.example")]
#[case::a_suffix("ca.example.evil.example")]
#[case::a_user("evil@ca.example")]
#[case::a_word_as_port("ca.example:evil")]
#[case::two_in_one("ca.example, evil.example")]
#[case::empty("")]
#[tokio::test]
async fn a24_a_host_that_is_none_of_ours_gets_no_links(#[case] host: &str) {
    let world = AcmeWorld::new().await;
    let request = Request::builder().uri("/acme/acme/directory").header("host", host).body(Body::empty());

    let answer = world.answer(request.unwrap()).await;

    assert_eq!(assert_problem(&answer, 400), "malformed");
    assert!(!String::from_utf8_lossy(&answer.body).contains("evil"), "{answer:?}");
}

#[tokio::test]
async fn a24_headers_of_a_proxy_do_not_choose_the_links() {
    let world = AcmeWorld::new().await;
    let headers = [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-host", "evil.example"),
    ];

    let answer = world.send(Method::GET, "/acme/acme/directory", &headers).await;

    assert_eq!(answer.json(), world.get("/acme/acme/directory").await.json());
}

#[tokio::test]
async fn a24_links_have_the_port_that_the_client_named() {
    let world = AcmeWorld::new().await;
    let request = Request::builder().uri("https://CA.example:8443/acme/acme/directory").body(Body::empty());

    let directory = world.answer(request.unwrap()).await.json();

    assert_eq!(directory["newOrder"], "https://ca.example:8443/acme/acme/new-order");
}

#[tokio::test]
async fn what_a_platform_has_cut_off_the_path_is_in_the_links_and_in_what_is_signed() {
    let world = AcmeWorld::new().await;
    let mut request = world.request(Method::GET, "/acme/acme/directory", &[]);
    request.extensions_mut().insert(BasePath("/live/ca".to_owned()));

    let directory = world.answer(request).await.json();

    assert_eq!(directory["newOrder"], format!("https://{HOST}/live/ca/acme/acme/new-order"));
}

#[tokio::test]
async fn a_panic_is_a_problem_with_a_nonce_and_the_next_request_is_answered() {
    let world = AcmeWorld::new().await;
    let mut client = Client::new(&world).await;
    world.random.panic_once();

    let answer = client.post("/new-account", &json!({})).await;

    assert_eq!(assert_problem(&answer, 500), "serverInternal");
    assert_accompanied(&answer);
    assert_eq!(client.post("/new-account", &json!({})).await.status, 201);
}

#[tokio::test]
async fn a_table_that_is_away_is_busy_and_the_log_says_why() {
    let world = AcmeWorld::new().await;
    let mut client = Client::new(&world).await;
    let log = Log::json();
    world.faults.add(world.faults.calls().len() + 1, Fault::FailBefore);

    let busy = client.post("/new-account", &json!({})).with_subscriber(log.subscriber()).await;

    assert_eq!(assert_problem(&busy, 503), "serverInternal");
    assert_eq!(busy.header("retry-after"), "5");
    assert_accompanied(&busy);
    assert!(!String::from_utf8_lossy(&busy.body).contains("made to fail"), "{busy:?}");
    let lines = log.lines();
    let line = lines.iter().find(|line| line["target"] == "stepless::access").unwrap();
    assert_eq!((&line["path"], &line["status"]), (&json!("/acme/acme/new-account"), &json!(503)));
    assert!(line["error"].as_str().unwrap().contains("made to fail"), "{line}");
}

#[tokio::test]
async fn without_a_database_acme_is_501() {
    let world = AcmeWorld::with(Persistence::UntilRestart).await;

    let answer = world.get("/acme/acme/directory").await;

    assert_eq!(assert_problem(&answer, 501), "serverInternal");
}

#[tokio::test]
async fn renewal_information_is_had_without_a_signature_and_has_no_nonce() {
    let world = AcmeWorld::new().await;

    for id in ["AAAA.AQ", "x", "%ff"] {
        let answer = world.get(&format!("/acme/acme/renewal-info/{id}")).await;
        assert_problem(&answer, answer.status.as_u16());
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
}

const JOSE: (&str, &str) = ("content-type", "application/jose+json");

/// What every answer has but the directory and renewal information.
#[track_caller]
fn assert_accompanied(answer: &Answer) {
    assert!(!answer.header("replay-nonce").is_empty());
    assert_eq!(answer.headers.get_all("replay-nonce").iter().count(), 1);
    assert_eq!(answer.header("cache-control"), "no-store");
    let index = format!("<https://{HOST}/acme/acme/directory>;rel=\"index\"");
    assert!(answer.headers.get_all("link").iter().any(|link| *link == *index), "{answer:?}");
}

/// The last word of the type of a problem.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["detail"].is_string());
    let kind = problem["type"].as_str().unwrap();
    kind.strip_prefix("urn:ietf:params:acme:error:").unwrap().to_owned()
}
