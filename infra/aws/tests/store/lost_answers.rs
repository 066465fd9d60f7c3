//! The commit worked and the answer was lost: whoever asks again is told that it was their own.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use stepless_aws::dynamodb::TimeLimits;
use stepless_core::store::{CommitError, Condition, Store, StoreError, Write};
use stepless_localstack::proxy::{AwsError, Fault, Gate, Proxy, Rule, When};

use crate::table::{Weather, both, check, delete, found, put, put_until};

fn lost() -> [Fault; 2] {
    [Fault::DropAfter, Fault::AnswerAfter(AwsError::new(500, "InternalServerError"))]
}

/// What stood before, and what a lost commit makes of it.
#[rstest]
#[case::created(None, vec![put("one", Condition::Absent, "new")], Some((1, "new")))]
#[case::updated(Some("old"), vec![put("one", Condition::Version(1), "new")], Some((2, "new")))]
#[case::replaced(Some("old"), vec![put("one", Condition::Present, "new")], Some((2, "new")))]
#[case::put(Some("old"), vec![put("one", Condition::Any, "new")], Some((2, "new")))]
#[case::put_first(None, vec![put("one", Condition::Any, "new")], Some((1, "new")))]
#[case::deleted(Some("old"), vec![delete("one", Condition::Present)], None)]
#[case::deleted_a_version(Some("old"), vec![delete("one", Condition::Version(1))], None)]
#[case::checked(Some("old"), vec![check("one", Condition::Version(1))], Some((1, "old")))]
#[case::several(
    None,
    vec![put("one", Condition::Absent, "new"), put("two", Condition::Any, "two"), check("three", Condition::Absent)],
    Some((1, "new"))
)]
#[case::several_over_one(
    Some("old"),
    vec![check("three", Condition::Absent), put("one", Condition::Present, "new")],
    Some((2, "new"))
)]
#[tokio::test]
async fn d6_a_commit_whose_answer_was_lost_is_found_again_and_not_made_twice(
    #[case] before: Option<&str>,
    #[case] writes: Vec<Write>,
    #[case] after: Option<(u64, &str)>,
) {
    for url in both() {
        for fault in lost() {
            let weather = Weather::at(&url).await;
            if let Some(before) = before {
                weather.fair.commit(vec![put("one", Condition::Absent, before)]).await.unwrap();
            }
            weather.proxy.add(Rule::of_any(When::First(2), fault));

            weather.store.commit(writes.clone()).await.unwrap();

            let after = after.map(|(version, value)| (version, value.to_owned()));
            assert_eq!(found(&weather.fair, "one").await, after);
            assert_eq!(weather.proxy.calls().len(), 3);
        }
    }
}

#[tokio::test]
async fn d6_a_commit_that_timed_out_is_found_again() {
    for url in both() {
        let weather = Weather::at(&url).await;
        let gate = Gate::closed();
        weather.proxy.add(Rule::of_any(When::Nth(1), Fault::HoldAfter(gate.clone())));
        let limits = TimeLimits { attempt: Duration::from_secs(2), operation: Duration::from_secs(60) };
        let store = weather.store.as_ref().clone().with_time_limits(limits);

        store.commit(vec![put("one", Condition::Absent, "one")]).await.unwrap();

        assert_eq!(found(&weather.fair, "one").await, Some((1, "one".to_owned())));
        gate.open();
    }
}

/// The attempt reaches the engine after the one that replaced it.
#[tokio::test]
async fn d6_an_attempt_that_comes_late_changes_nothing_any_more() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.fair.commit(vec![put("one", Condition::Absent, "old")]).await.unwrap();
        let gate = Gate::closed();
        weather.proxy.add(Rule::of_any(When::Nth(1), Fault::HoldBefore(gate.clone())));
        let limits = TimeLimits { attempt: Duration::from_secs(2), operation: Duration::from_secs(60) };
        let store = weather.store.as_ref().clone().with_time_limits(limits);

        store.commit(vec![put("one", Condition::Any, "new")]).await.unwrap();
        gate.open();
        store.commit(vec![put("two", Condition::Any, "two")]).await.unwrap();

        assert_eq!(found(&weather.fair, "one").await, Some((2, "new".to_owned())));
    }
}

