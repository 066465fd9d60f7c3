//! Reads that come in pieces, late, or from yesterday.

use std::time::Duration;

use serde_json::{Value, json};
use stepless_aws::dynamodb::TimeLimits;
use stepless_core::store::{Condition, Index, Key, Order, Query, Record, Source, Store, StoreError};
use stepless_localstack::proxy::{Call, Fault, Rule, When};

use crate::table::{Weather, both, delete, found, key, put, put_in};

fn place(sort: &str) -> Key {
    Key::new(&["place"], &[sort])
}

fn of(source: Source) -> Query {
    Query { source, prefix: String::new(), order: Order::Ascending, limit: 100, cursor: None }
}

fn in_index() -> Query {
    of(Source::Index(Index::Name, place("").partition))
}

fn in_table() -> Query {
    of(Source::Partition(key("").partition))
}

/// All pages; the test stops if they do not end.
async fn pages(store: &dyn Store, mut query: Query) -> Vec<Record> {
    let mut records = Vec::new();
    for _ in 0..100 {
        let page = store.query(&query).await.unwrap();
        records.extend(page.records);
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return records,
        }
    }
    panic!("a query does not end");
}

fn names(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(&record.value).into_owned()).collect()
}

fn is_plain(call: &Call) -> bool {
    let json = call.json();
    let of_batch = json["RequestItems"].as_object().and_then(|tables| tables.values().next());
    json["ConsistentRead"] != true && of_batch.is_none_or(|table| table["ConsistentRead"] != true)
}

#[tokio::test]
async fn d7_every_read_that_a_decision_may_depend_on_is_consistent() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.fair.commit(vec![put_in("one", "one", Index::Name, place("one"))]).await.unwrap();
        weather.store.get(&key("one")).await.unwrap();
        weather.store.get_many(&[key("one")]).await.unwrap();
        weather.store.query(&in_table()).await.unwrap();
        weather.store.query(&in_index()).await.unwrap();

        let plain: Vec<bool> = weather.proxy.calls().iter().map(is_plain).collect();

        // The index itself has no consistent reads; the bodies behind it are read from the table.
        assert_eq!(weather.proxy.operations(), ["GetItem", "BatchGetItem", "Query", "Query", "BatchGetItem"]);
        assert_eq!(plain, [false, false, false, true, false]);
    }
}

/// Plain reads are answered as they were the time before.
#[tokio::test]
async fn d7_a_stale_index_shows_no_old_body_and_nothing_that_has_left_its_place() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.proxy.add(Rule::of_any(When::Every, Fault::Stale).only_if(is_plain));
        for name in ["changed", "gone", "moved"] {
            weather.fair.commit(vec![put_in(name, name, Index::Name, place(name))]).await.unwrap();
        }
        let all = weather.store.query(&in_index()).await.unwrap();
        assert_eq!(names(&all.records), ["changed", "gone", "moved"]);

        weather.fair.commit(vec![put_in("changed", "new", Index::Name, place("changed"))]).await.unwrap();
        weather.fair.commit(vec![delete("gone", Condition::Present)]).await.unwrap();
        weather.fair.commit(vec![put_in("moved", "moved", Index::Name, place("elsewhere"))]).await.unwrap();

        let stale = weather.store.query(&in_index()).await.unwrap();
        assert_eq!(names(&stale.records), ["new"]);
        assert_eq!(found(weather.store.as_ref(), "changed").await, Some((2, "new".to_owned())));
        assert_eq!(found(weather.store.as_ref(), "gone").await, None);
        assert_eq!(weather.store.get_many(&[key("gone")]).await.unwrap(), [None]);
        assert_eq!(names(&weather.store.query(&in_table()).await.unwrap().records), ["new", "moved"]);
    }
}

async fn fill(weather: &Weather) -> Vec<String> {
    let names: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    let writes = names.iter().map(|name| put_in(name, name, Index::Name, place(name)));
    weather.fair.commit(writes.collect()).await.unwrap();
    names
}

