//! What the embedded store promises beyond the port: about its file, failures of the disk, and its end.

use std::fs::{self, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use redb::backends::FileBackend;
use redb::{BackendError, Database, ReadableDatabase, ReadableTableMetadata, StorageBackend};
use stepless_core::clock::{FixedClock, Timestamp};
use stepless_core::store::{CommitError, Condition, Index, IndexEntry, Key, Store, StoreError, Write};

use crate::database::{self, Cause};
use crate::layout::{self, EXPIRY, PLACES, RECORDS};
use crate::{EmbeddedStore, OpenError};

struct Place {
    directory: tempfile::TempDir,
    clock: Arc<FixedClock>,
}

impl Place {
    fn new() -> Self {
        let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
        Self { directory: tempfile::tempdir().unwrap(), clock }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("stepless.redb")
    }

    fn open(&self) -> Result<EmbeddedStore, OpenError> {
        EmbeddedStore::open(&self.path(), self.clock.clone())
    }

    /// A store whose disk fails as `disk` says.
    fn open_on(&self, disk: &Arc<Disk>) -> EmbeddedStore {
        drop(self.open().unwrap());
        let (path, reopened) = (self.path(), Arc::clone(disk));
        let reopen = Box::new(move || reopened.open(&path));
        EmbeddedStore::start(disk.open(&self.path()).unwrap(), reopen, self.clock.clone()).unwrap()
    }
}

fn key(name: &str) -> Key {
    Key::new(&["test", name], &[name])
}

fn put(name: &str, condition: Condition) -> Vec<Write> {
    let indexes = vec![IndexEntry { index: Index::Name, key: key(name) }];
    vec![Write::Put { key: key(name), condition, value: name.into(), expires: None, indexes }]
}

fn put_until(name: &str, expires: Timestamp) -> Vec<Write> {
    let mut writes = put(name, Condition::Absent);
    for write in &mut writes {
        if let Write::Put { expires: until, .. } = write {
            *until = Some(expires);
        }
    }
    writes
}

async fn holds(store: &EmbeddedStore, name: &str) -> bool {
    store.get(&key(name)).await.unwrap().is_some()
}

#[test]
fn o13_a_second_store_on_one_file_is_refused_in_words_an_operator_understands() {
    let place = Place::new();
    let first = place.open().unwrap();

    let error = place.open().unwrap_err();

    assert!(matches!(&error, OpenError::AlreadyOpen { path } if *path == place.path()), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("in use by another process") && text.contains("stepless.redb"), "{text}");
    drop(first);
    place.open().unwrap();
}

#[cfg(unix)]
#[test]
fn o12_a_new_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    /// This test again, without a umask.
    const AGAIN: &str = "STEPLESS_UMASK_TEST";
    let place = Place::new();
    place.open().unwrap();

    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    if std::env::var_os(AGAIN).is_none() {
        let status = std::process::Command::new("sh")
            .args(["-c", r#"umask 000; exec "$0" "$@""#])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "tests::o12_a_new_file_is_readable_by_its_owner_alone"])
            .env(AGAIN, "1")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
    }
}

#[test]
fn a_new_database_leaves_nothing_else_behind() {
    let place = Place::new();
    place.open().unwrap();

    let names: Vec<_> =
        fs::read_dir(place.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["stepless.redb"]);
}

#[test]
fn files_that_cannot_be_a_database_are_refused_and_left_as_they_are() {
    let place = Place::new();

    let nowhere = place.directory.path().join("none").join("stepless.redb");
    let error = EmbeddedStore::open(&nowhere, place.clock.clone()).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");

    fs::write(place.path(), b"{\"this\": \"is something else, of more than a few octets\"}").unwrap();
    let before = fs::read(place.path()).unwrap();
    let error = place.open().unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[tokio::test]
async fn what_was_committed_is_there_after_opening_again() {
    let place = Place::new();
    let store = place.open().unwrap();
    store.commit(put("one", Condition::Absent)).await.unwrap();
    drop(store);

    let store = place.open().unwrap();
    assert!(holds(&store, "one").await);
    let answer = store.commit(put("one", Condition::Absent)).await;
    assert!(matches!(answer, Err(CommitError::Conflict { .. })), "{answer:?}");
}

#[tokio::test]
async fn dropping_the_store_finishes_the_commits_that_wait() {
    let place = Place::new();
    let store = place.open().unwrap();
    for number in 0..100 {
        let mut commit = store.commit(put(&number.to_string(), Condition::Absent));
        // Handed over, and then nobody waits for the answer.
        let _ = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    drop(store);

    let store = place.open().unwrap();
    for number in 0..100 {
        assert!(holds(&store, &number.to_string()).await, "{number}");
    }
}

#[tokio::test]
async fn d9_what_has_expired_is_removed_from_all_tables_by_later_commits() {
    let place = Place::new();
    let store = place.open().unwrap();
    for number in 0..50 {
        store.commit(put_until(&number.to_string(), Timestamp::from_second(10).unwrap())).await.unwrap();
    }
    place.clock.advance(10);
    for number in 50..100 {
        store.commit(put_until(&number.to_string(), Timestamp::from_second(20).unwrap())).await.unwrap();
    }
    drop(store);

    let open = database::open(&place.path()).unwrap();
    let transaction = open.begin_read().unwrap();
    assert_eq!(transaction.open_table(RECORDS).unwrap().len().unwrap(), 50);
    assert_eq!(transaction.open_table(PLACES).unwrap().len().unwrap(), 50);
    assert_eq!(transaction.open_table(EXPIRY).unwrap().len().unwrap(), 50);
}

#[tokio::test]
async fn a_damaged_record_fails_what_needs_it_and_nothing_else() {
    let place = Place::new();
    let store = place.open().unwrap();
    store.commit(put("good", Condition::Absent)).await.unwrap();
    drop(store);
    let open = database::open(&place.path()).unwrap();
    let transaction = open.begin_write().unwrap();
    let bad = layout::key(&key("bad"));
    transaction.open_table(RECORDS).unwrap().insert(bad.as_slice(), b"?".as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(open);

    let store = place.open().unwrap();
    let (bad, good) = (key("bad"), key("good"));
    let (read, written, read_good, written_good) = tokio::join!(
        store.get(&bad),
        store.commit(put("bad", Condition::Any)),
        store.get(&good),
        store.commit(put("good", Condition::Version(1))),
    );

    assert!(matches!(read, Err(StoreError::Failed(_))), "{read:?}");
    assert!(matches!(written, Err(CommitError::Store(StoreError::Failed(_)))), "{written:?}");
    assert!(matches!(read_good, Ok(Some(_))), "{read_good:?}");
    assert!(matches!(written_good, Ok(())), "{written_good:?}");
}

#[tokio::test]
async fn a_group_that_cannot_be_written_is_answered_unavailable_and_the_store_goes_on() {
    let place = Place::new();
    let disk = Arc::new(Disk::default());
    let store = place.open_on(&disk);
    store.commit(put("before", Condition::Absent)).await.unwrap();

    disk.syncs.fail_next(1);
    let answers = tokio::join!(
        store.commit(put("one", Condition::Absent)),
        store.commit(put("other", Condition::Absent)),
        store.commit(put("before", Condition::Version(1))),
    );

    for answer in [answers.0, answers.1, answers.2] {
        assert!(matches!(answer, Err(CommitError::Store(StoreError::Unavailable(_)))), "{answer:?}");
    }
    assert!(holds(&store, "before").await);
    store.commit(put("one", Condition::Any)).await.unwrap();
    store.commit(put("after", Condition::Absent)).await.unwrap();
    drop(store);
    let store = place.open().unwrap();
    assert!(holds(&store, "before").await && holds(&store, "one").await && holds(&store, "after").await);
}

#[tokio::test]
async fn a_full_disk_fails_commits_until_there_is_room() {
    let place = Place::new();
    let disk = Arc::new(Disk::default());
    let store = place.open_on(&disk);

    disk.writes.fail_next(usize::MAX);
    for _ in 0..3 {
        let answer = store.commit(put("one", Condition::Absent)).await;
        assert!(matches!(answer, Err(CommitError::Store(StoreError::Unavailable(_)))), "{answer:?}");
    }
    disk.writes.fail_next(0);

    // The first commit may still meet the closed database; it opens it again.
    let _ = store.commit(put("one", Condition::Any)).await;
    store.commit(put("one", Condition::Any)).await.unwrap();
    assert!(holds(&store, "one").await);
}

#[tokio::test]
async fn a_failed_read_is_answered_unavailable_and_the_store_goes_on() {
    let place = Place::new();
    let disk = Arc::new(Disk::default());
    place.open().unwrap().commit(put("one", Condition::Absent)).await.unwrap();
    let store = place.open_on(&disk);

    disk.reads.fail_next(1);
    let answer = store.get(&key("one")).await;

    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    // The writer has been told before this commit, and has opened the database again.
    store.commit(put("other", Condition::Absent)).await.unwrap();
    assert!(holds(&store, "one").await);
}

/// A disk that fails on demand.
#[derive(Debug, Default)]
struct Disk {
    reads: Failures,
    writes: Failures,
    syncs: Failures,
}

#[derive(Debug, Default)]
struct Failures(AtomicUsize);

impl Failures {
    fn fail_next(&self, operations: usize) {
        self.0.store(operations, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(io::Error::other("the disk was made to fail")),
            Err(_) => Ok(()),
        }
    }
}

impl Disk {
    fn open(self: &Arc<Self>, path: &Path) -> Result<Database, Cause> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let backend = Backend { disk: Arc::clone(self), file: FileBackend::new(file)? };
        // Nothing from a cache: every read meets the disk.
        Ok(database::builder(path).set_cache_size(0).create_with_backend(backend)?)
    }
}

#[derive(Debug)]
struct Backend {
    disk: Arc<Disk>,
    file: FileBackend,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.reads.check()?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.writes.check()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.syncs.check()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.writes.check()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}
