use std::time::{Duration as StdDuration, Instant};

use rstest::rstest;

use super::*;
use crate::key::{KeyKind, ParameterSet, PrivateKey, SignatureAlgorithm};
use crate::x509::testing::{TestCa, TestKey, at, ca_profile, year_2026};
use crate::x509::{
    CertificateBody, Constraint, ExtendedKeyUsage, Extension, Issuance, NameConstraints, Profile,
    SubjectAltName,
};

const NOW: &str = "2026-06-01T00:00:00Z";

fn leaf_profile(key: &TestKey) -> Profile {
    Profile::leaf(&key.public(), vec![SubjectAltName::classify("a.example.com").unwrap()].into())
}

fn leaf_of(ca: &TestCa) -> Certificate {
    let key = TestKey::new();
    ca.issue("leaf", &key, leaf_profile(&key))
}

fn constrained(permitted: &str) -> Extension {
    NameConstraints {
        critical: true,
        permitted: vec![Constraint::Dns(permitted.to_owned())],
        excluded: vec![],
    }
    .to_extension()
    .unwrap()
}

#[test]
fn a_clients_chain_is_verified() {
    let root = TestCa::root("r", Profile::root());
    let intermediate = root.intermediate("i", Profile::intermediate());
    let leaf = leaf_of(&intermediate);
    let presented = [intermediate.certificate.clone()];
    let anchors = [root.certificate.clone()];

    assert_eq!(verify_client_chain(&leaf, &presented, &anchors, at(NOW)), Ok(()));
    assert_eq!(verify_client_chain(&leaf, &[], &presented, at(NOW)), Ok(()));
    assert_eq!(verify_client_chain(&leaf, &[], &anchors, at(NOW)), Err(ChainError::UnknownIssuer));
}

#[test]
fn the_certificates_of_step_ca_are_verified() {
    let read = |pem| Certificate::from_pem(pem).unwrap();
    let root = read(include_str!("testdata/root.pem"));
    let intermediate = read(include_str!("testdata/intermediate.pem"));
    for leaf in [include_str!("testdata/leaf_ec.pem"), include_str!("testdata/leaf_rsa.pem")].map(read) {
        let during = leaf.not_before();
        assert_eq!(
            verify_client_chain(
                &leaf,
                std::slice::from_ref(&intermediate),
                std::slice::from_ref(&root),
                during
            ),
            Ok(())
        );
    }
    let chain = IssuerChain::new(vec![intermediate.clone()]).unwrap().under(&[root]).unwrap();
    assert_eq!(chain.issuer(), &intermediate);
    assert_eq!(chain.certificates().count(), 1);
}

#[rstest]
#[case("2025-12-31T23:59:59Z")]
#[case("2027-01-01T00:00:00Z")]
#[case("1969-01-01T00:00:00Z")]
fn a_chain_is_good_only_within_its_validity(#[case] time: &str) {
    let root = TestCa::root("r", Profile::root());

    assert_eq!(
        verify_client_chain(&leaf_of(&root), &[], std::slice::from_ref(&root.certificate), at(time)),
        Err(ChainError::NotValidNow)
    );
}

#[test]
fn an_expired_anchor_is_none() {
    let root = TestCa::root("r", Profile::root());
    let key = TestKey::new();
    let validity = crate::x509::Validity::new(at(NOW), at("2030-01-01T00:00:00Z")).unwrap();
    let issuance = crate::x509::Issuance { validity, ..root.issuance() };
    let subject = DistinguishedName::from_common_name("long").unwrap();
    let body =
        crate::x509::CertificateBody::new(issuance, subject, key.public(), leaf_profile(&key)).unwrap();
    let leaf = root.key.certify(&body);

    assert_eq!(
        verify_client_chain(&leaf, &[], std::slice::from_ref(&root.certificate), at("2028-01-01T00:00:00Z")),
        Err(ChainError::UnknownIssuer)
    );
}

#[test]
fn x25_a_stranger_with_a_trusted_name_is_refused() {
    let (root, stranger) = (TestCa::root("r", Profile::root()), TestCa::root("r", Profile::root()));

    assert!(verify_client_chain(&leaf_of(&stranger), &[], &[root.certificate], at(NOW)).is_err());
}

#[test]
fn t26_a_leaf_must_be_for_clients_and_no_ca() {
    let root = TestCa::root("r", Profile::root());
    let key = TestKey::new();
    let server_only = ExtendedKeyUsage(vec![ExtendedKeyUsage::SERVER_AUTH]);
    let no_signature = KeyUsage::KEY_ENCIPHERMENT;
    let profiles = [
        Profile { extended_key_usage: server_only, ..leaf_profile(&key) },
        Profile { key_usage: no_signature, ..leaf_profile(&key) },
        Profile { key_usage: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::CERT_SIGN, ..ca_profile(None, vec![]) },
    ];

    for profile in profiles {
        let leaf = root.issue("leaf", &key, profile);
        assert_eq!(
            verify_client_chain(&leaf, &[], std::slice::from_ref(&root.certificate), at(NOW)),
            Err(ChainError::WrongUsage)
        );
    }
}

