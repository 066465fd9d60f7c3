//! What no store takes, and the most that every store takes.

use super::{
    CommitError, Condition, Index, Key, Query, Source, Subject, Write, all, delete, put, put_indexed,
};
use crate::store::key::{MAX_PARTITION, MAX_SORT};
use crate::store::{Cursor, IndexEntry, MAX_VALUE, MAX_WRITES, StoreError};

#[track_caller]
fn refused(subject: &Subject, writes: Vec<Write>) -> impl Future<Output = ()> {
    let at = std::panic::Location::caller();
    async move {
        let answer = subject.store.commit(writes).await;
        assert!(
            matches!(answer, Err(CommitError::Store(StoreError::Failed(_)))),
            "the commit at {at} should have been refused: {answer:?}"
        );
    }
}

/// Whatever the two writes are; nothing is applied.
pub async fn a_key_twice_in_one_commit_is_refused(subject: Subject) {
    let (key, other) = (Key::new(&["twice"], &["key"]), Key::new(&["twice"], &["other"]));
    let twins = [
        put(&key, Condition::Any, "again"),
        delete(&key, Condition::Any),
        super::check(&key, Condition::Absent),
    ];

    for twin in twins {
        let writes = vec![put(&other, Condition::Any, "other"), put(&key, Condition::Absent, "first"), twin];
        refused(&subject, writes).await;
    }

    assert_eq!(subject.get(&key).await, None);
    assert_eq!(subject.get(&other).await, None);
}

/// A record has at most one place in each index.
pub async fn an_index_twice_in_one_record_is_refused(subject: Subject) {
    let key = Key::new(&["two-places"], &["key"]);
    let (one, other) = (Key::new(&["two-places"], &["one"]), Key::new(&["two-places"], &["other"]));

    refused(&subject, vec![put_indexed(&key, "value", &[(Index::Name, &one), (Index::Name, &other)])]).await;
    refused(&subject, vec![put_indexed(&key, "value", &[(Index::Name, &one), (Index::Name, &one)])]).await;

    assert_eq!(subject.get(&key).await, None);
}

/// Too many writes, too long a value, keys that are empty or too long, in the table and in an index.
pub async fn d10_what_is_too_large_is_refused_up_front(subject: Subject) {
    let many =
        (0..=MAX_WRITES).map(|number| delete(&Key::new(&["large"], &[&number.to_string()]), Condition::Any));
    refused(&subject, many.collect()).await;

    let good = Key::new(&["large"], &["value"]);
    refused(&subject, vec![put(&good, Condition::Absent, &"x".repeat(MAX_VALUE + 1))]).await;

    let lengths = [(0, 1), (1, 0), (MAX_PARTITION + 1, 1), (1, MAX_SORT + 1)];
    for key in
        lengths.map(|(partition, sort)| Key { partition: "p".repeat(partition), sort: "s".repeat(sort) })
    {
        refused(&subject, vec![put(&key, Condition::Absent, "value")]).await;
        refused(&subject, vec![delete(&key, Condition::Any)]).await;
        refused(&subject, vec![put_indexed(&good, "value", &[(Index::Name, &key)])]).await;
    }

    assert_eq!(subject.get(&good).await, None);
}

/// The most writes, the longest value, the longest keys, in every index.
pub async fn d10_the_largest_commit_fits(subject: Subject) {
    let at = |number: usize| Key::new(&["largest"], &[&number.to_string()]);
    let longest = Key { partition: "é".repeat(MAX_PARTITION / 2), sort: "s".repeat(MAX_SORT) };
    let places = [Index::History, Index::Name, Index::Provisioner];
    let indexes: Vec<_> =
        places.into_iter().map(|index| IndexEntry { index, key: longest.clone() }).collect();
    let value = vec![0xA5; MAX_VALUE];
    let largest = Write::Put {
        key: longest.clone(),
        condition: Condition::Absent,
        value: value.clone(),
        expires: None,
        indexes,
    };
    let mut writes: Vec<Write> =
        (1..MAX_WRITES).map(|number| put(&at(number), Condition::Absent, "small")).collect();
    writes.push(largest);

    subject.commit(writes).await;

    let record = subject.get(&longest).await.expect("the record exists");
    assert!(record.value == value, "the value came back changed");
    assert_eq!(record.key, longest);
    for index in places {
        let (records, _) = subject.pages(all(Source::Index(index, longest.partition.clone()))).await;
        assert!(records == [record.clone()], "{index:?} does not find the record");
    }
    assert_eq!(subject.get(&at(MAX_WRITES - 1)).await.expect("the record exists").version, 1);
}

/// Callers need not treat it on its own.
pub async fn a_commit_of_nothing_succeeds(subject: Subject) {
    subject.commit(Vec::new()).await;
}

/// The caller is wrong; trying again does not help.
pub async fn a_page_of_no_records_and_a_foreign_cursor_are_refused(subject: Subject) {
    let query = all(Source::Partition("foreign".into()));
    let foreign = ["", "x", "-1:", "9:a", "99999999999999999999:a", "\u{1F510}", "zz"];

    let answer = subject.store.query(&Query { limit: 0, ..query.clone() }).await;
    assert!(matches!(answer, Err(StoreError::Failed(_))), "{answer:?}");
    for cursor in foreign {
        let cursor = Some(Cursor(cursor.to_owned()));
        let answer = subject.store.query(&Query { cursor, ..query.clone() }).await;
        assert!(matches!(answer, Err(StoreError::Failed(_))), "{answer:?}");
    }
}
