//! Round trips: what each request of an http-01 order costs, call by call.

use super::bench::{Client, Server, challenge_of, csr, for_names, urls};
use crate::authority::tests::bench::{P256, World};
use crate::fault::Call::{Commit, Get, GetMany, Probe, Sign};
use crate::key::PrivateKey;

#[tokio::test]
async fn an_http_01_order_costs_what_the_plan_allows() {
    let world = World::new();
    let server = Server::new(&world).await;
    let key = PrivateKey::generate(P256).unwrap();

    let mut client = Client::new();
    let (_, calls) = world.calls_of(client.register(&server, serde_json::json!({}))).await;
    assert_eq!(calls, [Get, Commit], "new-account");
    let (order, calls) = world.calls_of(client.new_order(&server, &for_names(&["a.example"]))).await;
    assert_eq!(calls, [GetMany, Commit], "new-order");
    let order = order.unwrap();
    let authorization = &urls(&order.resource["authorizations"])[0];
    let (shown, calls) = world.calls_of(client.authorization(&server, authorization)).await;
    assert_eq!(calls, [GetMany, Commit], "authorization");
    let challenge = challenge_of(&shown.unwrap().resource, "http-01")["url"].as_str().unwrap().to_owned();
    client.publish(&server, &order).await;
    let (_, calls) = world.calls_of(client.respond(&server, &challenge)).await;
    assert_eq!(calls, [GetMany, Commit, Probe, Commit], "challenge");
    let (finalized, calls) =
        world.calls_of(client.finalize(&server, &order, &csr(&key, &["a.example"]))).await;
    assert_eq!(calls, [GetMany, Commit, Sign, Commit], "finalize");
    let (_, calls) = world.calls_of(client.order(&server, order.location.as_ref().unwrap())).await;
    assert_eq!(calls, [GetMany, Commit], "order");
    let url = finalized.unwrap().resource["certificate"].as_str().unwrap().to_owned();
    let (chain, calls) = world.calls_of(client.certificate(&server, &url)).await;
    assert_eq!(calls, [GetMany, Commit], "certificate");

    let chain = chain.unwrap().resource;
    let certificate = crate::x509::Certificate::parse_pem_bundle(&chain).unwrap().swap_remove(0);
    let (revoked, calls) = world.calls_of(client.revoke(&server, &certificate, false)).await;
    revoked.unwrap();
    assert_eq!(calls, [GetMany, Commit], "revoke-cert");
}

#[tokio::test]
async fn directory_and_nonce_cost_nothing() {
    let world = World::new();
    let server = Server::new(&world).await;

    let (_, calls) = world
        .calls_of(async {
            server.acme.directory(&server.at("/acme/acme/directory"));
            server.nonce()
        })
        .await;

    assert_eq!(calls, []);
}
