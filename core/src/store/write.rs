//! What a commit asks for, what must hold before it, and why it may not succeed.

use thiserror::Error;

use super::key::{Key, MAX_PARTITION, MAX_SORT};
use super::{IndexEntry, Record, StoreError};
use crate::clock::Timestamp;

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
        self.holds_of_version(found.map(|record| record.version))
    }

    /// Whether it holds of a record of version `found`, which is `None` for an absent or expired record.
    pub fn holds_of_version(self, found: Option<u64>) -> bool {
        match self {
            Self::Absent => found.is_none(),
            Self::Present => found.is_some(),
            Self::Version(version) => found == Some(version),
            Self::Any => true,
        }
    }
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

/// Most writes in one commit.
///
/// [DynamoDB, TransactWriteItems](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html)
pub const MAX_WRITES: usize = 100;

/// Longest value of a record, in octets: an item of DynamoDB is at most 400 KiB, keys, names and the places in the
/// indexes included.
///
/// [DynamoDB quotas](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)
pub const MAX_VALUE: usize = 384 * 1024;

/// A commit that no store takes, whatever it holds: the caller is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidCommit {
    /// More than [`MAX_WRITES`].
    #[error("{writes} writes in one commit, at most {MAX_WRITES} are possible")]
    TooManyWrites {
        /// How many.
        writes: usize,
    },
    /// Two writes name the same key.
    #[error("write {write} names the key of an earlier write of the commit")]
    SameKeyTwice {
        /// The position of the second one.
        write: usize,
    },
    /// A record would have two places in one index.
    #[error("write {write} names two places in one index")]
    SameIndexTwice {
        /// Its position.
        write: usize,
    },
    /// A partition or sort key that is empty or too long, in the table or in an index.
    #[error(
        "write {write} has a key of {partition} + {sort} octets; 1 to {MAX_PARTITION} + 1 to {MAX_SORT} are possible"
    )]
    KeyLength {
        /// Its position.
        write: usize,
        /// Octets of the partition.
        partition: usize,
        /// Octets of the sort key.
        sort: usize,
    },
    /// A value longer than [`MAX_VALUE`].
    #[error("write {write} has a value of {octets} octets, at most {MAX_VALUE} are possible")]
    ValueTooLong {
        /// Its position.
        write: usize,
        /// Its length.
        octets: usize,
    },
}

impl InvalidCommit {
    /// Refuses what no store takes. Every engine asks this first, so that what one engine takes fits into all.
    ///
    /// # Errors
    /// [`InvalidCommit`] says which write, and what is wrong with it.
    pub fn check(writes: &[Write]) -> Result<(), Self> {
        if writes.len() > MAX_WRITES {
            return Err(Self::TooManyWrites { writes: writes.len() });
        }
        for (position, write) in writes.iter().enumerate() {
            // At most MAX_WRITES squared, and mostly two or three: cheaper than a set.
            if writes.iter().take(position).any(|earlier| earlier.key() == write.key()) {
                return Err(Self::SameKeyTwice { write: position });
            }
            check_key(position, write.key())?;
            if let Write::Put { value, indexes, .. } = write {
                check_value(position, value)?;
                check_indexes(position, indexes)?;
            }
        }
        Ok(())
    }
}

impl From<InvalidCommit> for CommitError {
    fn from(error: InvalidCommit) -> Self {
        Self::Store(StoreError::Failed(Box::new(error)))
    }
}

fn check_key(write: usize, key: &Key) -> Result<(), InvalidCommit> {
    let (partition, sort) = (key.partition.len(), key.sort.len());
    if (1..=MAX_PARTITION).contains(&partition) && (1..=MAX_SORT).contains(&sort) {
        Ok(())
    } else {
        Err(InvalidCommit::KeyLength { write, partition, sort })
    }
}

fn check_value(write: usize, value: &[u8]) -> Result<(), InvalidCommit> {
    if value.len() > MAX_VALUE {
        Err(InvalidCommit::ValueTooLong { write, octets: value.len() })
    } else {
        Ok(())
    }
}

fn check_indexes(write: usize, indexes: &[IndexEntry]) -> Result<(), InvalidCommit> {
    for (position, entry) in indexes.iter().enumerate() {
        if indexes.iter().take(position).any(|earlier| earlier.index == entry.index) {
            return Err(InvalidCommit::SameIndexTwice { write });
        }
        check_key(write, &entry.key)?;
    }
    Ok(())
}
