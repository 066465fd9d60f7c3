//! Certificates of others, and chains that cost too much.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rstest::rstest;

use super::Scene;
use crate::authority::tests::bench::{
    Ca, Extension, P256, Token, World, by_token, request, revoke_for, validity, value, x5c,
};
use crate::authority::{AuthorityError, ClientCredential, RevokeCredential};
use crate::clock::SignedDuration;
use crate::fault::Call;
use crate::key::{PrivateKey, PublicKey};
use crate::peer::PeerCertificates;
use crate::x509::{
    BasicConstraints, Certificate, CertificateBody, DistinguishedName, ExtendedKeyUsage, KeyUsage,
    NameFields, Profile, SubjectAltNames, Validity,
};

fn a_month() -> Validity {
    validity("2026-05-20T00:00:00Z", "2026-06-20T00:00:00Z")
}

fn shown(chain: &[&Certificate]) -> ClientCredential {
    let der: Vec<Vec<u8>> = chain.iter().map(|one| one.as_der().to_vec()).collect();
    ClientCredential::Certificates(PeerCertificates(Arc::from(der)))
}

/// Every way in for a certificate: renewal and rekey over TLS and by token, and its own revocation.
async fn everywhere(world: &World, key: &PrivateKey, chain: &[&Certificate]) -> Vec<AuthorityError> {
    let authority = world.authority().await;
    let leaf = chain[0];
    let token = Token::renewing(world, leaf).header("x5cInsecure", x5c(chain)).mint(key);
    let peer = shown(chain);
    let ClientCredential::Certificates(itself) = peer.clone() else { unreachable!("it is shown") };
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &[]);
    let signed = world.signer.signed().len();
    let answers = [
        authority.renew(&peer).await.map(drop),
        authority.rekey(&peer, &csr).await.map(drop),
        authority.renew(&by_token(token.clone())).await.map(drop),
        authority.rekey(&by_token(token), &csr).await.map(drop),
        revoke_for(&authority, leaf.serial(), 0, &RevokeCredential::Certificates(itself)).await,
    ];
    assert_eq!(world.signer.signed().len(), signed);
    assert!(world.faults.calls().iter().skip(2).all(|call| *call == Call::Get), "something was written");
    answers.into_iter().map(Result::unwrap_err).collect()
}

#[tokio::test]
async fn x25_a_certificate_that_nobody_here_issued_is_nobodys() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let sibling = world.root.intermediate("Sibling");
    let foreign_root = Ca::root("Test Root");
    let foreign = foreign_root.intermediate("Test Issuer");
    let leaf = |ca: &Ca, extension| ca.leaf(key.public_key(), &["host.example"], extension, a_month());

    let by_sibling = leaf(&sibling, Extension::Of("admin"));
    let by_root = leaf(&world.root, Extension::Of("admin"));
    let unmarked = leaf(&world.issuer, Extension::Absent);
    let removed = leaf(&world.issuer, Extension::Of("removed"));
    let other_kind = leaf(&world.issuer, Extension::Of("acme"));
    let by_foreigner = leaf(&foreign, Extension::Of("admin"));

    for (context, chain) in [
        ("of a sibling", vec![&by_sibling, &sibling.certificate]),
        ("of the root itself", vec![&by_root]),
        ("of a removed provisioner", vec![&removed]),
        ("of a provisioner of another kind", vec![&other_kind]),
        ("without extension and record", vec![&unmarked]),
    ] {
        for refusal in everywhere(&world, &key, &chain).await {
            assert!(matches!(refusal, AuthorityError::UnknownCertificate), "{context}: {refusal:?}");
        }
    }
    for chain in [vec![&by_foreigner, &foreign.certificate], vec![&by_foreigner], vec![&by_sibling]] {
        for refusal in everywhere(&world, &key, &chain).await {
            assert!(matches!(refusal, AuthorityError::ClientCertificate(_)), "{refusal:?}");
        }
    }
}

#[rstest]
#[case::ca(
    Profile { basic_constraints: Some(BasicConstraints::Ca { path_len: None }), ..Profile::intermediate() }
)]
#[case::server_only(Profile {
    extended_key_usage: ExtendedKeyUsage(vec![ExtendedKeyUsage::SERVER_AUTH]),
    key_usage: KeyUsage::DIGITAL_SIGNATURE,
    ..Profile::default()
})]
#[case::encryption_only(Profile {
    key_usage: KeyUsage::KEY_ENCIPHERMENT,
    ..Profile::default()
})]
#[tokio::test]
async fn t26_a_certificate_that_is_not_for_clients_renews_nothing(#[case] profile: Profile) {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let subject = DistinguishedName::from_common_name("host.example").unwrap();
    let issuance = world.issuer.issuance("99".parse().unwrap(), a_month());
    let body = CertificateBody::new(issuance, subject, key.public_key().clone(), profile).unwrap();
    let certificate = world.issuer.certify(&body);

    for refusal in everywhere(&world, &key, &[&certificate]).await {
        assert!(matches!(refusal, AuthorityError::ClientCertificate(_)), "{refusal:?}");
    }
}

/// After the removal of its provisioner a certificate is nobody's, whatever its record says.
#[tokio::test]
async fn x25_a_certificate_of_a_removed_provisioner_is_not_renewed() {
    let mut scene = Scene::new().await;
    scene.world.removed = vec!["admin"];

    let refused = scene.renew(super::By::Tls).await;

    assert!(matches!(refused, Err(AuthorityError::UnknownCertificate)), "{refused:?}");
}

