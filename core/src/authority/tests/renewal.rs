//! Renewal and rekey: whose certificates, until when, and what follows them.

mod acme;
mod strangers;

use std::sync::Arc;

use rstest::rstest;

use super::bench::{Ca, P256, Token, World, by_token, fresh_id, request, revoke, revoke_for, sign};
use crate::authority::{Authority, AuthorityError, ClientCredential, Refusal, RevokeCredential};
use crate::clock::SignedDuration;
use crate::config::Asn1Dn;
use crate::key::PrivateKey;
use crate::peer::PeerCertificates;
use crate::provisioner::TokenError;
use crate::x509::Certificate;

/// How a client proves who it is.
#[derive(Clone, Copy, Debug)]
enum By {
    Tls,
    Token,
}

/// A world in which somebody holds a certificate.
struct Scene {
    world: World,
    key: PrivateKey,
    old: Certificate,
}

impl Scene {
    async fn new() -> Self {
        Self::of(World::new()).await
    }

    async fn of(world: World) -> Self {
        let key = PrivateKey::generate(P256).unwrap();
        Self { old: world.certificate("host.example", &key).await, world, key }
    }

    fn credential(&self, by: By) -> ClientCredential {
        match by {
            By::Tls => self.world.by_tls(&self.old),
            // Without the id, two tokens of one second would be the same.
            By::Token => {
                by_token(Token::renewing(&self.world, &self.old).with("jti", fresh_id()).mint(&self.key))
            }
        }
    }

    async fn renew(&self, by: By) -> Result<Certificate, AuthorityError> {
        let issued = self.world.authority().await.renew(&self.credential(by)).await?;
        Ok(issued.certificate().clone())
    }

    async fn rekey(&self, by: By, key: &PrivateKey) -> Result<Certificate, AuthorityError> {
        let authority = self.world.authority().await;
        let issued = authority.rekey(&self.credential(by), &request(key, "", &[])).await?;
        Ok(issued.certificate().clone())
    }

    async fn authority(&self) -> Authority {
        self.world.authority().await
    }
}

#[rstest]
#[tokio::test]
async fn a_renewal_is_the_old_certificate_beginning_now(#[values(By::Tls, By::Token)] by: By) {
    let scene = Scene::new().await;
    scene.world.clock.advance(3600);

    let new = scene.renew(by).await.unwrap();

    assert_ne!(new.serial(), scene.old.serial());
    assert_eq!(new.not_before(), scene.world.now() - scene.world.backdate);
    assert_eq!(new.validity().duration(), scene.old.validity().duration());
    assert_eq!(new.subject().as_der(), scene.old.subject().as_der());
    assert_eq!(new.public_key(), scene.old.public_key());
    assert_eq!(new.sans(), scene.old.sans());
    assert_eq!(new.provisioner_extension(), scene.old.provisioner_extension());
    let record = scene.world.record(new.serial()).await.unwrap();
    assert_eq!(record.renews.as_ref(), Some(scene.old.serial()));
    assert_eq!(record.provisioner.map(|provisioner| provisioner.name).as_deref(), Some("admin"));
    // The old one stays good: step renews it as often as it likes.
    scene.world.clock.advance(1);
    scene.renew(by).await.unwrap();
}

/// Templates are for new certificates; a renewal keeps its subject's bytes (X23).
#[tokio::test]
async fn x23_a_renewal_keeps_the_bytes_of_its_subject() {
    let mut scene = Scene::new().await;
    scene.world.template = Asn1Dn { organization: "Later".to_owned(), ..Asn1Dn::default() };
    scene.world.claims.disable_smallstep_extensions = true;

    let new = scene.renew(By::Tls).await.unwrap();

    assert_eq!(new.subject().as_der(), scene.old.subject().as_der());
    assert!(new.provisioner_extension().unwrap().is_some());
}

#[rstest]
#[tokio::test]
async fn a_revoked_certificate_is_not_renewed(#[values(By::Tls, By::Token)] by: By) {
    let scene = Scene::new().await;
    let token = Token::revoking(&scene.world, scene.old.serial()).mint(&scene.world.admin);
    revoke(&scene.authority().await, scene.old.serial(), token).await.unwrap();
    let signed = scene.world.signer.signed();

    let renewed = scene.renew(by).await;
    let rekeyed = scene.rekey(by, &PrivateKey::generate(P256).unwrap()).await;

    assert!(matches!(renewed, Err(AuthorityError::Revoked)));
    assert!(matches!(rekeyed, Err(AuthorityError::Revoked)));
    assert_eq!(scene.world.signer.signed(), signed);
}

