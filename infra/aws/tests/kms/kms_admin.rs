//! Keys for a new authority: found by their alias, or made once.

use aws_sdk_kms::types::KeyState;
use rstest::rstest;
use stepless_aws::kms::admin::{EnsureKeyError, Origin, WantedKey, ensure_key};
use stepless_core::key::KeyKind;
use stepless_localstack::emulator::Ministack;
use stepless_localstack::proxy::{AwsError, Fault, Rule, When};

use crate::kms_bench::{Bench, ML_DSA_65, client, key_id};

fn wanted(alias: &str, kind: KeyKind) -> WantedKey {
    WantedKey {
        alias: key_id(alias),
        kind,
        description: "Issuer of Example".to_owned(),
        tags: vec![("stepless".to_owned(), "issuer".to_owned())],
    }
}

#[tokio::test]
async fn a_key_is_made_once_and_found_from_then_on() {
    let bench = Bench::new().await;
    let wanted = wanted("alias/stepless-issuer", ML_DSA_65);

    let made = ensure_key(&bench.client, &wanted).await.unwrap();
    let found = ensure_key(&bench.client, &wanted).await.unwrap();

    assert_eq!((made.origin, found.origin), (Origin::Made, Origin::Found));
    assert_eq!(made.arn, found.arn);
    assert!(made.arn.as_str().starts_with("arn:aws:kms:us-east-1:"), "{}", made.arn);
    let created = bench.double.requests("CreateKey");
    assert_eq!(created.len(), 1);
    assert_eq!(
        created[0],
        serde_json::json!({
            "Description": "Issuer of Example",
            "KeySpec": "ML_DSA_65",
            "KeyUsage": "SIGN_VERIFY",
            "Tags": [{ "TagKey": "stepless", "TagValue": "issuer" }],
        })
    );
}

#[tokio::test]
async fn of_many_at_once_one_names_its_key_and_the_others_keys_are_deleted() {
    let bench = Bench::new().await;
    let wanted = wanted("alias/stepless-root", KeyKind::P384);

    let racing: Vec<_> = (0..8)
        .map(|_| {
            let (client, wanted) = (bench.client.clone(), wanted.clone());
            tokio::spawn(async move { ensure_key(&client, &wanted).await.unwrap() })
        })
        .collect();
    let mut all = Vec::new();
    for one in racing {
        all.push(one.await.unwrap());
    }

    assert!(all.iter().all(|one| one.arn == all[0].arn), "{all:?}");
    assert_eq!(all.iter().filter(|one| one.origin == Origin::Made).count(), 1);
    for (arn, state) in bench.double.states() {
        let expected = if arn == all[0].arn.as_str() { "Enabled" } else { "PendingDeletion" };
        assert_eq!(state, expected, "{arn}");
    }
    let deletions = bench.double.requests("ScheduleKeyDeletion");
    assert!(deletions.iter().all(|call| call["PendingWindowInDays"] == 7), "{deletions:?}");
}

#[tokio::test]
async fn an_alias_whose_answer_was_lost_leads_to_the_new_key() {
    let bench = Bench::new().await;
    bench.proxy.add(Rule::first("CreateAlias", Fault::DropAfter));

    let made = ensure_key(&bench.client, &wanted("alias/ca", KeyKind::P256)).await.unwrap();

    assert_eq!(bench.double.states(), [(made.arn.as_str().to_owned(), "Enabled".to_owned())]);
    assert_eq!(made.origin, Origin::Made);
}

/// KMS shows a new alias everywhere only after a while.
#[rstest]
#[case::lost(Fault::DropAfter)]
#[case::found_by_an_earlier_attempt(Fault::AnswerAfter(AwsError::new(400, "AlreadyExistsException")))]
#[tokio::test]
async fn a_key_whose_alias_is_not_seen_at_once_is_waited_for_and_not_deleted(#[case] fault: Fault) {
    let bench = Bench::new().await;
    bench.proxy.add(Rule::first("CreateAlias", fault));
    bench.refuse("DescribeKey", When::First(3), 400, "NotFoundException");

    let made = ensure_key(&bench.client, &wanted("alias/ca", KeyKind::P256)).await.unwrap();

    assert_eq!(bench.double.states(), [(made.arn.as_str().to_owned(), "Enabled".to_owned())]);
    assert_eq!(made.origin, Origin::Made);
}

