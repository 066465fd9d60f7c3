//! A store in memory: for configurations without a database, and for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{
    CommitError, Cursor, Index, IndexEntry, InvalidCommit, InvalidQuery, Key, Order, Page, Query, Record,
    Source, Store, StoreError, Write,
};
use crate::clock::{Clock, Timestamp};

/// A [`Store`] that forgets everything when it is dropped. Commits remove what has expired in passing.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// An empty store. `clock` says what has expired.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tables: Mutex::default() }
    }

    /// How many records it holds, expired ones that are still there among them.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.tables().records.values().map(BTreeMap::len).sum()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Nothing that can panic runs between the first and the last change of a commit, so a poisoned table is whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        let now = self.clock.now();
        Ok(self.tables().live(key, now).cloned())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        let now = self.clock.now();
        let tables = self.tables();
        Ok(keys.iter().map(|key| tables.live(key, now).cloned()).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        if query.limit == 0 {
            return Err(InvalidQuery::NoLimit.into());
        }
        let now = self.clock.now();
        let after = query.cursor.as_ref().map(|cursor| Position::after(cursor, &query.prefix)).transpose()?;
        Ok(self.tables().page(query, after, now))
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        InvalidCommit::check(&writes)?;
        let now = self.clock.now();
        let mut tables = self.tables();
        for (position, write) in writes.iter().enumerate() {
            let found = tables.live(write.key(), now);
            if !write.condition().holds(found) {
                return Err(CommitError::Conflict { write: position, found: found.cloned() });
            }
        }
        let removable = EXPIRED_PER_WRITE * writes.len();
        for write in writes {
            tables.apply(write, now);
        }
        tables.remove_expired(now, removable);
        Ok(())
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

/// How many expired records go for each write: more than one, so that they never pile up.
const EXPIRED_PER_WRITE: usize = 4;

#[derive(Default)]
struct Tables {
    /// By partition, then by sort key.
    records: BTreeMap<String, BTreeMap<String, Row>>,
    indexes: BTreeMap<(Index, String), BTreeSet<Position>>,
    expiry: BTreeSet<(Timestamp, Key)>,
}

struct Row {
    record: Record,
    indexes: Vec<IndexEntry>,
}

impl Tables {
    fn live(&self, key: &Key, now: Timestamp) -> Option<&Record> {
        self.row(key).map(|row| &row.record).filter(|record| !record.has_expired(now))
    }

    fn page(&self, query: &Query, after: Option<Position>, now: Timestamp) -> Page {
        let (from, to) = bounds(query, after);
        match &query.source {
            Source::Partition(partition) => {
                let bounds = (
                    from.as_ref().map(|position| position.sort.as_str()),
                    to.as_ref().map(|position| position.sort.as_str()),
                );
                let rows =
                    self.records.get(partition).into_iter().flat_map(|rows| rows.range::<str, _>(bounds));
                collect(query, rows.map(|(sort, row)| (sort.as_str(), None, &row.record)), now)
            }
            Source::Index(index, partition) => {
                let places = self.indexes.get(&(*index, partition.clone()));
                let places = places.into_iter().flat_map(|places| places.range((from.clone(), to.clone())));
                let rows = places.filter_map(|place| {
                    let key = place.record.as_ref()?;
                    Some((place.sort.as_str(), Some(key), &self.row(key)?.record))
                });
                collect(query, rows, now)
            }
        }
    }

    fn row(&self, key: &Key) -> Option<&Row> {
        self.records.get(&key.partition)?.get(&key.sort)
    }

    fn apply(&mut self, write: Write, now: Timestamp) {
        match write {
            Write::Put { key, value, expires, indexes, .. } => {
                let version = self.live(&key, now).map_or(1, |record| record.version.saturating_add(1));
                self.remove(&key);
                for entry in &indexes {
                    self.indexes
                        .entry((entry.index, entry.key.partition.clone()))
                        .or_default()
                        .insert(Position { sort: entry.key.sort.clone(), record: Some(key.clone()) });
                }
                if let Some(expires) = expires {
                    self.expiry.insert((expires, key.clone()));
                }
                let record = Record { key: key.clone(), version, expires, value };
                self.records.entry(key.partition).or_default().insert(key.sort, Row { record, indexes });
            }
            Write::Delete { key, .. } => self.remove(&key),
            Write::Check { .. } => {}
        }
    }

    fn remove(&mut self, key: &Key) {
        let Some(rows) = self.records.get_mut(&key.partition) else { return };
        let Some(row) = rows.remove(&key.sort) else { return };
        if rows.is_empty() {
            self.records.remove(&key.partition);
        }
        for entry in row.indexes {
            let partition = (entry.index, entry.key.partition);
            if let Some(places) = self.indexes.get_mut(&partition) {
                places.remove(&Position { sort: entry.key.sort, record: Some(key.clone()) });
                if places.is_empty() {
                    self.indexes.remove(&partition);
                }
            }
        }
        if let Some(expires) = row.record.expires {
            self.expiry.remove(&(expires, key.clone()));
        }
    }

    fn remove_expired(&mut self, now: Timestamp, at_most: usize) {
        for _ in 0..at_most {
            let Some((_, key)) = self.expiry.first().filter(|(expires, _)| *expires <= now) else { return };
            let key = key.clone();
            self.remove(&key);
        }
    }
}

/// A place in a partition of the table, where `record` is `None`, or of an index.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    sort: String,
    record: Option<Key>,
}

