//! Round trips: what a request costs, call by call.

use super::bench::{P256, Token, World, by_token, request, revoke, revoke_for, sign};
use crate::authority::RevokeCredential;
use crate::clock::SignedDuration;
use crate::fault::Call::{Commit, Get, Sign};
use crate::key::PrivateKey;

#[tokio::test]
async fn signing_costs_two_commits_and_one_signature() {
    let world = World::new();
    let (key, authority) = (PrivateKey::generate(P256).unwrap(), world.authority().await);
    let token = Token::new(&world, "host.example").mint(&world.admin);

    let (answer, calls) =
        world.calls_of(sign(&authority, &request(&key, "host.example", &["host.example"]), &token)).await;

    assert_eq!(answer.unwrap().provisioner(), Some("admin"));
    assert_eq!(calls, [Commit, Sign, Commit]);
}

#[tokio::test]
async fn renewing_and_rekeying_cost_two_commits_and_one_signature() {
    let world = World::new();
    let (key, next) = (PrivateKey::generate(P256).unwrap(), PrivateKey::generate(P256).unwrap());
    let certificate = world.certificate("host.example", &key).await;
    let authority = world.authority().await;
    let csr = request(&next, "", &[]);
    let token = || by_token(Token::renewing(&world, &certificate).mint(&key));

    let (renewed, by_tls) = world.calls_of(authority.renew(&world.by_tls(&certificate))).await;
    let (_, by_token) = world.calls_of(authority.renew(&token())).await;
    world.clock.advance(1);
    let (rekeyed, rekeyed_by_tls) = world.calls_of(authority.rekey(&world.by_tls(&certificate), &csr)).await;
    let (_, rekeyed_by_token) = world.calls_of(authority.rekey(&token(), &csr)).await;

    assert_eq!(renewed.unwrap().certificate().public_key(), key.public_key());
    assert_eq!(rekeyed.unwrap().certificate().public_key(), next.public_key());
    for calls in [by_tls, by_token, rekeyed_by_tls, rekeyed_by_token] {
        assert_eq!(calls, [Commit, Sign, Commit]);
    }
}

#[tokio::test]
async fn revoking_costs_one_commit() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let authority = world.authority().await;
    let one = world.certificate("one.example", &key).await;
    let two = world.certificate("two.example", &key).await;
    let three = world.certificate("three.example", &key).await;
    let token = |serial| Token::revoking(&world, serial).mint(&world.admin);

    let (by_token, token_calls) = world.calls_of(revoke(&authority, one.serial(), token(one.serial()))).await;
    let itself = RevokeCredential::Certificates(world.peer(&two));
    let (by_itself, tls_calls) = world.calls_of(revoke_for(&authority, two.serial(), 1, &itself)).await;
    let compromised = RevokeCredential::Token(token(three.serial()));
    let (by_compromise, compromise_calls) =
        world.calls_of(revoke_for(&authority, three.serial(), 1, &compromised)).await;

    by_token.and(by_itself).and(by_compromise).unwrap();
    assert_eq!(token_calls, [Commit]);
    assert_eq!(tls_calls, [Commit]);
    // The key that is compromised has to be found first.
    assert_eq!(compromise_calls, [Get, Commit]);
}

#[tokio::test]
async fn the_server_certificate_costs_two_commits_and_one_signature() {
    let world = World::new();
    let authority = world.authority().await;
    let key = PrivateKey::generate(P256).unwrap();

    let (answer, calls) = world
        .calls_of(authority.issue_server_certificate(key.public_key(), SignedDuration::from_hours(24)))
        .await;

    assert_eq!(answer.unwrap().provisioner(), None);
    assert_eq!(calls, [Commit, Sign, Commit]);
}

#[tokio::test]
async fn information_costs_nothing() {
    let world = World::new();
    let authority = world.authority().await;
    let before = world.faults.calls();

    assert_eq!(authority.roots_pem().len() + authority.intermediates_pem().len(), 2);
    assert_eq!(authority.federation_pem().len(), 1);
    assert!(authority.root_pem(&world.root.certificate.fingerprint_sha256()).is_some());
    assert_eq!(authority.provisioners().page("", 0).0.len(), 5);

    assert_eq!(world.faults.calls(), before);
    assert_eq!(before, [Get, Commit], "opening finds when the authority began, or says so");
}

#[tokio::test]
async fn a_refusal_costs_nothing() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let authority = world.authority().await;
    let token = Token::new(&world, "host.example").mint(&world.admin);

    let (_, calls) =
        world.calls_of(sign(&authority, &request(&key, "host.example", &["evil.example"]), &token)).await;

    assert_eq!(calls, []);
    sign(&authority, &request(&key, "host.example", &["host.example"]), &token).await.unwrap();
}
