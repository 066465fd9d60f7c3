//! /sign, /renew, /rekey and /revoke when all is well, and the shape of their answers.

use axum::body::Body;
use axum::http::{Method, Request, header};
use rstest::rstest;
use serde_json::{Value, json};
use stepless_core::authority::Persistence;
use stepless_core::key::PublicKey;

use crate::world::{Answer, Options, World, csr, new_key, request};

#[track_caller]
fn check_issued(world: &World, answer: &Answer, name: &str, key: &PublicKey) {
    let certificate = answer.certificate();
    assert_eq!(certificate.subject().common_name(), Some(name));
    assert_eq!(certificate.public_key(), key);
    let issuer = world.authority.issuers()[0].public_key().clone();
    certificate.verify_signature(&issuer).unwrap();

    let body = answer.json();
    let intermediate = &world.authority.intermediates_pem()[0];
    let leaf = certificate.to_pem();
    let expected = json!({
        "crt": leaf, "ca": intermediate, "certChain": [leaf, intermediate], "tlsOptions": body["tlsOptions"],
    });
    assert_eq!(body, expected);
    assert!(body["tlsOptions"]["minVersion"].is_f64(), "{body}");
}

fn bearer(path: &str, token: &str, body: &Value) -> Request<Body> {
    let mut request = request(Method::POST, path, Body::from(body.to_string()));
    request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    request
}

#[rstest]
#[case("/sign")]
#[case("/1.0/sign")]
#[tokio::test]
async fn sign_gives_a_certificate_and_its_chain(#[case] path: &str) {
    let world = World::new().await;
    let (body, key) = world.sign_body("a.example");

    let answer = world.post(path, &body).await;

    check_issued(&world, &answer, "a.example", key.public_key());
}

#[rstest]
#[case("/renew")]
#[case("/re-sign")]
#[case("/1.0/renew")]
#[tokio::test]
async fn renew_gives_a_certificate_for_the_same_key(#[case] path: &str) {
    let world = World::new().await;
    let identity = world.identity("a.example").await;
    let token = world.renew_token(&identity);

    let over_tls = world.send(identity.request(path, Body::empty())).await;
    let with_token = world.send(bearer(path, &token, &json!({}))).await;

    check_issued(&world, &over_tls, "a.example", identity.key.public_key());
    check_issued(&world, &with_token, "a.example", identity.key.public_key());
}

#[tokio::test]
async fn rekey_gives_a_certificate_for_another_key() {
    let world = World::new().await;
    let identity = world.identity("a.example").await;

    let key = new_key();
    let body = json!({ "csr": csr("ignored.example", &key) });
    let over_tls = world.send(identity.request("/rekey", body.to_string())).await;
    check_issued(&world, &over_tls, "a.example", key.public_key());

    let key = new_key();
    let body = json!({ "csr": csr("ignored.example", &key) });
    let with_token = world.send(bearer("/1.0/rekey", &world.renew_token(&identity), &body)).await;
    check_issued(&world, &with_token, "a.example", key.public_key());
}

#[tokio::test]
async fn a_revoked_certificate_is_not_renewed() {
    let world = World::new().await;
    let identity = world.identity("a.example").await;
    let serial = identity.certificate.serial().to_string();
    let token = world.mint(&world.claims(&serial, "/1.0/revoke"));
    let body =
        json!({ "serial": serial, "ott": token, "reasonCode": 4, "reason": "replaced", "passive": true });

    let revoked = world.post("/revoke", &body).await;

    assert_eq!(revoked.status, 200);
    assert_eq!(revoked.json(), json!({ "status": "ok" }));
    world.send(identity.request("/renew", Body::empty())).await.error(401);
    let again = json!({ "serial": serial, "passive": true }).to_string();
    let message = world.send(identity.request("/1.0/revoke", again)).await.error(400);
    assert!(message.ends_with(&format!("certificate with serial number '{serial}' is already revoked.")));
}

#[tokio::test]
async fn a_certificate_revokes_itself_and_no_other() {
    let world = World::new().await;
    let (mine, other) = (world.identity("a.example").await, world.identity("b.example").await);
    let body =
        |serial: &dyn std::fmt::Display| json!({ "serial": serial.to_string(), "passive": true }).to_string();

    let theirs = world.send(mine.request("/revoke", body(other.certificate.serial()))).await;
    let own = world.send(mine.request("/revoke", body(mine.certificate.serial()))).await;

    theirs.error(403);
    assert_eq!(own.status, 200);
    assert_eq!(world.send(other.request("/renew", Body::empty())).await.status, 201);
}

#[rstest]
#[case::nothing("/sign", json!({}), 400, "missing csr")]
#[case::no_token("/sign", json!({ "csr": csr("a.example", &new_key()) }), 400, "missing ott")]
#[case::no_csr("/sign", json!({ "csr": "text", "ott": "a.b.c" }), 400, "invalid csr: the text is not a PEM certificate request")]
#[case::no_credential("/renew", json!({}), 400, "missing client certificate")]
#[case::no_credential("/rekey", json!({}), 400, "missing client certificate")]
#[case::no_serial("/revoke", json!({ "passive": true }), 400, "missing serial")]
#[case::no_number("/revoke", json!({ "serial": "x", "passive": true }), 400, "'x' is not a valid serial number")]
#[case::reason("/revoke", json!({ "serial": "1", "reasonCode": 11 }), 400, "reasonCode out of bounds")]
#[case::no_credential("/revoke", json!({ "serial": "1", "passive": true }), 400, "missing ott or client certificate")]
#[case::not_passive("/revoke", json!({ "serial": "1" }), 501, "not implemented by the certificate authority")]
#[tokio::test]
async fn a_refusal_says_what_is_missing(
    #[case] path: &str,
    #[case] body: Value,
    #[case] status: u16,
    #[case] detail: &str,
) {
    let world = World::new().await;

    let message = world.post(path, &body).await.error(status);

    assert!(message.contains(detail), "{message}");
}

#[tokio::test]
async fn nothing_is_revoked_where_it_would_not_last() {
    let world = World::with(Options { persistence: Persistence::UntilRestart, ..Options::default() }).await;
    let token = world.mint(&world.claims("1", "/revoke"));

    world.post("/revoke", &json!({ "serial": "1", "ott": token, "passive": true })).await.error(501);
}

#[tokio::test]
async fn d10_a_reason_that_no_record_holds_is_refused() {
    let world = World::new().await;
    let reason = |length| {
        let token = world.mint(&world.claims("1", "/revoke"));
        json!({ "serial": "1", "ott": token, "reason": "x".repeat(length), "passive": true })
    };

    for length in [4097, 1_000_000] {
        let message = world.post("/revoke", &reason(length)).await.error(400);
        assert!(message.contains("at most 4096 are kept"), "{message}");
    }
    assert_eq!(world.post("/revoke", &reason(4096)).await.status, 200);
}
