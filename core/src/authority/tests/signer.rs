//! The signer: what it returns is checked, and its key is the issuer's.

use std::sync::Arc;

use rstest::rstest;

use super::bench::{Ca, LEASE_OVER, Liar, P256, RecordingSigner, Token, World, request, sign, validity};
use crate::authority::{Authority, AuthorityError, InternalError, OpenError};
use crate::key::{PrivateKey, SignatureAlgorithm, Signer as _};
use crate::store::table::CertificateState;
use crate::x509::{CertificateBody, DistinguishedName, Profile};

/// What a lying signer returns.
#[derive(Clone, Copy, Debug)]
enum Lie {
    OfAnotherKey,
    OfAnotherMessage,
    Cut,
    Longer,
    Empty,
    Huge,
}

impl Lie {
    fn by(self, world: &World) -> Liar {
        let algorithm = SignatureAlgorithm::default_for(P256);
        let (own, other) = (world.issuer.key.clone(), PrivateKey::generate(P256).unwrap());
        let lie = move |message: &[u8], mut signature: Vec<u8>| match self {
            Self::OfAnotherKey => other.sign(algorithm, message).unwrap(),
            Self::OfAnotherMessage => own.sign(algorithm, b"another").unwrap(),
            Self::Cut => signature.split_off(1),
            Self::Longer => [signature, vec![0]].concat(),
            Self::Empty => Vec::new(),
            Self::Huge => vec![0x30; 1024 * 1024],
        };
        Liar { honest: world.signer.clone(), lie: Box::new(lie) }
    }
}

#[rstest]
#[tokio::test]
async fn k3_what_is_not_the_intended_signature_never_leaves(
    #[values(Lie::OfAnotherKey, Lie::OfAnotherMessage, Lie::Cut, Lie::Longer, Lie::Empty, Lie::Huge)]
    lie: Lie,
) {
    let world = World::new();
    let authority = world.open(Arc::new(lie.by(&world))).await.unwrap();
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
    let token = Token::new(&world, "host.example").mint(&world.admin);

    let refused = sign(&authority, &csr, &token).await;

    assert!(
        matches!(
            refused,
            Err(AuthorityError::Internal(InternalError::Misissued(_) | InternalError::Unreadable(_)))
        ),
        "{refused:?}"
    );
    // A signature may be out there, so the intent stays, and only what was intended is signed again.
    let records = world.records().await;
    assert!(
        matches!(records[..], [(_, ref record)] if matches!(record.state, CertificateState::Intent { .. }))
    );
    assert!(matches!(sign(&authority, &csr, &token).await, Err(AuthorityError::TokenUsed)));
    world.clock.advance(LEASE_OVER);
    let issued = sign(&world.authority().await, &csr, &token).await.unwrap();
    assert_eq!(issued.certificate().serial(), &records[0].0);
    let signed = world.signer.signed();
    assert!(signed.iter().all(|message| *message == signed[0]));
}

#[tokio::test]
async fn k8_a_key_that_is_not_the_issuers_is_refused_with_both_fingerprints() {
    let world = World::new();
    let other = Arc::new(RecordingSigner::new(Arc::new(PrivateKey::generate(P256).unwrap())));
    let id = |key: &PrivateKey| hex::encode(key.public_key().key_identifier());
    let expected = [id(&world.issuer.key), hex::encode(other.public_key().key_identifier())];

    let refused = world.open(other).await;

    let Err(OpenError::KeyMismatch { certificate, key }) = refused else { panic!("{refused:?}") };
    assert_eq!([certificate, key], expected);
}

#[tokio::test]
async fn k8_an_issuer_of_another_root_is_refused() {
    let world = World::new();
    let mut parts = world.parts(world.signer.clone());
    parts.roots = vec![Ca::root("Test Root").certificate];

    let refused = Authority::open(parts).await;

    assert!(matches!(refused, Err(OpenError::Issuers(_))), "{refused:?}");
}

#[tokio::test]
async fn k10_an_issuer_with_the_key_of_its_root_is_refused() {
    let root = Ca::root("Test Root");
    let body = CertificateBody::new(
        root.issuance("7".parse().unwrap(), validity("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z")),
        DistinguishedName::from_common_name("Test Issuer").unwrap(),
        root.key.public_key().clone(),
        Profile::intermediate(),
    );
    let issuer = Ca { certificate: root.certify(&body.unwrap()), key: root.key.clone() };
    let id = hex::encode(root.key.public_key().key_identifier());
    let world = World::of(root, issuer);

    let refused = world.open(world.signer.clone()).await;

    let Err(OpenError::SharedKey { key }) = refused else { panic!("{refused:?}") };
    assert_eq!(key, id);
}
