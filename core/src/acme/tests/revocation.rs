//! Who may revoke a certificate, and what becomes of its key.

use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Client, Reply, Server, csr, urls};
use super::wire::{REVOKE_CERT, base64url, kind, problem};
use crate::acme::ProblemType;
use crate::authority::tests::bench::{Ca, Extension, World, validity};
use crate::x509::{Certificate, CertificateBody, DistinguishedName, Profile};

struct Scene {
    world: World,
    server: Server,
    owner: Client,
    key: Client,
    certificate: Certificate,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let server = Server::new(&world).await;
        let owner = Client::registered(&server).await;
        let key = Client::new();
        let certificate = owner.obtain(&server, &["a.example", "b.example"], &key.key).await;
        Self { world, server, owner, key, certificate }
    }

    async fn by(&self, client: &Client, certificate: &Certificate, reason: Option<i64>) -> Reply {
        client.post(&self.server, REVOKE_CERT, Some(&asked(certificate, reason))).await
    }

    async fn by_key(&self, client: &Client, certificate: &Certificate, reason: Option<i64>) -> Reply {
        client.post_by_key(&self.server, REVOKE_CERT, &asked(certificate, reason)).await
    }

    async fn is_revoked(&self) -> bool {
        let key = crate::store::table::revocation(self.certificate.serial());
        self.world.get(&key).await.is_some()
    }

    /// Whether an order with the certificate's key is refused.
    async fn key_is_blocked(&self) -> bool {
        let order = self.owner.ready_order(&self.server, &["c.example"]).await;
        match self.owner.finalize(&self.server, &order, &csr(&self.key.key, &["c.example"])).await {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.problem.kind, ProblemType::BadCsr);
                true
            }
        }
    }
}

fn asked(certificate: &Certificate, reason: Option<i64>) -> Value {
    let mut payload = json!({ "certificate": base64url(certificate.as_der()) });
    if let Some(reason) = reason {
        payload["reason"] = json!(reason);
    }
    payload
}

#[tokio::test]
async fn a17_the_account_of_a_certificate_revokes_it_once() {
    let scene = Scene::new().await;

    scene.by(&scene.owner, &scene.certificate, None).await.unwrap();

    assert!(scene.is_revoked().await);
    let again = scene.by(&scene.owner, &scene.certificate, Some(4)).await;
    assert_eq!((problem(&again).0, problem(&again).1), (ProblemType::AlreadyRevoked, 400));
    assert!(!scene.key_is_blocked().await);
}

#[tokio::test]
async fn a17_the_key_of_a_certificate_revokes_it_without_an_account() {
    let scene = Scene::new().await;

    scene.by_key(&scene.key, &scene.certificate, Some(1)).await.unwrap();

    assert!(scene.is_revoked().await);
    assert!(scene.key_is_blocked().await);
}

#[tokio::test]
async fn a17_a_compromise_after_a_revocation_still_blocks_the_key() {
    let scene = Scene::new().await;
    scene.by(&scene.owner, &scene.certificate, Some(4)).await.unwrap();

    let reply = scene.by_key(&scene.key, &scene.certificate, Some(1)).await;

    assert_eq!(kind(&reply), ProblemType::AlreadyRevoked);
    assert!(scene.key_is_blocked().await);
}

#[tokio::test]
async fn a17_an_account_that_has_proven_all_names_revokes_and_one_that_has_proven_some_does_not() {
    let scene = Scene::new().await;
    let holder = Client::registered(&scene.server).await;
    holder.ready_order(&scene.server, &["a.example"]).await;
    assert_eq!(kind(&scene.by(&holder, &scene.certificate, None).await), ProblemType::Unauthorized);
    holder.ready_order(&scene.server, &["b.example"]).await;

    let compromise = scene.by(&holder, &scene.certificate, Some(1)).await;
    assert_eq!(kind(&compromise), ProblemType::BadRevocationReason);
    assert!(!scene.is_revoked().await);
    scene.by(&holder, &scene.certificate, Some(5)).await.unwrap();

    assert!(scene.is_revoked().await);
    assert!(!scene.key_is_blocked().await);
}

#[tokio::test]
async fn a17_proofs_that_are_over_or_given_up_revoke_nothing() {
    let scene = Scene::new().await;
    let holder = Client::registered(&scene.server).await;
    let order = holder.ready_order(&scene.server, &["a.example", "b.example"]).await;
    let url = &urls(&order.resource["authorizations"])[0];
    let end = json!({ "status": "deactivated" });
    holder.change_authorization(&scene.server, url, Some(&end)).await.unwrap();
    assert_eq!(kind(&scene.by(&holder, &scene.certificate, None).await), ProblemType::Unauthorized);

    let late = Client::registered(&scene.server).await;
    late.ready_order(&scene.server, &["a.example", "b.example"]).await;
    scene.world.clock.advance(24 * 3600);
    assert_eq!(kind(&scene.by(&late, &scene.certificate, None).await), ProblemType::Unauthorized);
    assert!(!scene.is_revoked().await);
}

