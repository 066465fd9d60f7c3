//! All or nothing, and one winner of every race.

use std::sync::Arc;

use super::{
    CommitError, Condition, Index, Key, Source, Subject, Write, all, check, delete, put, put_indexed,
};

/// For each position, a commit whose write there fails: nothing of it is visible, and it succeeds once that write is
/// right.
pub async fn d4_a_commit_that_fails_at_any_position_leaves_nothing_behind(subject: Subject) {
    const WRITES: usize = 6;
    for failing in 0..WRITES {
        let partition = failing.to_string();
        let key = |name: &str| Key::new(&["d4", &partition], &[name]);
        let place = Key::new(&["d4", &partition], &["place"]);
        subject
            .commit(vec![
                put(&key("old"), Condition::Absent, "old"),
                put(&key("gone"), Condition::Absent, "gone"),
            ])
            .await;
        let writes = |right: bool| -> Vec<Write> {
            let condition = |position: usize, good: Condition| {
                if right || position != failing { good } else { Condition::Version(77) }
            };
            let mut indexed = put_indexed(&key("indexed"), "indexed", &[(Index::Name, &place)]);
            if let Write::Put { condition: of_indexed, .. } = &mut indexed {
                *of_indexed = condition(5, Condition::Absent);
            }
            vec![
                put(&key("new"), condition(0, Condition::Absent), "new"),
                put(&key("old"), condition(1, Condition::Version(1)), "changed"),
                delete(&key("gone"), condition(2, Condition::Present)),
                check(&key("never"), condition(3, Condition::Absent)),
                put(&key("any"), condition(4, Condition::Any), "any"),
                indexed,
            ]
        };

        let (write, _) = subject.conflict(writes(false)).await;

        assert_eq!(write, failing);
        subject.finds(all(Source::Partition(place.partition.clone())), &["gone", "old"]).await;
        subject.finds(all(Source::Index(Index::Name, place.partition.clone())), &[]).await;
        assert_eq!(subject.get(&key("old")).await.expect("the record exists").version, 1);

        subject.commit(writes(true)).await;

        subject
            .finds(all(Source::Partition(place.partition.clone())), &["any", "indexed", "new", "changed"])
            .await;
        subject.finds(all(Source::Index(Index::Name, place.partition.clone())), &["indexed"]).await;
    }
}

/// With several wrong conditions, the first write in the order of the commit.
pub async fn a_conflict_names_the_first_write_that_failed_and_what_stood_there(subject: Subject) {
    let key = |name: &str| Key::new(&["conflict"], &[name]);
    subject
        .commit(vec![put(&key("a"), Condition::Absent, "a"), put(&key("b"), Condition::Absent, "b")])
        .await;

    let writes = vec![
        put(&key("c"), Condition::Absent, "c"),
        put(&key("b"), Condition::Absent, "again"),
        put(&key("a"), Condition::Absent, "again"),
        check(&key("d"), Condition::Present),
    ];
    assert_eq!(subject.conflict(writes).await, (1, subject.get(&key("b")).await));
    let writes = vec![check(&key("d"), Condition::Present), put(&key("b"), Condition::Absent, "again")];
    assert_eq!(subject.conflict(writes).await, (0, None));
}

/// A write of a commit does not see another write of the same commit.
pub async fn conditions_look_at_the_state_before_the_commit(subject: Subject) {
    let (one, other) = (Key::new(&["before"], &["one"]), Key::new(&["before"], &["other"]));

    subject.commit(vec![put(&one, Condition::Absent, "one"), check(&other, Condition::Absent)]).await;
    subject.commit(vec![delete(&one, Condition::Present), put(&other, Condition::Absent, "other")]).await;
    subject.commit(vec![put(&one, Condition::Absent, "one"), delete(&other, Condition::Present)]).await;

    assert_eq!(subject.get(&one).await.expect("the record exists").version, 1);
    assert_eq!(subject.get(&other).await, None);
}

