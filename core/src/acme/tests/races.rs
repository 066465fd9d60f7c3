//! Races: requests of many tasks at once, in two processes on one store.

use std::collections::BTreeSet;
use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Client, Reply, Server, csr, for_names, path_of, urls};
use super::wire::{KEY_CHANGE, NEW_ACCOUNT, NEW_ORDER, REVOKE_CERT};
use crate::acme::{ExternalAccountKeys, ProblemType};
use crate::authority::tests::bench::{P256, World};
use crate::config::{GoDuration, NewOrderLimit};
use crate::key::PrivateKey;
use crate::x509::Certificate;

/// Sends every request at once, half of them to each of two processes; the replies in the order of the requests.
async fn race(world: &World, first: Arc<Server>, requests: Vec<(String, Vec<u8>)>) -> Vec<Reply> {
    let second = Arc::new(Server::beside(world, first.prober.clone(), first.queue.clone()).await);
    let servers = [first, second];
    let spawn = |(number, (path, body)): (usize, (String, Vec<u8>))| {
        let server = servers[number % 2].clone();
        tokio::spawn(async move { server.handle(&path, &body).await })
    };
    let tasks: Vec<_> = requests.into_iter().enumerate().map(spawn).collect();
    let mut replies = Vec::new();
    for task in tasks {
        replies.push(task.await.unwrap());
    }
    replies
}

fn granted(replies: &[Reply]) -> Vec<&Value> {
    replies.iter().filter_map(|reply| reply.as_ref().ok()).map(|answer| &answer.resource).collect()
}

fn assert_others_are(replies: &[Reply], kind: ProblemType) {
    for error in replies.iter().filter_map(|reply| reply.as_ref().err()) {
        assert_eq!(error.problem.kind, kind, "{error:?}");
    }
}

