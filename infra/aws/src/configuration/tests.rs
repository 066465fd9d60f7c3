//! What every place of a configuration promises.

use std::path::PathBuf;

use stepless_core::clock::{FixedClock, Timestamp};
use stepless_core::store::{MemoryStore, StoreError};

use super::*;

mod services;

fn in_memory() -> ConfigurationSource {
    ConfigurationSource::in_store(Arc::new(MemoryStore::new(Arc::new(FixedClock::new(
        Timestamp::UNIX_EPOCH,
    )))))
}

fn in_file(path: PathBuf) -> ConfigurationSource {
    ConfigurationSource(Source::File(FilePlace::new(path)))
}

/// The whole contract of a place that is empty.
async fn a_place_keeps_its_promises(place: &ConfigurationSource) {
    assert_eq!(place.read(None).await.unwrap(), Found::Absent);

    let first = place.write("{\"first\":1}", Expected::Absent).await.unwrap();
    let found = Configuration { text: "{\"first\":1}".into(), version: first.clone() };
    assert_eq!(place.read(None).await.unwrap(), Found::Configuration(found.clone()));
    assert_eq!(place.read(Some(&first)).await.unwrap(), Found::Unchanged);

    assert!(matches!(place.write("{}", Expected::Absent).await, Err(WriteError::Changed)));
    assert_eq!(place.read(None).await.unwrap(), Found::Configuration(found));

    let second = place.write("{\"second\":2}", Expected::Version(&first)).await.unwrap();
    assert_ne!(first, second);
    let found = Configuration { text: "{\"second\":2}".into(), version: second.clone() };
    assert_eq!(place.read(Some(&first)).await.unwrap(), Found::Configuration(found));

    assert!(matches!(place.write("{}", Expected::Version(&first)).await, Err(WriteError::Changed)));
    assert_eq!(place.read(Some(&second)).await.unwrap(), Found::Unchanged);
}

#[tokio::test]
async fn a_file_is_written_once_and_changed_only_by_who_knows_it() {
    let folder = tempfile::tempdir().unwrap();

    a_place_keeps_its_promises(&in_file(folder.path().join("ca.json"))).await;

    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn the_table_is_written_once_and_changed_only_by_who_knows_it() {
    a_place_keeps_its_promises(&in_memory()).await;
}

#[tokio::test]
async fn a_file_in_a_folder_that_is_not_there_is_absent() {
    let folder = tempfile::tempdir().unwrap();

    assert_eq!(in_file(folder.path().join("no/ca.json")).read(None).await.unwrap(), Found::Absent);
}

#[tokio::test]
async fn a_file_that_is_no_text_or_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.json");
    let place = in_file(path.clone());

    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(place.read(None).await, Err(ReadError::NotText)));

    std::fs::write(&path, vec![b' '; usize::try_from(MAX_OCTETS).unwrap() + 1]).unwrap();
    assert!(matches!(place.read(None).await, Err(ReadError::TooLong { .. })));
}

#[tokio::test]
async fn a_folder_is_no_configuration() {
    let folder = tempfile::tempdir().unwrap();

    assert!(matches!(in_file(folder.path().to_owned()).read(None).await, Err(ReadError::File(_))));
}

#[test]
fn l16_debug_shows_no_configuration() {
    let version = ConfigurationVersion(Version::ETag("1".into()));
    let secret = Configuration { text: "{\"password\":\"hunter2\"}".into(), version };

    assert!(!format!("{secret:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_told_apart_from_one_without_a_configuration() {
    use stepless_core::fault::{Fault, Faults};
    use stepless_core::store::fault::FaultyStore;

    let memory = Arc::new(MemoryStore::new(Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH))));
    let faults = Arc::new(Faults::at(1, Fault::FailBefore));
    let place = ConfigurationSource::in_store(Arc::new(FaultyStore::new(memory, faults)));

    assert!(matches!(place.read(None).await, Err(ReadError::Table(StoreError::Unavailable(_)))));
    assert_eq!(place.read(None).await.unwrap(), Found::Absent);
}

#[test]
fn whoever_keeps_state_in_the_table_of_the_configuration_uses_its_store() {
    let table = |text: &str| text.parse::<DynamoDbTable>().unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH))));
    let opened = Some(table("dynamodb:authority"));
    let place = ConfigurationSource(Source::Table(TablePlace::new(Arc::clone(&store)), opened));

    assert!(place.store_of(&table("authority")).is_some_and(|found| Arc::ptr_eq(&found, &store)));
    assert!(place.store_of(&table("another")).is_none());
    assert!(place.store_of(&table("dynamodb:table=authority;region=eu-west-1")).is_none());
    assert!(in_memory().store_of(&table("authority")).is_none());
}
