//! Takeovers: one intent in the hands of several functions, of which some are slow and some are dead.

use std::sync::Arc;

use rstest::rstest;
use tokio::task::JoinHandle;

use super::bench::{
    Gate, LEASE_OVER, P256, RecordingSigner, Token, World, by_token, request, revoke, revoke_for, sign,
};
use crate::authority::{
    AuthorityError, InternalError, IssuedCertificate, Refusal, RevokeCredential, Unavailable,
};
use crate::config::{Asn1Dn, GoDuration};
use crate::fault::Fault;
use crate::key::PrivateKey;
use crate::store::table::CertificateState;

type Answer = Result<IssuedCertificate, AuthorityError>;

/// A world, and the one request that several functions are sent.
struct Scene {
    world: World,
    csr: String,
    token: String,
}

/// The calls of a function that takes an intent over: the commit that finds the mark, the read of the intent, the
/// commit that takes it, and then as for all the signature and the certificate.
const TAKES: usize = 3;
/// The calls of the first function: intent, signature, certificate.
const SIGNS: usize = 2;
const COMMITS: usize = 3;

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let csr = request(&PrivateKey::generate(P256).unwrap(), "host.example", &["host.example"]);
        let token = Token::new(&world, "host.example").mint(&world.admin);
        Self { world, csr, token }
    }

    async fn ask(&self) -> Answer {
        sign(&self.world.authority().await, &self.csr, &self.token).await
    }

    /// A function that waits before its `call`th call.
    async fn slow(&self, call: usize) -> (JoinHandle<Answer>, Arc<Gate>) {
        let (authority, gate) = self.world.gated(call).await;
        let (csr, token) = (self.csr.clone(), self.token.clone());
        let task = tokio::spawn(async move { sign(&authority, &csr, &token).await });
        gate.reached().await;
        (task, gate)
    }

    /// The first function dies before it signs, and its lease ends.
    async fn first_one_dies(&self) {
        let authority = self.world.authority().await;
        self.world.dies_before(SIGNS, sign(&authority, &self.csr, &self.token)).await;
        self.world.clock.advance(LEASE_OVER);
    }

    async fn assert_one_certificate(&self) {
        self.world.assert_every_signature_has_its_record().await;
        assert_eq!(self.world.issued().await.len(), 1);
        self.world.clock.advance(LEASE_OVER);
        assert!(matches!(self.ask().await, Err(AuthorityError::TokenUsed)));
    }
}

#[tokio::test]
async fn d1_of_two_takeovers_at_once_one_wins() {
    let scene = Scene::new();
    scene.first_one_dies().await;

    let (one, one_gate) = scene.slow(TAKES).await;
    let (two, two_gate) = scene.slow(TAKES).await;
    two_gate.open();
    let two = two.await.unwrap();
    one_gate.open();
    let one = one.await.unwrap();

    assert_eq!(scene.world.issued().await, [two.unwrap().certificate().clone()]);
    assert!(matches!(one, Err(AuthorityError::TokenUsed)));
    scene.assert_one_certificate().await;
}

#[rstest]
#[case::before_it_signs(SIGNS)]
#[case::before_it_stores(COMMITS)]
#[tokio::test]
async fn d1_a_slow_function_that_was_taken_over_returns_the_certificate_that_has_the_record(
    #[case] call: usize,
) {
    let scene = Scene::new();

    let (slow, gate) = scene.slow(call).await;
    scene.world.clock.advance(LEASE_OVER);
    let quick = scene.ask().await.unwrap();
    gate.open();
    let slow = slow.await.unwrap().unwrap();

    assert_eq!(slow.certificate(), quick.certificate());
    scene.assert_one_certificate().await;
}

#[tokio::test]
async fn d1_a_slow_function_that_wakes_in_the_middle_of_a_takeover_gives_way() {
    let scene = Scene::new();

    let (first, first_gate) = scene.slow(COMMITS).await;
    scene.world.clock.advance(LEASE_OVER);
    let (second, second_gate) = scene.slow(TAKES + 1).await;
    first_gate.open();
    let first = first.await.unwrap();
    second_gate.open();
    let second = second.await.unwrap();

    assert!(matches!(first, Err(AuthorityError::Unfinished(Unavailable::LostRace))));
    assert_eq!(scene.world.issued().await, [second.unwrap().certificate().clone()]);
    scene.assert_one_certificate().await;
}

#[tokio::test]
async fn d1_a_slow_function_that_nobody_took_over_finishes() {
    let scene = Scene::new();

    let (slow, gate) = scene.slow(COMMITS).await;
    scene.world.clock.advance(100 * LEASE_OVER);
    gate.open();

    assert!(slow.await.unwrap().is_ok());
}

