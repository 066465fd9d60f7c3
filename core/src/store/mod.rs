//! The store port: one table of records, one way to write, and the table map that says what lies where.
//!
//! A record is found by its [`Key`], by the partition of its key, or through one of the few [`Index`]es it names
//! itself. There is no scan. Nothing here knows an engine; `infra` plugs in DynamoDB or the embedded file.

use std::fmt;

use thiserror::Error;

use crate::clock::Timestamp;

/// What a store promises. Every implementation passes the contract suite in `store::contract`.
///
/// - A read sees every commit that ended before the read began.
/// - An expired record ([`Record::expires`] at or before the store's clock) counts as absent in reads, in queries and
///   in conditions, whether or not the engine has removed it.
/// - A commit is atomic and durable: when it has answered, a crash does not undo it.
#[async_trait::async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The record under `key`, if there is one that has not expired.
    ///
    /// # Errors
    /// [`StoreError`] when the engine could not answer.
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError>;

    /// The records under `keys`, in the same order, in one round trip.
    ///
    /// # Errors
    /// [`StoreError`] when the engine could not answer for all of them.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError>;

    /// One page of a partition or of an index, in the order of the sort key.
    ///
    /// # Errors
    /// [`StoreError`] when the engine could not answer.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// Applies every write or none.
    ///
    /// A write's condition is looked at against the state before the commit. No two writes of a commit may name the
    /// same key. Two commits that race for a key are put in some order; the later one sees the earlier one's records.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] names the first write whose condition did not hold, and nothing was applied.
    /// [`CommitError::Store`] when the engine failed; whether the commit was applied is then not known.
    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError>;
}

/// Where a record lies: its partition, and its place inside it. Both are compared byte by byte.
///
/// Keys are built by the table map alone, which escapes what comes from outside so that two different keys never
/// meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition; all records of a [`Query`] share it.
    pub partition: String,
    /// The place in the partition.
    pub sort: String,
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it lies.
    pub key: Key,
    /// 1 when it was created, one more at every [`Write::Put`] over it.
    pub version: u64,
    /// From this instant on it counts as absent. `None`: it stays.
    pub expires: Option<Timestamp>,
    /// What it says; JSON, by the table map.
    pub value: Vec<u8>,
}

/// A secondary order of records, sparse: only records that name a place in it are found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// Certificates by day of issuance, in shards, in the order of time.
    History,
    /// Certificates by a name they carry.
    Name,
    /// Certificates by provisioner, in the order of time.
    Provisioner,
}

/// A record's place in an index. A record has at most one place in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Which index.
    pub index: Index,
    /// The partition and the sort key in that index; two records may share them.
    pub key: Key,
}

/// One conditional write of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Stores `value`, and moves the record to these places in the indexes.
    Put {
        /// Where.
        key: Key,
        /// What must hold before.
        condition: Condition,
        /// What the record will say.
        value: Vec<u8>,
        /// When it will count as absent.
        expires: Option<Timestamp>,
        /// Its places in the indexes; the places it had before are left.
        indexes: Vec<IndexEntry>,
    },
    /// Removes the record, which need not exist unless the condition asks for it.
    Delete {
        /// Where.
        key: Key,
        /// What must hold before.
        condition: Condition,
    },
    /// Changes nothing; the commit fails if the condition does not hold.
    Check {
        /// Where.
        key: Key,
        /// What must hold.
        condition: Condition,
    },
}

impl Write {
    /// The key that is written or looked at.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => key,
        }
    }

    /// What must hold before.
    pub fn condition(&self) -> Condition {
        match self {
            Self::Put { condition, .. } | Self::Delete { condition, .. } | Self::Check { condition, .. } => {
                *condition
            }
        }
    }
}

/// What must hold of a key for a commit to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No record, or an expired one.
    Absent,
    /// A record that has not expired.
    Present,
    /// A record that has not expired, of exactly this version.
    Version(u64),
    /// Nothing.
    Any,
}

impl Condition {
    /// Whether it holds of `found`, which is `None` for an absent or expired record.
    pub fn holds(self, found: Option<&Record>) -> bool {
        match self {
            Self::Absent => found.is_none(),
            Self::Present => found.is_some(),
            Self::Version(version) => found.is_some_and(|record| record.version == version),
            Self::Any => true,
        }
    }
}

/// What to read, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which records.
    pub source: Source,
    /// Only records whose sort key (in that source) starts with this; empty for all.
    pub prefix: String,
    /// Ascending or descending sort keys.
    pub order: Order,
    /// At most so many records a page; at least 1.
    pub limit: usize,
    /// Where the page before ended; `None` for the first one.
    pub cursor: Option<Cursor>,
}

/// Which records a query reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The records of a partition of the table.
    Partition(String),
    /// The records of a partition of an index. An index may lag behind the table by moments.
    Index(Index, String),
}

/// The direction of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest sort key first.
    Ascending,
    /// Greatest sort key first.
    Descending,
}

/// Where a page ended, in the engine's own words. Only good for the query it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A page of a query. It may hold fewer records than asked for, or none, and still be followed by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The records, in order.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<Cursor>,
}

/// The engine could not answer.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It is busy or out of reach for the moment; the same request may be sent again.
    #[error("the store is not available for the moment")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it holds, or what it was asked, makes no sense; trying again does not help.
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a commit did not succeed.
#[derive(Debug, Error)]
pub enum CommitError {
    /// A condition did not hold; nothing was applied.
    #[error("the condition of write {write} did not hold")]
    Conflict {
        /// The position of the first write whose condition did not hold.
        write: usize,
        /// What stood there, if anything that had not expired.
        found: Option<Record>,
    },
    /// The engine failed; the commit may or may not have been applied.
    #[error(transparent)]
    Store(#[from] StoreError),
}
