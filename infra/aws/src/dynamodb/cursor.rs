//! Where a page ended, as an opaque text that is only good for its query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use stepless_core::store::{Cursor, InvalidQuery, Key, Order, Query, Source};

use super::error::DynamoDbError;
use super::item::{self, Item};
use super::layout::{self, PARTITION, SORT};

/// What the text holds: the query as far as it matters, and the last place of the page.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Position {
    /// The name of the index; `None` for the table.
    index: Option<String>,
    partition: String,
    prefix: String,
    descending: bool,
    /// The sort key, in the table or in the index.
    sort: String,
    /// In an index, the record's key, because several may share a place.
    record: Option<(String, String)>,
}

impl Position {
    fn of(query: &Query, sort: String, record: Option<(String, String)>) -> Self {
        let (index, partition) = match &query.source {
            Source::Partition(partition) => (None, partition),
            Source::Index(index, partition) => (Some(layout::of(*index).name.to_owned()), partition),
        };
        Self {
            index,
            partition: partition.clone(),
            prefix: query.prefix.clone(),
            descending: query.order == Order::Descending,
            sort,
            record,
        }
    }
}

/// The cursor behind `last`, the key that DynamoDB says the page ended at.
pub(crate) fn cursor(query: &Query, last: &Item) -> Result<Cursor, DynamoDbError> {
    let key = item::key_in(last, PARTITION, SORT)?;
    let position = match &query.source {
        Source::Partition(_) => Position::of(query, key.sort, None),
        Source::Index(index, _) => {
            let index = layout::of(*index);
            let place = item::key_in(last, index.partition, index.sort)?;
            Position::of(query, place.sort, Some((key.partition, key.sort)))
        }
    };
    let json = serde_json::to_vec(&position).map_err(|error| DynamoDbError::Request(Box::new(error)))?;
    Ok(Cursor(URL_SAFE_NO_PAD.encode(json)))
}

/// The key behind which DynamoDB is to go on for `query`.
pub(crate) fn start(query: &Query, cursor: &Cursor) -> Result<Item, InvalidQuery> {
    let json = URL_SAFE_NO_PAD.decode(&cursor.0).map_err(|_| InvalidQuery::ForeignCursor)?;
    let position: Position = serde_json::from_slice(&json).map_err(|_| InvalidQuery::ForeignCursor)?;
    let own = Position::of(query, position.sort.clone(), position.record.clone());
    if own != position || !position.sort.starts_with(&query.prefix) {
        return Err(InvalidQuery::ForeignCursor);
    }
    let Position { partition, sort, record, .. } = position;
    match (&query.source, record) {
        (Source::Partition(_), None) => Ok(item::key(&Key { partition, sort })),
        (Source::Index(index, _), Some((record_partition, record_sort))) => {
            let index = layout::of(*index);
            let mut key = item::key(&Key { partition: record_partition, sort: record_sort });
            key.extend(place(&index, Key { partition, sort }));
            Ok(key)
        }
        _ => Err(InvalidQuery::ForeignCursor),
    }
}

fn place(index: &layout::IndexLayout, place: Key) -> [(String, aws_sdk_dynamodb::types::AttributeValue); 2] {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    [(index.partition.to_owned(), S(place.partition)), (index.sort.to_owned(), S(place.sort))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stepless_core::store::Index;

    use super::*;

    fn any_query() -> impl Strategy<Value = Query> {
        let index = prop::sample::select(vec![
            None,
            Some(Index::History),
            Some(Index::Name),
            Some(Index::Provisioner),
        ]);
        (index, any::<String>(), any::<String>(), any::<bool>()).prop_map(
            |(index, partition, prefix, descending)| Query {
                source: match index {
                    None => Source::Partition(partition),
                    Some(index) => Source::Index(index, partition),
                },
                prefix,
                order: if descending { Order::Descending } else { Order::Ascending },
                limit: 10,
                cursor: None,
            },
        )
    }

    fn last(query: &Query, record: Key) -> Item {
        match &query.source {
            Source::Partition(partition) => {
                let sort = format!("{}{}", query.prefix, record.sort);
                item::key(&Key { partition: partition.clone(), sort })
            }
            Source::Index(index, partition) => {
                let mut item = item::key(&record);
                let sort = format!("{}{}", query.prefix, record.sort);
                item.extend(place(&layout::of(*index), Key { partition: partition.clone(), sort }));
                item
            }
        }
    }

    proptest! {
        #[test]
        fn d8_a_cursor_leads_back_to_where_its_page_ended(
            query in any_query(),
            partition in any::<String>(),
            sort in any::<String>(),
        ) {
            let last = last(&query, Key { partition, sort });

            let cursor = cursor(&query, &last).unwrap();

            prop_assert_eq!(start(&query, &cursor), Ok(last));
        }

        #[test]
        fn d8_a_cursor_of_another_query_is_refused(one in any_query(), other in any_query(), sort in any::<String>()) {
            prop_assume!(one != other);
            let last = last(&one, Key { partition: "p".to_owned(), sort });

            let cursor = cursor(&one, &last).unwrap();

            prop_assert_eq!(start(&other, &cursor), Err(InvalidQuery::ForeignCursor));
        }

        #[test]
        fn d8_a_text_from_elsewhere_is_no_cursor(query in any_query(), text in any::<String>()) {
            prop_assert_eq!(start(&query, &Cursor(text)), Err(InvalidQuery::ForeignCursor));
        }
    }
}
