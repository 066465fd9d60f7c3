//! Finding records through the indexes they name.

use std::collections::BTreeSet;

use super::{Condition, Index, Key, Order, Query, Source, Subject, all, delete, put, put_indexed};
use crate::store::key;

fn at(partition: &str, sort: &str) -> Key {
    Key::new(&[partition], &[sort])
}

fn of(index: Index, partition: &str) -> Query {
    all(Source::Index(index, key::join(&[partition])))
}

/// The old place is left, also when the record is deleted or put without a place.
pub async fn a_put_moves_the_record_in_the_indexes(subject: Subject) {
    let key = at("moves", "record");
    let (here, there) = (at("moves-here", "1"), at("moves-there", "2"));

    subject.commit(vec![put_indexed(&key, "first", &[(Index::Name, &here)])]).await;
    subject.finds(of(Index::Name, "moves-here"), &["first"]).await;

    subject.commit(vec![put_indexed(&key, "second", &[(Index::Name, &there)])]).await;
    subject.finds(of(Index::Name, "moves-here"), &[]).await;
    subject.finds(of(Index::Name, "moves-there"), &["second"]).await;

    subject.commit(vec![put_indexed(&key, "third", &[(Index::Name, &there)])]).await;
    subject.finds(of(Index::Name, "moves-there"), &["third"]).await;

    subject.commit(vec![put(&key, Condition::Present, "fourth")]).await;
    subject.finds(of(Index::Name, "moves-there"), &[]).await;

    subject.commit(vec![put_indexed(&key, "fifth", &[(Index::Name, &here)])]).await;
    subject.finds(of(Index::Name, "moves-here"), &["fifth"]).await;
    subject.commit(vec![delete(&key, Condition::Present)]).await;
    subject.finds(of(Index::Name, "moves-here"), &[]).await;
}

/// Sparse: a record without a place is found by its key alone.
pub async fn an_index_holds_only_records_that_name_a_place_in_it(subject: Subject) {
    let place = at("sparse", "place");
    let writes = vec![
        put(&at("sparse", "without"), Condition::Absent, "without"),
        put_indexed(&at("sparse", "with"), "with", &[(Index::History, &place)]),
    ];
    subject.commit(writes).await;

    subject.finds(of(Index::History, "sparse"), &["with"]).await;
    subject.finds(of(Index::Name, "sparse"), &[]).await;
    subject.finds(of(Index::Provisioner, "sparse"), &[]).await;
}

/// Two certificates of one name at one instant; removing one leaves the other.
pub async fn two_records_in_one_place_of_an_index_are_both_found(subject: Subject) {
    let (one, other, place) = (at("shared", "one"), at("shared-too", "other"), at("shared-place", "place"));
    subject.commit(vec![put_indexed(&one, "same", &[(Index::Name, &place)])]).await;
    subject.commit(vec![put_indexed(&other, "same", &[(Index::Name, &place)])]).await;

    for order in [Order::Ascending, Order::Descending] {
        for limit in [1, 10] {
            subject.finds(Query { order, limit, ..of(Index::Name, "shared-place") }, &["same", "same"]).await;
        }
    }
    subject.commit(vec![delete(&one, Condition::Present)]).await;
    subject.finds(of(Index::Name, "shared-place"), &["same"]).await;
}

/// Pages of any length, in both directions, with places that several records share: by sort key, none twice.
pub async fn d8_pages_of_an_index_hold_every_record_once(subject: Subject) {
    let writes = (0..30).map(|number| {
        let place = at("index-pages", &key::number(number / 3));
        put_indexed(
            &at("index-pages", &number.to_string()),
            &format!("{:02}", number / 3),
            &[(Index::History, &place)],
        )
    });
    subject.commit(writes.collect()).await;
    let mut expected: Vec<String> = (0..30).map(|number| format!("{:02}", number / 3)).collect();

    for order in [Order::Ascending, Order::Descending] {
        let expected_texts: Vec<&str> = expected.iter().map(String::as_str).collect();
        for limit in [1, 2, 7, 30, 1000] {
            let query = Query { order, limit, ..of(Index::History, "index-pages") };
            subject.finds(query.clone(), &expected_texts).await;
            let keys: BTreeSet<Key> =
                subject.pages(query).await.0.into_iter().map(|record| record.key).collect();
            assert_eq!(keys.len(), 30, "{limit} a page, {order:?}");
        }
        expected.reverse();
    }
}

/// As in a partition of the table.
pub async fn a_prefix_bounds_an_index_query(subject: Subject) {
    let days =
        ["2026-11-22", "2026-11-23", "2026-11-230", "2026-11-24", "2026-12-01", "\u{10FFFF}", "2026\0"];
    let writes = days.iter().map(|day| {
        let place = Key { partition: "index-prefix".into(), sort: (*day).into() };
        put_indexed(&at("index-prefix", day), day, &[(Index::Provisioner, &place)])
    });
    subject.commit(writes.collect()).await;

    for prefix in ["", "2026", "2026-11-2", "2026-11-23", "2026-11-231", "\u{10FFFF}"] {
        let mut expected: Vec<&str> = days.into_iter().filter(|day| day.starts_with(prefix)).collect();
        expected.sort_unstable();
        for limit in [1, 100] {
            let source = Source::Index(Index::Provisioner, "index-prefix".into());
            let query = Query { prefix: prefix.into(), limit, ..all(source) };
            subject.finds(query.clone(), &expected).await;
            expected.reverse();
            subject.finds(Query { order: Order::Descending, ..query }, &expected).await;
            expected.reverse();
        }
    }
}

/// One in each, independent of each other.
pub async fn a_record_has_a_place_in_each_index(subject: Subject) {
    let key = at("three", "record");
    let place = at("three", "place");
    let places = [(Index::History, &place), (Index::Name, &place), (Index::Provisioner, &place)];
    subject.commit(vec![put_indexed(&key, "first", &places)]).await;
    for (index, _) in places {
        subject.finds(of(index, "three"), &["first"]).await;
    }

    subject.commit(vec![put_indexed(&key, "second", &places[1..])]).await;
    subject.finds(of(Index::History, "three"), &[]).await;
    subject.finds(of(Index::Name, "three"), &["second"]).await;
    subject.finds(of(Index::Provisioner, "three"), &["second"]).await;
}
