//! What the authority shows everybody.

use super::bench::{Ca, World};
use crate::authority::Authority;

#[tokio::test]
async fn a_root_of_the_federation_is_shown_once_and_found_by_its_fingerprint() {
    let world = World::new();
    let own = world.root.certificate.clone();
    let other = Ca::root("Other Root").certificate;
    let mut parts = world.parts(world.signer.clone());
    parts.federated_roots = vec![other.clone(), own.clone(), other.clone()];

    let authority = Authority::open(parts).await.unwrap();

    assert_eq!(authority.roots_pem(), [own.to_pem()]);
    assert_eq!(authority.federation_pem(), [own.to_pem(), other.to_pem()]);
    assert_eq!(authority.intermediates_pem(), [world.issuer.certificate.to_pem()]);
    for root in [&own, &other] {
        assert_eq!(authority.root_pem(&root.fingerprint_sha256()), Some(root.to_pem().as_str()));
    }
    // The issuer is no root.
    assert_eq!(authority.root_pem(&world.issuer.certificate.fingerprint_sha256()), None);
}