impl Position {
    /// What [`Position::cursor`] wrote; it lies among the places that start with `prefix`.
    fn after(cursor: &Cursor, prefix: &str) -> Result<Self, InvalidQuery> {
        let position = Self::parse(&cursor.0).ok_or(InvalidQuery::ForeignCursor)?;
        // A range that ends before it begins would be a panic.
        if position.sort.starts_with(prefix) { Ok(position) } else { Err(InvalidQuery::ForeignCursor) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (sort, rest) = split_counted(text)?;
        if rest.is_empty() {
            return Some(Self { sort: sort.to_owned(), record: None });
        }
        let (partition, key_sort) = split_counted(rest)?;
        let record = Key { partition: partition.to_owned(), sort: key_sort.to_owned() };
        Some(Self { sort: sort.to_owned(), record: Some(record) })
    }

    fn cursor(sort: &str, record: Option<&Key>) -> Cursor {
        let place = format!("{}:{sort}", sort.len());
        Cursor(match record {
            None => place,
            Some(key) => format!("{place}{}:{}{}", key.partition.len(), key.partition, key.sort),
        })
    }
}

fn split_counted(text: &str) -> Option<(&str, &str)> {
    let (length, rest) = text.split_once(':')?;
    rest.split_at_checked(length.parse().ok()?)
}

fn bounds(query: &Query, after: Option<Position>) -> (Bound<Position>, Bound<Position>) {
    let first = |sort: String| Position { sort, record: None };
    let from = Bound::Included(first(query.prefix.clone()));
    let to = successor(&query.prefix).map_or(Bound::Unbounded, |sort| Bound::Excluded(first(sort)));
    match (after, query.order) {
        (None, _) => (from, to),
        (Some(after), Order::Ascending) => (Bound::Excluded(after), to),
        (Some(after), Order::Descending) => (from, Bound::Excluded(after)),
    }
}

/// The smallest string above all that start with `prefix`; `None` if there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut prefix = prefix.to_owned();
    while let Some(last) = prefix.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

type Found<'a> = (&'a str, Option<&'a Key>, &'a Record);

fn collect<'a>(query: &Query, found: impl DoubleEndedIterator<Item = Found<'a>>, now: Timestamp) -> Page {
    let live = found.filter(|(_, _, record)| !record.has_expired(now));
    match query.order {
        Order::Ascending => first_page(live, query.limit),
        Order::Descending => first_page(live.rev(), query.limit),
    }
}

fn first_page<'a>(found: impl Iterator<Item = Found<'a>>, limit: usize) -> Page {
    let mut found = found.peekable();
    let mut page = Page { records: Vec::new(), next: None };
    while let Some((sort, key, record)) = found.next() {
        page.records.push(record.clone());
        if page.records.len() == limit {
            page.next = found.peek().map(|_| Position::cursor(sort, key));
            break;
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::clock::FixedClock;
    use crate::store::Condition;
    use crate::store::contract::Subject;

    crate::store_contract!(subject());

    async fn subject() -> Subject {
        let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
        Subject::new(Arc::new(MemoryStore::new(clock.clone())), clock)
    }

    #[tokio::test]
    async fn what_has_expired_is_removed_by_later_commits() {
        let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
        let store = MemoryStore::new(clock.clone());

        for number in 0..10_000 {
            let key = Key::new(&["once", &number.to_string()], &[]);
            let place = IndexEntry { index: Index::Name, key: key.clone() };
            let write = Write::Put {
                key,
                condition: Condition::Absent,
                value: Vec::new(),
                expires: Some(Timestamp::from_second(number + 10).unwrap()),
                indexes: vec![place],
            };
            store.commit(vec![write]).await.unwrap();
            clock.advance(1);
        }

        let tables = store.tables();
        assert!(tables.records.len() < 20, "{}", tables.records.len());
        assert_eq!(tables.indexes.len(), tables.records.len());
        assert_eq!(tables.expiry.len(), tables.records.len());
    }

    #[rstest]
    #[case::empty("", None)]
    #[case::last("ab", Some("ac"))]
    #[case::before_the_surrogates("a\u{D7FF}", Some("a\u{E000}"))]
    #[case::greatest_character("a\u{10FFFF}", Some("b"))]
    #[case::nothing_above("\u{10FFFF}", None)]
    fn a_prefix_ends_where_its_successor_begins(#[case] prefix: &str, #[case] expected: Option<&str>) {
        assert_eq!(successor(prefix).as_deref(), expected);
    }
}
