//! Tables of a test's own on the emulators that all tests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use stepless_aws::dynamodb::{DynamoDbStore, TimeLimits, layout};
use stepless_core::clock::{FixedClock, Timestamp};
use stepless_core::store::contract::Subject;
use stepless_localstack::emulator::{DynamoDbLocal, Ministack};
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
