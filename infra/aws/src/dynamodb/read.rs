//! Reads: by key, by many keys, and page by page.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use stepless_core::clock::Timestamp;
use stepless_core::store::{InvalidQuery, Key, Order, Page, Query, Record, Source, StoreError};
use tokio::task::JoinSet;

use super::attempt::{Attempts, Effect, Next};
use super::cursor;
use super::error::DynamoDbError;
use super::expression::Expression;
use super::item::{self, Item};
use super::layout::{self, PARTITION, SORT};
use super::store::DynamoDbStore;

/// Most keys of one `BatchGetItem`.
///
/// [BatchGetItem](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html)
const MAX_BATCH: usize = 100;

impl DynamoDbStore {
    pub(super) async fn read(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let now = self.clock.now();
        let request = self
            .client
            .get_item()
            .table_name(self.table.as_ref())
            .set_key(Some(item::key(key)))
            .consistent_read(true);
        let mut attempts = Attempts::new(self.limits);
        let answer = loop {
            match request.clone().send().await {
                Ok(answer) => break answer,
                Err(error) => self.next("GetItem", error, &mut attempts).await?,
            }
        };
        // Some engines write an item that is not there as one without attributes.
        match answer.item.filter(|item| !item.is_empty()) {
            Some(item) => alive(item, now),
            None => Ok(None),
        }
    }

