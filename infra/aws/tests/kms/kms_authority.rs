//! The authority over a key in KMS: what it does with wrong, late and missing signatures, and with keys that change.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use stepless_aws::kms::{MAX_ATTEMPTS, OPERATION_TIMEOUT};
use stepless_core::authority::{AuthorityError, InternalError, OpenError, Refusal, Unavailable};
use stepless_core::key::{KeyKind, PrivateKey, PublicKey, SignatureAlgorithm, Signer as _, SignerError};
use stepless_localstack::proxy::{Fault, Gate, Rule, When};

use crate::kms_bench::{ML_DSA_65, RSA_2048, chain};
use crate::kms_ca::{ALIAS, Ca};

#[rstest]
#[tokio::test]
async fn an_authority_issues_with_every_kind_of_key_in_one_call(
    #[values(KeyKind::P256, KeyKind::P384, KeyKind::P521, RSA_2048, KeyKind::Ed25519, ML_DSA_65)]
    kind: KeyKind,
) {
    let ca = Ca::new(kind).await;
    let authority = ca.authority().await;

    ca.assert_sound(&ca.host().to(&authority).await.unwrap());

    assert_eq!(ca.bench.proxy.operations(), ["GetPublicKey", "Sign"]);
    assert_eq!(ca.states().await, ["issued"]);
}

/// What KMS answers instead of the signature it was asked for.
#[derive(Clone, Copy, Debug)]
enum Lie {
    OfAnotherKey,
    OfAnotherMessage,
    Cut,
    Longer,
    Padded,
    Empty,
    None,
}

impl Lie {
    fn told_by(self) -> Fault {
        match self {
            // And says that it is the right one; one that tells is K8.
            Self::OfAnotherKey => with_signature(|_| {
                let other = PrivateKey::generate(KeyKind::P256).unwrap();
                other.sign(SignatureAlgorithm::default_for(KeyKind::P256), b"a certificate").unwrap()
            }),
            Self::OfAnotherMessage => {
                Fault::rewrite_json(|call| call["Message"] = json!(BASE64_STANDARD.encode([7; 32])))
            }
            Self::Cut => with_signature(|signature| signature[..signature.len() - 1].to_vec()),
            Self::Longer => with_signature(|signature| [signature, &[0]].concat()),
            Self::Padded => with_signature(padded),
            Self::Empty => with_signature(|_| Vec::new()),
            Self::None => Fault::replace_json(|answer| answer["Signature"] = Value::Null),
        }
    }
}

#[rstest]
#[tokio::test]
async fn k3_what_is_not_the_intended_signature_is_withheld_and_its_intent_remains(
    #[values(
        Lie::OfAnotherKey,
        Lie::OfAnotherMessage,
        Lie::Cut,
        Lie::Longer,
        Lie::Padded,
        Lie::Empty,
        Lie::None
    )]
    lie: Lie,
) {
    let ca = Ca::new(KeyKind::P256).await;
    let (authority, application) = (ca.authority().await, ca.host());
    ca.bench.proxy.add(Rule::first("Sign", lie.told_by()));

    let refused = application.to(&authority).await;

    let Err(AuthorityError::Internal(error)) = refused else { panic!("{refused:?}") };
    assert!(matches!(error, InternalError::Misissued(_) | InternalError::Unreadable(_)), "{error:?}");
    assert_eq!(ca.states().await, ["intent"]);
    // Until the lease is over, and then only for the same certificate.
    assert!(matches!(application.to(&authority).await, Err(AuthorityError::TokenUsed)));
    ca.end_leases();
    let issued = application.to(&authority).await.unwrap();
    ca.assert_sound(&issued);
    assert_eq!(ca.states().await, ["issued"]);
    assert_eq!(issued.certificate().serial(), &ca.records().await[0].0);
    let asked: Vec<Value> =
        ca.bench.proxy.calls().iter().map(|call| call.json()["Message"].clone()).collect();
    assert_eq!(asked[1], asked[2]);
}

