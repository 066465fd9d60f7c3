//! Revocation: what was proven is what is revoked, once and for good.

use rstest::rstest;

use super::bench::{LEASE_OVER, Log, P256, Token, World, request, revoke, revoke_for, sign};
use crate::authority::{
    Authority, AuthorityError, InternalError, InvalidRequest, Persistence, Refusal, RevokeCredential,
    RevokeRequest,
};
use crate::key::PrivateKey;
use crate::store::table::{self, CertificateRecord, CertificateState, Der, RevocationRecord};
use crate::store::{Condition, Store as _, Write};
use crate::x509::{Certificate, SerialNumber};

/// A world with two certificates.
struct Scene {
    world: World,
    authority: Authority,
    a: Certificate,
    b: Certificate,
    key: PrivateKey,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let key = PrivateKey::generate(P256).unwrap();
        let a = world.certificate("a.example", &key).await;
        let b = world.certificate("b.example", &key).await;
        Self { authority: world.authority().await, world, a, b, key }
    }

    fn token_for(&self, serial: &SerialNumber) -> RevokeCredential {
        RevokeCredential::Token(Token::revoking(&self.world, serial).mint(&self.world.admin))
    }

    async fn revocation(&self, serial: &SerialNumber) -> Option<RevocationRecord> {
        let found = self.world.get(&table::revocation(serial)).await?;
        Some(table::decode(&found).unwrap())
    }
}

#[tokio::test]
async fn t2_nobody_revokes_with_the_proof_for_another_certificate() {
    let scene = Scene::new().await;
    let itself = RevokeCredential::Certificates(scene.world.peer(&scene.a));

    for proof in [scene.token_for(scene.a.serial()), itself] {
        let work = revoke_for(&scene.authority, scene.b.serial(), 0, &proof);
        let (refused, calls) = scene.world.calls_of(work).await;

        assert!(matches!(refused, Err(AuthorityError::Refused(Refusal::OtherSerial { .. }))), "{refused:?}");
        assert_eq!(calls, []);
    }
    scene.authority.renew(&scene.world.by_tls(&scene.b)).await.unwrap();
}

#[tokio::test]
async fn a_revocation_says_who_when_and_why() {
    let scene = Scene::new().await;
    let itself = RevokeCredential::Certificates(scene.world.peer(&scene.b));

    revoke_for(&scene.authority, scene.a.serial(), 4, &scene.token_for(scene.a.serial())).await.unwrap();
    revoke_for(&scene.authority, scene.b.serial(), 0, &itself).await.unwrap();

    let by_token = scene.revocation(scene.a.serial()).await.unwrap();
    let by_itself = scene.revocation(scene.b.serial()).await.unwrap();
    assert_eq!((by_token.reason_code, by_token.reason.as_str()), (4, "test"));
    assert_eq!(by_token.revoked_at, scene.world.now());
    assert!(by_token.provisioner.is_some_and(|id| id.starts_with("admin:")));
    assert_eq!(by_itself.not_after, Some(scene.b.not_after()));
    assert_eq!(by_itself.provisioner, None);
}

#[tokio::test]
async fn a_certificate_is_revoked_once_and_a_token_used_once() {
    let scene = Scene::new().await;
    let serial = scene.a.serial();
    let token = scene.token_for(serial);
    revoke_for(&scene.authority, serial, 0, &token).await.unwrap();
    let first = scene.revocation(serial).await;
    scene.world.clock.advance(LEASE_OVER);

    let again = revoke_for(&scene.authority, serial, 0, &token).await;
    let anew = revoke_for(&scene.authority, serial, 1, &scene.token_for(serial)).await;

    assert!(matches!(again, Err(AuthorityError::TokenUsed)), "{again:?}");
    assert!(matches!(anew, Err(AuthorityError::AlreadyRevoked { .. })), "{anew:?}");
    assert_eq!(scene.revocation(serial).await, first);
}

