//! Orders from beginning to end.

use serde_json::json;

use super::bench::{Client, Server, challenge_of, csr, for_names, urls};
use crate::acme::ProblemType;
use crate::authority::tests::bench::{P256, World};
use crate::key::PrivateKey;

#[tokio::test]
async fn an_order_goes_from_pending_to_valid() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let key = PrivateKey::generate(P256).unwrap();

    let order = client.new_order(&server, &for_names(&["b.example", "a.example"])).await.unwrap();
    assert!(order.created);
    assert_eq!(order.resource["status"], "pending");
    let url = order.location.clone().unwrap();
    for challenge in client.publish(&server, &order).await {
        let answer = client.respond(&server, &challenge).await.unwrap();
        assert_eq!(answer.resource["status"], "valid");
        assert!(answer.resource["validated"].is_string());
    }
    assert_eq!(client.order(&server, &url).await.unwrap().resource["status"], "ready");
    let finalized = client.finalize(&server, &order, &csr(&key, &["a.example", "b.example"])).await.unwrap();

    assert_eq!(finalized.resource["status"], "valid");
    assert_eq!(client.order(&server, &url).await.unwrap().resource, finalized.resource);
    let chain =
        client.certificate(&server, finalized.resource["certificate"].as_str().unwrap()).await.unwrap();
    let certificate = crate::x509::Certificate::parse_pem_bundle(&chain.resource).unwrap().swap_remove(0);
    assert_eq!(certificate.public_key(), key.public_key());
    assert_eq!(
        certificate.sans().unwrap().names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["a.example", "b.example"]
    );
    world.assert_every_signature_has_its_record().await;
}

/// The `step` command sends both members always.
#[tokio::test]
async fn the_first_instant_of_the_calendar_asks_for_no_time() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let mut asked = for_names(&["a.example"]);
    asked["notBefore"] = "0001-01-01T00:00:00Z".into();
    asked["notAfter"] = "0001-01-01T00:00:00Z".into();

    let order = client.new_order(&server, &asked).await.unwrap().resource;

    assert!(order.get("notBefore").is_none() && order.get("notAfter").is_none(), "{order}");
}

#[tokio::test]
async fn a_wrong_answer_ends_challenge_authorization_and_order_at_once() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let stranger = Client::new();
    let authorization =
        client.authorization(&server, &urls(&order.resource["authorizations"])[0]).await.unwrap();
    let challenge = challenge_of(&authorization.resource, "http-01");
    let token = challenge["token"].as_str().unwrap();
    server.prober.put_file(
        &crate::acme::ProbeHost::Dns("a.example".parse().unwrap()),
        &format!("/.well-known/acme-challenge/{token}"),
        stranger.key_authorization(token),
    );

    let answer = client.respond(&server, challenge["url"].as_str().unwrap()).await.unwrap().resource;

    assert_eq!(answer["status"], "invalid");
    assert_eq!(answer["error"]["type"], json!(ProblemType::IncorrectResponse));
    let order = client.order(&server, order.location.as_ref().unwrap()).await.unwrap().resource;
    assert_eq!(order["status"], "invalid");
    assert_eq!(order["error"]["type"], json!(ProblemType::IncorrectResponse));
}

#[tokio::test]
async fn an_answer_that_comes_late_is_found_by_a_retry() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let authorization = &urls(&order.resource["authorizations"])[0];
    let shown = client.authorization(&server, authorization).await.unwrap().resource;
    let challenge = challenge_of(&shown, "http-01")["url"].as_str().unwrap().to_owned();

    let answer = client.respond(&server, &challenge).await.unwrap();
    assert_eq!(answer.resource["status"], "processing");
    assert!(answer.retry_after.is_some());
    let scheduled = server.queue.take();
    assert_eq!(scheduled.len(), 1);
    client.publish(&server, &order).await;
    world.clock.advance(1);
    server.acme.retry(&server.validator, &scheduled[0].0).await.unwrap();

    assert_eq!(client.authorization(&server, authorization).await.unwrap().resource["status"], "valid");
    assert!(server.queue.take().is_empty());
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_the_challenge_in_its_time() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let authorization = &urls(&order.resource["authorizations"])[0];
    let shown = client.authorization(&server, authorization).await.unwrap().resource;
    let challenge = challenge_of(&shown, "http-01")["url"].as_str().unwrap().to_owned();
    client.respond(&server, &challenge).await.unwrap();

    let mut waited = 0;
    while let Some((task, wait)) = server.queue.take().pop() {
        waited += i64::try_from(wait.as_secs()).unwrap();
        world.clock.advance(i64::try_from(wait.as_secs()).unwrap());
        server.acme.retry(&server.validator, &task).await.unwrap();
    }

    let shown = client.authorization(&server, authorization).await.unwrap().resource;
    assert_eq!(shown["status"], "invalid");
    assert_eq!(challenge_of(&shown, "http-01")["error"]["type"], json!(ProblemType::Connection));
    assert!((13..=15).contains(&waited), "{waited}");
}

#[tokio::test]
async fn l15_a_task_that_is_delivered_twice_is_tried_once() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let authorization = &urls(&order.resource["authorizations"])[0];
    let shown = client.authorization(&server, authorization).await.unwrap().resource;
    let challenge = challenge_of(&shown, "http-01")["url"].as_str().unwrap().to_owned();
    client.respond(&server, &challenge).await.unwrap();
    let task = server.queue.take().pop().unwrap().0;
    let tried = server.prober.calls().len();
    world.clock.advance(1);

    for _ in 0..3 {
        server.acme.retry(&server.validator, &task).await.unwrap();
    }

    assert_eq!(server.prober.calls().len(), tried + 1);
    assert_eq!(server.queue.take().len(), 1);
}