#[tokio::test]
async fn d6_a_commit_that_never_arrived_is_made() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.proxy.add(Rule::of_any(When::First(2), Fault::DropBefore));

        weather.store.commit(vec![put("one", Condition::Absent, "one")]).await.unwrap();

        assert_eq!(found(&weather.fair, "one").await, Some((1, "one".to_owned())));
    }
}

#[tokio::test]
async fn d6_a_conflict_with_somebody_else_stays_one_when_an_answer_was_lost() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.fair.commit(vec![put("one", Condition::Absent, "theirs")]).await.unwrap();
        weather.proxy.add(Rule::of_any(When::First(1), Fault::DropBefore));

        let single = weather.store.commit(vec![put("one", Condition::Absent, "ours")]).await;
        weather.proxy.clear_rules();
        weather.proxy.add(Rule::of_any(When::First(1), Fault::DropBefore));
        let several = vec![put("one", Condition::Absent, "ours"), check("two", Condition::Absent)];
        let several = weather.store.commit(several).await;

        for answer in [single, several] {
            let Err(CommitError::Conflict { write: 0, found: Some(record) }) = answer else {
                panic!("should have been a conflict: {answer:?}");
            };
            assert_eq!(record.value, b"theirs");
        }
    }
}

/// Ours was applied and lost, then somebody wrote over it: neither "conflict" nor "applied" would be honest.
#[tokio::test]
async fn d6_a_lost_put_that_somebody_wrote_over_is_not_called_a_conflict() {
    for url in both() {
        let weather = Weather::at(&url).await;
        let gate = Gate::closed();
        weather.proxy.add(Rule::of_any(When::Nth(1), Fault::DropAfter));
        weather.proxy.add(Rule::of_any(When::Nth(2), Fault::HoldBefore(gate.clone())));
        let store = Arc::clone(&weather.store);
        let ours =
            tokio::spawn(async move { store.commit(vec![put("one", Condition::Absent, "ours")]).await });

        gate.arrived(1).await;
        weather.fair.commit(vec![put("one", Condition::Version(1), "theirs")]).await.unwrap();
        gate.open();

        let answer = ours.await.unwrap();
        assert!(matches!(answer, Err(CommitError::Store(StoreError::Unavailable(_)))), "{answer:?}");
        assert_eq!(found(&weather.fair, "one").await, Some((2, "theirs".to_owned())));
    }
}

/// A client token is remembered for ten minutes. The engine here forgets it at once, and the clock stands for the pause.
#[tokio::test]
async fn d6_after_a_pause_of_eleven_minutes_a_commit_still_knows_its_own_records() {
    for url in both() {
        let weather = Weather::at(&url).await;
        let gate = Gate::closed();
        let forget = Fault::rewrite_json(|json| json["ClientRequestToken"] = "forgotten".into());
        weather.proxy.add(Rule::of_any(When::Nth(1), forget));
        weather.proxy.add(Rule::of_any(When::Nth(2), Fault::HoldBefore(gate.clone())));
        let outer = Proxy::start(weather.proxy.url()).await.unwrap();
        outer.add(Rule::of_any(When::Nth(1), Fault::DropAfter));
        let store = weather.through(outer.url());
        let writes = vec![put("one", Condition::Absent, "ours"), check("two", Condition::Absent)];
        let ours = tokio::spawn(async move { store.commit(writes).await });

        gate.arrived(1).await;
        weather.clock.advance(11 * 60);
        gate.open();

        ours.await.unwrap().unwrap();
        assert_eq!(found(&weather.fair, "one").await, Some((1, "ours".to_owned())));
    }
}

/// Nothing bears the id of a commit that only deletes: after the pause nobody can say whose deletion it was.
#[tokio::test]
async fn d6_after_a_pause_of_eleven_minutes_a_deletion_is_not_called_a_conflict() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.fair.commit(vec![put("one", Condition::Absent, "nonce")]).await.unwrap();
        let gate = Gate::closed();
        let forget = Fault::rewrite_json(|json| json["ClientRequestToken"] = "forgotten-too".into());
        weather.proxy.add(Rule::of_any(When::Nth(1), forget));
        weather.proxy.add(Rule::of_any(When::Nth(2), Fault::HoldBefore(gate.clone())));
        let outer = Proxy::start(weather.proxy.url()).await.unwrap();
        outer.add(Rule::of_any(When::Nth(1), Fault::DropAfter));
        let store = weather.through(outer.url());
        let ours = tokio::spawn(async move { store.commit(vec![delete("one", Condition::Present)]).await });

        gate.arrived(1).await;
        weather.clock.advance(11 * 60);
        gate.open();

        let answer = ours.await.unwrap();
        assert!(matches!(answer, Err(CommitError::Store(StoreError::Unavailable(_)))), "{answer:?}");
    }
}

