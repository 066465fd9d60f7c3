//! One request that is slow, and another one that overtakes it.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::bench::{Client, Reply, Server, csr, for_names, path_of, urls};
use super::wire::{NEW_ORDER, base64url, problem};
use crate::acme::{Answer, ProblemType};
use crate::authority::tests::bench::{Gate, LEASE_OVER, P256, World};
use crate::key::PrivateKey;

/// A ready order, and the request that finalizes it.
struct Scene {
    world: World,
    server: Server,
    client: Client,
    order: Answer<Value>,
    csr: Vec<u8>,
}

/// The calls of a request that finalizes.
const TAKES: usize = 2;
const SIGNS: usize = 3;
const COMMITS: usize = 4;

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let server = Server::new(&world).await;
        let client = Client::registered(&server).await;
        let order = client.ready_order(&server, &["a.example"]).await;
        let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
        Self { world, server, client, order, csr }
    }

    /// A finalize that waits before its `call`th call.
    async fn slow(&self, call: usize) -> (JoinHandle<Reply>, Arc<Gate>) {
        let (server, gate) = self.server.gated(&self.world, call).await;
        let path = path_of(self.order.resource["finalize"].as_str().unwrap()).to_owned();
        let body = self.client.jws(&server, &path, Some(&json!({ "csr": base64url(&self.csr) })), false);
        let task = tokio::spawn(async move { server.handle(&path, &body).await });
        gate.reached().await;
        (task, gate)
    }

    async fn status(&self) -> String {
        let shown = self.client.order(&self.server, self.order.location.as_ref().unwrap()).await.unwrap();
        let order = shown.resource;
        assert_eq!(order.get("certificate").is_some(), order["status"] == "valid", "{order}");
        assert_eq!(shown.retry_after.is_some(), order["status"] == "processing", "{order}");
        order["status"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a22_a_poll_while_finalizing_sees_processing_and_then_the_certificate() {
    let scene = Scene::new().await;
    for (call, status) in [(TAKES, "ready"), (SIGNS, "processing"), (COMMITS, "processing")] {
        let scene = Scene::new().await;
        let (task, gate) = scene.slow(call).await;
        for _ in 0..100 {
            assert_eq!(scene.status().await, status, "before call {call}");
        }
        gate.open();
        assert_eq!(task.await.unwrap().unwrap().resource["status"], "valid");
        assert_eq!(scene.status().await, "valid");
    }
    assert_eq!(scene.status().await, "ready");
}

#[rstest]
#[case::before_it_takes_the_order(TAKES, false)]
#[case::before_it_signs(SIGNS, true)]
#[case::before_it_stores(COMMITS, true)]
#[tokio::test]
async fn a2_an_account_that_ends_before_its_order_is_taken_gets_no_certificate(
    #[case] call: usize,
    #[case] issued: bool,
) {
    let scene = Scene::new().await;
    let account = scene.client.account.clone().unwrap();
    let (task, gate) = scene.slow(call).await;

    let ended = scene.client.post(&scene.server, &account, Some(&json!({ "status": "deactivated" }))).await;
    gate.open();
    let reply = task.await.unwrap();

    assert_eq!(ended.unwrap().resource["status"], "deactivated");
    if !issued {
        assert_eq!(problem(&reply).0, ProblemType::Unauthorized);
        assert_eq!(problem(&reply).1, 401);
    }
    assert_eq!(reply.is_ok(), issued);
    assert_eq!(scene.world.issued().await.len(), usize::from(issued));
    assert_eq!(scene.world.signer.signed().len(), usize::from(issued));
}

#[tokio::test]
async fn a_new_contact_while_an_order_is_finalized_asks_for_another_try() {
    let scene = Scene::new().await;
    let account = scene.client.account.clone().unwrap();
    let (task, gate) = scene.slow(TAKES).await;

    let contact = json!({ "contact": ["mailto:new@example.org"] });
    scene.client.post(&scene.server, &account, Some(&contact)).await.unwrap();
    gate.open();
    let reply = task.await.unwrap();

    assert_eq!(problem(&reply).1, 503);
    assert_eq!(scene.world.signer.signed().len(), 0);
    let order = scene.client.finalize(&scene.server, &scene.order, &scene.csr).await.unwrap();
    assert_eq!(order.resource["status"], "valid");
}

#[rstest]
#[case::before_it_takes_the_order(TAKES, 200, "invalid")]
#[case::before_it_signs(SIGNS, 503, "valid")]
#[case::before_it_stores(COMMITS, 503, "valid")]
#[tokio::test]
async fn a8_an_authorization_is_given_up_while_its_order_is_finalized(
    #[case] call: usize,
    #[case] given_up: u16,
    #[case] order: &str,
) {
    let scene = Scene::new().await;
    let (task, gate) = scene.slow(call).await;

    let authorization = &urls(&scene.order.resource["authorizations"])[0];
    let end = json!({ "status": "deactivated" });
    let reply = scene.client.change_authorization(&scene.server, authorization, Some(&end)).await;
    gate.open();
    let finalized = task.await.unwrap();

    assert_eq!(reply.map_or_else(|error| error.problem.status, |_| 200), given_up);
    assert_eq!(scene.status().await, order);
    match order {
        "valid" => assert_eq!(finalized.unwrap().resource["status"], "valid"),
        _ => assert_eq!(problem(&finalized).0, ProblemType::OrderNotReady),
    }
    assert_eq!(scene.world.issued().await.len(), usize::from(order == "valid"));
}

#[tokio::test]
async fn d1_a_function_slower_than_its_lease_loses_an_order_whose_authorization_is_given_up() {
    let scene = Scene::new().await;
    let (task, gate) = scene.slow(COMMITS).await;

    scene.world.clock.advance(LEASE_OVER);
    let authorization = &urls(&scene.order.resource["authorizations"])[0];
    let end = json!({ "status": "deactivated" });
    scene.client.change_authorization(&scene.server, authorization, Some(&end)).await.unwrap();
    gate.open();

    assert_eq!(problem(&task.await.unwrap()).1, 503);
    assert_eq!(scene.status().await, "invalid");
    assert_eq!(scene.world.issued().await.len(), 0);
    scene.world.assert_every_signature_has_its_record().await;
}

#[rstest]
#[case::before_it_signs(SIGNS)]
#[case::before_it_stores(COMMITS)]
#[tokio::test]
async fn d1_after_the_lease_another_request_takes_the_order_and_the_slow_one_gets_nothing(
    #[case] call: usize,
) {
    let scene = Scene::new().await;
    let (task, gate) = scene.slow(call).await;

    scene.world.clock.advance(LEASE_OVER);
    assert_eq!(scene.status().await, "ready");
    let other = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
    let order = scene.client.finalize(&scene.server, &scene.order, &other).await.unwrap();
    gate.open();
    let slow = task.await.unwrap();

    assert_eq!(order.resource["status"], "valid");
    assert_eq!(problem(&slow).1, 503);
    assert_eq!(scene.world.issued().await.len(), 1);
    let again = scene.client.finalize(&scene.server, &scene.order, &scene.csr).await;
    assert_eq!(problem(&again).0, ProblemType::OrderNotReady);
    scene.world.assert_every_signature_has_its_record().await;
}

#[rstest]
#[case::soon(LEASE_OVER, 1)]
#[case::when_the_bytes_are_stale(3 * 3600, 2)]
#[case::when_the_bytes_are_gone(8 * 24 * 3600, 2)]
#[tokio::test]
async fn d1_the_same_request_goes_on_after_a_death_however_late(#[case] later: i64, #[case] serials: usize) {
    let mut world = World::new();
    world.acme.order_lifetime = crate::config::GoDuration::from_hours(30 * 24);
    world.acme.authorization_lifetime = crate::config::GoDuration::from_hours(30 * 24);
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.ready_order(&server, &["a.example"]).await;
    let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
    world.dies_before(SIGNS, client.finalize(&server, &order, &csr)).await;

    world.clock.advance(later);
    let finalized = client.finalize(&server, &order, &csr).await.unwrap();

    assert_eq!(finalized.resource["status"], "valid");
    let issued = world.issued().await;
    assert_eq!(issued.len(), 1);
    let drawn = world.random.serials().len();
    assert!(drawn >= serials);
    let late = issued[0].not_before()
        > world.now().saturating_sub(crate::clock::SignedDuration::from_hours(2)).unwrap();
    assert!(late, "{}", issued[0].not_before());
}

#[tokio::test]
async fn a2_an_account_that_ends_while_it_orders_cannot_use_the_order() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let (slow, gate) = server.gated(&world, 2).await;
    let body = client.jws(&slow, NEW_ORDER, Some(&for_names(&["a.example"])), false);
    let task = tokio::spawn(async move { slow.handle(NEW_ORDER, &body).await });
    gate.reached().await;

    let account = client.account.clone().unwrap();
    client.post(&server, &account, Some(&json!({ "status": "deactivated" }))).await.unwrap();
    gate.open();

    if let Ok(order) = task.await.unwrap() {
        let url = &urls(&order.resource["authorizations"])[0];
        let shown = client.authorization(&server, url).await;
        assert_eq!(problem(&shown).0, ProblemType::Unauthorized);
    }
}
