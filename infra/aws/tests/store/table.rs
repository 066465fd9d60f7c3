//! Tables of a test's own on the emulators that all tests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use stepless_aws::dynamodb::{DynamoDbStore, TimeLimits, layout};
use stepless_core::clock::{FixedClock, Timestamp};
use stepless_core::store::contract::Subject;
use stepless_core::store::{Condition, Index, IndexEntry, Key, Store, Write};
use stepless_localstack::emulator::{DynamoDbLocal, Ministack};
use stepless_localstack::proxy::Proxy;
use stepless_localstack::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};

/// Emulators on a busy machine are slower than DynamoDB.
pub(crate) const PATIENT: TimeLimits =
    TimeLimits { attempt: Duration::from_secs(20), operation: Duration::from_secs(60) };

pub(crate) fn ministack() -> String {
    Ministack::shared().expect("ministack starts").url()
}

pub(crate) fn dynamodb_local() -> String {
    DynamoDbLocal::shared().expect("DynamoDB Local starts").url()
}

pub(crate) fn both() -> [String; 2] {
    [ministack(), dynamodb_local()]
}

/// The contract's view of a new table.
pub(crate) async fn subject(url: String) -> Subject {
    let (store, clock) = store(&url, &url).await;
    Subject::new(Arc::new(store.with_time_limits(PATIENT)), clock)
}

/// A store on a new table at the engine `url`, reached by `through`.
pub(crate) async fn store(url: &str, through: &str) -> (DynamoDbStore, Arc<FixedClock>) {
    let clock = clock();
    let table = new_table(url).await;
    (DynamoDbStore::new(&client(through), &table, clock.clone()), clock)
}

/// A new table, and its name.
pub(crate) async fn new_table(url: &str) -> String {
    static TABLES: AtomicUsize = AtomicUsize::new(0);
    let table = format!("stepless-{}", TABLES.fetch_add(1, Ordering::SeqCst));
    layout::create_table(&client(url), &table).await.expect("the table is created");
    table
}

/// Far ahead of the engines' own clocks, so that they remove nothing while it stands here.
pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::new("2100-01-01T00:00:00Z".parse::<Timestamp>().expect("an instant")))
}

pub(crate) fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test"))
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// A store behind a proxy.
pub(crate) struct Weather {
    pub(crate) proxy: Proxy,
    pub(crate) store: Arc<DynamoDbStore>,
    pub(crate) clock: Arc<FixedClock>,
    /// Past the proxy.
    pub(crate) fair: DynamoDbStore,
    pub(crate) table: String,
}

impl Weather {
    /// On a new table of the engine at `url`.
    pub(crate) async fn at(url: &str) -> Self {
        let proxy = Proxy::start(url).await.expect("the proxy starts");
        let clock = clock();
        let table = new_table(url).await;
        let store = DynamoDbStore::new(&client(proxy.url()), &table, clock.clone()).with_time_limits(PATIENT);
        let fair = DynamoDbStore::new(&client(url), &table, clock.clone()).with_time_limits(PATIENT);
        Self { proxy, store: Arc::new(store), clock, fair, table }
    }

    /// The same table, reached by another way.
    pub(crate) fn through(&self, url: &str) -> DynamoDbStore {
        DynamoDbStore::new(&client(url), &self.table, self.clock.clone()).with_time_limits(PATIENT)
    }

    /// A store behind the proxy with connections of its own, as another process has them.
    pub(crate) fn other_process(&self) -> DynamoDbStore {
        self.through(self.proxy.url())
    }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(&["weather"], &[name])
}

pub(crate) fn put(name: &str, condition: Condition, value: &str) -> Write {
    let value = value.as_bytes().to_vec();
    Write::Put { key: key(name), condition, value, expires: None, indexes: Vec::new() }
}

pub(crate) fn put_until(name: &str, condition: Condition, value: &str, until: Timestamp) -> Write {
    let value = value.as_bytes().to_vec();
    Write::Put { key: key(name), condition, value, expires: Some(until), indexes: Vec::new() }
}

pub(crate) fn put_in(name: &str, value: &str, index: Index, place: Key) -> Write {
    let (value, indexes) = (value.as_bytes().to_vec(), vec![IndexEntry { index, key: place }]);
    Write::Put { key: key(name), condition: Condition::Any, value, expires: None, indexes }
}

pub(crate) fn delete(name: &str, condition: Condition) -> Write {
    Write::Delete { key: key(name), condition }
}

pub(crate) fn check(name: &str, condition: Condition) -> Write {
    Write::Check { key: key(name), condition }
}

/// The version and the value under a name.
pub(crate) async fn found(store: &dyn Store, name: &str) -> Option<(u64, String)> {
    let record = store.get(&key(name)).await.expect("get answers")?;
    Some((record.version, String::from_utf8(record.value).expect("text")))
}
