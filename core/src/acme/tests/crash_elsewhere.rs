//! Crash walk over the requests outside of an order: whatever call fails or stops, asking again ends well.

use serde_json::{Value, json};

use super::bench::{Client, Server, challenge_of, for_names, urls};
use super::wire::KEY_CHANGE;
use crate::acme::{AcmeError, ProblemType};
use crate::authority::tests::bench::{LEASE_OVER, P256, World};
use crate::fault::Fault;
use crate::key::PrivateKey;

/// Every call at which something can go wrong, and what.
fn strikes() -> impl Iterator<Item = (usize, Fault)> {
    (1..=4).flat_map(|call| Fault::ALL.map(|fault| (call, fault)))
}

/// `None` when the process died.
async fn struck<T>(
    world: &World,
    (call, fault): (usize, Fault),
    request: impl Future<Output = Result<T, AcmeError>>,
) -> Option<Result<T, AcmeError>> {
    world.fail(call, fault);
    let answer = tokio::select! {
        answer = request => Some(answer),
        () = world.faults.stopped() => None,
    };
    world.faults.clear();
    if let Some(Err(error)) = &answer {
        assert_eq!(error.problem.status, 503, "{fault:?} at {call}: {error:?}");
    }
    answer
}

#[tokio::test]
async fn d1_an_account_is_made_once_whatever_fails() {
    let origin = World::new();
    for strike in strikes() {
        let world = origin.fork();
        let server = Server::new(&world).await;
        let mut client = Client::new();

        let first = struck(&world, strike, client.register(&server, json!({}))).await;
        let retry = client.register(&server, json!({})).await.unwrap();

        if let Some(Ok(first)) = first {
            assert_eq!(first.location, retry.location, "{strike:?}");
            assert!(!retry.created);
        }
        client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    }
}

#[tokio::test]
async fn d1_a_key_is_changed_or_it_is_not() {
    let origin = World::new();
    for strike in strikes() {
        let world = origin.fork();
        let server = Server::new(&world).await;
        let old = Client::registered(&server).await;
        let new = Client { account: old.account.clone(), ..Client::new() };
        let inner = old.rollover(&new);

        let _ = struck(&world, strike, old.post(&server, KEY_CHANGE, Some(&inner))).await;

        let works = |reply: Result<_, AcmeError>| match reply {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.problem.kind, ProblemType::Malformed, "{strike:?}: {error:?}");
                false
            }
        };
        let order = for_names(&["a.example"]);
        let (by_old, by_new) =
            (works(old.new_order(&server, &order).await), works(new.new_order(&server, &order).await));
        assert!(by_old != by_new, "{strike:?}: one key acts, old {by_old}, new {by_new}");
    }
}

#[tokio::test]
async fn d1_a_certificate_is_revoked_by_asking_again() {
    let origin = World::new();
    for (strike, own_key) in strikes().flat_map(|strike| [(strike, false), (strike, true)]) {
        let world = origin.fork();
        let server = Server::new(&world).await;
        let owner = Client::registered(&server).await;
        let key = PrivateKey::generate(P256).unwrap();
        let certificate = owner.obtain(&server, &["a.example"], &key).await;
        let revoker = if own_key { Client { key, account: None } } else { owner };

        let _ = struck(&world, strike, revoker.revoke(&server, &certificate, own_key)).await;
        let retry = revoker.revoke(&server, &certificate, own_key).await;

        if let Err(error) = retry {
            assert_eq!(error.problem.kind, ProblemType::AlreadyRevoked, "{strike:?}");
        }
        let last = revoker.revoke(&server, &certificate, own_key).await.unwrap_err();
        assert_eq!(last.problem.kind, ProblemType::AlreadyRevoked, "{strike:?}");
    }
}

#[tokio::test]
async fn d1_a_retry_that_fails_or_stops_is_taken_up_again() {
    let origin = World::new();
    for strike in strikes() {
        let world = origin.fork();
        let server = Server::new(&world).await;
        let client = Client::registered(&server).await;
        let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
        let authorization = &urls(&order.resource["authorizations"])[0];
        let shown = client.authorization(&server, authorization).await.unwrap().resource;
        let challenge = challenge_of(&shown, "http-01")["url"].as_str().unwrap().to_owned();
        client.respond(&server, &challenge).await.unwrap();
        let task = server.queue.take().pop().unwrap().0;
        client.publish(&server, &order).await;

        let _ = struck(&world, strike, server.acme.retry(&server.validator, &task)).await;
        // The queue delivers again what was not done, and the client's polls find what nobody is at work on.
        server.acme.retry(&server.validator, &task).await.unwrap();
        let mut shown = Value::Null;
        for _ in 0..3 {
            for (task, _) in server.queue.take() {
                server.acme.retry(&server.validator, &task).await.unwrap();
            }
            shown = client.authorization(&server, authorization).await.unwrap().resource;
            world.clock.advance(LEASE_OVER);
        }

        assert_eq!(shown["status"], "valid", "{strike:?}");
    }
}