/// The last second of a certificate, the next one, and long after; with and without `allowRenewalAfterExpiry`.
#[rstest]
#[case::last_second(0, false, true)]
#[case::over(1, false, false)]
#[case::over_and_allowed(1, true, true)]
#[case::long_over_and_allowed(30 * 86_400, true, true)]
#[tokio::test]
async fn x26_an_expired_certificate_is_renewed_only_where_that_is_allowed(
    #[case] seconds_after: i64,
    #[case] allowed: bool,
    #[case] good: bool,
    #[values(By::Tls, By::Token)] by: By,
) {
    let mut scene = Scene::new().await;
    scene.world.claims.allow_renewal_after_expiry = allowed;
    let until = scene.old.not_after().duration_since(scene.world.now()).as_secs();
    scene.world.clock.advance(until + seconds_after);

    let renewed = scene.renew(by).await;
    let rekeyed = scene.rekey(by, &PrivateKey::generate(P256).unwrap()).await;

    for answer in [renewed, rekeyed] {
        match answer {
            Ok(new) => assert!(good && new.is_valid_at(scene.world.now())),
            Err(AuthorityError::CertificateExpired { not_after }) => {
                assert_eq!((not_after, good), (scene.old.not_after(), false));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[rstest]
#[tokio::test]
async fn x26_that_expired_ones_are_renewed_helps_none_that_is_revoked(#[values(By::Tls, By::Token)] by: By) {
    let mut scene = Scene::new().await;
    scene.world.claims.allow_renewal_after_expiry = true;
    let token = Token::revoking(&scene.world, scene.old.serial()).mint(&scene.world.admin);
    revoke(&scene.authority().await, scene.old.serial(), token).await.unwrap();
    scene.world.clock.advance(2 * 86_400);

    assert!(matches!(scene.renew(by).await, Err(AuthorityError::Revoked)));
}

#[rstest]
#[tokio::test]
async fn x26_that_expired_ones_are_renewed_helps_none_whose_issuer_is_over(
    #[values(By::Tls, By::Token)] by: By,
) {
    let root = Ca::root("Test Root");
    let issuer = root.intermediate_until("Test Issuer", "2026-06-03T00:00:00Z");
    let mut scene = Scene::of(World::of(root, issuer)).await;
    scene.world.claims.allow_renewal_after_expiry = true;
    scene.world.clock.advance(10 * 86_400);

    let refused = scene.renew(by).await;

    assert!(matches!(refused, Err(AuthorityError::CertificateExpired { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_certificate_whose_time_has_not_come_is_not_renewed() {
    let scene = Scene::new().await;
    scene.world.clock.advance(-3600);

    let refused = scene.renew(By::Tls).await;

    assert!(matches!(refused, Err(AuthorityError::NotYetValid)), "{refused:?}");
}

#[rstest]
#[tokio::test]
async fn a_provisioner_may_refuse_renewals(#[values(By::Tls, By::Token)] by: By) {
    let mut scene = Scene::new().await;
    scene.world.claims.disable_renewal = true;

    let refused = scene.renew(by).await;

    assert!(
        matches!(refused, Err(AuthorityError::RenewalDisabled { provisioner }) if provisioner == "admin")
    );
}

/// A renewal is never longer than its issuer's certificate.
#[tokio::test]
async fn o4_a_renewal_ends_with_its_issuer_at_the_latest() {
    let root = Ca::root("Test Root");
    let issuer = root.intermediate_until("Test Issuer", "2026-06-02T13:00:00Z");
    let scene = Scene::of(World::of(root, issuer)).await;
    scene.world.clock.advance(23 * 3600);

    let new = scene.renew(By::Tls).await.unwrap();

    assert_eq!(new.not_after(), scene.world.issuer.certificate.not_after());
    assert!(new.validity().duration() < SignedDuration::from_hours(24));
}

#[rstest]
#[case::of_another_operation(|token: Token| token.with("aud", "https://ca.example/1.0/sign"))]
#[case::of_another_issuer(|token: Token| token.with("iss", "other"))]
#[case::of_another_subject(|token: Token| token.with("sub", "other.example"))]
#[case::over(|token: Token| token.with("exp", 1_700_000_000))]
#[case::without_a_chain(|token: Token| token.without_header("x5cInsecure"))]
#[tokio::test]
async fn a_renewal_token_that_does_not_fit_is_refused(#[case] change: fn(Token) -> Token) {
    let scene = Scene::new().await;
    let token = change(Token::renewing(&scene.world, &scene.old)).mint(&scene.key);

    let authority = scene.authority().await;
    let (refused, calls) = scene.world.calls_of(authority.renew(&by_token(token))).await;

    assert!(matches!(refused, Err(AuthorityError::Token(_))), "{refused:?}");
    assert_eq!(calls, []);
}

#[tokio::test]
async fn a_renewal_token_is_signed_by_the_key_of_its_certificate() {
    let scene = Scene::new().await;
    let stranger = PrivateKey::generate(P256).unwrap();
    let token = Token::renewing(&scene.world, &scene.old);

    for key in [&stranger, &*scene.world.admin, &*scene.world.issuer.key] {
        let refused = scene.authority().await.renew(&by_token(token.mint(key))).await;

        assert!(matches!(refused, Err(AuthorityError::Token(TokenError::Signature(_)))), "{refused:?}");
    }
    scene.authority().await.renew(&by_token(token.with("iss", "admin").mint(&scene.key))).await.unwrap();
}

/// A stolen token that was shown with one key is not good for another.
#[tokio::test]
async fn a_renewal_token_is_spent_on_one_key() {
    let scene = Scene::new().await;
    let token = by_token(Token::renewing(&scene.world, &scene.old).mint(&scene.key));
    let [next, thief] = [(); 2].map(|()| request(&PrivateKey::generate(P256).unwrap(), "", &[]));
    let authority = scene.authority().await;

    authority.rekey(&token, &next).await.unwrap();

    for again in [authority.rekey(&token, &thief).await, authority.renew(&token).await] {
        assert!(matches!(again, Err(AuthorityError::TokenUsed)), "{again:?}");
    }
}

#[rstest]
#[tokio::test]
async fn x12_a_compromised_key_is_not_certified_anew(#[values(By::Tls, By::Token)] by: By) {
    let scene = Scene::new().await;
    let stolen = PrivateKey::generate(P256).unwrap();
    let leaked = scene.world.certificate("leaked.example", &stolen).await;
    // The other process has been running all the time.
    let other_process = scene.authority().await;
    let token = Token::revoking(&scene.world, leaked.serial()).mint(&scene.world.admin);
    let compromise = RevokeCredential::Token(token);
    revoke_for(&scene.authority().await, leaked.serial(), 1, &compromise).await.unwrap();

    let csr = request(&stolen, "", &["host.example"]);
    let rekeyed = other_process.rekey(&scene.credential(by), &csr).await.map(drop);
    let token = Token::new(&scene.world, "host.example").mint(&scene.world.admin);
    let signed = sign(&other_process, &csr, &token).await.map(drop);
    // A certificate of the same key that was not revoked itself.
    for answer in [rekeyed, signed] {
        assert!(matches!(answer, Err(AuthorityError::Refused(Refusal::BlockedKey))), "{answer:?}");
    }
    scene.renew(by).await.unwrap();
}

#[tokio::test]
async fn x12_no_certificate_of_a_compromised_key_is_renewed() {
    let scene = Scene::new().await;
    let twin = scene.world.certificate("twin.example", &scene.key).await;
    let itself = RevokeCredential::Certificates(scene.world.peer(&twin));
    revoke_for(&scene.authority().await, twin.serial(), 1, &itself).await.unwrap();

    let refused = scene.renew(By::Tls).await;

    assert!(matches!(refused, Err(AuthorityError::Refused(Refusal::BlockedKey))), "{refused:?}");
    scene.rekey(By::Tls, &PrivateKey::generate(P256).unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_client_without_a_certificate_renews_nothing() {
    let scene = Scene::new().await;
    let nobody = ClientCredential::Certificates(PeerCertificates(Arc::from([])));

    let refused = scene.authority().await.renew(&nobody).await;

    assert!(matches!(refused, Err(AuthorityError::UnknownCertificate)), "{refused:?}");
}
