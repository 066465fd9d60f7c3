//! Roots that can stay, and those that cannot.

use std::str::FromStr;

use stepless_core::clock::{SignedDuration, Timestamp};
use stepless_core::key::{KeyKind, LocalSigner, PrivateKey};
use stepless_core::x509::{
    CertificateBody, Constraint, KeyUsage, NameConstraints, Profile, SerialNumber, Validity,
};

use super::super::issuers::{Issuers, issuer_subject, root_subject};
use super::*;

fn key() -> LocalSigner {
    LocalSigner::new(PrivateKey::generate(KeyKind::P256).unwrap())
}

/// A root of this profile, valid since two hours and for `hours` more.
async fn root(key: &LocalSigner, profile: Profile, hours: i64) -> Certificate {
    let now = Timestamp::now();
    let begin = now - SignedDuration::from_hours(2);
    let validity = Validity::new(begin, now + SignedDuration::from_hours(hours)).unwrap();
    let serial = SerialNumber::from_str("1").unwrap();
    let subject = root_subject("Test").unwrap();
    let body =
        CertificateBody::root(serial, key.algorithm(), validity, subject, key.public_key().clone(), profile)
            .unwrap();
    let tbs = body.to_be_signed();
    Certificate::assemble(&tbs, body.signature_algorithm, &key.sign(&tbs).await.unwrap()).unwrap()
}

fn read(pem: &str) -> Result<ExistingRoot, CliError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.crt");
    std::fs::write(&path, pem).unwrap();
    ExistingRoot::read(&path)
}

fn refusal<T>(result: Result<T, CliError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_root_with_room_for_an_issuer_stays_the_root() {
    let signer = key();
    for path_len in [None, Some(1), Some(7)] {
        let profile =
            Profile { basic_constraints: Some(BasicConstraints::Ca { path_len }), ..Profile::root() };
        let certificate = root(&signer, profile, 24).await;

        let found = read(&certificate.to_pem()).unwrap().with_key(&signer).unwrap();
        let issuers = Issuers::under("Test", found, &signer, key().public_key()).await.unwrap();

        assert_eq!(issuers.root, certificate);
        issuers.intermediate.verify_signature(signer.public_key()).unwrap();
        assert_eq!(issuers.intermediate.not_after(), certificate.not_after());
        IssuerChain::new(vec![issuers.intermediate]).unwrap().under(&[certificate]).unwrap();
    }
}

#[tokio::test]
async fn x19_a_root_without_room_for_an_issuer_is_refused() {
    let certificate = root(&key(), Profile::intermediate(), 24).await;

    assert!(refusal(read(&certificate.to_pem())).contains("allows no issuer"));
}

#[tokio::test]
async fn a_certificate_that_is_no_root_is_refused() {
    let signer = key();
    let leaf = root(&signer, Profile { basic_constraints: None, ..Profile::root() }, 24).await;
    let wrong_usage = Profile { key_usage: KeyUsage::DIGITAL_SIGNATURE, ..Profile::root() };
    let wrong_usage = root(&signer, wrong_usage, 24).await;
    let good = root(&signer, Profile::root(), 24).await;
    let below = Issuers::under("Test", good.clone(), &signer, key().public_key()).await.unwrap().intermediate;

    assert!(refusal(read(&leaf.to_pem())).contains("not the certificate of an authority"));
    assert!(refusal(read(&wrong_usage.to_pem())).contains("not the certificate of an authority"));
    assert!(refusal(read(&below.to_pem())).contains("is no root"));
    assert!(refusal(read(&format!("{}{}", good.to_pem(), good.to_pem()))).contains("several"));
    assert!(refusal(read("nothing")).contains("no certificate"));
}

#[tokio::test]
async fn a_root_that_has_expired_is_refused() {
    let certificate = root(&key(), Profile::root(), -1).await;

    assert!(refusal(read(&certificate.to_pem())).contains("is not now"));
}

#[tokio::test]
async fn k8_a_root_with_another_key_is_refused() {
    let existing = read(&root(&key(), Profile::root(), 24).await.to_pem()).unwrap();

    assert!(refusal(existing.with_key(&key())).contains("--root-key is not the key of --root"));
}

#[tokio::test]
async fn x19_a_root_whose_name_constraints_forbid_a_name_of_the_authority_is_refused() {
    let constraints = NameConstraints {
        critical: true,
        permitted: vec![Constraint::Dns("example.com".to_owned())],
        excluded: Vec::new(),
    };
    let profile = Profile { name_constraints: Some(constraints), ..Profile::root() };
    let existing = read(&root(&key(), profile, 24).await.to_pem()).unwrap();
    let subject = issuer_subject("Test").unwrap();

    existing.check_names(&subject, &["ca.example.com".to_owned()]).unwrap();
    let refused = existing.check_names(&subject, &["ca.example.com".to_owned(), "ca.internal".to_owned()]);

    assert!(refusal(refused).contains("name constraints"));
}
