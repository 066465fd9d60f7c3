//! Certificates that came through an ACME provisioner, ours or step-ca's.

use rstest::rstest;

use super::{By, Scene};
use crate::authority::AuthorityError;
use crate::authority::tests::bench::{P256, World, validity};
use crate::fault::Call;
use crate::key::PrivateKey;
use crate::x509::{
    CertificateBody, DistinguishedName, Profile, ProvisionerExtension, ProvisionerKind, SubjectAltName,
    SubjectAltNames,
};

/// A world in which somebody holds a certificate of the issuer that names the provisioner `acme` of this kind, and of
/// which there is no record.
fn scene(kind: ProvisionerKind) -> Scene {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let sans = SubjectAltNames::from(vec![SubjectAltName::classify("host.example").unwrap()]);
    let mut profile = Profile::leaf(key.public_key(), sans);
    let extension = ProvisionerExtension {
        kind,
        name: "acme".to_owned(),
        credential_id: String::new(),
        key_value_pairs: Vec::new(),
    };
    profile.extra.push(extension.to_extension());
    let a_month = validity("2026-05-20T00:00:00Z", "2026-06-20T00:00:00Z");
    let issuance = world.issuer.issuance("4711".parse().unwrap(), a_month);
    let subject = DistinguishedName::from_common_name("host.example").unwrap();
    let body = CertificateBody::new(issuance, subject, key.public_key().clone(), profile).unwrap();
    Scene { old: world.issuer.certify(&body), world, key }
}

#[rstest]
#[tokio::test]
async fn a_certificate_of_an_acme_provisioner_is_renewed_by_its_extension(
    #[values(By::Tls, By::Token)] by: By,
) {
    let scene = scene(ProvisionerKind::Acme);
    let authority = scene.authority().await;

    let (answer, calls) = scene.world.calls_of(authority.renew(&scene.credential(by))).await;

    let new = answer.unwrap().certificate().clone();
    assert_eq!(calls, [Call::Commit, Call::Sign, Call::Commit], "nothing is read");
    assert_eq!(new.provisioner_extension(), scene.old.provisioner_extension());
    let record = scene.world.record(new.serial()).await.unwrap();
    assert_eq!(record.provisioner.map(|provisioner| provisioner.id).as_deref(), Some("acme/acme"));
    scene.rekey(by, &PrivateKey::generate(P256).unwrap()).await.unwrap();
}

#[rstest]
#[case::jwk(ProvisionerKind::Jwk)]
#[case::scep(ProvisionerKind::Scep)]
#[tokio::test]
async fn x25_a_certificate_that_names_it_as_another_kind_is_nobodys(#[case] kind: ProvisionerKind) {
    let refused = scene(kind).renew(By::Tls).await;

    assert!(matches!(refused, Err(AuthorityError::UnknownCertificate)), "{refused:?}");
}

#[tokio::test]
async fn a_certificate_of_an_acme_provisioner_follows_its_claims() {
    let mut scene = scene(ProvisionerKind::Acme);
    scene.world.claims.disable_renewal = true;

    let refused = scene.renew(By::Tls).await;

    let Err(AuthorityError::RenewalDisabled { provisioner }) = refused else { panic!("{refused:?}") };
    assert_eq!(provisioner, "acme");
}