#[rstest]
#[case::an_account(NEW_ACCOUNT)]
#[case::an_order(NEW_ORDER)]
#[case::a_look("")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a7_of_200_uses_of_a_nonce_one_is_granted(#[case] path: &str) {
    let world = World::new();
    let server = Arc::new(Server::new(&world).await);
    let client = Client::registered(&server).await;
    let (path, body) = match path {
        "" => {
            let path = path_of(client.account.as_ref().unwrap()).to_owned();
            let body = client.jws(&server, &path, None, false);
            (path, body)
        }
        NEW_ORDER => (path.to_owned(), client.jws(&server, path, Some(&for_names(&["a.example"])), false)),
        _ => (path.to_owned(), Client::new().jws(&server, path, Some(&json!({})), true)),
    };

    let replies = race(&world, server, vec![(path, body); 200]).await;

    assert_eq!(granted(&replies).len(), 1);
    assert_others_are(&replies, ProblemType::BadNonce);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a8_of_20_finalizes_all_get_the_same_order_and_one_certificate() {
    let world = World::new();
    let server = Arc::new(Server::new(&world).await);
    let client = Client::registered(&server).await;
    let order = client.ready_order(&server, &["a.example", "b.example"]).await;
    let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example", "b.example"]);
    let path = path_of(order.resource["finalize"].as_str().unwrap()).to_owned();
    let payload = json!({ "csr": crate::acme::tests::wire::base64url(&csr) });
    let requests = (0..20).map(|_| (path.clone(), client.jws(&server, &path, Some(&payload), false)));

    let replies = race(&world, server.clone(), requests.collect()).await;

    assert_eq!(granted(&replies).len(), 20, "{replies:?}");
    assert_eq!(world.signer.signed().len(), 1);
    assert_eq!(world.issued().await.len(), 1);
    let shown = client.order(&server, order.location.as_ref().unwrap()).await.unwrap().resource;
    assert_eq!(shown["status"], "valid");
    for order in granted(&replies) {
        match order["status"].as_str().unwrap() {
            "valid" => assert_eq!(*order, shown),
            "processing" => assert!(order.get("certificate").is_none()),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a8_of_20_finalizes_with_other_requests_one_gets_a_certificate() {
    let world = World::new();
    let server = Arc::new(Server::new(&world).await);
    let client = Client::registered(&server).await;
    let order = client.ready_order(&server, &["a.example"]).await;
    let path = path_of(order.resource["finalize"].as_str().unwrap()).to_owned();
    let requests = (0..20).map(|_| {
        let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
        let payload = json!({ "csr": crate::acme::tests::wire::base64url(&csr) });
        (path.clone(), client.jws(&server, &path, Some(&payload), false))
    });

    let replies = race(&world, server.clone(), requests.collect()).await;

    assert_eq!(granted(&replies).len(), 1);
    assert_others_are(&replies, ProblemType::OrderNotReady);
    assert_eq!(world.signer.signed().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a8_a_challenge_is_answered_20_times_between_polls_and_tried_once() {
    let world = World::new();
    let server = Arc::new(Server::new(&world).await);
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    let challenge = client.publish(&server, &order).await.pop().unwrap();
    let (challenge, authorization) =
        (path_of(&challenge).to_owned(), path_of(&urls(&order.resource["authorizations"])[0]).to_owned());
    let before = server.prober.calls().len();
    let requests = (0..40).map(|number| match number % 2 {
        0 => (challenge.clone(), client.jws(&server, &challenge, Some(&json!({})), false)),
        _ => (authorization.clone(), client.jws(&server, &authorization, None, false)),
    });

    let replies = race(&world, server.clone(), requests.collect()).await;

    assert_eq!(granted(&replies).len(), 40, "{replies:?}");
    assert_eq!(server.prober.calls().len(), before + 1);
    let shown = client.order(&server, order.location.as_ref().unwrap()).await.unwrap().resource;
    assert_eq!(shown["status"], "ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a8_a_hundred_authorizations_of_one_order_are_tried_at_once() {
    let world = World::new();
    let server = Arc::new(Server::new(&world).await);
    let client = Client::registered(&server).await;
    let names: Vec<_> = (0..100).map(|number| format!("h{number}.example")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let order = client.new_order(&server, &for_names(&names)).await.unwrap();
    let challenges = client.publish(&server, &order).await;
    let requests = challenges.iter().map(|challenge| {
        let path = path_of(challenge).to_owned();
        let body = client.jws(&server, &path, Some(&json!({})), false);
        (path, body)
    });

    let replies = race(&world, server.clone(), requests.collect()).await;

    assert!(granted(&replies).iter().all(|challenge| challenge["status"] == "valid"));
    assert_eq!(granted(&replies).len(), 100);
    let key = PrivateKey::generate(P256).unwrap();
    let order = client.finalize(&server, &order, &csr(&key, &names)).await.unwrap();
    assert_eq!(order.resource["status"], "valid");
    assert_eq!(world.issued().await[0].sans().unwrap().names.len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a19_of_20_new_accounts_with_one_key_there_is_one() {
    let world = World::new();
    let server = Arc::new(Server::new(&world).await);
    let client = Client::new();
    let body = || client.jws(&server, NEW_ACCOUNT, Some(&json!({})), true);
    let requests = (0..20).map(|_| (NEW_ACCOUNT.to_owned(), body())).collect();

    let replies = race(&world, server.clone(), requests).await;

    let answers: Vec<_> = replies.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.created).count(), 1);
    let places: BTreeSet<_> = answers.iter().map(|answer| answer.location.clone().unwrap()).collect();
    assert_eq!(places.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a5_of_20_binds_of_one_external_key_one_wins() {
    let mut world = World::new();
    world.acme.require_eab = true;
    let server = Arc::new(Server::new(&world).await);
    let keys = ExternalAccountKeys::new(&*world.store, "acme/acme");
    let made = keys.add("", world.now(), &*world.random).await.unwrap();
    let requests = (0..20).map(|_| {
        let client = Client::new();
        let payload = json!({ "externalAccountBinding": client.binding(&made) });
        (NEW_ACCOUNT.to_owned(), client.jws(&server, NEW_ACCOUNT, Some(&payload), true))
    });

    let replies = race(&world, server.clone(), requests.collect()).await;

    assert_eq!(granted(&replies).len(), 1);
    assert_others_are(&replies, ProblemType::Unauthorized);
    assert!(keys.list().await.unwrap()[0].bound.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a5_one_client_that_binds_20_times_at_once_has_one_account() {
    let mut world = World::new();
    world.acme.require_eab = true;
    let server = Arc::new(Server::new(&world).await);
    let keys = ExternalAccountKeys::new(&*world.store, "acme/acme");
    let made = keys.add("", world.now(), &*world.random).await.unwrap();
    let client = Client::new();
    let payload = json!({ "externalAccountBinding": client.binding(&made) });
    let body = || client.jws(&server, NEW_ACCOUNT, Some(&payload), true);
    let requests = (0..20).map(|_| (NEW_ACCOUNT.to_owned(), body())).collect();

    let replies = race(&world, server.clone(), requests).await;

    let places: BTreeSet<_> = replies.into_iter().map(|reply| reply.unwrap().location.unwrap()).collect();
    assert_eq!(places.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a6_of_two_rollovers_one_wins_and_the_old_key_is_dead() {
    let world = World::new();
    for _ in 0..10 {
        let server = Arc::new(Server::new(&world).await);
        let client = Client::registered(&server).await;
        let new = [Client::new(), Client::new()];
        let requests = new.iter().map(|new| {
            let body = client.jws(&server, KEY_CHANGE, Some(&client.rollover(new)), false);
            (KEY_CHANGE.to_owned(), body)
        });

        let replies = race(&world, server.clone(), requests.collect()).await;

        assert_eq!(granted(&replies).len(), 1);
        let account = client.account.clone().unwrap();
        for (mut new, reply) in new.into_iter().zip(&replies) {
            new.account = Some(account.clone());
            assert_eq!(new.post(&server, &account, None).await.is_ok(), reply.is_ok());
        }
        assert!(client.post(&server, &account, None).await.is_err());
        let old = client.post_by_key(&server, NEW_ACCOUNT, &json!({ "onlyReturnExisting": true })).await;
        assert_eq!(super::wire::kind(&old), ProblemType::AccountDoesNotExist);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a20_of_50_orders_at_once_the_list_has_all() {
    let world = World::new();
    let server = Arc::new(Server::new(&world).await);
    let client = Client::registered(&server).await;
    let body = || client.jws(&server, NEW_ORDER, Some(&for_names(&["a.example"])), false);
    let requests = (0..60).map(|_| (NEW_ORDER.to_owned(), body())).collect();

    let replies = race(&world, server.clone(), requests).await;

    let made: BTreeSet<_> = replies.into_iter().map(|reply| reply.unwrap().location.unwrap()).collect();
    let mut listed = BTreeSet::new();
    let mut pages = 0;
    let mut next = Some(format!("{}/orders", client.account.as_ref().unwrap()));
    while let Some(url) = next {
        let page = client.post(&server, &url, None).await.unwrap();
        listed.extend(urls(&page.resource["orders"]));
        next = page.next;
        pages += 1;
    }
    assert_eq!((listed, pages), (made, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a24_a_limit_of_n_orders_admits_exactly_n() {
    let mut world = World::new();
    world.acme.new_order_limit = Some(NewOrderLimit { orders: 7, per: GoDuration::from_hours(1) });
    let server = Arc::new(Server::new(&world).await);
    let client = Client::registered(&server).await;
    let body = || client.jws(&server, NEW_ORDER, Some(&for_names(&["a.example"])), false);
    let requests = (0..40).map(|_| (NEW_ORDER.to_owned(), body())).collect();

    let replies = race(&world, server.clone(), requests).await;

    assert_eq!(granted(&replies).len(), 7);
    assert_others_are(&replies, ProblemType::RateLimited);
    let error = replies.into_iter().find_map(Result::err).unwrap();
    assert_eq!(error.problem.status, 429);
    let wait = error.retry_after.unwrap();
    assert!((1..=3600).contains(&wait));
    // Another account has a limit of its own, and the next span one of its own.
    let other = Client::registered(&server).await;
    other.new_order(&server, &for_names(&["a.example"])).await.unwrap();
    world.clock.advance(i64::try_from(wait).unwrap());
    client.new_order(&server, &for_names(&["a.example"])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a18_of_two_orders_at_once_one_replaces_a_certificate() {
    let world = World::new();
    for _ in 0..10 {
        let server = Arc::new(Server::new(&world).await);
        let client = Client::registered(&server).await;
        let key = PrivateKey::generate(P256).unwrap();
        let certificate = client.obtain(&server, &["a.example"], &key).await;
        let mut payload = for_names(&["a.example"]);
        payload["replaces"] = json!(super::wire::renewal_id(&certificate));
        let body = || client.jws(&server, NEW_ORDER, Some(&payload), false);
        let requests = (0..2).map(|_| (NEW_ORDER.to_owned(), body())).collect();

        let replies = race(&world, server.clone(), requests).await;

        assert_eq!(granted(&replies).len(), 1);
        assert_others_are(&replies, ProblemType::AlreadyReplaced);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a17_of_20_revocations_at_once_one_is_the_first() {
    let world = World::new();
    let server = Arc::new(Server::new(&world).await);
    let client = Client::registered(&server).await;
    let key = PrivateKey::generate(P256).unwrap();
    let certificate: Certificate = client.obtain(&server, &["a.example"], &key).await;
    let payload = json!({ "certificate": super::wire::base64url(certificate.as_der()) });
    let body = || client.jws(&server, REVOKE_CERT, Some(&payload), false);
    let requests = (0..20).map(|_| (REVOKE_CERT.to_owned(), body())).collect();

    let replies = race(&world, server.clone(), requests).await;

    assert_eq!(granted(&replies).len(), 1);
    assert_others_are(&replies, ProblemType::AlreadyRevoked);
}