/// Whoever learns later that the key was stolen, too, must not be told that all is done.
#[tokio::test]
async fn x12_the_key_of_a_revoked_certificate_can_still_be_blocked() {
    let scene = Scene::new().await;
    let serial = scene.a.serial();
    revoke_for(&scene.authority, serial, 4, &scene.token_for(serial)).await.unwrap();
    let compromise = scene.token_for(serial);

    let answer = revoke_for(&scene.authority, serial, 1, &compromise).await;
    let again = revoke_for(&scene.authority, serial, 1, &compromise).await;

    assert!(matches!(answer, Err(AuthorityError::AlreadyRevoked { .. })), "{answer:?}");
    assert!(matches!(again, Err(AuthorityError::TokenUsed)), "{again:?}");
    assert_eq!(scene.revocation(serial).await.map(|record| record.reason_code), Some(4));
    let refused = scene.authority.renew(&scene.world.by_tls(&scene.b)).await;
    assert!(matches!(refused, Err(AuthorityError::Refused(Refusal::BlockedKey))), "{refused:?}");
}

#[tokio::test]
async fn a_serial_number_that_nobody_knows_is_revoked_all_the_same() {
    let scene = Scene::new().await;
    let unknown: SerialNumber = "340282366920938463463374607431768211455".parse().unwrap();

    revoke_for(&scene.authority, &unknown, 1, &scene.token_for(&unknown)).await.unwrap();

    assert!(scene.revocation(&unknown).await.is_some());
}

/// Of such a certificate only the number is known: that its key stays usable is for the operator to know.
#[tokio::test]
async fn a_compromised_key_that_nobody_knows_is_told_of_in_the_log() {
    let scene = Scene::new().await;
    let unknown: SerialNumber = "4711".parse().unwrap();
    let log = Log::start();
    let revoke = async |serial: &SerialNumber, reason| {
        revoke_for(&scene.authority, serial, reason, &scene.token_for(serial)).await.unwrap();
    };

    revoke(scene.a.serial(), 1).await;
    revoke(&"4712".parse().unwrap(), 0).await;
    assert_eq!(log.lines(), [""; 0]);
    revoke(&unknown, 1).await;

    assert_eq!(
        log.lines(),
        [format!("WARN message=revoked; its key is not known here and not blocked serial={unknown}")]
    );
}

#[tokio::test]
async fn a_compromised_key_is_not_passed_over_because_its_record_is_damaged() {
    let scene = Scene::new().await;
    let serial = scene.a.serial();
    let record: CertificateRecord = scene.world.record(serial).await.unwrap();
    let damaged =
        CertificateRecord { state: CertificateState::Issued { certificate: Der(vec![0x30]) }, ..record };
    let write = Write::Put {
        key: table::certificate(serial),
        condition: Condition::Present,
        value: table::encode(&damaged).unwrap(),
        expires: None,
        indexes: Vec::new(),
    };
    scene.world.store.commit(vec![write]).await.unwrap();
    let token = scene.token_for(serial);

    let refused = revoke_for(&scene.authority, serial, 1, &token).await;

    assert!(matches!(refused, Err(AuthorityError::Internal(InternalError::Store(_)))), "{refused:?}");
    // Nothing was stored: the same token revokes it for another reason.
    revoke_for(&scene.authority, serial, 0, &token).await.unwrap();
}

/// One certificate has one record, however its serial number is spelt.
#[rstest]
#[case::decimal("4660", 4660)]
#[case::hexadecimal("0x1234", 4660)]
#[case::upper_case("0X1234", 4660)]
#[case::leading_zeros("0x0001234", 4660)]
#[case::decimal_with_zeros("0004660", 4660)]
#[tokio::test]
async fn x32_every_spelling_of_a_serial_number_finds_the_same_record(
    #[case] spelt: &str,
    #[case] number: u32,
) {
    let scene = Scene::new().await;
    let serial: SerialNumber = number.to_string().parse().unwrap();
    let request = RevokeRequest::parse(spelt, 0, String::new(), true).unwrap();

    scene.authority.revoke(request, &scene.token_for(&serial)).await.unwrap();

    assert_eq!(scene.revocation(&serial).await.map(|record| record.serial), Some(serial.clone()));
    let again = revoke_for(&scene.authority, &serial, 0, &scene.token_for(&serial)).await;
    assert!(matches!(again, Err(AuthorityError::AlreadyRevoked { .. })));
}