#[tokio::test]
async fn a17_a_stranger_and_another_key_learn_nothing() {
    let scene = Scene::new().await;
    let stranger = Client::registered(&scene.server).await;
    let elsewhere = Ca::root("Elsewhere");
    let until = validity("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let foreign = elsewhere.leaf(scene.key.key.public_key(), &["a.example"], Extension::Absent, until);

    let replies = [
        scene.by(&stranger, &scene.certificate, None).await,
        scene.by(&stranger, &foreign, None).await,
        scene.by_key(&Client::new(), &scene.certificate, Some(1)).await,
        scene.by_key(&scene.key, &foreign, Some(1)).await,
    ];

    for reply in &replies {
        assert_eq!(problem(reply), problem(&replies[0]));
        assert_eq!((problem(reply).0, problem(reply).1), (ProblemType::Unauthorized, 403));
    }
    assert!(!scene.is_revoked().await);
    assert!(!scene.key_is_blocked().await);
}

/// With the serial number and the issuer's name of the real one, signed by the forger.
#[tokio::test]
async fn a17_a_forged_certificate_revokes_nothing() {
    let scene = Scene::new().await;
    let forger = Client::registered(&scene.server).await;
    let key = forger.key.public_key();
    let profile = Profile::leaf(key, scene.certificate.sans().unwrap().names.clone().into());
    let until = validity("2026-06-01T11:59:00Z", "2026-06-02T12:00:00Z");
    let issuance = scene.world.issuer.issuance(scene.certificate.serial().clone(), until);
    let body = CertificateBody::new(issuance, DistinguishedName::empty(), key.clone(), profile).unwrap();
    let tbs = body.to_be_signed();
    let signature = forger.key.sign(body.signature_algorithm, &tbs).unwrap();
    let forged = Certificate::assemble(&tbs, body.signature_algorithm, &signature).unwrap();

    assert_eq!(kind(&scene.by_key(&forger, &forged, Some(1)).await), ProblemType::Unauthorized);
    assert_eq!(kind(&scene.by(&forger, &forged, None).await), ProblemType::Unauthorized);
    assert_eq!(kind(&scene.by(&scene.owner, &forged, None).await), ProblemType::Unauthorized);
    assert!(!scene.is_revoked().await);
}

#[rstest]
#[case::unused_number(7, false)]
#[case::authority_compromise(2, false)]
#[case::on_hold(6, false)]
#[case::remove_from_list(8, false)]
#[case::attribute_authority(10, false)]
#[case::beyond(11, false)]
#[case::negative(-1, false)]
#[case::unspecified(0, true)]
#[case::superseded(4, true)]
#[case::privilege_withdrawn(9, true)]
#[tokio::test]
async fn a17_a_reason_is_one_that_a_client_can_give(#[case] reason: i64, #[case] good: bool) {
    let scene = Scene::new().await;

    let reply = scene.by(&scene.owner, &scene.certificate, Some(reason)).await;

    match good {
        true => assert!(reply.is_ok()),
        false => assert_eq!(kind(&reply), ProblemType::BadRevocationReason),
    }
    assert_eq!(scene.is_revoked().await, good);
}

#[tokio::test]
async fn a_revocation_that_cannot_be_read_is_malformed() {
    let scene = Scene::new().await;
    for certificate in [Value::Null, json!("!"), json!("AAAA"), json!(1)] {
        let payload = json!({ "certificate": certificate });
        let reply = scene.owner.post(&scene.server, REVOKE_CERT, Some(&payload)).await;
        assert_eq!(kind(&reply), ProblemType::Malformed, "{payload}");
        let reply = scene.key.post_by_key(&scene.server, REVOKE_CERT, &payload).await;
        assert_eq!(kind(&reply), ProblemType::Malformed, "{payload}");
    }
}

#[tokio::test]
async fn a17_certificates_of_other_provisioners_are_revoked_with_their_keys_alone() {
    let scene = Scene::new().await;
    let key = Client::new();
    let other = scene.world.certificate("d.example", &key.key).await;
    scene.owner.ready_order(&scene.server, &["d.example"]).await;

    assert_eq!(kind(&scene.by(&scene.owner, &other, None).await), ProblemType::Unauthorized);
    scene.by_key(&key, &other, None).await.unwrap();
}
