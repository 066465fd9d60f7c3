//! What one request leaves behind for the next: nothing.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use serde_json::json;
use tracing::instrument::WithSubscriber;

use crate::access_log::Log;
use crate::world::{Answer, Identity, World, csr, new_key, request};

/// One request in the name of `identity`, under `id`: what it must not show of the other is its name.
async fn act(world: &World, identity: &Identity, turn: usize, id: &str) -> Answer {
    let name = identity.certificate.subject().common_name().unwrap();
    let mut request = match turn % 5 {
        0 => identity.request("/renew", Body::empty()),
        1 => identity.request("/rekey", json!({ "csr": csr(name, &new_key()) }).to_string()),
        2 => {
            let (body, _) = world.sign_body(name);
            request(Method::POST, "/sign", Body::from(body.to_string()))
        }
        3 => {
            let (mut body, _) = world.sign_body(name);
            body["csr"] = csr(&format!("not.{name}"), &new_key()).into();
            request(Method::POST, "/sign", Body::from(body.to_string()))
        }
        _ => request(Method::GET, "/panic", Body::empty()),
    };
    request.headers_mut().insert("x-request-id", id.parse().unwrap());
    world.send(request).await
}

const ALICE: &str = "alice.example";
const BOB: &str = "bob.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l9_a_thousand_interleaved_requests_of_two_identities_do_not_cross() {
    const REQUESTS: usize = 1000;
    let world = Arc::new(World::new().await);
    let identities = [world.identity(ALICE).await, world.identity(BOB).await];
    let log = Log::json();

    let mut tasks = tokio::task::JoinSet::new();
    for turn in 0..REQUESTS {
        let (world, identity) = (world.clone(), identities[turn % 2].clone());
        let id = format!("{}-{turn}", identity.certificate.subject().common_name().unwrap());
        let answered = async move { (turn, act(&world, &identity, turn / 2, &id).await) };
        tasks.spawn(answered.with_subscriber(log.subscriber()));
    }
    let answers = tasks.join_all().await;

    assert_eq!(answers.len(), REQUESTS);
    for (turn, answer) in &answers {
        let (mine, other) = if turn % 2 == 0 { (ALICE, BOB) } else { (BOB, ALICE) };
        assert_eq!(answer.header("x-request-id"), format!("{mine}-{turn}"));
        assert!(!String::from_utf8_lossy(&answer.body).contains(other), "{turn}: {answer:?}");
        match turn / 2 % 5 {
            0..=2 => {
                let certificate = answer.certificate();
                assert_eq!(certificate.subject().common_name(), Some(mine));
            }
            3 => assert!(answer.error(403).contains(mine)),
            _ => drop(answer.error(500)),
        }
    }
    let lines = log.lines();
    assert_eq!(lines.len(), REQUESTS);
    for line in lines {
        let text = line.to_string();
        assert!(text.contains(ALICE) != text.contains(BOB), "{text}");
    }
}