/// One-time means once: creations race.
pub async fn d3_of_200_creations_of_one_key_exactly_one_wins(subject: Subject) {
    let key = Key::new(&["race-create"], &["token"]);

    let winners = race(&subject, |racer| {
        // Each also leaves a mark of its own, which only the winner's may survive.
        let mark = Key::new(&["race-create-marks"], &[&racer]);
        vec![put(&mark, Condition::Any, &racer), put(&key, Condition::Absent, &racer)]
    })
    .await;

    let record = subject.get(&key).await.expect("the record exists");
    assert_eq!(winners, [String::from_utf8_lossy(&record.value)]);
    assert_eq!(record.version, 1);
    subject
        .finds(all(Source::Partition(crate::store::key::join(&["race-create-marks"]))), &[&winners[0]])
        .await;
}

/// Check-then-act: all have read version 1, one may write.
pub async fn d2_of_200_updates_of_one_version_exactly_one_wins(subject: Subject) {
    let key = Key::new(&["race-update"], &["order"]);
    subject.commit(vec![put(&key, Condition::Absent, "before")]).await;

    let winners = race(&subject, |racer| vec![put(&key, Condition::Version(1), &racer)]).await;

    let record = subject.get(&key).await.expect("the record exists");
    assert_eq!(winners, [String::from_utf8_lossy(&record.value)]);
    assert_eq!(record.version, 2);
}

/// A deletion that removed nothing does not count as spent.
pub async fn d3_of_200_deletions_of_one_record_exactly_one_wins(subject: Subject) {
    let key = Key::new(&["race-delete"], &["nonce"]);
    subject.commit(vec![put(&key, Condition::Absent, "nonce")]).await;

    let winners = race(&subject, |_| vec![delete(&key, Condition::Present)]).await;

    assert_eq!(winners.len(), 1);
    assert_eq!(subject.get(&key).await, None);
}

/// Two commits that each write what the other one watches: as if one came after the other, so not both.
pub async fn commits_that_cross_are_put_in_some_order(subject: Subject) {
    for round in 0..50 {
        let key = |name: &str| Key::new(&["cross", &round.to_string()], &[name]);
        let (one, other) = (key("one"), key("other"));
        let cross = |written: &Key, watched: &Key| {
            vec![check(watched, Condition::Absent), put(written, Condition::Absent, "written")]
        };
        let (store, writes) = (Arc::clone(&subject.store), cross(&one, &other));

        let crossing = tokio::spawn(async move { store.commit(writes).await });
        let answers = [subject.store.commit(cross(&other, &one)).await, crossing.await.expect("no panic")];

        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        assert_ne!(subject.get(&one).await.is_some(), subject.get(&other).await.is_some());
    }
}

/// From other tasks, too, and with queries of the table.
pub async fn a_read_sees_every_commit_that_ended_before(subject: Subject) {
    let key = Key::new(&["fresh"], &["key"]);
    for version in 1..=100 {
        subject.commit(vec![put(&key, Condition::Any, &version.to_string())]).await;

        let (reader, read_key) = (subject.clone(), key.clone());
        let read = tokio::spawn(async move {
            let query = all(Source::Partition(read_key.partition.clone()));
            (reader.get(&read_key).await, reader.pages(query).await.0)
        });
        let (got, queried) = read.await.expect("no panic");

        assert_eq!(got.as_ref().map(|record| record.version), Some(version));
        assert_eq!(queried, got.into_iter().collect::<Vec<_>>());
    }
}

const RACERS: usize = 200;

/// Who won; everyone else lost to a conflict at the last write, which the racers share.
///
/// An engine may also answer that it is busy with another racer; then the racer tries again, as clients do.
async fn race(subject: &Subject, writes: impl Fn(String) -> Vec<Write>) -> Vec<String> {
    let racers: Vec<_> = (0..RACERS)
        .map(|racer| {
            let (store, writes) = (Arc::clone(&subject.store), writes(racer.to_string()));
            tokio::spawn(async move {
                loop {
                    match store.commit(writes.clone()).await {
                        Err(CommitError::Store(crate::store::StoreError::Unavailable(_))) => {}
                        answer => return answer,
                    }
                }
            })
        })
        .collect();
    let mut winners = Vec::new();
    for (number, racer) in racers.into_iter().enumerate() {
        match racer.await.expect("no panic") {
            Ok(()) => winners.push(number.to_string()),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => panic!("racer {number}: {error:?}"),
        }
    }
    winners
}
