//! The walk through a revocation.

use rstest::rstest;

use crate::authority::tests::bench::{P256, Token, World, request, revoke_for, sign};
use crate::authority::{AuthorityError, Refusal, RevokeCredential};
use crate::fault::Fault;
use crate::fault::Fault::{FailAfter, FailBefore, StopAfter, StopBefore};
use crate::key::PrivateKey;
use crate::store::table;

#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Token,
    TokenOfACompromise,
    Tls,
}

#[derive(Debug, PartialEq)]
enum Seen {
    Done,
    Busy,
    TokenUsed,
    AlreadyRevoked,
    Nothing,
}

/// What a client sees at first and in its retry. That a token was used, or a certificate revoked, is only ever said
/// when the revocation is there.
#[rstest]
#[case::fails(FailBefore, Seen::Busy, [Seen::Done, Seen::Done])]
#[case::answer_is_lost(FailAfter, Seen::Done, [Seen::TokenUsed, Seen::AlreadyRevoked])]
#[case::dies_before(StopBefore, Seen::Nothing, [Seen::Done, Seen::Done])]
#[case::dies_after(StopAfter, Seen::Nothing, [Seen::TokenUsed, Seen::AlreadyRevoked])]
#[tokio::test]
async fn d1_d6_a_retried_revocation_ends_well(
    #[case] fault: Fault,
    #[case] first: Seen,
    #[case] retries: [Seen; 2],
    #[values(By::Token, By::TokenOfACompromise, By::Tls)] by: By,
) {
    let [by_token, by_tls] = retries;
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let certificate = world.certificate("host.example", &key).await;
    let serial = certificate.serial();
    let (reason, credential) = match by {
        By::Token => (0, RevokeCredential::Token(Token::revoking(&world, serial).mint(&world.admin))),
        By::TokenOfACompromise => {
            (1, RevokeCredential::Token(Token::revoking(&world, serial).mint(&world.admin)))
        }
        By::Tls => (1, RevokeCredential::Certificates(world.peer(&certificate))),
    };
    let authority = world.authority().await;
    let attempt = async || {
        tokio::select! {
            answer = revoke_for(&authority, serial, reason, &credential) => seen(answer),
            () = world.faults.stopped() => Seen::Nothing,
        }
    };

    // Where the key has to be found first, the commit is the second call.
    world.fail(if by == By::TokenOfACompromise { 2 } else { 1 }, fault);
    let (at_first, retry) = (attempt().await, attempt().await);

    assert_eq!(at_first, first);
    assert_eq!(retry, if by == By::Tls { by_tls } else { by_token });
    assert!(world.get(&table::revocation(serial)).await.is_some());
    let blocked = world.get(&table::blocked_key(key.public_key().spki_der())).await;
    assert_eq!(blocked.is_some(), by != By::Token);
}

#[rstest]
#[tokio::test]
async fn d1_a_fault_while_the_key_is_looked_for_revokes_nothing(
    #[values(FailBefore, FailAfter, StopBefore, StopAfter)] fault: Fault,
) {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let certificate = world.certificate("host.example", &key).await;
    let serial = certificate.serial();
    let authority = world.authority().await;
    let credential = RevokeCredential::Token(Token::revoking(&world, serial).mint(&world.admin));

    world.fail(1, fault);
    let answer = tokio::select! {
        answer = revoke_for(&authority, serial, 1, &credential) => seen(answer),
        () = world.faults.stopped() => Seen::Nothing,
    };

    assert!(matches!(answer, Seen::Busy | Seen::Nothing), "{answer:?}");
    assert!(world.get(&table::revocation(serial)).await.is_none());
    revoke_for(&authority, serial, 1, &credential).await.unwrap();
    let token = Token::new(&world, "host.example").mint(&world.admin);
    let refused = sign(&authority, &request(&key, "", &["host.example"]), &token).await;
    assert!(matches!(refused, Err(AuthorityError::Refused(Refusal::BlockedKey))));
}

#[track_caller]
fn seen(answer: Result<(), AuthorityError>) -> Seen {
    match answer {
        Ok(()) => Seen::Done,
        Err(AuthorityError::Busy(_)) => Seen::Busy,
        Err(AuthorityError::TokenUsed) => Seen::TokenUsed,
        Err(AuthorityError::AlreadyRevoked { .. }) => Seen::AlreadyRevoked,
        Err(other) => panic!("not a clean answer: {other:?}"),
    }
}
