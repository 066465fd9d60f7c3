//! Records: how long they stay, how large they grow, and that they can be read by those who did not write them.

mod golden;

use std::sync::Arc;

use serde_json::{Value, json};

use super::bench::{Extension, LEASE_OVER, P256, Token, World, request, sign, validity};
use crate::authority::{AuthorityError, ClientCredential, Persistence, Refusal};
use crate::fault::Call::{Commit, Sign};
use crate::fault::Fault;
use crate::key::PrivateKey;
use crate::peer::PeerCertificates;
use crate::store::table::{self, CertificateState};
use crate::store::{Condition, Index, MAX_VALUE, Order, Query, Source, Store as _, Write, key};
use crate::x509::Certificate;

const DAY: i64 = 86_400;

async fn found_by_name(world: &World, name: &str) -> usize {
    let source = Source::Index(Index::Name, key::join(&[name]));
    let query = Query { source, prefix: String::new(), order: Order::Ascending, limit: 10, cursor: None };
    world.store.query(&query).await.unwrap().records.len()
}

#[tokio::test]
async fn d9_an_issued_certificate_stays_for_ever_and_an_intent_does_not() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let issued = world.certificate("host.example", &key).await;
    let authority = world.authority().await;
    let token = Token::new(&world, "host.example").mint(&world.admin);
    world.dies_before(2, sign(&authority, &request(&key, "", &[]), &token)).await;
    assert_eq!(world.records().await.len(), 2);

    world.clock.advance(8 * DAY);

    let left = world.records().await;
    assert_eq!(left.len(), 1);
    assert_eq!(&left[0].0, issued.serial());
    let record = world.get(&table::certificate(issued.serial())).await.unwrap();
    assert_eq!(record.expires, None);
}

/// Nobody can ask for what a process without a database has forgotten, so it forgets what is over.
#[tokio::test]
async fn d9_without_a_database_a_certificate_goes_with_all_that_leads_to_it() {
    let mut world = World::new();
    world.persistence = Persistence::UntilRestart;
    let authority = world.authority().await;
    let key = PrivateKey::generate(P256).unwrap();
    let sign_one = async || {
        let token = Token::new(&world, "host.example").with("sans", vec!["a.example", "b.example"]);
        sign(&authority, &request(&key, "", &[]), &token.mint(&world.admin)).await.unwrap()
    };
    let first = sign_one().await;
    let remaining = first.certificate().not_after().as_second() - world.now().as_second();

    world.clock.advance(remaining);
    assert_eq!(world.issued().await.len(), 1, "it may still be renewed");
    let records = world.store.len();
    world.clock.advance(1);

    assert_eq!(world.issued().await.len(), 0);
    assert_eq!((found_by_name(&world, "a.example").await, found_by_name(&world, "b.example").await), (0, 0));
    for _ in 0..100 {
        sign_one().await;
        world.clock.advance(remaining + 2 * 3600);
    }
    assert!(world.store.len() <= records, "{} records, at first {records}", world.store.len());
}

/// The mark of a token outlives the token, and the verdict is the same whether or not the store still has it.
#[tokio::test]
async fn d9_a_token_is_refused_whether_or_not_its_mark_is_still_there() {
    let world = World::new();
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
    let token = Token::new(&world, "host.example").mint(&world.admin);
    let authority = world.authority().await;
    sign(&authority, &csr, &token).await.unwrap();

    for seconds in [0, 299, 60, 1, 3600, DAY] {
        world.clock.advance(seconds);
        let refused = sign(&authority, &csr, &token).await;
        assert!(matches!(refused, Err(AuthorityError::TokenUsed | AuthorityError::Token(_))), "{refused:?}");
        // A store that removes at once has forgotten it by now; one that never removes has not.
        let another = Token::new(&world, "host.example").mint(&world.admin);
        sign(&authority, &csr, &another).await.unwrap();
    }
    assert_eq!(world.issued().await.len(), 7);
}

/// A token that lives longer than an intent that came to nothing stays spent: what it was spent on may have been signed.
#[tokio::test]
async fn d9_a_token_stays_spent_when_its_intent_is_forgotten() {
    let world = World::new();
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
    let end = world.now().as_second() + 365 * DAY;
    let token = Token::new(&world, "host.example").with("exp", end).mint(&world.admin);
    let authority = world.authority().await;
    world.dies_before(3, sign(&authority, &csr, &token)).await;

    world.clock.advance(8 * DAY);
    let refused = sign(&authority, &csr, &token).await;

    assert!(matches!(refused, Err(AuthorityError::TokenUsed)), "{refused:?}");
    assert_eq!(world.signer.signed().len(), 1);
}

#[tokio::test]
async fn o8_an_intent_that_could_not_be_signed_leaves_its_record() {
    let world = World::new();
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &["host.example"]);
    let token = Token::new(&world, "host.example").mint(&world.admin);
    let authority = world.authority().await;

    world.fail(2, Fault::FailAfter);
    let refused = sign(&authority, &csr, &token).await;

    assert!(matches!(refused, Err(AuthorityError::Busy(_))));
    let records = world.records().await;
    let [(_, record)] = &records[..] else { panic!("{records:?}") };
    let CertificateState::Abandoned { to_be_signed } = &record.state else { panic!("{record:?}") };
    assert_eq!(world.signer.signed(), [to_be_signed.0.as_slice()]);
    world.clock.advance(LEASE_OVER);
    sign(&authority, &csr, &token).await.unwrap();
}

