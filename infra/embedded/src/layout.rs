//! How records lie in the file: three tables of octets, each in the order its reader needs.
//!
//! - `records`: key of the record -> a format octet, its version, expiry and places, then its value.
//! - `places`: index, partition, sort key and key of the record -> nothing.
//! - `expiry`: instant and key of the record -> nothing.
//!
//! The partition of a key has its length in front, so that no partition is the beginning of another; the sort key
//! stands last, as it is, so that octets compare as sort keys do.

use redb::TableDefinition;
use stepless_core::clock::Timestamp;
use stepless_core::store::{Index, IndexEntry, Key, Record};
use thiserror::Error;

pub(crate) const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
pub(crate) const PLACES: TableDefinition<'_, &[u8], ()> = TableDefinition::new("places");
pub(crate) const EXPIRY: TableDefinition<'_, &[u8], ()> = TableDefinition::new("expiry");

/// What stands under a key is not what this version writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a record in the file is damaged, or was written by a later version")]
pub(crate) struct Damaged;

/// The octets of a key.
pub(crate) fn key(key: &Key) -> Vec<u8> {
    let mut octets = Vec::with_capacity(LENGTH + key.partition.len() + key.sort.len());
    push_key(&mut octets, key);
    octets
}

/// What the octets of all keys of a partition begin with whose sort keys start with `prefix`.
pub(crate) fn partition(partition: &str, prefix: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(LENGTH + partition.len() + prefix.len());
    push_counted(&mut octets, partition);
    octets.extend_from_slice(prefix.as_bytes());
    octets
}

/// The octets of a place in an index. `record` are the octets of the record's key.
pub(crate) fn place(place: &IndexEntry, record: &[u8]) -> Vec<u8> {
    let mut octets =
        Vec::with_capacity(1 + LENGTH + place.key.partition.len() + place.key.sort.len() + 2 + record.len());
    push_places(&mut octets, place.index, &place.key.partition, &place.key.sort);
    octets.extend_from_slice(&PLACE_END);
    octets.extend_from_slice(record);
    octets
}

/// What the octets of all places in a partition of an index begin with whose sort keys start with `prefix`.
pub(crate) fn places(index: Index, partition: &str, prefix: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(1 + LENGTH + partition.len() + prefix.len());
    push_places(&mut octets, index, partition, prefix);
    octets
}

/// The octets of the record's key in those of a place.
pub(crate) fn record_of_place(place: &[u8]) -> Result<&[u8], Damaged> {
    let rest = place.get(1..).ok_or(Damaged)?;
    let (_, sort) = counted(rest)?;
    let mut at = 0;
    loop {
        let octets = sort.get(at..).ok_or(Damaged)?;
        match octets {
            [0, 0, record @ ..] => return Ok(record),
            [0, _, ..] => at += 2,
            [_, ..] => at += 1,
            [] => return Err(Damaged),
        }
    }
}

/// The octets of an instant and of the record that expires then. `record` are the octets of its key.
pub(crate) fn expiry(expires: Timestamp, record: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(TIME + record.len());
    octets.extend_from_slice(&time(expires));
    octets.extend_from_slice(record);
    octets
}

/// The octets of the record's key in those of an expiry, if it has expired at `now`.
pub(crate) fn expired(expiry: &[u8], now: Timestamp) -> Option<&[u8]> {
    let (expires, record) = expiry.split_first_chunk::<TIME>()?;
    (*expires <= time(now)).then_some(record)
}

/// The octets under a key, all but the version, which only the writer knows.
#[derive(Debug)]
pub(crate) struct Draft(Vec<u8>);

impl Draft {
    pub(crate) fn new(value: &[u8], expires: Option<Timestamp>, places: &[IndexEntry]) -> Self {
        let places_len: usize = places
            .iter()
            .map(|place| 1 + 2 * LENGTH + place.key.partition.len() + place.key.sort.len())
            .sum();
        let mut octets = Vec::with_capacity(HEAD + TIME + places_len + value.len());
        octets.push(FORMAT);
        octets.extend_from_slice(&[0; VERSION]);
        match expires {
            None => octets.push(0),
            Some(expires) => {
                octets.push(1);
                octets.extend_from_slice(&time(expires));
            }
        }
        // A record has one place in each of the few indexes.
        octets.push(u8::try_from(places.len()).unwrap_or(u8::MAX));
        for place in places {
            octets.push(tag(place.index));
            push_counted(&mut octets, &place.key.partition);
            push_counted(&mut octets, &place.key.sort);
        }
        octets.extend_from_slice(value);
        Self(octets)
    }

