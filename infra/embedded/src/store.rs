//! The handle that the server holds.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use redb::{Database, ReadOnlyTable, ReadableDatabase, StorageError};
use stepless_core::clock::{Clock, Timestamp};
use stepless_core::store::{CommitError, InvalidCommit, Key, Page, Query, Record, Store, StoreError, Write};

use crate::database::{self, Cause, Closed, OpenError, Opener, Shared};
use crate::layout::{self, Damaged, RECORDS, Row};
use crate::page::{self, Span};
use crate::writer::{Commit, Job, Writer};

/// A [`Store`] in one file, which one process has open at a time.
///
/// Commits that wait at the same moment share one fsync. Dropping the store finishes the commits that wait and closes
/// the file; that takes as long as the disk takes.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// `None` only while the store is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the database in the file `path`, and makes it, readable for its owner alone, if there is none. Its
    /// directory must exist. `clock` says what has expired.
    ///
    /// After a crash the file is checked first, which takes about as long as reading it.
    ///
    /// # Errors
    /// [`OpenError`] says why the file cannot be used, [`OpenError::AlreadyOpen`] that another process uses it.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        // A later change of the working directory must not lead to another file.
        let path = std::path::absolute(path).map_err(io)?;
        let database = database::open_or_create(&path)?;
        // A file that is gone is not made again: whoever took it away may want to bring it back.
        let reopen = {
            let path = path.clone();
            move || Ok(database::open(&path)?)
        };
        Self::start(database, Box::new(reopen), clock).map_err(|source| OpenError::Io { path, source })
    }

    /// Starts the writer of an open database.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        database: Database,
        reopen: Opener,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, std::io::Error> {
        let shared = Arc::new(Shared::new(database, reopen));
        let (jobs, waiting) = mpsc::channel();
        let writer = Writer { shared: Arc::clone(&shared), clock: Arc::clone(&clock), jobs: waiting };
        let writer = thread::Builder::new().name("store".to_owned()).spawn(move || writer.run())?;
        Ok(Self { shared, clock, jobs: Some(jobs), writer: Some(writer) })
    }

    /// Reads from the file, on the caller's thread: a point read takes a few microseconds from the cache of the
    /// system, less than handing it to another thread would, and a page is bounded.
    fn read<T>(&self, work: impl FnOnce(&Database) -> Result<T, Cause>) -> Result<T, StoreError> {
        self.shared.with(work).map_err(|cause| {
            if cause.is::<Damaged>() || matches!(cause.downcast_ref(), Some(StorageError::Corrupted(_))) {
                return StoreError::Failed(cause);
            }
            // After an I/O error the engine refuses everything until it is opened again. If the writer is gone, so
            // is this store.
            let _ = self.send(Job::Recover);
            StoreError::Unavailable(cause)
        })
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(job));
        if let Some(Ok(())) = sent { Ok(()) } else { Err(closed()) }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let now = self.clock.now();
        self.read(|open| find(&open.begin_read()?.open_table(RECORDS)?, key, now))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let now = self.clock.now();
        self.read(|open| {
            let records = open.begin_read()?.open_table(RECORDS)?;
            keys.iter().map(|key| find(&records, key, now)).collect()
        })
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let span = Span::of(query)?;
        let now = self.clock.now();
        self.read(|open| page::read(open, query, &span, now))
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        InvalidCommit::check(&writes)?;
        let (commit, answered) = Commit::new(&writes);
        self.send(Job::Commit(commit))?;
        answered.await.unwrap_or_else(|_| Err(closed().into()))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        // Without a sender the writer ends when it has done what waits.
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn find(records: &Records, key: &Key, now: Timestamp) -> Result<Option<Record>, Cause> {
    let key = layout::key(key);
    let Some(found) = records.get(key.as_slice())? else { return Ok(None) };
    let row = Row::parse(found.value())?;
    if row.has_expired(now) { Ok(None) } else { Ok(Some(row.record(&key)?)) }
}

type Records = ReadOnlyTable<&'static [u8], &'static [u8]>;

fn closed() -> StoreError {
    StoreError::Unavailable(Box::new(Closed))
}
