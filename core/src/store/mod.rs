//! The store port: one table of records, one way to write, and the table map that says what lies where.
//!
//! A record is found by its [`Key`], by the partition of its key, or through one of the few [`Index`]es it names
//! itself. There is no scan. Nothing here knows an engine; `infra` plugs in DynamoDB or the embedded file.

mod commit;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
#[cfg(any(test, feature = "contract"))]
pub mod fault;
pub mod key;
mod memory;
mod query;
mod record;
pub mod table;
mod write;

use std::fmt;

use thiserror::Error;

pub(crate) use commit::{Commit, Failed};
pub use key::Key;
pub use memory::MemoryStore;
pub use query::{Cursor, InvalidQuery, Order, Page, Query, Source};
pub use record::{Index, IndexEntry, Record};
pub use write::{CommitError, Condition, InvalidCommit, MAX_VALUE, MAX_WRITES, Write};

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