    /// The octets to store, with this version.
    pub(crate) fn finish(&mut self, version: u64) -> &[u8] {
        if let Some(hole) = self.0.get_mut(1..=VERSION) {
            hole.copy_from_slice(&version.to_be_bytes());
        }
        &self.0
    }
}

/// What stands under a key, not yet copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) version: u64,
    pub(crate) expires: Option<Timestamp>,
    places: &'a [u8],
    place_count: u8,
    value: &'a [u8],
}

impl<'a> Row<'a> {
    pub(crate) fn parse(octets: &'a [u8]) -> Result<Self, Damaged> {
        let ([format], rest) = octets.split_first_chunk().ok_or(Damaged)?;
        if *format != FORMAT {
            return Err(Damaged);
        }
        let (version, rest) = rest.split_first_chunk().ok_or(Damaged)?;
        let (expires, rest) = match rest {
            [0, rest @ ..] => (None, rest),
            [1, rest @ ..] => {
                let (expires, rest) = rest.split_first_chunk().ok_or(Damaged)?;
                (Some(parse_time(*expires)?), rest)
            }
            _ => return Err(Damaged),
        };
        let ([place_count], places) = rest.split_first_chunk().ok_or(Damaged)?;
        let mut value = places;
        for _ in 0..*place_count {
            let (_, rest) = parse_place(value)?;
            value = rest;
        }
        Ok(Self { version: u64::from_be_bytes(*version), expires, places, place_count: *place_count, value })
    }

    pub(crate) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Its places in the indexes, as [`place`] writes them.
    pub(crate) fn places(&self, record: &[u8]) -> Result<Vec<Vec<u8>>, Damaged> {
        let mut rest = self.places;
        (0..self.place_count)
            .map(|_| {
                let (entry, after) = parse_place(rest)?;
                rest = after;
                Ok(place(&entry, record))
            })
            .collect()
    }

    pub(crate) fn record(&self, key: &[u8]) -> Result<Record, Damaged> {
        let (partition, sort) = counted(key)?;
        let key = Key { partition: text(partition)?, sort: text(sort)? };
        Ok(Record { key, version: self.version, expires: self.expires, value: self.value.to_vec() })
    }
}

/// The first octet of a record, so that later versions can tell what they read.
const FORMAT: u8 = 1;

/// Octets of a length. Keys are far below its 65,535.
const LENGTH: usize = 2;

/// Octets of a version.
const VERSION: usize = 8;

/// Octets of a record before its expiry and its places: format, version, whether it expires, number of places.
const HEAD: usize = 1 + VERSION + 1 + 1;

/// Octets of an instant.
const TIME: usize = 16;

/// Ends the sort key of a place. Sorts below everything a longer sort key can go on with.
const PLACE_END: [u8; 2] = [0, 0];

fn push_key(octets: &mut Vec<u8>, key: &Key) {
    push_counted(octets, &key.partition);
    octets.extend_from_slice(key.sort.as_bytes());
}

fn push_places(octets: &mut Vec<u8>, index: Index, partition: &str, sort: &str) {
    octets.push(tag(index));
    push_counted(octets, partition);
    for octet in sort.bytes() {
        octets.push(octet);
        if octet == 0 {
            // Keeps a zero apart from the end, and above it.
            octets.push(1);
        }
    }
}

/// `text` with its length in front. The store refuses keys that are too long before they come here; a query for one
/// finds what is stored under it, which is nothing.
fn push_counted(octets: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(text.as_bytes());
}

fn counted(octets: &[u8]) -> Result<(&[u8], &[u8]), Damaged> {
    let (length, rest) = octets.split_first_chunk().ok_or(Damaged)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(Damaged)
}

fn parse_place(octets: &[u8]) -> Result<(IndexEntry, &[u8]), Damaged> {
    let ([tag], rest) = octets.split_first_chunk().ok_or(Damaged)?;
    let (partition, rest) = counted(rest)?;
    let (sort, rest) = counted(rest)?;
    let key = Key { partition: text(partition)?, sort: text(sort)? };
    Ok((IndexEntry { index: index(*tag)?, key }, rest))
}

fn text(octets: &[u8]) -> Result<String, Damaged> {
    str::from_utf8(octets).map(str::to_owned).map_err(|_| Damaged)
}