/// A mark that was given back and set anew looks like the old one. What a slow function knows of the old one must not
/// touch the new one.
#[tokio::test]
async fn d3_a_slow_function_does_not_give_back_what_another_has_spent_anew() {
    let scene = Scene::new();

    let (slow, gate) = scene.slow(SIGNS).await;
    scene.world.clock.advance(LEASE_OVER);
    scene.world.fail(1 + TAKES + 1, Fault::FailBefore);
    assert!(matches!(scene.ask().await, Err(AuthorityError::Busy(_))), "the takeover could not sign");
    let (anew, anew_gate) = scene.slow(SIGNS).await;
    scene.world.fail(1, Fault::FailBefore);
    gate.open();
    assert!(matches!(slow.await.unwrap(), Err(AuthorityError::Unfinished(_))), "nor could the slow one");

    assert!(matches!(scene.ask().await, Err(AuthorityError::TokenUsed)));
    anew_gate.open();
    anew.await.unwrap().unwrap();
    scene.assert_one_certificate().await;
}

#[rstest]
#[case::before_it_reads_the_intent(2)]
#[case::before_it_takes_the_intent(TAKES)]
#[tokio::test]
async fn d3_a_slow_takeover_does_not_take_what_was_given_back(#[case] call: usize) {
    let scene = Scene::new();

    let (dying, gate) = scene.slow(SIGNS).await;
    scene.world.clock.advance(LEASE_OVER);
    let (takeover, takeover_gate) = scene.slow(call).await;
    scene.world.fail(1, Fault::FailBefore);
    gate.open();
    assert!(matches!(dying.await.unwrap(), Err(AuthorityError::Busy(_))), "it gave the token back");
    let (anew, anew_gate) = scene.slow(COMMITS).await;
    takeover_gate.open();

    assert!(matches!(takeover.await.unwrap(), Err(AuthorityError::TokenUsed)));
    anew_gate.open();
    anew.await.unwrap().unwrap();
    scene.assert_one_certificate().await;
}

#[tokio::test]
async fn d1_another_request_never_takes_an_intent_over() {
    let scene = Scene::new();
    scene.first_one_dies().await;
    let other = request(&PrivateKey::generate(P256).unwrap(), "host.example", &["host.example"]);

    let refused = sign(&scene.world.authority().await, &other, &scene.token).await;

    assert!(matches!(refused, Err(AuthorityError::TokenUsed)));
    scene.ask().await.unwrap();
    scene.assert_one_certificate().await;
}

#[tokio::test]
async fn x22_what_is_signed_is_what_was_stored_whatever_was_configured_since() {
    let mut scene = Scene::new();
    scene.first_one_dies().await;
    let (serial, record) = scene.world.records().await.remove(0);
    let CertificateState::Intent { to_be_signed, .. } = record.state else { panic!("it was issued") };

    scene.world.claims.tls.default = GoDuration::from_hours(1);
    scene.world.claims.disable_smallstep_extensions = true;
    scene.world.template = Asn1Dn { organization: "Changed".to_owned(), ..Asn1Dn::default() };
    let issued = scene.ask().await.unwrap();

    assert_eq!(issued.certificate().serial(), &serial);
    assert_eq!(issued.certificate().tbs_der(), to_be_signed.0);
    assert_eq!(scene.world.signer.signed(), [to_be_signed.0]);
    scene.assert_one_certificate().await;
}

#[tokio::test]
async fn x22_another_issuer_does_not_sign_what_was_stored_for_this_one() {
    let mut scene = Scene::new();
    scene.first_one_dies().await;
    let successor = Arc::new(scene.world.root.intermediate("Next Issuer"));
    scene.world.signer = Arc::new(RecordingSigner::new(successor.key.clone()));
    scene.world.issuer = successor;

    let refused = scene.ask().await;

    assert!(matches!(refused, Err(AuthorityError::Internal(InternalError::OtherIssuer(_)))));
    assert!(scene.world.signer.signed().is_empty());
    assert!(scene.world.issued().await.is_empty());
}

/// What must hold at the first attempt must hold at a retry, too.
#[tokio::test]
async fn x12_x26_a_takeover_asks_again_whether_certificate_and_key_are_good() {
    let world = World::new();
    let (key, next) = (PrivateKey::generate(P256).unwrap(), PrivateKey::generate(P256).unwrap());
    let old = world.certificate("host.example", &key).await;
    let other = world.certificate("other.example", &next).await;
    let authority = world.authority().await;
    let csr = request(&next, "", &[]);
    let renewal = by_token(Token::renewing(&world, &old).mint(&key));
    let rekey = by_token(Token::renewing(&world, &old).with("jti", "two").mint(&key));
    world.dies_before(SIGNS, authority.renew(&renewal)).await;
    world.dies_before(SIGNS, authority.rekey(&rekey, &csr)).await;
    world.clock.advance(LEASE_OVER);

    let token = |serial| Token::revoking(&world, serial).mint(&world.admin);
    let compromise = RevokeCredential::Token(token(other.serial()));
    revoke_for(&authority, other.serial(), 1, &compromise).await.unwrap();
    let blocked = authority.rekey(&rekey, &csr).await;
    revoke(&authority, old.serial(), token(old.serial())).await.unwrap();
    let revoked = authority.renew(&renewal).await;

    assert!(matches!(blocked, Err(AuthorityError::Refused(Refusal::BlockedKey))), "{blocked:?}");
    assert!(matches!(revoked, Err(AuthorityError::Revoked)), "{revoked:?}");
}