/// Gives back half of the keys, as DynamoDB does when it is busy.
fn halve(answer: &mut Value) {
    let Some(tables) = answer["Responses"].as_object_mut() else { return };
    let mut unprocessed = serde_json::Map::new();
    for (table, items) in tables {
        let items = items.as_array_mut().expect("a list of items");
        if items.len() < 2 {
            continue;
        }
        let rest = items.split_off(items.len() / 2);
        let keys: Vec<Value> = rest.iter().map(|item| json!({"pk": item["pk"], "sk": item["sk"]})).collect();
        unprocessed.insert(table.clone(), json!({"Keys": keys, "ConsistentRead": true}));
    }
    answer["UnprocessedKeys"] = unprocessed.into();
}

#[tokio::test]
async fn d8_a_batch_that_is_always_half_processed_is_read_to_its_end() {
    for url in both() {
        let weather = Weather::at(&url).await;
        let expected = fill(&weather).await;
        weather.proxy.add(Rule::every("BatchGetItem", Fault::replace_json(halve)));
        let keys: Vec<Key> = expected.iter().map(|name| key(name)).collect();

        let records: Vec<Record> =
            weather.store.get_many(&keys).await.unwrap().into_iter().flatten().collect();

        assert_eq!(names(&records), expected);
        // 20, 10, 5, 3, 2, 1.
        assert_eq!(weather.proxy.count("BatchGetItem"), 6);
        assert_eq!(names(&pages(weather.store.as_ref(), in_index()).await), expected);
    }
}

#[tokio::test]
async fn d8_a_batch_of_which_nothing_is_processed_ends_unavailable_after_few_calls() {
    let limits = TimeLimits { attempt: Duration::from_millis(500), operation: Duration::from_secs(2) };
    for url in both() {
        let weather = Weather::at(&url).await;
        let nothing = |answer: &mut Value| {
            let key = json!({"pk": {"S": "weather"}, "sk": {"S": "one"}});
            *answer = json!({"Responses": {}, "UnprocessedKeys": {"table": {"Keys": [key]}}});
        };
        weather.proxy.add(Rule::every("BatchGetItem", Fault::replace_json(nothing)));
        let store = weather.store.as_ref().clone().with_time_limits(limits);

        let answer = store.get_many(&[key("one")]).await;

        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        assert!((2..15).contains(&weather.proxy.calls().len()), "{}", weather.proxy.calls().len());
    }
}

#[tokio::test]
async fn d8_pages_of_one_item_and_pages_of_none_hold_the_same_records() {
    for url in both() {
        for query in [in_table(), in_index()] {
            let weather = Weather::at(&url).await;
            let expected = fill(&weather).await;
            let one_item = Fault::rewrite_json(|json| json["Limit"] = 1.into());
            weather.proxy.add(Rule::every("Query", one_item));

            let records = pages(weather.store.as_ref(), query.clone()).await;
            assert_eq!(names(&records), expected);

            weather.proxy.clear_rules();
            let start = match &query.source {
                Source::Partition(partition) => json!({"pk": {"S": partition}, "sk": {"S": "!"}}),
                Source::Index(_, partition) => json!({
                    "pk": {"S": "!"}, "sk": {"S": "!"}, "name_pk": {"S": partition}, "name_sk": {"S": "!"},
                }),
            };
            let empty = move |answer: &mut Value| {
                *answer = json!({"Items": [], "Count": 0, "ScannedCount": 0, "LastEvaluatedKey": start});
            };
            weather.proxy.add(Rule::new("Query", When::First(3), Fault::replace_json(empty)));
            let before = weather.proxy.count("Query");

            let records = pages(weather.store.as_ref(), query).await;
            assert_eq!(names(&records), expected);
            assert_eq!(weather.proxy.count("Query") - before, 4);
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_or_no_answer_at_all_is_asked_for_again() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.fair.commit(vec![put("one", Condition::Absent, "one")]).await.unwrap();
        weather.proxy.add(Rule::of_any(When::First(1), Fault::DropAfter));
        let garbage = Fault::Replace(std::sync::Arc::new(|_| "<html>".into()));
        weather.proxy.add(Rule::of_any(When::Nth(2), garbage));

        assert_eq!(found(weather.store.as_ref(), "one").await, Some((1, "one".to_owned())));
        assert_eq!(weather.proxy.count("GetItem"), 3);
    }
}
