//! Authorizations: how long they count and for whom, wildcards, and what is proven ahead of an order.

use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Client, Server, challenge_of, csr, for_names, urls};
use super::wire::{NEW_AUTHZ, NEW_ORDER, kind, problem};
use crate::acme::ProblemType;
use crate::authority::tests::bench::{P256, World};
use crate::config::{AcmeTesting, ChallengeType, GoDuration, Percent};
use crate::key::PrivateKey;

const HOUR: i64 = 3600;

async fn reusing() -> (World, Server, Client) {
    let mut world = World::new();
    world.acme.reuse_authorizations = true;
    world.acme.authorization_lifetime = GoDuration::from_hours(10);
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    (world, server, client)
}

async fn status_of_a_new_order(server: &Server, client: &Client, names: &[&str]) -> String {
    let order = client.new_order(server, &for_names(names)).await.unwrap().resource;
    order["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a11_each_order_has_new_authorizations_unless_the_provisioner_reuses_them() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    client.ready_order(&server, &["a.example"]).await;

    assert_eq!(status_of_a_new_order(&server, &client, &["a.example"]).await, "pending");
}

#[tokio::test]
async fn a11_a_reused_authorization_ends_when_it_would_have_ended() {
    let (world, server, client) = reusing().await;
    client.ready_order(&server, &["a.example"]).await;
    for _ in 0..3 {
        world.clock.advance(3 * HOUR);
        let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
        assert_eq!(order.resource["status"], "ready");
        let url = &urls(&order.resource["authorizations"])[0];
        let shown = client.authorization(&server, url).await.unwrap().resource;
        assert_eq!(shown["expires"], "2026-06-01T22:00:00Z");
        assert_eq!(order.resource["expires"], "2026-06-01T22:00:00Z", "the order cannot last longer");
        assert_eq!(shown["challenges"].as_array().unwrap().len(), 1);
        assert_eq!(shown["challenges"][0]["validated"], "2026-06-01T12:00:00Z");
    }
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    world.clock.advance(HOUR);
    // It was ready, and its proof is over.
    let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
    assert_eq!(kind(&client.finalize(&server, &order, &csr).await), ProblemType::OrderNotReady);
    let shown = client.order(&server, order.location.as_ref().unwrap()).await.unwrap().resource;
    assert_eq!(shown["status"], "invalid");
    assert_eq!(status_of_a_new_order(&server, &client, &["a.example"]).await, "pending");
}

#[tokio::test]
async fn a11_what_one_account_has_proven_opens_nothing_for_another() {
    let (_world, server, client) = reusing().await;
    client.ready_order(&server, &["a.example"]).await;
    let stranger = Client::registered(&server).await;

    assert_eq!(status_of_a_new_order(&server, &stranger, &["a.example"]).await, "pending");
    for name in ["example", "b.example", "xa.example", "x.a.example"] {
        assert_eq!(status_of_a_new_order(&server, &client, &[name]).await, "pending", "{name}");
    }
    assert_eq!(status_of_a_new_order(&server, &client, &["A.Example"]).await, "ready");
}

#[tokio::test]
async fn a11_an_authorization_that_was_given_up_is_not_reused() {
    let (_world, server, client) = reusing().await;
    let order = client.ready_order(&server, &["a.example"]).await;
    let url = &urls(&order.resource["authorizations"])[0];
    let end = json!({ "status": "deactivated" });
    let shown = client.change_authorization(&server, url, Some(&end)).await.unwrap().resource;

    assert_eq!(shown["status"], "deactivated");
    assert_eq!(status_of_a_new_order(&server, &client, &["a.example"]).await, "pending");
    let again = client.change_authorization(&server, url, Some(&end)).await;
    assert_eq!(kind(&again), ProblemType::Malformed);
    let nonsense = client.change_authorization(&server, url, Some(&json!({ "status": "valid" }))).await;
    assert_eq!(kind(&nonsense), ProblemType::Malformed);
}

fn hostile(bad_nonce_rate: u8, delay: u16, reuse_authorizations: Option<Percent>) -> World {
    let mut world = World::new();
    world.acme.testing = Some(AcmeTesting {
        bad_nonce_rate: Percent::new(bad_nonce_rate).unwrap(),
        validation_delay: GoDuration::from_seconds(delay),
        reuse_authorizations,
    });
    world
}

#[rstest]
#[case::never(0, "pending")]
#[case::always(100, "ready")]
#[tokio::test]
async fn a_hostile_server_reuses_as_many_authorizations_as_it_is_told_to(
    #[case] rate: u8,
    #[case] status: &str,
) {
    let mut world = hostile(0, 0, Percent::new(rate));
    world.acme.reuse_authorizations = rate == 0;
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    client.ready_order(&server, &["a.example"]).await;

    assert_eq!(status_of_a_new_order(&server, &client, &["a.example"]).await, status);
}

#[tokio::test]
async fn a_hostile_server_refuses_some_good_nonces() {
    let server = Server::new(&hostile(50, 0, None)).await;
    let mut refused = 0;
    for _ in 0..100 {
        if let Err(error) = Client::new().register(&server, json!({})).await {
            assert_eq!(error.problem.kind, ProblemType::BadNonce);
            refused += 1;
        }
    }
    assert!((20..80).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a_hostile_server_validates_late_and_still_gives_an_answer_its_time() {
    let world = hostile(0, 60, None);
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let url = &urls(&order.resource["authorizations"])[0];
    let shown = client.authorization(&server, url).await.unwrap().resource;
    let challenge = challenge_of(&shown, "http-01")["url"].as_str().unwrap().to_owned();

    let answer = client.respond(&server, &challenge).await.unwrap();
    assert_eq!(answer.resource["status"], "processing");
    assert!(server.prober.calls().is_empty());
    let (task, wait) = server.queue.take().pop().unwrap();
    assert_eq!(wait.as_secs(), 60);
    world.clock.advance(60);
    server.acme.retry(&server.validator, &task).await.unwrap();

    // Nobody answered; there is another try as without the wait.
    let (task, _) = server.queue.take().pop().expect("another try");
    client.publish(&server, &order).await;
    world.clock.advance(1);
    server.acme.retry(&server.validator, &task).await.unwrap();
    let shown = client.authorization(&server, url).await.unwrap().resource;
    assert_eq!(shown["status"], "valid");
}

#[tokio::test]
async fn a12_a_wildcard_is_proven_in_the_dns_and_shown_without_its_star() {
    let mut world = World::new();
    world.acme.challenges = ChallengeType::ALL.to_vec();
    world.acme.reuse_authorizations = true;
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["*.a.example", "a.example"])).await.unwrap();
    assert_eq!(order.resource["identifiers"][0]["value"], "*.a.example");
    for (url, is_wildcard) in urls(&order.resource["authorizations"]).iter().zip([true, false]) {
        let shown = client.authorization(&server, url).await.unwrap().resource;
        assert_eq!(shown["identifier"], json!({ "type": "dns", "value": "a.example" }));
        assert_eq!(shown.get("wildcard"), is_wildcard.then_some(&json!(true)));
        let challenges = shown["challenges"].as_array().unwrap();
        assert_eq!(challenges.len(), if is_wildcard { 3 } else { 5 });
        let in_dns = |challenge: &&Value| challenge["type"].as_str().unwrap().starts_with("dns-");
        assert_eq!(challenges.iter().filter(in_dns).count(), 3);
    }

    // Neither opens the other.
    client.prove_all(&server, &client.new_order(&server, &for_names(&["a.example"])).await.unwrap()).await;
    assert_eq!(status_of_a_new_order(&server, &client, &["a.example"]).await, "ready");
    assert_eq!(status_of_a_new_order(&server, &client, &["*.a.example"]).await, "pending");
    client.prove_all(&server, &client.new_order(&server, &for_names(&["*.b.example"])).await.unwrap()).await;
    assert_eq!(status_of_a_new_order(&server, &client, &["*.b.example"]).await, "ready");
    assert_eq!(status_of_a_new_order(&server, &client, &["b.example"]).await, "pending");
    assert_eq!(status_of_a_new_order(&server, &client, &["x.b.example"]).await, "pending");
}

#[rstest]
#[case::wildcard("dns", "*.a.example", &[ChallengeType::Http01, ChallengeType::TlsAlpn01])]
#[case::address("ip", "192.0.2.7", &[ChallengeType::Dns01])]
#[tokio::test]
async fn a12_a_name_that_no_challenge_could_prove_is_refused_at_once(
    #[case] identifier: &str,
    #[case] value: &str,
    #[case] offered: &[ChallengeType],
) {
    let mut world = World::new();
    world.acme.challenges = offered.to_vec();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;

    let payload = json!({ "identifiers": [{ "type": identifier, "value": value }] });
    let reply = client.post(&server, NEW_ORDER, Some(&payload)).await;

    assert_eq!(kind(&reply), ProblemType::RejectedIdentifier);
}

/// [RFC 8555 §7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1)
#[tokio::test]
async fn a11_what_was_proven_ahead_serves_the_orders_of_its_account_in_its_time() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let ask = |value: &str| json!({ "identifier": { "type": "dns", "value": value } });

    let made = client.post(&server, NEW_AUTHZ, Some(&ask("a.example"))).await.unwrap();
    assert!(made.created);
    assert_eq!(made.resource["status"], "pending");
    let url = made.location.unwrap();
    client.show(&server, &made.resource, "http-01");
    let challenge = challenge_of(&made.resource, "http-01")["url"].as_str().unwrap().to_owned();
    assert_eq!(client.respond(&server, &challenge).await.unwrap().resource["status"], "valid");

    assert_eq!(client.authorization(&server, &url).await.unwrap().resource["status"], "valid");
    assert_eq!(status_of_a_new_order(&server, &client, &["a.example"]).await, "ready");
    assert_eq!(status_of_a_new_order(&server, &client, &["a.example", "b.example"]).await, "pending");
    let stranger = Client::registered(&server).await;
    assert_eq!(status_of_a_new_order(&server, &stranger, &["a.example"]).await, "pending");
    world.clock.advance(24 * HOUR);
    assert_eq!(status_of_a_new_order(&server, &client, &["a.example"]).await, "pending");
    // It is no order.
    let id = url.rsplit('/').next().unwrap().parse::<crate::acme::AuthorizationId>().unwrap().order;
    let order = client.post(&server, &format!("/acme/acme/order/{id}"), None).await;
    assert_eq!(problem(&order).1, 404);
    let wildcard = client.post(&server, NEW_AUTHZ, Some(&ask("*.a.example"))).await;
    assert_eq!(kind(&wildcard), ProblemType::Malformed);
    assert_eq!(kind(&client.post(&server, NEW_AUTHZ, Some(&ask("a b"))).await), ProblemType::Malformed);
}