#[rstest]
#[tokio::test]
async fn k4_signatures_of_kms_with_short_numbers_are_as_good_as_any(
    #[values((KeyKind::P256, 32), (KeyKind::P384, 48), (KeyKind::P521, 66))] (kind, field): (KeyKind, usize),
) {
    let ca = Ca::new(kind).await;
    let authority = ca.authority().await;

    // About one in 128 is short; a whole octet less of what P-521 has, whose first octet is 0 or 1, is as rare.
    let short = if kind == KeyKind::P521 { field - 2 } else { field - 1 };
    let mut found = false;
    for _ in 0..5_000 {
        let issued = ca.host().to(&authority).await.unwrap();
        // Steps 9 and 10 took it; so does another verifier.
        ca.assert_sound(&issued);
        let numbers = integers(issued.certificate().signature());
        assert!(numbers.iter().all(|number| is_minimal(number)), "{numbers:?}");
        if numbers.iter().any(|number| without_sign(number).len() <= short) {
            found = true;
            break;
        }
    }

    assert!(found);
}

#[tokio::test]
async fn k5_with_three_of_ten_calls_throttled_every_request_gets_its_certificate() {
    let ca = Ca::new(KeyKind::P256).await;
    let authority = ca.authority().await;
    ca.bench.refuse("Sign", When::Percent(30), 400, "ThrottlingException");

    for _ in 0..21 {
        ca.assert_sound(&ca.host().to(&authority).await.unwrap());
    }

    assert_eq!(ca.states().await, ["issued"; 21]);
    assert_eq!(ca.signed().len(), 21);
    // Thirty calls, of which the last would be struck.
    assert_eq!(ca.bench.proxy.count("Sign"), 29);
}

#[tokio::test]
async fn k5_while_everything_is_throttled_the_authority_is_busy_and_the_token_stays_good() {
    let ca = Ca::new(KeyKind::P256).await;
    let (authority, application) = (ca.authority().await, ca.host());
    ca.bench.refuse("Sign", When::Every, 400, "ThrottlingException");

    let started = Instant::now();
    let refused = application.to(&authority).await;

    assert!(
        matches!(refused, Err(AuthorityError::Busy(Unavailable::Signer(SignerError::Unavailable(_))))),
        "{refused:?}"
    );
    assert!(started.elapsed() < OPERATION_TIMEOUT, "{:?}", started.elapsed());
    assert_eq!(ca.bench.proxy.count("Sign"), MAX_ATTEMPTS as usize);
    assert_eq!(ca.states().await, ["abandoned"]);
    ca.bench.proxy.clear_rules();
    // No lease has to end for this.
    ca.assert_sound(&application.to(&authority).await.unwrap());
    assert_eq!(ca.states().await, ["abandoned", "issued"]);
}

#[rstest]
#[case::too_late(Fault::HoldAfter(Gate::closed()))]
#[case::lost(Fault::DropAfter)]
#[tokio::test]
async fn k6_a_signature_made_twice_is_one_certificate_and_both_are_over_the_same_bytes(#[case] fault: Fault) {
    let ca = Ca::new(KeyKind::P256).await;
    let authority = ca.authority().await;
    ca.bench.proxy.add(Rule::first("Sign", fault));

    let issued = ca.host().to(&authority).await.unwrap();

    ca.assert_sound(&issued);
    assert_eq!(ca.states().await, ["issued"]);
    let signed = ca.bench.double.requests("Sign");
    assert_eq!(signed.len(), 2);
    assert_eq!(signed[0], signed[1]);
}

