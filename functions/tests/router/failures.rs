//! What goes wrong inside, and what a client may learn of it.

use axum::body::Body;
use axum::http::Method;
use rstest::rstest;
use serde_json::{Value, json};
use stepless_core::fault::{Call, Fault};

use crate::world::{Identity, KEY_ID, World, csr, new_key, request, token};

/// A panic fails its own request.
#[tokio::test]
async fn l10_after_a_panic_the_next_request_works() {
    let world = World::new().await;

    for _ in 0..3 {
        let message = world.get("/panic").await.error(500);
        assert_eq!(
            message,
            "The certificate authority encountered an Internal Server Error. Please see the certificate authority \
             logs for more info."
        );
        let (body, _) = world.sign_body("a.example");
        assert_eq!(world.post("/1.0/sign", &body).await.status, 201);
        world.get("/1.0/panic").await.error(500);
        assert_eq!(world.get("/health").await.status, 200);
    }
}

#[tokio::test]
async fn l10_a_panic_inside_the_authority_is_that_requests_alone() {
    let world = World::new().await;
    let (body, _) = world.sign_body("a.example");
    let identity = world.identity("b.example").await;

    world.random.panic_once();
    world.post("/sign", &body).await.error(500);
    assert_eq!(world.post("/sign", &body).await.status, 201, "the token was not spent");

    world.random.panic_once();
    world.send(identity.request("/renew", Body::empty())).await.error(500);
    assert_eq!(world.send(identity.request("/renew", Body::empty())).await.status, 201);
}

/// Which of the reasons it is, an attacker would like to know.
#[tokio::test]
async fn o10_tokens_are_refused_with_one_answer() {
    let world = World::new().await;
    let stranger = new_key();
    let header = json!({ "alg": "ES256", "kid": KEY_ID });
    let claims = || world.claims("a.example", "/sign");
    let with = |member: &str, value: Value| {
        let mut claims = claims();
        claims[member] = value;
        world.mint(&claims)
    };
    let now = claims()["iat"].as_i64().unwrap();
    let used = world.token("a.example");
    let post = async |token: &str| {
        world.post("/sign", &json!({ "csr": csr("a.example", &new_key()), "ott": token })).await
    };
    assert_eq!(post(&used).await.status, 201);
    let good = world.token("a.example");

    let tokens = [
        ("used", used),
        ("unknown key id", token(&stranger, &json!({ "alg": "ES256", "kid": "nobody" }), &claims())),
        ("no key id", token(&stranger, &json!({ "alg": "ES256" }), &claims())),
        ("unknown issuer", with("iss", "nobody".into())),
        ("signature of another key", token(&stranger, &header, &claims())),
        ("signature of another token", format!("{}x", good.rsplit_once('.').unwrap().0)),
        ("cut signature", good[..good.len() - 1].to_owned()),
        ("unsigned", format!("{}.", good.rsplit_once('.').unwrap().0)),
        ("expired", with("exp", (now - 61).into())),
        ("not yet valid", with("nbf", (now + 61).into())),
        ("issued before the authority", with("iat", (now - 3600).into())),
        ("endless", with("exp", Value::Null)),
        ("for another authority", with("aud", "https://other.example/sign".into())),
        ("for another operation", with("aud", "https://ca.example/renew".into())),
        ("without a subject", with("sub", "".into())),
        ("no token", "token".to_owned()),
    ];
    let mut bodies = Vec::new();
    for (what, token) in &tokens {
        let answer = post(token).await;
        assert_eq!(answer.status, 401, "{what}");
        bodies.push((what, answer.body));
    }

    for (what, body) in &bodies {
        assert_eq!(*body, bodies[0].1, "{what}");
    }
    assert_eq!(post(&good).await.status, 201, "none of them spent it");
}

#[tokio::test]
async fn o10_renewals_are_refused_with_one_answer() {
    let world = World::new().await;
    let identity = world.identity("a.example").await;
    let stranger = World::new().await.identity("a.example").await;
    let revoked = world.identity("b.example").await;
    let body = json!({ "serial": revoked.certificate.serial().to_string(), "passive": true }).to_string();
    assert_eq!(world.send(revoked.request("/revoke", body)).await.status, 200);
    let unknown_key = Identity { key: stranger.key.clone(), ..identity.clone() };
    let used = world.renew_token(&identity);
    let bearer = |token: &str| {
        let mut request = request(Method::POST, "/renew", Body::empty());
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    };
    assert_eq!(world.send(bearer(&used)).await.status, 201);

    let requests = [
        ("stranger", stranger.request("/renew", Body::empty())),
        ("revoked", revoked.request("/renew", Body::empty())),
        ("used", bearer(&used)),
        ("signature of another key", bearer(&world.renew_token(&unknown_key))),
        ("stranger's token", bearer(&world.renew_token(&stranger))),
        ("no token", bearer("token")),
    ];
    let mut bodies = Vec::new();
    for (what, request) in requests {
        let answer = world.send(request).await;
        assert_eq!(answer.status, 401, "{what}");
        bodies.push((what, answer.body));
    }

    for (what, body) in &bodies {
        assert_eq!(*body, bodies[0].1, "{what}");
    }
}

/// Store and signing key are away for one call. Where the token may have been taken, the client waits for the lease.
#[rstest]
#[case::token_and_intent(1, Call::Commit, "31")]
#[case::signature(2, Call::Sign, "5")]
#[tokio::test]
async fn what_is_away_for_a_moment_is_busy_and_the_same_request_works_later(
    #[case] call: usize,
    #[case] expected: Call,
    #[case] retry_after: &str,
) {
    let world = World::new().await;
    let (body, _) = world.sign_body("a.example");
    let before = world.faults.calls().len();
    world.faults.add(before + call, Fault::FailBefore);

    let busy = world.post("/sign", &body).await;

    assert_eq!(world.faults.calls()[before + call - 1], expected);
    assert_eq!(busy.header("retry-after"), retry_after);
    let message = busy.error(503);
    assert!(message.starts_with("The certificate authority is busy; please try again."), "{message}");
    assert!(!message.contains("made to fail"), "{message}");
    assert_eq!(world.post("/sign", &body).await.status, 201);
}

#[tokio::test]
async fn a_revocation_that_finds_the_store_away_is_busy() {
    let world = World::new().await;
    let token = world.mint(&world.claims("1", "/revoke"));
    let body = json!({ "serial": "1", "ott": token, "passive": true });
    world.faults.add(world.faults.calls().len() + 1, Fault::FailBefore);

    let busy = world.post("/revoke", &body).await;

    assert_eq!((busy.error(503).is_empty(), busy.header("retry-after")), (false, "5"));
    assert_eq!(world.post("/revoke", &body).await.status, 200);
}

/// Nothing that only tells asks the store.
#[tokio::test]
async fn health_does_not_depend_on_the_store() {
    let world = World::new().await;
    let before = world.faults.calls().len();

    for path in ["/health", "/version", "/roots", "/intermediates", "/federation", "/provisioners"] {
        world.get(path).await;
    }

    assert_eq!(world.faults.calls().len(), before);
}
