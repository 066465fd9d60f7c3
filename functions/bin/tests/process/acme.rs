//! ACME through its three functions and their queue.

use serde_json::{Value, json};

use crate::acme_client::{Client, Responder};
use crate::world::{World, eventually};

async fn world(responder: &Responder) -> World {
    let provisioner = json!({"type": "ACME", "name": "acme", "validation": {"giveUpAfter": "2m"}});
    world_with(responder, provisioner).await
}

/// A stack with an ACME provisioner, whose validations are led to a server of the test.
pub(crate) async fn world_with(responder: &Responder, provisioner: Value) -> World {
    let mut world = World::unconfigured().await;
    world.configuration["authority"]["provisioners"].as_array_mut().unwrap().push(provisioner);
    world.configure().await;
    for name in ["acme", "acme-retry"] {
        world.function(name).set_environment("STEPLESS_ACME_HTTP_PORT", &responder.port().to_string());
        world.function(name).set_environment("STEPLESS_ACME_ALLOW_LOOPBACK", "true");
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_proven_finalized_fetched_and_revoked() {
    let responder = Responder::start();
    let world = world(&responder).await;
    let mut client = Client::new(&world).await;
    let order = client.order().await;
    let challenge = client.challenge(&order).await;
    responder.answer(&challenge.path, &challenge.key_authorization);

    let tried = client.post(&challenge.url, "{}").await;
    assert_eq!((tried.status, &tried.body["status"]), (200, &json!("valid")), "{tried:?}");

    let certificate = client.certificate(&order).await;
    let names = certificate.sans().unwrap();
    assert_eq!(names.ip_addresses().map(|ip| ip.to_string()).collect::<Vec<_>>(), ["127.0.0.1"]);
    let serial = certificate.serial().to_string();
    let log = world.log("acme-finalize");
    assert!(log.lines().any(|line| line.contains("/finalize") && line.contains(&serial)), "{log}");

    assert_eq!(client.revoke(&certificate, 0).await.status, 200);
    let log = world.log("acme");
    assert!(log.lines().any(|line| line.contains("/revoke-cert") && line.contains(&serial)), "{log}");
    let again = client.revoke(&certificate, 0).await;
    assert_eq!(again.body["type"], "urn:ietf:params:acme:error:alreadyRevoked", "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_that_is_unclear_is_tried_again_by_the_queue_though_nobody_asks() {
    let responder = Responder::start();
    let world = world(&responder).await;
    let mut client = Client::new(&world).await;
    let order = client.order().await;
    let challenge = client.challenge(&order).await;
    responder.close();

    let tried = client.post(&challenge.url, "{}").await;
    assert_eq!((tried.status, &tried.body["status"]), (200, &json!("processing")), "{tried:?}");
    assert!(tried.headers["retry-after"].is_string(), "{tried:?}");
    responder.answer(&challenge.path, &challenge.key_authorization);
    responder.open();

    eventually("the retry has found it", async || {
        world.log("acme-retry").lines().any(|line| line.contains("tried again")) && responder.asked() > 0
    })
    .await;
    let found = client.post(order["authorizations"][0].as_str().unwrap(), "").await;
    assert_eq!(found.body["status"], "valid", "{found:?} {}", world.log("acme-retry"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_no_tasks_come_back_and_the_others_are_done() {
    let responder = Responder::start();
    let world = world(&responder).await;
    let task = json!({
        "provisioner": "nobody", "authorization": "AAAAAAAAAAAAAAAAAAAAAAA", "challenge": "http-01", "tries": 1,
    });
    let event = json!({"Records": [
        {"messageId": "sound", "body": task.to_string()},
        {"messageId": "senseless", "body": "{\"provisioner\": \"s3cret\"}"},
    ]});

    let answer = world.function("acme-retry").invoke(event.to_string().into()).await.unwrap();

    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "senseless"}]}));
    assert!(!world.log("acme-retry").contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configuration_acme_refuses_with_a_problem_and_every_message_comes_back() {
    let world = World::unconfigured().await;

    for name in ["acme", "acme-finalize"] {
        let answer = world.send(name, &crate::world::event("GET", "/acme/acme/directory", None)).await;
        assert_eq!((answer.status, &answer.body["status"]), (503, &json!(503)), "{name} {answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{name}");
        assert!(answer.headers["retry-after"].is_string(), "{name}");
    }
    let event = json!({"Records": [{"messageId": "1", "body": "{}"}]});
    let answer = world.function("acme-retry").invoke(event.to_string().into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "1"}]}));
}
