//! Round trips: what each request of an http-01 order costs, call by call.

use serde_json::json;

use super::bench::{Client, Server, challenge_of, csr, for_names, urls};
use super::wire::{KEY_CHANGE, NEW_AUTHZ, REVOKE_CERT, base64url, renewal_id};
use crate::acme::ExternalAccountKeys;
use crate::authority::tests::bench::{P256, World};
use crate::fault::Call::{Commit, Get, GetMany, Probe, Query, Sign};
use crate::key::PrivateKey;

#[tokio::test]
async fn an_http_01_order_costs_what_the_plan_allows() {
    let world = World::new();
    let server = Server::new(&world).await;
    let key = PrivateKey::generate(P256).unwrap();

    let mut client = Client::new();
    let (_, calls) = world.calls_of(client.register(&server, json!({}))).await;
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

#[tokio::test]
async fn the_requests_beside_an_order_cost_what_the_plan_allows() {
    let mut world = World::new();
    world.acme.challenges = vec![crate::config::ChallengeType::Http01];
    let server = Server::new(&world).await;
    let keys = ExternalAccountKeys::new(&*world.store, "acme/acme");
    let made = keys.add("", world.now(), &*world.random).await.unwrap();

    let mut client = Client::new();
    let payload = json!({ "externalAccountBinding": client.binding(&made) });
    let (_, calls) = world.calls_of(client.register(&server, payload)).await;
    assert_eq!(calls, [Get, Get, Commit], "new-account with a binding");
    let (_, calls) = world.calls_of(client.register(&server, json!({}))).await;
    assert_eq!(calls, [Get, Get, Commit], "new-account that exists");
    let account = client.account.clone().unwrap();
    let contact = json!({ "contact": ["mailto:a@example.org"] });
    let (_, calls) = world.calls_of(client.post(&server, &account, Some(&contact))).await;
    assert_eq!(calls, [GetMany, Commit], "account");
    let new = Client::new();
    let (changed, calls) =
        world.calls_of(client.post(&server, KEY_CHANGE, Some(&client.rollover(&new)))).await;
    changed.unwrap();
    assert_eq!(calls, [GetMany, Commit], "key-change");
    let client = Client { account: client.account, ..new };
    let ask = json!({ "identifier": { "type": "dns", "value": "a.example" } });
    let (_, calls) = world.calls_of(client.post(&server, NEW_AUTHZ, Some(&ask))).await;
    assert_eq!(calls, [GetMany, Commit], "new-authz");
    let list = format!("{account}/orders");
    client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let (_, calls) = world.calls_of(client.post(&server, &list, None)).await;
    assert_eq!(calls, [GetMany, Query, GetMany, Commit], "orders");

    let key = Client::new();
    let certificate = client.obtain(&server, &["a.example"], &key.key).await;
    let id = renewal_id(&certificate);
    let at = server.at("/acme/acme/renewal-info/x");
    let (info, calls) = world.calls_of(server.acme.renewal_info(&at, &id)).await;
    info.unwrap();
    assert_eq!(calls, [GetMany], "renewal-info");
    let mut replacing = for_names(&["a.example"]);
    replacing["replaces"] = json!(id);
    let (_, calls) = world.calls_of(client.new_order(&server, &replacing)).await;
    assert_eq!(calls, [GetMany, Commit], "new-order that replaces");
    let payload = json!({ "certificate": base64url(certificate.as_der()) });
    let (revoked, calls) = world.calls_of(key.post_by_key(&server, REVOKE_CERT, &payload)).await;
    revoked.unwrap();
    assert_eq!(calls, [Get, Commit], "revoke-cert by key");
}
