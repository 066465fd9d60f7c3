//! An expired record counts as absent, whether or not the engine has removed it.

use super::{
    Condition, Index, Key, Query, Source, Subject, Write, all, check, delete, put, put_expiring, put_indexed,
};
use crate::clock::Timestamp;
use crate::store::key;

fn at(partition: &str, sort: &str) -> Key {
    Key::new(&[partition], &[sort])
}

/// From the very second on; not a second earlier.
pub async fn d9_an_expired_record_is_absent_for_reads(subject: Subject) {
    let key = at("expired-reads", "key");
    let expires = subject.after(60);
    subject.commit(vec![put_expiring(&key, Condition::Absent, "short", expires)]).await;

    subject.clock.advance(59);
    let record = subject.get(&key).await.expect("the record exists");
    assert_eq!(record.expires, Some(expires));
    subject.clock.advance(1);

    assert_eq!(subject.get(&key).await, None);
    assert_eq!(subject.store.get_many(&[key]).await.expect("get_many answers"), [None]);
}

/// Of the table and of an index.
pub async fn d9_an_expired_record_is_absent_for_queries(subject: Subject) {
    let partition = key::join(&["expired-queries"]);
    for (name, seconds) in [("a", 10), ("b", 20), ("c", 30)] {
        let place = at("expired-queries", name);
        let write = expiring(put_indexed(&place, name, &[(Index::History, &place)]), subject.after(seconds));
        subject.commit(vec![write]).await;
    }
    let table = all(Source::Partition(partition.clone()));
    let index = all(Source::Index(Index::History, partition));
    subject.finds(index.clone(), &["a", "b", "c"]).await;

    subject.clock.advance(10);
    subject.finds(table.clone(), &["b", "c"]).await;
    subject.finds(Query { limit: 1, ..index.clone() }, &["b", "c"]).await;
    subject.clock.advance(20);

    subject.finds(Query { limit: 1, ..table }, &[]).await;
    subject.finds(index, &[]).await;
}

/// Absent holds, Present and Version do not, and a conflict has found nothing.
pub async fn d9_an_expired_record_is_absent_for_conditions(subject: Subject) {
    let key = at("expired-conditions", "key");
    subject.commit(vec![put_expiring(&key, Condition::Absent, "short", subject.after(5))]).await;
    subject.commit(vec![check(&key, Condition::Version(1))]).await;

    subject.clock.advance(5);

    assert_eq!(subject.conflict(vec![check(&key, Condition::Present)]).await, (0, None));
    assert_eq!(subject.conflict(vec![put(&key, Condition::Version(1), "late")]).await, (0, None));
    assert_eq!(subject.conflict(vec![delete(&key, Condition::Present)]).await, (0, None));
    subject.commit(vec![check(&key, Condition::Absent)]).await;
    subject.commit(vec![delete(&key, Condition::Absent)]).await;
    subject.commit(vec![put(&key, Condition::Absent, "new")]).await;
}

/// And it has left the places the expired one had in the indexes.
pub async fn d9_a_record_over_an_expired_one_begins_again_at_version_one(subject: Subject) {
    for condition in [Condition::Absent, Condition::Any] {
        let name = format!("expired-again-{condition:?}");
        let (key, place) = (at(&name, "key"), at(&name, "place"));
        let first = expiring(put_indexed(&key, "first", &[(Index::Name, &place)]), subject.after(5));
        subject.commit(vec![first.clone()]).await;
        subject.commit(vec![first]).await;
        assert_eq!(subject.get(&key).await.expect("the record exists").version, 2);

        subject.clock.advance(5);
        subject.commit(vec![put(&key, condition, "again")]).await;

        let record = subject.get(&key).await.expect("the record exists");
        assert_eq!((record.version, record.expires), (1, None));
        subject.finds(all(Source::Index(Index::Name, key::join(&[&name]))), &[]).await;
    }
}

/// The removal of the former expiry does not take the record with it.
pub async fn d9_a_put_without_expiry_keeps_a_record_for_good(subject: Subject) {
    let key = at("kept", "key");
    subject.commit(vec![put_expiring(&key, Condition::Absent, "short", subject.after(5))]).await;
    subject.commit(vec![put(&key, Condition::Present, "long")]).await;

    subject.clock.advance(1_000_000_000);
    // A commit is when engines remove what has expired.
    subject.commit(vec![put(&at("kept", "other"), Condition::Absent, "other")]).await;

    let record = subject.get(&key).await.expect("the record exists");
    assert_eq!((record.version, record.expires), (2, None));
}

/// Only the expiry of the last put counts.
pub async fn d9_a_put_can_move_the_expiry_back_and_forth(subject: Subject) {
    let key = at("moved-expiry", "key");
    for seconds in [10, 100, 20] {
        subject.commit(vec![put_expiring(&key, Condition::Any, "value", subject.after(seconds))]).await;
    }

    subject.clock.advance(19);
    subject.commit(vec![put(&at("moved-expiry", "other"), Condition::Absent, "other")]).await;
    assert_eq!(subject.get(&key).await.expect("the record exists").version, 3);
    subject.clock.advance(1);
    subject.commit(vec![put(&at("moved-expiry", "another"), Condition::Absent, "another")]).await;

    assert_eq!(subject.get(&key).await, None);
}

/// Far more expired records than a page holds, before and behind the ones that are left.
pub async fn d9_expired_records_beyond_a_page_do_not_hide_the_rest(subject: Subject) {
    let live = [250, 555, 900];
    for numbers in (0..1000).collect::<Vec<u64>>().chunks(50) {
        let writes = numbers.iter().map(|number| {
            let key = at("hidden", &key::number(*number));
            let seconds = if live.contains(number) { 100 } else { 10 };
            put_expiring(&key, Condition::Absent, &number.to_string(), subject.after(seconds))
        });
        subject.commit(writes.collect()).await;
    }
    subject.clock.advance(10);

    for limit in [1, 2, 100] {
        let query = Query { limit, ..all(Source::Partition(key::join(&["hidden"]))) };
        subject.finds(query, &["250", "555", "900"]).await;
    }
}

fn expiring(mut write: Write, at: Timestamp) -> Write {
    if let Write::Put { expires, .. } = &mut write {
        *expires = Some(at);
    }
    write
}