#[test]
fn t25_a_long_chain_is_refused_before_it_costs_anything() {
    let root = TestCa::root("r", Profile::root());
    let presented = vec![root.intermediate("i", Profile::intermediate()).certificate; 200];
    let leaf = leaf_of(&root);
    let start = Instant::now();

    assert_eq!(
        verify_client_chain(&leaf, &presented, &[root.certificate], at(NOW)),
        Err(ChainError::TooLong { certificates: 201 })
    );
    assert!(start.elapsed() < StdDuration::from_millis(100));
}

#[test]
fn t25_many_name_constraints_times_many_names_stop_at_the_budget() {
    let excluded = (0..2000).map(|n| Constraint::Dns(format!("n{n}.example.org"))).collect();
    let constraints = NameConstraints { critical: true, permitted: vec![], excluded };
    let extension = constraints.to_extension().unwrap();
    let root = TestCa::root("r", Profile::root());
    let intermediate = root.intermediate("i", ca_profile(Some(0), vec![extension]));
    let key = TestKey::new();
    let names: Vec<_> =
        (0..1000).map(|n| SubjectAltName::classify(&format!("h{n}.example.com")).unwrap()).collect();
    let leaf = intermediate.issue("leaf", &key, Profile::leaf(&key.public(), names.into()));

    // Counted and not timed: the bound on the work is the validator's, and holds on any machine.
    let verdict = verify_client_chain(
        &leaf,
        std::slice::from_ref(&intermediate.certificate),
        &[root.certificate],
        at(NOW),
    );

    assert_eq!(verdict, Err(ChainError::Invalid(webpki::Error::MaximumNameConstraintComparisonsExceeded)));
}

#[test]
fn x19_the_names_of_a_clients_chain_are_held_to_its_constraints() {
    let root = TestCa::root("r", Profile::root());
    for (permitted, passes) in [("example.com", true), ("example.org", false)] {
        let intermediate = root.intermediate("i", ca_profile(Some(0), vec![constrained(permitted)]));
        let leaf = leaf_of(&intermediate);
        let verdict = verify_client_chain(
            &leaf,
            &[intermediate.certificate],
            std::slice::from_ref(&root.certificate),
            at(NOW),
        );
        assert_eq!(verdict.is_ok(), passes);
    }
}

#[test]
fn x19_constraints_anywhere_in_the_issuer_chain_bind() {
    let root = TestCa::root("r", ca_profile(Some(2), vec![constrained("example.com")]));
    let upper = root.intermediate("u", ca_profile(Some(1), vec![]));
    let lower = upper.intermediate("l", ca_profile(Some(0), vec![constrained("a.example.com")]));
    let sans = |name: &str| SubjectAltNames::from(vec![SubjectAltName::classify(name).unwrap()]);
    let subject = DistinguishedName::empty();
    let chain = IssuerChain::new(vec![lower.certificate, upper.certificate]).unwrap();
    let rooted = chain.clone().under(std::slice::from_ref(&root.certificate)).unwrap();

    assert_eq!(chain.permits(&subject, &sans("x.a.example.com")), Ok(()));
    assert!(chain.permits(&subject, &sans("b.example.com")).is_err());
    assert_eq!(rooted.permits(&subject, &sans("x.a.example.com")), Ok(()));
    let unconstrained = IssuerChain::new(vec![TestCa::root("x", Profile::root()).certificate]).unwrap();
    assert_eq!(unconstrained.permits(&subject, &sans("anything")), Ok(()));
}

#[test]
fn x19_a_chain_with_unreadable_constraints_issues_nothing() {
    let bad = Extension { oid: oid::NAME_CONSTRAINTS, critical: true, value: vec![0x30, 0x00] };
    let root = TestCa::root("r", ca_profile(None, vec![bad]));
    let issuer = root.intermediate("i", Profile::intermediate());
    let roots = std::slice::from_ref(&root.certificate);
    let unreadable = |index| IssuerChainError::Constraints { index, source: NameConstraintsError };

    assert_eq!(IssuerChain::new(roots.to_vec()).unwrap_err(), unreadable(0));
    let chain = vec![issuer.certificate.clone(), root.certificate.clone()];
    assert_eq!(IssuerChain::new(chain).unwrap_err(), unreadable(1));
    let chain = IssuerChain::new(vec![issuer.certificate]).unwrap();
    assert_eq!(chain.under(roots).unwrap_err(), unreadable(1));
}