/// A certificate with as many names as are allowed, each found by its name, in commits that every store takes.
#[tokio::test]
async fn d10_a_certificate_with_a_thousand_names_fits() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let names: Vec<String> = (0..1000).map(|number| format!("host-{number:04}.department.example")).collect();
    let token = Token::new(&world, "host.example").with("sans", names.clone()).mint(&world.admin);
    let authority = world.authority().await;

    let (issued, calls) = world.calls_of(sign(&authority, &request(&key, "", &[]), &token)).await;
    let issued = issued.unwrap();

    // The pointers go first, a hundred at a time; the certificate comes with the last of them.
    assert_eq!(calls, [[Commit, Sign].as_slice(), &[Commit; 10]].concat());
    assert_eq!(issued.certificate().sans().unwrap().names.len(), 1000);
    for name in [&names[0], &names[1], &names[500], &names[999]] {
        assert_eq!(found_by_name(&world, name).await, 1, "{name}");
    }
    let renewed = authority.renew(&world.by_tls(issued.certificate())).await.unwrap();
    assert_eq!(renewed.certificate().sans(), issued.certificate().sans());
}

#[tokio::test]
async fn d10_a_hundred_names_need_no_further_commit() {
    let world = World::new();
    let names: Vec<String> = (0..100).map(|number| format!("host-{number}.example")).collect();
    let token = Token::new(&world, "host.example").with("sans", names).mint(&world.admin);
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &[]);
    let authority = world.authority().await;

    let (issued, calls) = world.calls_of(sign(&authority, &csr, &token)).await;

    issued.unwrap();
    assert_eq!(calls, [Commit, Sign, Commit]);
}

/// A crash between the commits of a large certificate is one like any other.
#[tokio::test]
async fn d1_d10_a_crash_among_the_pointers_of_a_large_certificate_loses_nothing() {
    let world = World::new();
    let names: Vec<String> = (0..250).map(|number| format!("host-{number}.example")).collect();
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &[]);
    for (call, fault) in [3, 4, 5].into_iter().flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
        let world = world.fork();
        let token = Token::new(&world, "host.example").with("sans", names.clone()).mint(&world.admin);
        let authority = world.authority().await;

        world.fail(call, fault);
        let first = tokio::select! {
            answer = sign(&authority, &csr, &token) => answer.ok(),
            () = world.faults.stopped() => None,
        };
        world.clock.advance(LEASE_OVER);
        let retry = sign(&authority, &csr, &token).await;

        match (first, retry) {
            (Some(_), Err(AuthorityError::TokenUsed)) | (None, Ok(_)) => {}
            // It died after the last commit.
            (None, Err(AuthorityError::TokenUsed)) => assert_eq!((call, fault), (5, Fault::StopAfter)),
            (first, retry) => panic!("{fault:?} at {call}: {first:?}, {retry:?}"),
        }
        assert_eq!(world.issued().await.len(), 1);
        for name in &names {
            assert_eq!(found_by_name(&world, name).await, 1, "{name}");
        }
    }
}

/// A certificate that no verifier would read, or that no record holds, is refused before anything is stored or signed.
#[tokio::test]
async fn d10_a_certificate_that_is_too_large_is_refused_up_front() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let authority = world.authority().await;
    let label = "a".repeat(60);
    for (count, good) in [(100, true), (270, true), (290, false), (310, false)] {
        let names: Vec<String> =
            (0..count).map(|number| format!("{label}.{label}.{label}.{number:06}.example")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let month = validity("2026-05-20T00:00:00Z", "2026-06-20T00:00:00Z");
        let old = world.issuer.leaf(key.public_key(), &names, Extension::Of("admin"), month);

        let (answer, calls) = world.calls_of(authority.renew(&shown(&old))).await;

        match answer {
            Ok(issued) => {
                assert!(good, "{count} names");
                let record = world.get(&table::certificate(issued.certificate().serial())).await.unwrap();
                assert!(record.value.len() < MAX_VALUE / 2);
                authority.renew(&shown(issued.certificate())).await.unwrap();
            }
            Err(AuthorityError::Refused(Refusal::TooLarge)) => {
                assert!(!good, "{count} names");
                assert_eq!(calls, []);
            }
            Err(other) => panic!("{count} names: {other:?}"),
        }
    }
}

fn shown(leaf: &Certificate) -> ClientCredential {
    ClientCredential::Certificates(PeerCertificates(Arc::from([leaf.as_der().to_vec()])))
}

/// A newer version may have added members to a record; an older one goes on with it.
#[tokio::test]
async fn o5_a_record_with_members_of_a_later_version_is_read() {
    let world = World::new();
    let key = PrivateKey::generate(P256).unwrap();
    let csr = request(&key, "", &["host.example"]);
    let token = Token::new(&world, "host.example").mint(&world.admin);
    let authority = world.authority().await;
    world.dies_before(2, sign(&authority, &csr, &token)).await;
    world.clock.advance(LEASE_OVER);
    let (serial, _) = world.records().await.remove(0);

    let found = world.get(&table::certificate(&serial)).await.unwrap();
    let mut value: Value = serde_json::from_slice(&found.value).unwrap();
    value["of_a_later_version"] = json!({ "a": [1] });
    let write = Write::Put {
        key: found.key,
        condition: Condition::Any,
        value: value.to_string().into_bytes(),
        expires: found.expires,
        indexes: Vec::new(),
    };
    world.store.commit(vec![write]).await.unwrap();

    let issued = sign(&authority, &csr, &token).await.unwrap();
    assert_eq!(issued.certificate().serial(), &serial);
}
