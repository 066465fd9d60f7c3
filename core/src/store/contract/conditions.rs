//! What the conditions of a commit look at, and what puts and deletes do to versions.

use super::{Condition, Key, Subject, check, delete, put};

/// Absent: the first creation succeeds, the second is a conflict.
pub async fn absent_holds_of_nothing_and_only_once(subject: Subject) {
    let key = Key::new(&["absent"], &["key"]);

    subject.commit(vec![put(&key, Condition::Absent, "first")]).await;
    let (write, found) = subject.conflict(vec![put(&key, Condition::Absent, "second")]).await;

    let record = subject.get(&key).await.expect("the record exists");
    assert_eq!(record.value, b"first");
    assert_eq!(record.key, key);
    assert_eq!((record.version, record.expires), (1, None));
    assert_eq!((write, found), (0, Some(record)));
}

/// Present: a conflict over nothing, holds over a record.
pub async fn present_holds_of_a_record_and_only_then(subject: Subject) {
    let key = Key::new(&["present"], &["key"]);

    assert_eq!(subject.conflict(vec![put(&key, Condition::Present, "early")]).await, (0, None));
    assert_eq!(subject.get(&key).await, None);
    subject.commit(vec![put(&key, Condition::Absent, "first")]).await;
    subject.commit(vec![put(&key, Condition::Present, "second")]).await;

    assert_eq!(subject.get(&key).await.expect("the record exists").value, b"second");
}

/// Version: neither an older nor a newer one, nor nothing.
pub async fn version_holds_of_exactly_that_version(subject: Subject) {
    let key = Key::new(&["version"], &["key"]);

    assert_eq!(subject.conflict(vec![put(&key, Condition::Version(1), "early")]).await, (0, None));
    assert_eq!(subject.conflict(vec![put(&key, Condition::Version(0), "early")]).await, (0, None));
    subject.commit(vec![put(&key, Condition::Absent, "first")]).await;
    subject.commit(vec![put(&key, Condition::Version(1), "second")]).await;
    for wrong in [0, 1, 3, u64::MAX] {
        let (_, found) = subject.conflict(vec![put(&key, Condition::Version(wrong), "wrong")]).await;
        assert_eq!(found.expect("the record exists").version, 2);
    }

    assert_eq!(subject.get(&key).await.expect("the record exists").value, b"second");
}

/// Any: over nothing and over a record.
pub async fn any_holds_always(subject: Subject) {
    let key = Key::new(&["any"], &["key"]);

    subject.commit(vec![check(&key, Condition::Any)]).await;
    subject.commit(vec![put(&key, Condition::Any, "first")]).await;
    subject.commit(vec![put(&key, Condition::Any, "second")]).await;
    subject.commit(vec![check(&key, Condition::Any)]).await;

    assert_eq!(subject.get(&key).await.expect("the record exists").value, b"second");
}

/// 1, 2, 3, whatever the condition of the put.
pub async fn the_version_is_one_more_at_every_put(subject: Subject) {
    let key = Key::new(&["versions"], &["key"]);

    let conditions = [Condition::Absent, Condition::Version(1), Condition::Present, Condition::Any];
    for (condition, version) in conditions.into_iter().zip(1..) {
        subject.commit(vec![put(&key, condition, "value")]).await;
        assert_eq!(subject.get(&key).await.expect("the record exists").version, version);
    }
}

/// A deletion leaves no trace, not even of the version.
pub async fn a_deleted_record_is_gone_and_begins_again_at_version_one(subject: Subject) {
    let key = Key::new(&["delete"], &["key"]);

    subject.commit(vec![put(&key, Condition::Absent, "first")]).await;
    subject.commit(vec![put(&key, Condition::Present, "second")]).await;
    subject.commit(vec![delete(&key, Condition::Version(2))]).await;
    assert_eq!(subject.get(&key).await, None);
    subject.commit(vec![put(&key, Condition::Absent, "third")]).await;

    assert_eq!(subject.get(&key).await.expect("the record exists").version, 1);
}

/// A deletion that must have removed something asks for it in its condition.
pub async fn a_delete_of_nothing_succeeds_unless_a_record_is_asked_for(subject: Subject) {
    let key = Key::new(&["delete-nothing"], &["key"]);

    subject.commit(vec![delete(&key, Condition::Any)]).await;
    subject.commit(vec![delete(&key, Condition::Absent)]).await;
    assert_eq!(subject.conflict(vec![delete(&key, Condition::Present)]).await, (0, None));
    assert_eq!(subject.conflict(vec![delete(&key, Condition::Version(1))]).await, (0, None));
}

/// A check that holds lets the others through and leaves the record, its version included, as it is.
pub async fn a_check_changes_nothing_and_can_fail_the_commit(subject: Subject) {
    let (watched, written) = (Key::new(&["check"], &["watched"]), Key::new(&["check"], &["written"]));

    subject.commit(vec![put(&watched, Condition::Absent, "watched")]).await;
    let before = subject.get(&watched).await;
    subject.commit(vec![check(&watched, Condition::Version(1)), put(&written, Condition::Any, "yes")]).await;
    let writes = vec![put(&written, Condition::Any, "no"), check(&watched, Condition::Version(2))];
    assert_eq!(subject.conflict(writes).await, (1, before.clone()));
    let writes = vec![check(&watched, Condition::Absent), put(&written, Condition::Any, "no")];
    assert_eq!(subject.conflict(writes).await, (0, before.clone()));

    assert_eq!(subject.get(&watched).await, before);
    assert_eq!(subject.get(&written).await.expect("the record exists").value, b"yes");
}