#[rstest]
#[case::leaf_under_0(Some(0), None, None)]
#[case::ca_under_0(Some(0), Some(BasicConstraints::Ca { path_len: Some(0) }), Some(0))]
#[case::end_entity_under_0(Some(0), Some(BasicConstraints::EndEntity), None)]
#[case::ca_under_1(Some(1), Some(BasicConstraints::Ca { path_len: Some(0) }), None)]
#[case::claims_too_much(Some(1), Some(BasicConstraints::Ca { path_len: Some(5) }), Some(1))]
#[case::unlimited(None, Some(BasicConstraints::Ca { path_len: Some(5) }), None)]
fn x19_a_ca_needs_room_in_the_path(
    #[case] issuer: Option<u32>,
    #[case] wanted: Option<BasicConstraints>,
    #[case] refused_by: Option<u32>,
) {
    let root = TestCa::root("r", ca_profile(issuer, vec![]));
    let chain = IssuerChain::new(vec![root.certificate]).unwrap();
    let expected = match refused_by {
        Some(allowed) => Err(PathLengthExceeded { allowed, below: 0 }),
        None => Ok(()),
    };

    assert_eq!(chain.permits_path(wanted), expected);
}

#[test]
fn x19_the_roots_path_length_counts_the_chain_below_it() {
    let root = TestCa::root("r", ca_profile(Some(1), vec![]));
    let intermediate = root.intermediate("i", ca_profile(None, vec![]));
    let chain = IssuerChain::new(vec![intermediate.certificate]).unwrap().under(&[root.certificate]).unwrap();

    assert_eq!(
        chain.permits_path(Some(BasicConstraints::Ca { path_len: Some(0) })),
        Err(PathLengthExceeded { allowed: 1, below: 1 })
    );
}

#[test]
fn an_issuer_chain_is_held_together_by_signatures() {
    let (root, other) = (TestCa::root("r", Profile::root()), TestCa::root("r", Profile::root()));
    let intermediate = root.intermediate("i", Profile::intermediate()).certificate;
    let leaf = leaf_of(&root);

    assert_eq!(IssuerChain::new(vec![]).unwrap_err(), IssuerChainError::Empty);
    assert_eq!(IssuerChain::new(vec![leaf]).unwrap_err(), IssuerChainError::NotCa { index: 0 });
    assert_eq!(
        IssuerChain::new(vec![intermediate.clone(), other.certificate.clone()]).unwrap_err(),
        IssuerChainError::NotIssued { index: 0, source: CertificateError::BadSignature }
    );
    let chain = IssuerChain::new(vec![intermediate]).unwrap();
    assert_eq!(chain.under(&[other.certificate]).unwrap_err(), IssuerChainError::NoRoot);
}

/// A root, an intermediate and a leaf of one parameter set each.
#[test]
fn a_chain_of_ml_dsa_keys_is_verified() {
    let [root_key, key, leaf_key] =
        ParameterSet::ALL.map(|set| PrivateKey::generate(KeyKind::MlDsa(set)).unwrap());
    let algorithm = |key: &PrivateKey| SignatureAlgorithm::default_for(key.public_key().kind());
    let certify = |key: &PrivateKey, body: &CertificateBody| {
        let to_be_signed = body.to_be_signed();
        let signature = key.sign(algorithm(key), &to_be_signed).unwrap();
        Certificate::assemble(&to_be_signed, algorithm(key), &signature).unwrap()
    };
    let name = |name| DistinguishedName::from_common_name(name).unwrap();
    let below = |issuer: &Certificate, issuer_key: &PrivateKey, subject, key: &PrivateKey, profile| {
        let serial = "2".parse().unwrap();
        let issuance = Issuance { serial, algorithm: algorithm(issuer_key), issuer, validity: year_2026() };
        certify(
            issuer_key,
            &CertificateBody::new(issuance, name(subject), key.public_key().clone(), profile).unwrap(),
        )
    };
    let root = certify(
        &root_key,
        &CertificateBody::root(
            "1".parse().unwrap(),
            algorithm(&root_key),
            year_2026(),
            name("r"),
            root_key.public_key().clone(),
            Profile::root(),
        )
        .unwrap(),
    );
    let intermediate = below(&root, &root_key, "i", &key, Profile::intermediate());
    let sans = vec![SubjectAltName::classify("a.example.com").unwrap()].into();
    let leaf = below(&intermediate, &key, "leaf", &leaf_key, Profile::leaf(leaf_key.public_key(), sans));

    let presented = std::slice::from_ref(&intermediate);
    assert_eq!(verify_client_chain(&leaf, presented, std::slice::from_ref(&root), at(NOW)), Ok(()));
    let chain = IssuerChain::new(vec![intermediate.clone()]).unwrap().under(&[root]).unwrap();
    assert_eq!(chain.issuer(), &intermediate);
    leaf.verify_signature(key.public_key()).unwrap();

    let mut changed = leaf.as_der().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let changed = Certificate::from_der(&changed).unwrap();
    assert!(verify_client_chain(&changed, &[], presented, at(NOW)).is_err());
}