#[rstest]
#[case::none("", 0, true, "missing serial")]
#[case::negative("-1", 0, true, "'-1' is not a valid serial number")]
#[case::zero("0", 0, true, "'0' is not a valid serial number")]
#[case::plus("+1", 0, true, "'+1' is not a valid serial number")]
#[case::hexadecimal_without_prefix("12ab", 0, true, "'12ab' is not a valid serial number")]
#[case::with_space(" 1", 0, true, "' 1' is not a valid serial number")]
#[case::of_21_octets(&format!("0x1{}", "0".repeat(40)), 0, true, "'0x10000000")]
#[case::huge(&"9".repeat(1_000_000), 0, true, "'99999999")]
#[case::negative_reason_code("1", -1, true, "reasonCode out of bounds")]
#[case::reason_code_of_nobody("1", 11, true, "reasonCode out of bounds")]
#[case::reason_code_that_wraps("1", 256, true, "reasonCode out of bounds")]
#[case::active("1", 0, false, "non-passive revocation not implemented")]
fn x32_a_bad_revocation_is_told_what_is_wrong(
    #[case] serial: &str,
    #[case] reason_code: i64,
    #[case] passive: bool,
    #[case] expected: &str,
) {
    let error = RevokeRequest::parse(serial, reason_code, String::new(), passive).unwrap_err().to_string();

    assert!(error.starts_with(expected) && error.len() < 300, "{error}");
}

#[test]
fn d10_a_reason_that_no_record_holds_is_refused_up_front() {
    let parse = |length| RevokeRequest::parse("1", 0, "r".repeat(length), true);

    assert!(parse(4096).is_ok());
    assert!(matches!(parse(4097), Err(InvalidRequest::Reason { octets: 4097 })));
}

#[tokio::test]
async fn nothing_is_revoked_where_it_would_not_last() {
    let mut scene = Scene::new().await;
    scene.world.persistence = Persistence::UntilRestart;
    let authority = scene.world.authority().await;

    let refused = revoke_for(&authority, scene.a.serial(), 0, &scene.token_for(scene.a.serial())).await;

    assert!(matches!(refused, Err(AuthorityError::NoPersistence)));
}

/// The audience that the first clients sent is taken for both; the token is one all the same.
#[tokio::test]
async fn a_token_that_was_spent_on_a_revocation_signs_nothing() {
    let scene = Scene::new().await;
    let token = Token::revoking(&scene.world, 4711)
        .with("aud", "step-certificate-authority")
        .with("sans", vec!["host.example"])
        .mint(&scene.world.admin);
    revoke(&scene.authority, &"4711".parse().unwrap(), token.clone()).await.unwrap();
    scene.world.clock.advance(LEASE_OVER);

    let refused = sign(&scene.authority, &request(&scene.key, "", &[]), &token).await;

    assert!(matches!(refused, Err(AuthorityError::TokenUsed)), "{refused:?}");
}

#[tokio::test]
async fn an_expired_certificate_does_not_revoke_itself() {
    let scene = Scene::new().await;
    let itself = RevokeCredential::Certificates(scene.world.peer(&scene.a));
    scene.world.clock.advance(2 * 86_400);

    let refused = revoke_for(&scene.authority, scene.a.serial(), 0, &itself).await;

    assert!(matches!(refused, Err(AuthorityError::CertificateExpired { .. })), "{refused:?}");
}

/// Revocations and blocked keys outlive every certificate.
#[tokio::test]
async fn d9_revocations_have_no_time_to_live() {
    let scene = Scene::new().await;
    let itself = RevokeCredential::Certificates(scene.world.peer(&scene.a));
    revoke_for(&scene.authority, scene.a.serial(), 1, &itself).await.unwrap();

    let revocation = scene.world.get(&table::revocation(scene.a.serial())).await.unwrap();
    let blocked = scene.world.get(&table::blocked_key(scene.key.public_key().spki_der())).await.unwrap();

    assert_eq!((revocation.expires, blocked.expires), (None, None));
}