/// An instant in the order of time: nanoseconds, with the sign turned so that the past sorts below.
fn time(time: Timestamp) -> [u8; TIME] {
    (time.as_nanosecond() ^ i128::MIN).to_be_bytes()
}

fn parse_time(octets: [u8; TIME]) -> Result<Timestamp, Damaged> {
    Timestamp::from_nanosecond(i128::from_be_bytes(octets) ^ i128::MIN).map_err(|_| Damaged)
}

/// These numbers are in files; an index keeps its own for ever.
fn tag(index: Index) -> u8 {
    match index {
        Index::History => 1,
        Index::Name => 2,
        Index::Provisioner => 3,
    }
}

fn index(tag: u8) -> Result<Index, Damaged> {
    match tag {
        1 => Ok(Index::History),
        2 => Ok(Index::Name),
        3 => Ok(Index::Provisioner),
        _ => Err(Damaged),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn any_key() -> impl Strategy<Value = Key> {
        let text = || {
            prop_oneof![
                vec(prop::sample::select(vec!['\0', '\u{1}', 'a', 'b', '\u{10FFFF}']), 0..4)
                    .prop_map(String::from_iter),
                any::<String>(),
            ]
        };
        (text(), text()).prop_map(|(partition, sort)| Key { partition, sort })
    }

    fn any_places() -> impl Strategy<Value = Vec<IndexEntry>> {
        let index = prop::sample::select(vec![Index::History, Index::Name, Index::Provisioner]);
        vec((index, any_key()).prop_map(|(index, key)| IndexEntry { index, key }), 0..3)
    }

    fn any_time() -> impl Strategy<Value = Timestamp> {
        (Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond())
            .prop_map(|nanosecond| Timestamp::from_nanosecond(nanosecond).unwrap())
    }

    proptest! {
        #[test]
        fn a_row_reads_as_it_was_written(
            at in any_key(),
            value: Vec<u8>,
            expires in prop::option::of(any_time()),
            places in any_places(),
            version: u64,
        ) {
            let mut draft = Draft::new(&value, expires, &places);
            let octets = draft.finish(version).to_vec();
            let record_key = key(&at);

            let row = Row::parse(&octets).unwrap();

            let expected: Vec<_> = places.iter().map(|entry| place(entry, &record_key)).collect();
            prop_assert_eq!(row.places(&record_key).unwrap(), expected);
            prop_assert_eq!(row.record(&record_key).unwrap(), Record { key: at, version, expires, value });
        }

        #[test]
        fn d12_keys_of_a_partition_compare_as_sort_keys_do(partition: String, one: String, other: String) {
            let at = |sort: &str| key(&Key { partition: partition.clone(), sort: sort.into() });

            prop_assert_eq!(at(&one).cmp(&at(&other)), one.cmp(&other));
        }

        #[test]
        fn d12_places_compare_as_sort_keys_and_then_as_records(
            one in any_key(),
            other in any_key(),
            record in any_key(),
            other_record in any_key(),
        ) {
            let (one, other) = (one.sort, other.sort);
            let (record, other_record) = (key(&record), key(&other_record));
            let at = |sort: &str, record: &[u8]| {
                let key = Key { partition: "p".into(), sort: sort.into() };
                place(&IndexEntry { index: Index::Name, key }, record)
            };

            let expected = one.cmp(&other).then_with(|| record.cmp(&other_record));

            prop_assert_eq!(at(&one, &record).cmp(&at(&other, &other_record)), expected);
            let place = at(&one, &record);
            prop_assert_eq!(record_of_place(&place).unwrap(), &record);
            let prefixed = place.starts_with(&places(Index::Name, "p", &other));
            prop_assert_eq!(prefixed, one.starts_with(&other));
        }

        #[test]
        fn expiries_compare_as_time_does(one in any_time(), other in any_time(), record: Vec<u8>) {
            prop_assert_eq!(time(one).cmp(&time(other)), one.cmp(&other));
            prop_assert_eq!(expired(&expiry(one, &record), other).is_some(), one <= other);
        }

        #[test]
        fn damaged_octets_are_an_error_and_no_panic(mut octets: Vec<u8>) {
            let _ = Row::parse(&octets).map(|row| (row.places(b"").is_ok(), row.record(&octets).is_ok()));
            let _ = record_of_place(&octets);
            let _ = expired(&octets, Timestamp::UNIX_EPOCH);
            octets.splice(0..0, [FORMAT, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            let _ = Row::parse(&octets).map(|row| (row.places(b"").is_ok(), row.record(&octets).is_ok()));
        }
    }
}