#[tokio::test]
async fn a21_after_two_failures_the_third_try_succeeds() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let beside = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    for _ in 0..2 {
        let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
        let challenge = client.publish(&server, &order).await.pop().unwrap();
        client.publish_nonsense(&server, &order, 0).await;
        assert_eq!(client.respond(&server, &challenge).await.unwrap().resource["status"], "invalid");
    }

    let key = PrivateKey::generate(P256).unwrap();
    client.obtain(&server, &["a.example"], &key).await;

    // The order that was there all the time is none the worse for it.
    client.prove_all(&server, &beside).await;
    let order = client.finalize(&server, &beside, &csr(&key, &["a.example"])).await.unwrap();
    assert_eq!(order.resource["status"], "valid");
}

#[tokio::test]
async fn a4_a_challenge_is_begun_by_an_object_and_looked_at_by_nothing() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let challenge = client.publish(&server, &order).await.pop().unwrap();

    let shown = client.post(&server, &challenge, None).await.unwrap();
    assert_eq!((shown.resource["status"].as_str(), server.prober.calls().len()), (Some("pending"), 0));
    for payload in [json!([]), json!("x"), json!(1)] {
        let reply = client.post(&server, &challenge, Some(&payload)).await;
        assert_eq!(kind(&reply), ProblemType::Malformed);
    }
    assert!(server.prober.calls().is_empty());
    let answer = client.post(&server, &challenge, Some(&json!({ "keyAuthorization": "old" }))).await.unwrap();
    assert_eq!(answer.resource["status"], "valid");
    assert_eq!(answer.up, Some(urls(&order.resource["authorizations"])[0].clone()));
    let absent = challenge.replace("http-01", "dns-account-01");
    assert_eq!(problem(&client.post(&server, &absent, Some(&json!({}))).await).1, 404);
}

