//! Throttled, conflicting, forbidden: what DynamoDB refuses is never taken for a condition that failed.

use std::time::Duration;

use rstest::rstest;
use stepless_aws::dynamodb::TimeLimits;
use stepless_core::store::{CommitError, Condition, Store, StoreError, Write};
use stepless_localstack::proxy::{AwsError, Fault, Rule, When};

use crate::table::{Weather, both, check, delete, found, put};

/// Three writes of every kind.
fn transaction() -> Vec<Write> {
    vec![
        put("one", Condition::Absent, "one"),
        check("never", Condition::Absent),
        delete("gone", Condition::Any),
    ]
}

#[rstest]
#[case::conflict("TransactionConflict")]
#[case::capacity("ProvisionedThroughputExceeded")]
#[case::throttled("ThrottlingError")]
#[tokio::test]
async fn d5_a_write_cancelled_for_another_reason_than_its_condition_is_tried_again(#[case] code: &str) {
    for url in both() {
        for position in 0..3 {
            let weather = Weather::at(&url).await;
            let mut codes = ["None"; 3];
            codes[position] = code;
            let cancelled = Fault::Answer(AwsError::transaction_canceled(&codes));
            weather.proxy.add(Rule::new("TransactWriteItems", When::First(2), cancelled));

            weather.store.commit(transaction()).await.unwrap();

            assert_eq!(found(&weather.fair, "one").await, Some((1, "one".to_owned())));
            let calls = weather.proxy.calls();
            assert_eq!(calls.len(), 3);
            assert!(calls.iter().all(|call| *call == calls[0]), "an attempt differs from the first one");
        }
    }
}

#[tokio::test]
async fn d5_a_condition_behind_a_busy_write_is_looked_at_again() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.fair.commit(vec![put("two", Condition::Absent, "there")]).await.unwrap();
        let codes = ["TransactionConflict", "ConditionalCheckFailed"];
        let cancelled = Fault::Answer(AwsError::transaction_canceled(&codes));
        weather.proxy.add(Rule::first("TransactWriteItems", cancelled));
        let writes = vec![put("one", Condition::Present, "no"), put("two", Condition::Absent, "no")];

        let answer = weather.store.commit(writes).await;

        assert!(matches!(answer, Err(CommitError::Conflict { write: 0, found: None })), "{answer:?}");
        assert_eq!(weather.proxy.count("TransactWriteItems"), 2);
    }
}

#[rstest]
#[case::validation("ValidationError")]
#[case::unheard_of("SomethingNew")]
#[tokio::test]
async fn d4_d5_a_commit_refused_at_any_position_fails_and_leaves_nothing_behind(#[case] code: &str) {
    for url in both() {
        let weather = Weather::at(&url).await;
        for position in 0..3 {
            let mut codes = ["None"; 3];
            codes[position] = code;
            let cancelled = Fault::Answer(AwsError::transaction_canceled(&codes));
            weather.proxy.add(Rule::first("TransactWriteItems", cancelled));

            let answer = weather.store.commit(transaction()).await;

            assert!(matches!(answer, Err(CommitError::Store(StoreError::Failed(_)))), "{answer:?}");
            assert_eq!(found(&weather.fair, "one").await, None);
            weather.proxy.clear_rules();
        }

        weather.store.commit(transaction()).await.unwrap();
        assert_eq!(found(&weather.fair, "one").await, Some((1, "one".to_owned())));
    }
}

