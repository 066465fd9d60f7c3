//! The embedded store keeps the promises of the port.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::sync::Arc;

use stepless_core::clock::{FixedClock, Timestamp};
use stepless_core::store::contract::Subject;
use stepless_embedded::EmbeddedStore;

stepless_core::store_contract!(subject());

async fn subject() -> Subject {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
    let store = EmbeddedStore::open(&directory.path().join("stepless.redb"), clock.clone()).unwrap();
    Subject::within(directory, Arc::new(store), clock)
}