#[tokio::test]
async fn a_challenge_beside_the_one_that_decided_does_not_go_on() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let http = client.publish(&server, &order).await.pop().unwrap();
    let dns = http.replace("http-01", "dns-01");

    assert_eq!(client.respond(&server, &dns).await.unwrap().resource["status"], "processing");
    assert_eq!(client.respond(&server, &http).await.unwrap().resource["status"], "valid");

    let shown = client.post(&server, &dns, None).await.unwrap();
    assert_eq!((shown.resource["status"].as_str(), shown.retry_after), (Some("invalid"), None));
    let (task, _) = server.queue.take().pop().unwrap();
    let before = server.prober.calls().len();
    server.acme.retry(&server.validator, &task).await.unwrap();
    assert_eq!(server.prober.calls().len(), before);
    let url = &urls(&order.resource["authorizations"])[0];
    let shown = client.authorization(&server, url).await.unwrap().resource;
    assert_eq!((shown["status"].as_str(), shown["challenges"].as_array().unwrap().len()), (Some("valid"), 1));
    assert_eq!(shown["challenges"][0]["type"], "http-01");
}

#[tokio::test]
async fn a20_a_page_is_followed_by_its_cursor_and_no_other() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    for _ in 0..51 {
        client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    }
    let list = format!("{}/orders", client.account.as_ref().unwrap());
    let first = client.post(&server, &list, None).await.unwrap();
    assert_eq!(urls(&first.resource["orders"]).len(), 50);
    let next = first.next.unwrap();
    assert_eq!(urls(&client.post(&server, &next, None).await.unwrap().resource["orders"]).len(), 1);

    for cursor in ["x", "%00", "AAAA", "!!!!"] {
        let reply = client.post(&server, &format!("{list}?cursor={cursor}"), None).await;
        assert_eq!((problem(&reply).0, problem(&reply).1), (ProblemType::Malformed, 400), "{cursor}");
    }
    // The cursor of somebody else's list shows nothing of it.
    let stranger = Client::registered(&server).await;
    let account = stranger.account.as_ref().unwrap();
    let theirs = format!("{account}/orders?{}", next.split_once('?').unwrap().1);
    if let Ok(page) = stranger.post(&server, &theirs, None).await {
        assert_eq!(page.resource, json!({ "orders": [] }));
    }
    let with_payload = client.post(&server, &list, Some(&json!({}))).await;
    assert_eq!(kind(&with_payload), ProblemType::Malformed);
}