/// Without the extension the record tells whose a certificate is, byte for byte.
#[tokio::test]
async fn x25_a_certificate_without_the_extension_is_known_by_its_record() {
    let mut world = World::new();
    world.claims.disable_smallstep_extensions = true;
    let key = PrivateKey::generate(P256).unwrap();
    let old = world.certificate("host.example", &key).await;
    assert_eq!(old.provisioner_extension(), Ok(None));
    let authority = world.authority().await;

    let (answer, calls) = world.calls_of(authority.renew(&world.by_tls(&old))).await;

    assert_eq!(answer.unwrap().provisioner(), Some("admin"));
    assert_eq!(calls, [Call::Get, Call::Commit, Call::Sign, Call::Commit]);
    // The same serial number with other bytes is a stranger.
    let issuance = world.issuer.issuance(old.serial().clone(), a_month());
    let profile = Profile::leaf(key.public_key(), SubjectAltNames::default());
    let body = CertificateBody::new(issuance, old.subject().clone(), key.public_key().clone(), profile);
    let twin = world.issuer.certify(&body.unwrap());
    let refused = authority.renew(&shown(&[&twin])).await;
    assert!(matches!(refused, Err(AuthorityError::UnknownCertificate)), "{refused:?}");
}

/// The authority's own server certificate has a record and no provisioner: whoever holds its key renews nothing.
#[tokio::test]
async fn x25_the_server_certificate_is_not_renewed_by_its_holder() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let issued = world
        .authority()
        .await
        .issue_server_certificate(key.public_key(), SignedDuration::from_hours(24))
        .await
        .unwrap();

    let refused = world.authority().await.renew(&shown(&[issued.certificate()])).await;

    assert!(matches!(refused, Err(AuthorityError::UnknownCertificate)), "{refused:?}");
}

#[rstest]
#[case::two_hundred_certificates(200)]
#[case::one_more_than_any_chain_has(11)]
#[tokio::test]
async fn t25_a_long_chain_is_refused_before_it_costs_anything(#[case] length: usize) {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let sibling = world.root.intermediate("Sibling");
    let leaf = sibling.leaf(key.public_key(), &["host.example"], Extension::Of("admin"), a_month());
    let chain: Vec<&Certificate> =
        std::iter::once(&leaf).chain(vec![&sibling.certificate; length - 1]).collect();

    let start = Instant::now();
    for refusal in everywhere(&world, &key, &chain).await {
        assert!(matches!(refusal, AuthorityError::ClientCertificate(_) | AuthorityError::Token(_)));
    }

    assert!(start.elapsed() < Duration::from_secs(1), "five requests took {:?}", start.elapsed());
}

/// The key of a certificate that nobody issued is nothing to spend time on.
#[tokio::test]
async fn t25_a_huge_key_in_a_chain_costs_little() {
    let world = World::new();
    let huge = PublicKey::from_rsa_components(&[0xff; 2048], &[0xff; 8]).unwrap();
    let stranger = Ca::root("Stranger");
    let leaf = stranger.leaf(&huge, &["host.example"], Extension::Of("admin"), a_month());
    let token =
        Token::renewing(&world, &leaf).header("x5cInsecure", x5c(&[&leaf])).forge("RS256", |_| vec![1; 2048]);
    let authority = world.authority().await;

    let start = Instant::now();
    let refused = authority.renew(&by_token(token)).await;

    assert!(matches!(refused, Err(AuthorityError::Token(_))), "{refused:?}");
    assert!(start.elapsed() < Duration::from_millis(500), "it took {:?}", start.elapsed());
}

/// The issuer of a leaf and the issuer in the leaf: our name alone does not make a certificate ours.
#[tokio::test]
async fn x24_the_issuers_name_stands_in_the_leaf_byte_for_byte() {
    // CN as a PrintableString, and as a UTF8String where it could have been one.
    let utf8 = {
        let text = value(0x0c, b"Plain Name");
        let attribute = value(0x30, &[&value(0x06, &[0x55, 0x04, 0x03])[..], &text].concat());
        DistinguishedName::from_der(&value(0x30, &value(0x31, &attribute))).unwrap()
    };
    let printable = DistinguishedName::from_fields(&NameFields {
        common_name: "Plain Name".to_owned(),
        ..NameFields::default()
    });
    for subject in [utf8, printable.unwrap()] {
        let root = Ca::root("Test Root");
        let years = validity("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z");
        // A key identifier that is no hash of the key.
        let profile = Profile {
            extra: vec![crate::x509::Extension::subject_key_id(&[7; 8])],
            ..Profile::intermediate()
        };
        let issuer = root.intermediate_with(subject.clone(), years, profile);
        let world = World::of(root, issuer);
        let key = PrivateKey::generate(P256).unwrap();

        let leaf = world.certificate("host.example", &key).await;
        let renewed = world.authority().await.renew(&world.by_tls(&leaf)).await.unwrap();

        for certificate in [&leaf, renewed.certificate()] {
            assert_eq!(certificate.issuer().as_der(), subject.as_der());
            assert_eq!(certificate.authority_key_id(), Some(&[7; 8][..]));
        }
    }
}
