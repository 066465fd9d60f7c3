//! What the store keeps: records, and their places in the indexes.

use super::Key;
use crate::clock::Timestamp;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it lies.
    pub key: Key,
    /// 1 when it was created, one more at every [`Write::Put`](super::Write::Put) over it.
    pub version: u64,
    /// From this instant on it counts as absent. `None`: it stays.
    pub expires: Option<Timestamp>,
    /// What it says; JSON, by the table map.
    pub value: Vec<u8>,
}

impl Record {
    /// Whether it counts as absent at `now`.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// A secondary order of records, sparse: only records that name a place in it are found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// Certificates by day of issuance, in shards, in the order of time.
    History,
    /// Certificates by a name they carry.
    Name,
    /// Certificates by provisioner and month, in shards, in the order of time.
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
