//! Records as items, and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use stepless_core::clock::Timestamp;
use stepless_core::store::{Key, Record};

use super::error::DynamoDbError;
use super::layout::{EXPIRES_EXACT, PARTITION, SORT, VALUE, VERSION};

/// An item, or its key.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The key of an item.
pub(crate) fn key(key: &Key) -> Item {
    HashMap::from([
        (PARTITION.to_owned(), AttributeValue::S(key.partition.clone())),
        (SORT.to_owned(), AttributeValue::S(key.sort.clone())),
    ])
}

/// The key in two attributes of an item: the record's own, or a place in an index.
pub(crate) fn key_in(item: &Item, partition: &'static str, sort: &'static str) -> Result<Key, DynamoDbError> {
    let text = |attribute: &'static str| {
        let text = item.get(attribute).and_then(|value| value.as_s().ok());
        text.cloned().ok_or(DynamoDbError::NotARecord { attribute })
    };
    Ok(Key { partition: text(partition)?, sort: text(sort)? })
}

/// The record that an item holds.
pub(crate) fn record(item: Item) -> Result<Record, DynamoDbError> {
    let key = key_in(&item, PARTITION, SORT)?;
    let version = version(&item).ok_or(DynamoDbError::NotARecord { attribute: VERSION })?;
    let expires = expires(&item)?;
    let mut item = item;
    match item.remove(VALUE) {
        Some(AttributeValue::B(value)) => Ok(Record { key, version, expires, value: value.into_inner() }),
        _ => Err(DynamoDbError::NotARecord { attribute: VALUE }),
    }
}

/// The version of the record in an item.
pub(crate) fn version(item: &Item) -> Option<u64> {
    item.get(VERSION)?.as_n().ok()?.parse().ok()
}

/// The value of the attribute `value`.
pub(crate) fn value(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// A number, in decimal: DynamoDB keeps 38 digits.
pub(crate) fn number(number: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// An instant as conditions compare it.
pub(crate) fn exact(instant: Timestamp) -> AttributeValue {
    number(instant.as_nanosecond())
}

/// An instant as the time to live takes it. Rounded up: an engine that removes at once must not be early.
pub(crate) fn time_to_live(instant: Timestamp) -> AttributeValue {
    let nanoseconds = instant.as_nanosecond();
    let seconds = nanoseconds.div_euclid(NANOSECONDS);
    number(if nanoseconds.rem_euclid(NANOSECONDS) == 0 { seconds } else { seconds + 1 })
}

const NANOSECONDS: i128 = 1_000_000_000;

fn expires(item: &Item) -> Result<Option<Timestamp>, DynamoDbError> {
    let Some(expires) = item.get(EXPIRES_EXACT) else { return Ok(None) };
    let instant = expires.as_n().ok().and_then(|digits| digits.parse().ok());
    match instant.and_then(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).ok()) {
        Some(instant) => Ok(Some(instant)),
        None => Err(DynamoDbError::NotARecord { attribute: EXPIRES_EXACT }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dynamodb::layout::EXPIRES;

    fn item_of(record: &Record) -> Item {
        let mut item = key(&record.key);
        item.insert(VALUE.to_owned(), value(record.value.clone()));
        item.insert(VERSION.to_owned(), number(record.version));
        if let Some(expires) = record.expires {
            item.insert(EXPIRES.to_owned(), time_to_live(expires));
            item.insert(EXPIRES_EXACT.to_owned(), exact(expires));
        }
        item
    }

    fn any_instant() -> impl Strategy<Value = Timestamp> {
        (Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond())
            .prop_map(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).unwrap())
    }

    proptest! {
        #[test]
        fn d11_a_record_comes_back_from_its_item(
            partition in any::<String>(),
            sort in any::<String>(),
            version in any::<u64>(),
            expires in proptest::option::of(any_instant()),
            value in any::<Vec<u8>>(),
        ) {
            let original = Record { key: Key { partition, sort }, version, expires, value };

            prop_assert_eq!(record(item_of(&original)).unwrap(), original);
        }

        #[test]
        fn d9_the_time_to_live_is_never_early_and_less_than_a_second_late(instant in any_instant()) {
            let seconds: i128 = time_to_live(instant).as_n().unwrap().parse().unwrap();
            let late = seconds * NANOSECONDS - instant.as_nanosecond();

            prop_assert!((0..NANOSECONDS).contains(&late), "{}", late);
        }
    }

    #[test]
    fn an_item_of_somebody_else_is_refused_with_the_attribute_it_lacks() {
        let whole = item_of(&Record {
            key: Key::new(&["a"], &["b"]),
            version: 1,
            expires: Some(Timestamp::UNIX_EPOCH),
            value: Vec::new(),
        });

        for attribute in [PARTITION, SORT, VALUE, VERSION, EXPIRES_EXACT] {
            let mut item = whole.clone();
            item.insert(attribute.to_owned(), AttributeValue::Bool(true));

            let error = record(item).unwrap_err();

            assert!(matches!(error, DynamoDbError::NotARecord { attribute: named } if named == attribute));
        }
    }
}
