//! Races: one credential in many hands at once, in two processes on one store.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::bench::{P256, Token, World, by_token, request, revoke, sign};
use crate::authority::{Authority, AuthorityError};
use crate::key::PrivateKey;
use crate::x509::{Certificate, SerialNumber};

/// How often it came out so.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    won: usize,
    used: usize,
}

/// Runs `work` so many times at once, half of them in each of two processes.
async fn race<F, T>(world: &World, times: usize, work: impl Fn(Arc<Authority>) -> F) -> Tally
where
    F: Future<Output = Result<T, AuthorityError>> + Send + 'static,
    T: Send + 'static,
{
    let processes = [Arc::new(world.authority().await), Arc::new(world.authority().await)];
    let mut tasks = JoinSet::new();
    for number in 0..times {
        tasks.spawn(work(processes[number % 2].clone()));
    }
    let mut tally = Tally::default();
    for answer in tasks.join_all().await {
        match answer {
            Ok(_) => tally.won += 1,
            Err(AuthorityError::TokenUsed) => tally.used += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d2_of_50_requests_with_one_token_one_wins() {
    let world = World::new();
    for _ in 0..5 {
        let token = Token::new(&world, "host.example").mint(&world.admin);
        let before = world.issued().await.len();

        let tally = race(&world, 50, |authority| {
            // Everyone has a key of his own.
            let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
            let token = token.clone();
            async move { sign(&authority, &csr, &token).await }
        })
        .await;

        assert_eq!(tally, Tally { won: 1, used: 49 });
        assert_eq!(world.issued().await.len(), before + 1);
    }
    world.assert_every_signature_has_its_record().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d3_of_200_uses_of_each_one_time_thing_one_succeeds() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let certificate = world.certificate("host.example", &key).await;
    let csr = request(&key, "", &["host.example"]);
    let signing = Token::new(&world, "host.example").mint(&world.admin);
    let renewing = by_token(Token::renewing(&world, &certificate).mint(&key));
    let rekeying = by_token(Token::renewing(&world, &certificate).with("jti", "rekey").mint(&key));
    let revoking = Token::revoking(&world, 4711).mint(&world.admin);
    let serial: SerialNumber = "4711".parse().unwrap();
    let expected = || Tally { won: 1, used: 199 };

    let signed = race(&world, 200, |authority| {
        let (csr, token) = (csr.clone(), signing.clone());
        async move { sign(&authority, &csr, &token).await }
    });
    assert_eq!(signed.await, expected());
    let renewed = race(&world, 200, |authority| {
        let token = renewing.clone();
        async move { authority.renew(&token).await }
    });
    assert_eq!(renewed.await, expected());
    let rekeyed = race(&world, 200, |authority| {
        let (csr, token) = (csr.clone(), rekeying.clone());
        async move { authority.rekey(&token, &csr).await }
    });
    assert_eq!(rekeyed.await, expected());
    let revoked = race(&world, 200, |authority| {
        let (serial, token) = (serial.clone(), revoking.clone());
        async move { revoke(&authority, &serial, token).await }
    });
    assert_eq!(revoked.await, expected());
    assert_eq!(world.issued().await.len(), 1 + 3);
}

/// Renewals over TLS race with the revocation: those that came first have a certificate, none that came later.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d2_no_renewal_begins_after_the_revocation() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let certificate = world.certificate("host.example", &key).await;
    let authority = Arc::new(world.authority().await);
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (authority, client) = (authority.clone(), world.by_tls(&certificate));
        tasks.spawn(async move { authority.renew(&client).await });
    }

    let token = Token::revoking(&world, certificate.serial()).mint(&world.admin);
    revoke(&authority, certificate.serial(), token).await.unwrap();
    let after = authority.renew(&world.by_tls(&certificate)).await;
    let answers = tasks.join_all().await;

    assert!(matches!(after, Err(AuthorityError::Revoked)));
    let renewed: Vec<Certificate> =
        answers.iter().flatten().map(|issued| issued.certificate().clone()).collect();
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(AuthorityError::Revoked))));
    let mut issued = world.issued().await;
    issued.retain(|one| *one != certificate);
    assert_eq!(issued.len(), renewed.len());
    assert!(renewed.iter().all(|one| issued.contains(one)));
}

/// Two processes that start on an empty store agree on when the authority began.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d2_of_all_first_starts_one_is_the_first() {
    let world = Arc::new(World::new());
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let world = world.clone();
        tasks.spawn(async move { world.authority().await.created });
    }

    let began = tasks.join_all().await;

    assert!(began.iter().all(|created| *created == Some(world.now())));
}
