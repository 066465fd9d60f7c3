//! The one thread that writes.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use redb::{Database, ReadableTable, Table};
use stepless_core::clock::{Clock, Timestamp};
use stepless_core::store::{CommitError, Condition, StoreError, Write};
use tokio::sync::oneshot;

use crate::database::{Cause, Shared};
use crate::layout::{self, Damaged, Draft, EXPIRY, PLACES, RECORDS, Row};

/// What the writer is asked to do.
pub(crate) enum Job {
    /// A commit, with a place for the answer.
    Commit(Commit),
    /// A reader met a failure: see whether the database must be opened again.
    Recover,
}

/// A commit, encoded by the caller as far as that goes without knowing what is stored.
pub(crate) struct Commit {
    writes: Vec<Prepared>,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<(), CommitError>;

impl Commit {
    pub(crate) fn new(writes: &[Write]) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Self { writes: writes.iter().map(Prepared::new).collect(), answer }, answered)
    }
}

struct Prepared {
    key: Vec<u8>,
    condition: Condition,
    change: Change,
}

enum Change {
    Put { draft: Draft, places: Vec<Vec<u8>>, expiry: Option<Vec<u8>> },
    Delete,
    None,
}

impl Prepared {
    fn new(write: &Write) -> Self {
        let key = layout::key(write.key());
        let change = match write {
            Write::Put { value, expires, indexes, .. } => Change::Put {
                draft: Draft::new(value, *expires, indexes),
                places: indexes.iter().map(|place| layout::place(place, &key)).collect(),
                expiry: expires.map(|expires| layout::expiry(expires, &key)),
            },
            Write::Delete { .. } => Change::Delete,
            Write::Check { .. } => Change::None,
        };
        Self { key, condition: write.condition(), change }
    }
}

/// Takes the commits that wait, all at once, and makes them durable with one fsync.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jobs: Receiver<Job>,
}

impl Writer {
    /// Works until nobody can send jobs any more and all are done.
    pub(crate) fn run(self) {
        while let Ok(first) = self.jobs.recv() {
            let mut group = Vec::new();
            let mut suspected = false;
            let mut next = Some(first);
            while let Some(job) = next {
                match job {
                    Job::Commit(commit) => group.push(commit),
                    Job::Recover => suspected = true,
                }
                next = if group.len() < LARGEST_GROUP { self.next() } else { None };
            }
            if suspected {
                self.recover();
            }
            if !group.is_empty() {
                self.commit(group);
            }
        }
    }

    /// The next job that waits already.
    ///
    /// Those who were answered a moment ago are about to send their next commit. If none waits, letting them run
    /// before looking again costs a microsecond, and makes one group of what would be two halves that take turns.
    fn next(&self) -> Option<Job> {
        self.jobs.try_recv().ok().or_else(|| {
            thread::yield_now();
            self.jobs.try_recv().ok()
        })
    }

    fn commit(&self, mut group: Vec<Commit>) {
        let now = self.clock.now();
        // A damaged file can make the engine panic; that must not end the thread that all commits wait for.
        let written =
            catch_unwind(AssertUnwindSafe(|| self.shared.with(|open| write(open, &mut group, now))));
        match written.unwrap_or_else(|_| Err(Panicked.into())) {
            Ok(answers) => {
                for (commit, answer) in group.into_iter().zip(answers) {
                    // Whoever asked may be gone.
                    let _ = commit.answer.send(answer);
                }
            }
            Err(cause) => {
                // First the database, so that whoever tries again at once finds it open.
                self.recover();
                let failed = GroupFailed(Arc::from(cause));
                for commit in group {
                    let _ = commit.answer.send(Err(StoreError::Unavailable(Box::new(failed.clone())).into()));
                }
            }
        }
    }

    fn recover(&self) {
        let recovered = catch_unwind(AssertUnwindSafe(|| self.shared.recover()));
        if let Err(cause) = recovered.unwrap_or_else(|_| Err(Panicked.into())) {
            tracing::error!(error = &*cause as &dyn Error, "the database cannot be opened again");
        }
    }
}

/// The writes of the group that the commit was part of could not be made durable.
#[derive(Clone, Debug)]
struct GroupFailed(Arc<dyn Error + Send + Sync>);

impl fmt::Display for GroupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database could not be written")
    }
}

impl Error for GroupFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// The engine panicked.
#[derive(Debug, thiserror::Error)]
#[error("the storage engine failed unexpectedly")]
struct Panicked;

/// Most commits in one transaction, so that nobody waits for an endless group.
const LARGEST_GROUP: usize = 512;

/// How many expired records go for each write: more than one, so that they never pile up.
const EXPIRED_PER_WRITE: usize = 2;