/// Fifty clients in two processes, a fifth of all calls lost after they were applied and as many before.
#[rstest]
#[case::d2_updates(Some("before"), Condition::Version(1))]
#[case::d3_creations(None, Condition::Absent)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d6_one_of_fifty_wins_and_knows_it_although_answers_are_lost(
    #[case] before: Option<&str>,
    #[case] condition: Condition,
) {
    for url in both() {
        for several in [Some("mark"), None] {
            let weather = Weather::at(&url).await;
            if let Some(before) = before {
                weather.fair.commit(vec![put("one", Condition::Absent, before)]).await.unwrap();
            }
            weather.proxy.add(Rule::of_any(When::Percent(20), Fault::DropAfter));
            weather.proxy.add(Rule::of_any(When::Percent(20), Fault::DropBefore));
            let processes = [weather.other_process(), weather.other_process()];

            let racers: Vec<_> = (0..50)
                .map(|racer| {
                    let store = processes[racer % 2].clone();
                    let mut writes = vec![put("one", condition, &racer.to_string())];
                    writes.extend(several.map(|name| check(name, Condition::Absent)));
                    tokio::spawn(async move { (racer, store.commit(writes).await) })
                })
                .collect();
            let mut winners = Vec::new();
            for racer in racers {
                match racer.await.unwrap() {
                    (racer, Ok(())) => winners.push(racer.to_string()),
                    (_, Err(CommitError::Conflict { write: 0, .. })) => {}
                    (_, Err(error)) => panic!("{error:?}"),
                }
            }

            let (version, value) = found(&weather.fair, "one").await.unwrap();
            assert_eq!(winners, [value]);
            assert_eq!(version, if before.is_some() { 2 } else { 1 });
        }
    }
}

/// What forbids the second attempt says nothing of the first one.
#[rstest]
#[case::one(vec![put("one", Condition::Absent, "ours")])]
#[case::several(vec![put("one", Condition::Absent, "ours"), check("two", Condition::Absent)])]
#[tokio::test]
async fn d6_a_lost_commit_whose_retry_is_forbidden_is_not_called_failed(#[case] writes: Vec<Write>) {
    for url in both() {
        for fault in [
            Fault::Answer(AwsError::new(400, "AccessDeniedException")),
            Fault::Answer(AwsError::transaction_canceled(&["ValidationError", "None"])),
        ] {
            let weather = Weather::at(&url).await;
            weather.proxy.add(Rule::of_any(When::Nth(1), Fault::DropAfter));
            weather.proxy.add(Rule::of_any(When::Every, fault));

            let answer = weather.store.commit(writes.clone()).await;

            assert!(matches!(answer, Err(CommitError::Store(StoreError::Unavailable(_)))), "{answer:?}");
            assert_eq!(found(&weather.fair, "one").await, Some((1, "ours".to_owned())));
        }
    }
}

/// Without an answer in time nobody is told that it was used.
#[tokio::test]
async fn d6_a_commit_whose_answers_are_all_lost_is_unavailable_and_its_retry_is_somebody_else() {
    let limits = TimeLimits { attempt: Duration::from_millis(500), operation: Duration::from_secs(1) };
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.proxy.add(Rule::of_any(When::Every, Fault::DropAfter));
        let until = "2100-01-01T01:00:00Z".parse().unwrap();
        let token = vec![put_until("one", Condition::Absent, "spent", until)];
        let store = weather.store.as_ref().clone().with_time_limits(limits);

        let answer = store.commit(token.clone()).await;
        assert!(matches!(answer, Err(CommitError::Store(StoreError::Unavailable(_)))), "{answer:?}");
        weather.proxy.clear_rules();

        let answer = weather.store.commit(token).await;
        assert!(matches!(answer, Err(CommitError::Conflict { write: 0, found: Some(_) })), "{answer:?}");
    }
}
