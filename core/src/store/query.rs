//! What a query asks for, and the pages it is answered with.

use thiserror::Error;

use super::{Index, Record, StoreError};

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

/// A query that no store answers: the caller is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidQuery {
    /// [`Query::limit`] is 0.
    #[error("a page of no records was asked for")]
    NoLimit,
    /// [`Query::cursor`] is not from this store, or not from this query.
    #[error("the cursor is not one of this query")]
    ForeignCursor,
}

impl From<InvalidQuery> for StoreError {
    fn from(error: InvalidQuery) -> Self {
        Self::Failed(Box::new(error))
    }
}