    pub(super) async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let now = self.clock.now();
        let items = self.read_items(keys.iter().cloned().collect()).await?;
        let mut records = BTreeMap::new();
        for (key, item) in items {
            if let Some(record) = alive(item, now)? {
                records.insert(key, record);
            }
        }
        Ok(keys.iter().map(|key| records.get(key).cloned()).collect())
    }

    pub(super) async fn read_page(&self, query: &Query) -> Result<Page, StoreError> {
        if query.limit == 0 {
            return Err(InvalidQuery::NoLimit.into());
        }
        let now = self.clock.now();
        let start = query.cursor.as_ref().map(|cursor| cursor::start(query, cursor)).transpose()?;
        let (items, last) = self.query_items(query, start).await?;
        let next =
            last.map(|last| cursor::cursor(query, &last)).transpose().map_err(DynamoDbError::failed)?;
        let records = match &query.source {
            Source::Partition(_) => {
                let records = items.into_iter().map(|item| alive(item, now));
                records.filter_map(Result::transpose).collect::<Result<_, _>>()?
            }
            Source::Index(index, _) => self.bodies(layout::of(*index), items, now).await?,
        };
        Ok(Page { records, next })
    }

    /// One page of the table or of an index, and where it ended.
    async fn query_items(
        &self,
        query: &Query,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let (partition, sort, name, index) = match &query.source {
            Source::Partition(name) => (PARTITION, SORT, name, None),
            Source::Index(index, name) => {
                let index = layout::of(*index);
                (index.partition, index.sort, name, Some(index.name))
            }
        };
        let mut expression = Expression::default();
        let (attribute, value) =
            (expression.name(partition), expression.value("partition", AttributeValue::S(name.clone())));
        let mut condition = format!("{attribute} = {value}");
        if !query.prefix.is_empty() {
            let (attribute, value) =
                (expression.name(sort), expression.value("prefix", AttributeValue::S(query.prefix.clone())));
            condition.push_str(&format!(" AND begins_with({attribute}, {value})"));
        }
        // The bodies behind an index page are one batch.
        let limit = if index.is_some() { query.limit.min(MAX_BATCH) } else { query.limit };
        let request = self
            .client
            .query()
            .table_name(self.table.as_ref())
            .set_index_name(index.map(str::to_owned))
            .key_condition_expression(condition)
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .scan_index_forward(query.order == Order::Ascending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            // An index has no consistent reads.
            .consistent_read(index.is_none())
            .set_exclusive_start_key(start);
        let mut attempts = Attempts::new(self.limits);
        loop {
            match request.clone().send().await {
                Ok(answer) => {
                    let last = answer.last_evaluated_key.filter(|key| !key.is_empty());
                    return Ok((answer.items.unwrap_or_default(), last));
                }
                Err(error) => self.next("Query", error, &mut attempts).await?,
            }
        }
    }

    /// The records behind a page of an index, as the table has them now, without those that have left their place.
    async fn bodies(
        &self,
        index: layout::IndexLayout,
        entries: Vec<Item>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        let mut places = Vec::with_capacity(entries.len());
        for entry in &entries {
            let key = item::key_in(entry, PARTITION, SORT).map_err(DynamoDbError::failed)?;
            let place = item::key_in(entry, index.partition, index.sort).map_err(DynamoDbError::failed)?;
            places.push((key, place));
        }
        let mut items = self.read_items(places.iter().map(|(key, _)| key.clone()).collect()).await?;
        let mut records = Vec::with_capacity(places.len());
        for (key, place) in places {
            let Some(item) = items.remove(&key) else { continue };
            let stays = item::key_in(&item, index.partition, index.sort).is_ok_and(|now_at| now_at == place);
            if stays {
                records.extend(alive(item, now)?);
            }
        }
        Ok(records)
    }

    /// The items under `keys`, expired ones among them.
    async fn read_items(&self, keys: BTreeSet<Key>) -> Result<BTreeMap<Key, Item>, StoreError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        let mut batches = JoinSet::new();
        for keys in keys.chunks(MAX_BATCH) {
            let (store, keys) = (self.clone(), keys.iter().map(item::key).collect());
            batches.spawn(async move { store.read_batch(keys).await });
        }
        let mut found = BTreeMap::new();
        while let Some(batch) = batches.join_next().await {
            for item in batch.map_err(DynamoDbError::request)?? {
                let key = item::key_in(&item, PARTITION, SORT).map_err(DynamoDbError::failed)?;
                found.insert(key, item);
            }
        }
        Ok(found)
    }

    /// All items of a batch. DynamoDB may leave some for another request.
    async fn read_batch(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut attempts = Attempts::new(self.limits);
        let (mut items, mut rest) = (Vec::new(), keys);
        loop {
            let batch = KeysAndAttributes::builder().set_keys(Some(rest.clone())).consistent_read(true);
            let batch = batch.build().map_err(DynamoDbError::request)?;
            let request = self.client.batch_get_item().request_items(self.table.as_ref(), batch);
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) => {
                    self.next("BatchGetItem", error, &mut attempts).await?;
                    continue;
                }
            };
            items.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            let unprocessed = answer.unprocessed_keys.into_iter().flatten();
            rest = unprocessed.flat_map(|(_, batch)| batch.keys).collect();
            if rest.is_empty() {
                return Ok(items);
            }
            if attempts.pause().await == Next::GiveUp {
                let (table, keys) = (self.table.to_string(), rest.len());
                return Err(DynamoDbError::Unprocessed { table, keys }.unavailable());
            }
        }
    }

    /// Waits for the next attempt of a read, if there is to be one.
    async fn next<E>(
        &self,
        operation: &'static str,
        error: SdkError<E, HttpResponse>,
        attempts: &mut Attempts,
    ) -> Result<(), StoreError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let effect = Effect::of(&error);
        let error = DynamoDbError::call(&self.table, operation, error);
        match effect {
            Effect::Failed => Err(error.failed()),
            Effect::Refused | Effect::Unknown => match attempts.pause().await {
                Next::Attempt => Ok(()),
                Next::GiveUp => Err(error.unavailable()),
            },
        }
    }
}

/// The record in an item, unless it has expired.
fn alive(item: Item, now: Timestamp) -> Result<Option<Record>, StoreError> {
    let record = item::record(item).map_err(DynamoDbError::failed)?;
    Ok(Some(record).filter(|record| !record.has_expired(now)))
}