#[rstest]
#[case::throttled("ThrottlingException", 400)]
#[case::capacity("ProvisionedThroughputExceededException", 400)]
#[case::account_limit("RequestLimitExceeded", 400)]
#[case::conflict("TransactionConflictException", 400)]
#[case::in_progress("TransactionInProgressException", 400)]
#[case::internal("InternalServerError", 500)]
#[case::unavailable("ServiceUnavailable", 503)]
#[tokio::test]
async fn d5_calls_that_were_refused_for_the_moment_are_made_again(#[case] kind: &str, #[case] status: u16) {
    for url in both() {
        let weather = Weather::at(&url).await;
        for operation in ["UpdateItem", "TransactWriteItems", "GetItem", "BatchGetItem"] {
            weather.proxy.add(Rule::first(operation, Fault::Answer(AwsError::new(status, kind))));
        }

        weather.store.commit(vec![put("one", Condition::Absent, "one")]).await.unwrap();
        weather.store.commit(vec![delete("two", Condition::Any)]).await.unwrap();
        assert_eq!(found(weather.store.as_ref(), "one").await, Some((1, "one".to_owned())));
        weather.store.get_many(&[crate::table::key("one")]).await.unwrap();

        for operation in ["UpdateItem", "TransactWriteItems", "GetItem", "BatchGetItem"] {
            assert_eq!(weather.proxy.count(operation), 2, "{operation}");
        }
    }
}

#[tokio::test]
async fn d5_what_stays_busy_is_unavailable_after_the_time_of_the_operation() {
    let limits = TimeLimits { attempt: Duration::from_millis(500), operation: Duration::from_secs(1) };
    for url in both() {
        let weather = Weather::at(&url).await;
        let busy = AwsError::transaction_canceled(&["TransactionConflict", "None", "None"]);
        weather.proxy.add(Rule::every("TransactWriteItems", Fault::Answer(busy)));
        let throttled = AwsError::new(400, "ThrottlingException");
        weather.proxy.add(Rule::of_any(When::Every, Fault::Answer(throttled)));
        let store = weather.store.as_ref().clone().with_time_limits(limits);

        let commit = store.commit(transaction()).await;
        let put = store.commit(vec![put("one", Condition::Absent, "one")]).await;
        let get = store.get(&crate::table::key("one")).await;

        assert!(matches!(commit, Err(CommitError::Store(StoreError::Unavailable(_)))), "{commit:?}");
        assert!(matches!(put, Err(CommitError::Store(StoreError::Unavailable(_)))), "{put:?}");
        assert!(matches!(get, Err(StoreError::Unavailable(_))), "{get:?}");
        assert!((3..40).contains(&weather.proxy.calls().len()), "{:?}", weather.proxy.operations());
    }
}

#[rstest]
#[case::forbidden("AccessDeniedException")]
#[case::no_table("ResourceNotFoundException")]
#[case::invalid("ValidationException")]
#[tokio::test]
async fn d5_a_call_that_never_succeeds_is_made_once_and_its_error_names_table_and_cause(#[case] kind: &str) {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.proxy.add(Rule::of_any(When::Every, Fault::Answer(AwsError::new(400, kind))));

        let Err(CommitError::Store(StoreError::Failed(error))) = weather.store.commit(transaction()).await
        else {
            panic!("the commit should have failed");
        };

        let error = error.to_string();
        assert!(error.contains("TransactWriteItems on the table stepless-"), "{error}");
        assert!(error.contains(kind), "{error}");
        assert_eq!(weather.proxy.calls().len(), 1);
    }
}

#[tokio::test]
async fn a_put_without_condition_over_an_expired_record_takes_a_second_call() {
    for url in both() {
        let weather = Weather::at(&url).await;
        let until = "2100-01-01T00:00:10Z".parse().unwrap();
        let short = crate::table::put_until("one", Condition::Absent, "short", until);
        weather.fair.commit(vec![short]).await.unwrap();
        weather.clock.advance(10);

        weather.store.commit(vec![put("one", Condition::Any, "long")]).await.unwrap();
        weather.store.commit(vec![put("one", Condition::Any, "longer")]).await.unwrap();

        assert_eq!(found(&weather.fair, "one").await, Some((2, "longer".to_owned())));
        assert_eq!(weather.proxy.operations(), ["UpdateItem"; 3]);
    }
}
