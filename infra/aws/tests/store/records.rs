//! What lies in the table, as the engine itself sees it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use stepless_aws::dynamodb::{LayoutError, layout};
use stepless_core::clock::{SignedDuration, Timestamp};
use stepless_core::store::{CommitError, Condition, Index, Key, Store};

use crate::table::{Weather, both, client, found, key, put, put_in, put_until};

async fn item(weather: &Weather, url: &str, name: &str) -> HashMap<String, AttributeValue> {
    let key = key(name);
    let request = client(url).get_item().table_name(&weather.table);
    let request = request.key("pk", AttributeValue::S(key.partition)).key("sk", AttributeValue::S(key.sort));
    request.send().await.unwrap().item.unwrap_or_default()
}

/// As time to live does, at once.
async fn remove(weather: &Weather, url: &str, name: &str) {
    let key = key(name);
    let request = client(url).delete_item().table_name(&weather.table);
    let request = request.key("pk", AttributeValue::S(key.partition)).key("sk", AttributeValue::S(key.sort));
    request.send().await.unwrap();
}

#[tokio::test]
async fn d9_an_engine_that_removes_at_once_gives_the_same_verdicts_as_one_that_never_does() {
    for url in both() {
        for removed in [false, true] {
            let weather = Weather::at(&url).await;
            let until: Timestamp = "2100-01-01T00:00:10Z".parse().unwrap();
            weather.fair.commit(vec![put_until("one", Condition::Absent, "short", until)]).await.unwrap();
            weather.clock.advance(10);
            if removed {
                remove(&weather, &url, "one").await;
            }

            for condition in [Condition::Present, Condition::Version(1)] {
                let answer = weather.store.commit(vec![put("one", condition, "no")]).await;
                assert!(matches!(answer, Err(CommitError::Conflict { write: 0, found: None })), "{answer:?}");
            }
            assert_eq!(found(weather.store.as_ref(), "one").await, None);
            weather.store.commit(vec![put("one", Condition::Absent, "new")]).await.unwrap();
            assert_eq!(found(weather.store.as_ref(), "one").await, Some((1, "new".to_owned())));
        }
    }
}

#[tokio::test]
async fn d9_the_time_to_live_is_a_number_of_seconds_and_goes_with_the_expiry() {
    for url in both() {
        let weather = Weather::at(&url).await;
        let until: Timestamp = "2100-01-01T00:00:10.25Z".parse().unwrap();
        weather.store.commit(vec![put_until("one", Condition::Absent, "short", until)]).await.unwrap();

        let short = item(&weather, &url, "one").await;
        let seconds = until.as_second() + 1;
        assert_eq!(short[layout::EXPIRES], AttributeValue::N(seconds.to_string()));
        assert_eq!(weather.store.get(&key("one")).await.unwrap().unwrap().expires, Some(until));
        weather.clock.advance(10);
        assert!(
            weather.store.get(&key("one")).await.unwrap().is_some(),
            "expired a quarter of a second early"
        );
        weather.store.commit(vec![put("one", Condition::Present, "long")]).await.unwrap();

        let long = item(&weather, &url, "one").await;
        assert!(!long.contains_key(layout::EXPIRES) && !long.contains_key(layout::EXPIRES_EXACT), "{long:?}");
        let time_to_live =
            client(&url).describe_time_to_live().table_name(&weather.table).send().await.unwrap();
        let attribute = time_to_live.time_to_live_description.unwrap().attribute_name;
        assert_eq!(attribute.as_deref(), Some(layout::EXPIRES));
    }
}

/// Between two seconds, conditions go by the exact instant and not by the time to live.
#[tokio::test]
async fn d9_an_instant_between_two_seconds_is_kept_exactly() {
    for url in both() {
        let weather = Weather::at(&url).await;
        let until: Timestamp = "2100-01-01T00:00:10Z".parse().unwrap();
        let early = until - SignedDuration::from_nanos(1);
        weather.store.commit(vec![put_until("early", Condition::Absent, "early", early)]).await.unwrap();
        let late = until + SignedDuration::from_nanos(1);
        weather.store.commit(vec![put_until("late", Condition::Absent, "late", late)]).await.unwrap();
        weather.clock.advance(10);

        weather.store.commit(vec![put("early", Condition::Absent, "again")]).await.unwrap();
        let answer = weather.store.commit(vec![put("late", Condition::Absent, "again")]).await;

        assert!(matches!(answer, Err(CommitError::Conflict { found: Some(_), .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn d11_versions_of_twenty_digits_keep_every_digit() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.store.commit(vec![put("one", Condition::Absent, "one")]).await.unwrap();
        let mut big = item(&weather, &url, "one").await;
        big.insert(layout::VERSION.to_owned(), AttributeValue::N((u64::MAX - 1).to_string()));
        client(&url).put_item().table_name(&weather.table).set_item(Some(big)).send().await.unwrap();

        weather.store.commit(vec![put("one", Condition::Version(u64::MAX - 1), "last")]).await.unwrap();

        assert_eq!(found(weather.store.as_ref(), "one").await, Some((u64::MAX, "last".to_owned())));
    }
}

#[tokio::test]
async fn d12_keys_lie_in_the_table_as_they_are() {
    for url in both() {
        let weather = Weather::at(&url).await;
        let place = Key { partition: "a#%\0é".to_owned(), sort: "\u{10FFFF}".to_owned() };
        weather.store.commit(vec![put_in("#", "value", Index::Name, place.clone())]).await.unwrap();

        let item = item(&weather, &url, "#").await;

        assert_eq!(item[layout::SORT], AttributeValue::S(key("#").sort));
        assert_eq!(item["name_pk"], AttributeValue::S(place.partition));
        assert_eq!(item["name_sk"], AttributeValue::S(place.sort));
        assert!(!item.contains_key("history_pk"), "{item:?}");
    }
}

#[tokio::test]
async fn a_table_that_is_missing_or_has_other_keys_is_named() {
    for url in both() {
        let weather = Weather::at(&url).await;
        weather.store.check().await.unwrap();

        let missing = layout::check_table(&client(&url), "nowhere").await.unwrap_err();
        assert!(matches!(&missing, LayoutError::Missing { table } if table == "nowhere"), "{missing}");

        let without = |answer: &mut serde_json::Value| {
            answer["Table"]["GlobalSecondaryIndexes"] = serde_json::json!([])
        };
        let rule = stepless_localstack::proxy::Fault::replace_json(without);
        weather.proxy.add(stepless_localstack::proxy::Rule::first("DescribeTable", rule));
        let different = weather.store.check().await.unwrap_err();
        assert!(matches!(different, LayoutError::Different { .. }), "{different}");
        assert!(different.to_string().contains("history (history_pk, history_sk)"), "{different}");
    }
}

#[tokio::test]
async fn debug_output_names_the_table_and_nothing_else() {
    let weather = Weather::at(&both()[0]).await;

    assert_eq!(format!("{:?}", weather.store), format!("DynamoDbStore {{ table: {:?}, .. }}", weather.table));
}
