//! The store, and how it is opened.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use stepless_core::clock::Clock;
use stepless_core::config::DynamoDbTable;
use stepless_core::store::{CommitError, Key, Page, Query, Record, Store, StoreError, Write};

use super::attempt::TimeLimits;
use super::error::LayoutError;
use super::layout;
use crate::sdk::{Account, NoRegion};

/// A [`Store`] in a table of DynamoDB. Clones share the connections.
#[derive(Clone)]
pub struct DynamoDbStore {
    pub(super) client: Client,
    pub(super) table: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: TimeLimits,
}

impl DynamoDbStore {
    /// The store in `table`, which must have the [`layout`]. `clock` says what has expired. Region, credentials and
    /// endpoint are `client`'s; its retries and time limits are replaced by [`TimeLimits::OF_A_FUNCTION`].
    ///
    /// Nothing is sent.
    pub fn new(client: &Client, table: &str, clock: Arc<dyn Clock>) -> Self {
        let limits = TimeLimits::OF_A_FUNCTION;
        Self { client: limited(client, limits), table: table.into(), clock, limits }
    }

    /// The store that a configuration names, with credentials and endpoint of the environment. Nothing is sent to the
    /// table.
    ///
    /// # Errors
    /// [`NoRegion`] when neither the configuration nor the environment says where the table is.
    pub async fn open(table: &DynamoDbTable, clock: Arc<dyn Clock>) -> Result<Self, NoRegion> {
        let sdk = Account::in_region(table.region.clone()).load().await;
        let sdk = NoRegion::unless_known(sdk, || format!("the table {}", table.name))?;
        Ok(Self::new(&Client::new(&sdk), &table.name, clock))
    }

    /// The same store with other time limits.
    #[must_use]
    pub fn with_time_limits(self, limits: TimeLimits) -> Self {
        Self { client: limited(&self.client, limits), limits, ..self }
    }

    /// Looks whether the table is there and is one of stepless. See [`layout::check_table`].
    ///
    /// # Errors
    /// [`LayoutError`] says what is missing or different.
    pub async fn check(&self) -> Result<(), LayoutError> {
        layout::check_table(&self.client, &self.table).await
    }
}

#[async_trait]
impl Store for DynamoDbStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.read(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.read_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.read_page(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        self.commit_writes(writes).await
    }
}

impl fmt::Debug for DynamoDbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDbStore").field("table", &self.table).finish_non_exhaustive()
    }
}

fn limited(client: &Client, limits: TimeLimits) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits.attempt)
        .operation_attempt_timeout(limits.attempt)
        .build();
    let config = client.config().to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts);
    Client::from_conf(config.build())
}
