//! Reading many: in order, page by page.

use super::{Condition, Key, Order, Query, Source, Subject, all, put, texts};
use crate::store::key;

/// With holes, with a key asked for twice, and with no keys at all.
pub async fn get_many_answers_in_the_order_of_the_keys(subject: Subject) {
    let key = |name: &str| Key::new(&["many", name], &["key"]);
    subject.commit(["c", "a", "b"].map(|name| put(&key(name), Condition::Absent, name)).to_vec()).await;

    let found =
        subject.store.get_many(&["b", "none", "a", "c", "b"].map(key)).await.expect("get_many answers");
    let values: Vec<_> =
        found.iter().map(|record| record.as_ref().map(|record| record.value.as_slice())).collect();
    assert_eq!(values, [Some(b"b".as_slice()), None, Some(b"a"), Some(b"c"), Some(b"b")]);
    assert_eq!(found[0], subject.get(&key("b")).await);
    assert_eq!(subject.store.get_many(&[]).await.expect("get_many answers"), []);

    let names: Vec<String> = (0..150).map(|number| number.to_string()).collect();
    for names in names.chunks(50) {
        subject.commit(names.iter().map(|name| put(&key(name), Condition::Absent, name)).collect()).await;
    }
    let keys: Vec<_> = names.iter().rev().map(|name| key(name)).collect();
    let found = subject.store.get_many(&keys).await.expect("get_many answers");
    let found: Vec<_> = found.into_iter().flatten().collect();
    assert_eq!(texts(&found), names.into_iter().rev().collect::<Vec<_>>());
}

/// One record a page, a few, all: the same records in the same order, in a bounded number of pages.
pub async fn d8_pages_of_one_and_of_many_hold_the_same_records(subject: Subject) {
    let partition = key::join(&["pages"]);
    let names: Vec<String> = (0..25).map(|number| format!("{number:02}")).collect();
    subject
        .commit(
            names.iter().map(|name| put(&Key::new(&["pages"], &[name]), Condition::Absent, name)).collect(),
        )
        .await;

    for limit in [1, 2, 7, 25, 26, 10_000] {
        let query = Query { limit, ..all(Source::Partition(partition.clone())) };
        let (ascending, pages) = subject.pages(query.clone()).await;
        assert_eq!(texts(&ascending), names, "{limit} a page");
        assert!(pages <= names.len() / limit + 2, "{pages} pages of {limit}");

        let (mut descending, pages) = subject.pages(Query { order: Order::Descending, ..query }).await;
        descending.reverse();
        assert_eq!(descending, ascending, "{limit} a page");
        assert!(pages <= names.len() / limit + 2, "{pages} pages of {limit}");
    }
}

/// The prefix may be longer than a key, be a whole key, or end in the last character there is.
pub async fn d8_a_prefix_bounds_a_query_in_both_directions(subject: Subject) {
    let at = |sort: &str| Key { partition: "prefix".into(), sort: sort.into() };
    let sorts = ["a", "ab", "ab#1", "ab#2", "abc", "b", "\u{7F}", "\u{10FFFF}", "\u{10FFFF}x"];
    subject.commit(sorts.map(|sort| put(&at(sort), Condition::Absent, sort)).to_vec()).await;

    for prefix in ["", "a", "ab", "ab#", "abcd", "b", "\u{7F}", "\u{10FFFF}", "z"] {
        let mut expected: Vec<&str> = sorts.into_iter().filter(|sort| sort.starts_with(prefix)).collect();
        for limit in [1, 2, 100] {
            let query = Query { prefix: prefix.into(), limit, ..all(Source::Partition("prefix".into())) };
            subject.finds(query.clone(), &expected).await;
            expected.reverse();
            subject.finds(Query { order: Order::Descending, ..query }, &expected).await;
            expected.reverse();
        }
    }
}

/// And no cursor, or one that leads to an end.
pub async fn d8_a_partition_without_records_has_one_empty_page(subject: Subject) {
    for order in [Order::Ascending, Order::Descending] {
        let query = Query { order, ..all(Source::Partition("nobody".into())) };
        let (records, pages) = subject.pages(query).await;
        assert_eq!(records, []);
        assert!(pages <= 2);
    }
}

/// A page goes on behind the last record of the one before, even if that record was removed meanwhile.
pub async fn d8_a_record_written_between_pages_does_not_disturb_the_others(subject: Subject) {
    let at = |name: &str| Key::new(&["between"], &[name]);
    subject.commit(["a", "c", "e", "g"].map(|name| put(&at(name), Condition::Absent, name)).to_vec()).await;
    let first = Query { limit: 2, ..all(Source::Partition(key::join(&["between"]))) };

    let page = subject.store.query(&first).await.expect("query answers");
    assert_eq!(texts(&page.records), ["a", "c"]);
    let writes = vec![
        put(&at("b"), Condition::Absent, "b"),
        super::delete(&at("c"), Condition::Present),
        put(&at("f"), Condition::Absent, "f"),
    ];
    subject.commit(writes).await;

    subject.finds(Query { cursor: page.next, ..first }, &["e", "f", "g"]).await;
}

/// Partitions whose names are prefixes of each other, or that would meet if partition and sort key were glued.
pub async fn a_partition_ends_where_another_begins(subject: Subject) {
    let keys = [("border", "2a"), ("border2", "a"), ("borde", "r2a"), ("border\0", "a"), ("border#", "a")];
    for (partition, sort) in keys {
        let key = Key { partition: partition.into(), sort: sort.into() };
        subject.commit(vec![put(&key, Condition::Absent, partition)]).await;
    }

    for (partition, _) in keys {
        for order in [Order::Ascending, Order::Descending] {
            subject.finds(Query { order, ..all(Source::Partition(partition.into())) }, &[partition]).await;
        }
    }
}