#[tokio::test]
async fn a_key_whose_alias_is_never_seen_is_left_and_reported_by_its_arn() {
    let bench = Bench::new().await;
    bench.proxy.add(Rule::first("CreateAlias", Fault::DropAfter));
    bench.refuse("DescribeKey", When::Every, 400, "NotFoundException");

    let unsettled = ensure_key(&bench.client, &wanted("alias/ca", KeyKind::P256)).await.unwrap_err();

    let EnsureKeyError::Unsettled { made, .. } = unsettled else { panic!("{unsettled:?}") };
    assert_eq!(bench.double.states(), [(made.as_str().to_owned(), "Enabled".to_owned())]);
}

#[tokio::test]
async fn a_key_that_gets_no_alias_is_deleted_and_the_refusal_reported() {
    let bench = Bench::new().await;
    bench.refuse("CreateAlias", When::Every, 400, "AccessDeniedException");

    let refused = ensure_key(&bench.client, &wanted("alias/ca", KeyKind::P256)).await.unwrap_err();

    let text = refused.to_string();
    assert!(text.starts_with("the KMS key alias/ca may not be used: allow kms:CreateAlias in"), "{text}");
    let states = bench.double.states();
    assert!(matches!(&states[..], [(_, state)] if state == "PendingDeletion"), "{states:?}");
}

#[tokio::test]
async fn a_key_that_can_be_neither_named_nor_deleted_is_reported_by_its_arn() {
    let bench = Bench::new().await;
    bench.refuse("CreateAlias", When::Every, 400, "AccessDeniedException");
    bench.refuse("ScheduleKeyDeletion", When::Every, 400, "AccessDeniedException");

    let refused = ensure_key(&bench.client, &wanted("alias/ca", KeyKind::P256)).await.unwrap_err();

    let EnsureKeyError::Orphan { orphan, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(bench.double.states(), [(orphan.as_str().to_owned(), "Enabled".to_owned())]);
}

#[tokio::test]
async fn k7_an_alias_of_another_kind_of_key_or_of_a_disabled_one_is_left_alone() {
    let bench = Bench::new().await;
    let key = bench.key(KeyKind::P256);
    bench.double.point_alias("alias/ca", key.as_str());

    let other = ensure_key(&bench.client, &wanted("alias/ca", KeyKind::P384)).await.unwrap_err();
    bench.double.describe(key.as_str(), |key| key.state = "Disabled".to_owned());
    let disabled = ensure_key(&bench.client, &wanted("alias/ca", KeyKind::P256)).await.unwrap_err();

    assert_eq!(
        other.to_string(),
        "alias/ca is a key of spec ECC_NIST_P256 and usage SIGN_VERIFY, not a signing key of spec ECC_NIST_P384; \
         choose another alias"
    );
    assert_eq!(
        disabled.to_string(),
        format!("the key {key} behind alias/ca is Disabled, not enabled; enable it, or choose another alias")
    );
    assert!(bench.double.requests("CreateKey").is_empty());
}

#[tokio::test]
async fn what_is_no_alias_or_no_kind_of_kms_is_refused_before_anything_is_made() {
    let bench = Bench::new().await;
    let long = KeyKind::Rsa { bits: 8192 };

    for alias in ["stepless", "alias/", "alias/aws/ca", "arn:aws:kms:us-east-1:111122223333:alias/ca"] {
        let refused = ensure_key(&bench.client, &wanted(alias, KeyKind::P256)).await.unwrap_err();
        assert!(matches!(&refused, EnsureKeyError::Alias(named) if named.as_str() == alias), "{refused:?}");
    }
    let refused = ensure_key(&bench.client, &wanted("alias/ca", long)).await.unwrap_err();

    assert_eq!(refused.to_string(), "KMS makes no RSA 8192 keys");
    assert!(bench.double.states().is_empty());
}

#[tokio::test]
async fn the_emulator_makes_a_key_once_and_finds_it() {
    let client = client(&Ministack::shared().unwrap().url());
    let wanted = wanted("alias/stepless-admin-test", KeyKind::P256);

    let made = ensure_key(&client, &wanted).await.unwrap();
    let found = ensure_key(&client, &wanted).await.unwrap();

    assert_eq!((made.origin, found.origin), (Origin::Made, Origin::Found));
    assert_eq!(made.arn, found.arn);
    let described = client.describe_key().key_id(made.arn.as_str()).send().await.unwrap();
    assert_eq!(described.key_metadata().unwrap().key_state(), Some(&KeyState::Enabled));
}