/// Writes a group in one transaction. The answers are only true once this has returned them.
fn write(open: &Database, group: &mut [Commit], now: Timestamp) -> Result<Vec<Answer>, Cause> {
    let transaction = open.begin_write()?;
    let mut answers = Vec::with_capacity(group.len());
    let mut changes = 0;
    {
        let mut tables = Tables {
            records: transaction.open_table(RECORDS)?,
            places: transaction.open_table(PLACES)?,
            expiry: transaction.open_table(EXPIRY)?,
            now,
        };
        for commit in group {
            let answer = tables.commit(&mut commit.writes)?;
            if answer.is_ok() {
                changes += commit.writes.iter().filter(|write| !matches!(write.change, Change::None)).count();
            }
            answers.push(answer);
        }
        if changes > 0 {
            tables.remove_expired(EXPIRED_PER_WRITE * changes)?;
        }
    }
    if changes > 0 {
        transaction.commit()?;
    } else {
        // What the conditions saw is durable already.
        transaction.abort()?;
    }
    Ok(answers)
}

struct Tables<'a> {
    records: Table<'a, &'static [u8], &'static [u8]>,
    places: Table<'a, &'static [u8], ()>,
    expiry: Table<'a, &'static [u8], ()>,
    now: Timestamp,
}

/// What stood under a key before a write, expired or not.
struct Before {
    /// `None` if it has expired.
    version: Option<u64>,
    places: Vec<Vec<u8>>,
    expiry: Option<Vec<u8>>,
}

impl Tables<'_> {
    /// Applies the writes of a commit if the conditions of all of them hold.
    fn commit(&mut self, writes: &mut [Prepared]) -> Result<Answer, Cause> {
        let mut before = Vec::with_capacity(writes.len());
        for (position, write) in writes.iter().enumerate() {
            let found = match self.before(&write.key) {
                Ok(found) => found,
                Err(cause) if cause.is::<Damaged>() => return Ok(Err(StoreError::Failed(cause).into())),
                Err(cause) => return Err(cause),
            };
            if !write.condition.holds_of_version(found.as_ref().and_then(|found| found.version)) {
                return self.conflict(position, &write.key);
            }
            before.push(found);
        }
        for (write, before) in writes.iter_mut().zip(before) {
            self.apply(write, before)?;
        }
        Ok(Ok(()))
    }

    fn before(&self, key: &[u8]) -> Result<Option<Before>, Cause> {
        let Some(found) = self.records.get(key)? else { return Ok(None) };
        let row = Row::parse(found.value())?;
        Ok(Some(Before {
            version: (!row.has_expired(self.now)).then_some(row.version),
            places: row.places(key)?,
            expiry: row.expires.map(|expires| layout::expiry(expires, key)),
        }))
    }

    fn conflict(&self, write: usize, key: &[u8]) -> Result<Answer, Cause> {
        let found = match self.records.get(key)? {
            None => None,
            Some(found) => {
                let row = Row::parse(found.value())?;
                if row.has_expired(self.now) { None } else { Some(row.record(key)?) }
            }
        };
        Ok(Err(CommitError::Conflict { write, found }))
    }

    fn apply(&mut self, write: &mut Prepared, before: Option<Before>) -> Result<(), Cause> {
        let version = before.as_ref().and_then(|before| before.version);
        let (old_places, old_expiry) =
            before.map(|before| (before.places, before.expiry)).unwrap_or_default();
        match &mut write.change {
            Change::None => return Ok(()),
            Change::Delete => {
                self.records.remove(write.key.as_slice())?;
                self.leave(old_places.iter(), old_expiry.as_deref())?;
            }
            Change::Put { draft, places, expiry } => {
                let version = version.map_or(1, |version| version.saturating_add(1));
                self.records.insert(write.key.as_slice(), draft.finish(version))?;
                // A place that stays is not touched: it costs a page.
                let gone = old_places.iter().filter(|place| !places.contains(place));
                self.leave(gone, old_expiry.as_deref().filter(|old| expiry.as_deref() != Some(*old)))?;
                for place in places.iter().filter(|place| !old_places.contains(place)) {
                    self.places.insert(place.as_slice(), ())?;
                }
                if let Some(expiry) = expiry.as_deref().filter(|new| old_expiry.as_deref() != Some(*new)) {
                    self.expiry.insert(expiry, ())?;
                }
            }
        }
        Ok(())
    }

    fn leave<'a>(
        &mut self,
        places: impl Iterator<Item = &'a Vec<u8>>,
        expiry: Option<&[u8]>,
    ) -> Result<(), Cause> {
        for place in places {
            self.places.remove(place.as_slice())?;
        }
        if let Some(expiry) = expiry {
            self.expiry.remove(expiry)?;
        }
        Ok(())
    }

    fn remove_expired(&mut self, at_most: usize) -> Result<(), Cause> {
        for _ in 0..at_most {
            let Some(first) = self.expiry.first()?.map(|(entry, _)| entry.value().to_vec()) else {
                return Ok(());
            };
            let Some(key) = layout::expired(&first, self.now) else { return Ok(()) };
            match self.before(key) {
                Ok(found) => {
                    self.records.remove(key)?;
                    let places = found.map(|found| found.places).unwrap_or_default();
                    self.leave(places.iter(), Some(&first))?;
                }
                // Left for somebody to look at; its reader is told.
                Err(cause) if cause.is::<Damaged>() => self.leave([].iter(), Some(&first))?,
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }
}