#[tokio::test]
async fn k6_signatures_that_all_come_too_late_are_only_over_bytes_that_the_store_keeps() {
    let ca = Ca::new(KeyKind::P256).await;
    let (authority, application) = (ca.authority().await, ca.host());
    ca.bench.proxy.add(Rule::every("Sign", Fault::HoldAfter(Gate::closed())));

    let started = Instant::now();
    let refused = application.to(&authority).await;

    assert!(matches!(refused, Err(AuthorityError::Busy(Unavailable::Signer(_)))), "{refused:?}");
    // What a function still has to do after this takes less than the rest of its 29 seconds.
    assert!(started.elapsed() < OPERATION_TIMEOUT + Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(ca.states().await, ["abandoned"]);
    let late = ca.signed();
    assert!(late.len() > 1 && late.iter().all(|message| *message == late[0]), "{late:?}");
    ca.bench.proxy.clear_rules();
    let issued = application.to(&authority).await.unwrap();
    ca.assert_sound(&issued);
    assert_eq!(ca.states().await, ["abandoned", "issued"]);
    assert_ne!(issued.certificate().serial(), &ca.records().await[0].0);
}

#[rstest]
#[case::disabled("Disabled", "SIGN_VERIFY", "is disabled: enable it")]
#[case::pending_deletion("PendingDeletion", "SIGN_VERIFY", "is in a state that does not allow this")]
#[case::unavailable("Unavailable", "SIGN_VERIFY", "is in a state that does not allow this")]
#[case::wrong_usage("Enabled", "KEY_AGREEMENT", "is not for signing: use one of usage SIGN_VERIFY")]
#[tokio::test]
async fn k7_a_key_that_becomes_unusable_is_named_and_the_next_request_after_its_repair_works(
    #[case] state: &str,
    #[case] usage: &str,
    #[case] reason: &str,
) {
    let ca = Ca::new(KeyKind::P256).await;
    let (authority, application) = (ca.authority().await, ca.host());
    let set = |state: &str, usage: &str| {
        ca.bench
            .double
            .describe(&ca.arn, |key| (key.state, key.usage) = (state.to_owned(), usage.to_owned()));
    };
    set(state, usage);

    let refused = application.to(&authority).await;

    let Err(AuthorityError::Internal(error @ InternalError::Signer(_))) = &refused else {
        panic!("{refused:?}")
    };
    let text = chain(error);
    assert!(text.contains(&format!("the KMS key {ALIAS} {reason}")), "{text}");
    assert_eq!((ca.bench.proxy.count("Sign"), ca.states().await), (1, vec!["abandoned"]));
    set("Enabled", "SIGN_VERIFY");
    ca.assert_sound(&application.to(&authority).await.unwrap());
    assert_eq!(ca.states().await, ["abandoned", "issued"]);
}

#[tokio::test]
async fn k8_while_an_alias_leads_to_another_key_nothing_is_issued_and_the_log_names_both() {
    let ca = Ca::new(KeyKind::P256).await;
    let (authority, application) = (ca.authority().await, ca.host());
    let other = ca.bench.key(KeyKind::P256);
    ca.bench.double.point_alias(ALIAS, other.as_str());

    let refused = application.to(&authority).await;

    let Err(AuthorityError::Internal(error @ InternalError::Signer(_))) = &refused else {
        panic!("{refused:?}")
    };
    let text = chain(error);
    assert!(text.contains(&format!("{ALIAS} is {other} now, and was {} at the start", ca.arn)), "{text}");
    assert_eq!(ca.states().await, ["abandoned"]);
    ca.bench.double.point_alias(ALIAS, &ca.arn);
    ca.assert_sound(&application.to(&authority).await.unwrap());
    assert_eq!(ca.states().await, ["abandoned", "issued"]);
}

#[tokio::test]
async fn k8_an_alias_that_is_moved_to_another_kind_of_key_is_named_and_issues_nothing() {
    let ca = Ca::new(KeyKind::P256).await;
    let authority = ca.authority().await;
    ca.bench.double.point_alias(ALIAS, ca.bench.key(KeyKind::P384).as_str());

    let refused = ca.host().to(&authority).await;

    let Err(AuthorityError::Internal(error @ InternalError::Signer(_))) = &refused else {
        panic!("{refused:?}")
    };
    assert!(chain(error).contains(&format!("the KMS key {ALIAS} is not for signing")), "{error:?}");
    assert_eq!(ca.states().await, ["abandoned"]);
}

#[tokio::test]
async fn k8_an_alias_that_was_moved_before_the_start_is_refused_with_both_fingerprints() {
    let ca = Ca::new(KeyKind::P256).await;
    ca.bench.double.point_alias(ALIAS, ca.bench.key(KeyKind::P256).as_str());
    let found = ca.open_key().await.unwrap();

    let refused = ca.open().await;

    let Err(OpenError::KeyMismatch { certificate, key }) = refused else { panic!("{refused:?}") };
    let fingerprint = |key: &PublicKey| hex::encode(key.key_identifier());
    let other = fingerprint(found.public_key());
    assert_eq!((certificate, key), (fingerprint(ca.issuer_key()), other));
}

#[tokio::test]
async fn k9_a_grant_that_is_late_for_opening_or_signing_is_waited_for_by_asking_again() {
    let ca = Ca::new(KeyKind::P256).await;
    ca.bench.refuse("GetPublicKey", When::First(30), 400, "AccessDeniedException");
    ca.bench.refuse("Sign", When::First(3), 400, "AccessDeniedException");

    // A function asks once a request.
    for _ in 0..30 {
        let refused = ca.open_key().await.unwrap_err().to_string();
        assert!(
            refused.contains(&format!("{ALIAS} may not be used: allow kms:GetPublicKey in")),
            "{refused}"
        );
    }
    let (authority, application) = (ca.authority().await, ca.host());
    for _ in 0..3 {
        let refused = application.to(&authority).await;
        let Err(AuthorityError::Internal(error @ InternalError::Signer(_))) = &refused else {
            panic!("{refused:?}")
        };
        assert!(chain(error).contains(&format!("{ALIAS} may not be used: allow kms:Sign in")), "{error:?}");
    }

    ca.assert_sound(&application.to(&authority).await.unwrap());
    assert_eq!(ca.states().await, ["abandoned", "abandoned", "abandoned", "issued"]);
}

#[tokio::test]
async fn k1_certificates_about_the_limit_of_kms_are_issued_by_every_key_that_can() {
    for kind in [KeyKind::P256, RSA_2048, ML_DSA_65] {
        let ca = Ca::new(kind).await;
        let authority = ca.authority().await;
        // Of 3.5 to 5 KB, and of 27 KB.
        for names in [120, 140, 160, 180, 1_000] {
            ca.assert_sound(&ca.application(&many(names)).to(&authority).await.unwrap());
        }
    }
}

#[tokio::test]
async fn k1_a_certificate_too_long_for_an_ed25519_key_is_refused_and_the_token_stays_good() {
    let ca = Ca::new(KeyKind::Ed25519).await;
    let authority = ca.authority().await;
    let longest = (100..200).rev();
    let mut refused = 0;

    for names in longest {
        let answer = ca.application(&many(names)).to(&authority).await;
        match answer {
            Ok(issued) => {
                ca.assert_sound(&issued);
                break;
            }
            Err(AuthorityError::Refused(Refusal::TooLarge)) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }

    // Nothing was begun that could not be finished.
    assert!(refused > 0);
    assert_eq!((ca.states().await, ca.bench.proxy.count("Sign")), (vec!["issued"], 1));
}

/// The names of so many hosts.
fn many(hosts: usize) -> Vec<String> {
    (0..hosts).map(|host| format!("host-{host:04}.prod.example")).collect()
}

fn with_signature(change: fn(&[u8]) -> Vec<u8>) -> Fault {
    Fault::replace_json(move |answer| {
        let signature = BASE64_STANDARD.decode(answer["Signature"].as_str().unwrap()).unwrap();
        answer["Signature"] = json!(BASE64_STANDARD.encode(change(&signature)));
    })
}

/// The same two numbers, the first with a zero before it that DER does not have.
fn padded(signature: &[u8]) -> Vec<u8> {
    let (length, r) = (signature[1], signature[3]);
    [&[0x30, length + 1, 0x02, r + 1, 0], &signature[4..]].concat()
}

/// The contents of the two integers of a DER signature.
fn integers(signature: &[u8]) -> [Vec<u8>; 2] {
    // All that P-521 needs is one octet of length behind 0x81.
    let content = if signature[1] == 0x81 { &signature[3..] } else { &signature[2..] };
    let (r, rest) = content[2..].split_at(content[1].into());
    let (s, rest) = rest[2..].split_at(rest[1].into());
    assert!(rest.is_empty());
    [r.to_vec(), s.to_vec()]
}

fn is_minimal(integer: &[u8]) -> bool {
    match integer {
        [0, second, ..] => *second >= 0x80,
        [first, ..] => *first < 0x80,
        [] => false,
    }
}

fn without_sign(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}
