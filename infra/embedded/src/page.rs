//! One page of a query.

use std::ops::Bound;

use redb::{Database, ReadOnlyTable, ReadableDatabase, Value};
use stepless_core::clock::Timestamp;
use stepless_core::store::{Cursor, InvalidQuery, Order, Page, Query, Record, Source};

use crate::database::Cause;
use crate::layout::{self, Damaged, PLACES, RECORDS, Row};

/// The octets of the table keys between which the records of a query lie.
#[derive(Debug)]
pub(crate) struct Span {
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
}

impl Span {
    /// # Errors
    /// [`InvalidQuery`] when no store answers that.
    pub(crate) fn of(query: &Query) -> Result<Self, InvalidQuery> {
        if query.limit == 0 {
            return Err(InvalidQuery::NoLimit);
        }
        let first = match &query.source {
            Source::Partition(partition) => layout::partition(partition, &query.prefix),
            Source::Index(index, partition) => layout::places(*index, partition, &query.prefix),
        };
        let to = successor(&first).map_or(Bound::Unbounded, Bound::Excluded);
        let Some(cursor) = &query.cursor else { return Ok(Self { from: Bound::Included(first), to }) };
        let last = hex::decode(&cursor.0).map_err(|_| InvalidQuery::ForeignCursor)?;
        if !last.starts_with(&first) {
            return Err(InvalidQuery::ForeignCursor);
        }
        Ok(match query.order {
            Order::Ascending => Self { from: Bound::Excluded(last), to },
            Order::Descending => Self { from: Bound::Included(first), to: Bound::Excluded(last) },
        })
    }
}

/// Reads the page of `query` between the bounds of `span`.
pub(crate) fn read(open: &Database, query: &Query, span: &Span, now: Timestamp) -> Result<Page, Cause> {
    let transaction = open.begin_read()?;
    let records = transaction.open_table(RECORDS)?;
    match &query.source {
        Source::Partition(_) => {
            rows(&records, query, span, |key, value: &[u8]| live(Row::parse(value)?, key, now))
        }
        Source::Index(..) => rows(&transaction.open_table(PLACES)?, query, span, |place, ()| {
            let key = layout::record_of_place(place)?;
            let found = records.get(key)?.ok_or(Damaged)?;
            live(Row::parse(found.value())?, key, now)
        }),
    }
}

fn live(row: Row<'_>, key: &[u8], now: Timestamp) -> Result<Option<Record>, Cause> {
    if row.has_expired(now) { Ok(None) } else { Ok(Some(row.record(key)?)) }
}

fn rows<V: Value + 'static>(
    table: &ReadOnlyTable<&'static [u8], V>,
    query: &Query,
    span: &Span,
    record: impl Fn(&[u8], V::SelfType<'_>) -> Result<Option<Record>, Cause>,
) -> Result<Page, Cause> {
    let (from, to) = (span.from.as_ref().map(Vec::as_slice), span.to.as_ref().map(Vec::as_slice));
    let mut range = table.range::<&[u8]>((from, to))?;
    let mut step = || match query.order {
        Order::Ascending => range.next(),
        Order::Descending => range.next_back(),
    };
    let mut page = Page { records: Vec::new(), next: None };
    let mut octets = 0;
    for seen in 1.. {
        let Some(entry) = step() else { return Ok(page) };
        let (key, value) = entry?;
        if let Some(record) = record(key.value(), value.value())? {
            octets += record.value.len();
            page.records.push(record);
        }
        if page.records.len() == query.limit || octets >= MAX_OCTETS || seen == MAX_ROWS {
            let last = Cursor(hex::encode(key.value()));
            page.next = step().is_some().then_some(last);
            break;
        }
    }
    Ok(page)
}

/// The smallest octets above all that start with `prefix`; `None` if there are none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|octet| *octet != u8::MAX)?;
    let mut successor = prefix.get(..=last)?.to_vec();
    *successor.last_mut()? += 1;
    Some(successor)
}

/// Octets of values after which a page ends, as in DynamoDB. A page is read without a pause and held in memory.
const MAX_OCTETS: usize = 1024 * 1024;

/// Rows looked at for one page, those that have expired included, for the same reason.
const MAX_ROWS: usize = 1000;
