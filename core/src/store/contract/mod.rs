//! What [`Store`] promises, one function a promise. Every engine, fake and decorator runs all of them:
//!
//! ```ignore
//! mod contract {
//!     stepless_core::store_contract!(subject());
//! }
//! ```
//!
//! Each promise lies in partitions of its own, so that they may share one table.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a broken promise panics")]

mod atomicity;
mod conditions;
mod expiry;
mod indexes;
mod limits;
mod paging;
mod values;

use std::sync::Arc;

pub use atomicity::*;
pub use conditions::*;
pub use expiry::*;
pub use indexes::*;
pub use limits::*;
pub use paging::*;
pub use values::*;

use super::{CommitError, Condition, Index, IndexEntry, Key, Order, Query, Record, Source, Store, Write};
use crate::clock::{Clock, FixedClock, SignedDuration, Timestamp};

/// A store under test, and the clock it goes by.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    /// What must live as long as the store: a directory, an emulator.
    _surroundings: Arc<dyn Surroundings>,
}

impl Subject {
    /// A store that needs nothing but itself. `clock` must be the one it was made with.
    pub fn new(store: Arc<dyn Store>, clock: Arc<FixedClock>) -> Self {
        Self::within((), store, clock)
    }

    /// A store that needs `surroundings`, which are dropped after it.
    pub fn within(
        surroundings: impl std::fmt::Debug + Send + Sync + 'static,
        store: Arc<dyn Store>,
        clock: Arc<FixedClock>,
    ) -> Self {
        Self { store, clock, _surroundings: Arc::new(surroundings) }
    }

    /// `seconds` from now, for expiry.
    fn after(&self, seconds: i64) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(seconds)
    }

    async fn get(&self, key: &Key) -> Option<Record> {
        self.store.get(key).await.expect("get answers")
    }

    #[track_caller]
    fn commit(&self, writes: Vec<Write>) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            if let Err(error) = self.store.commit(writes).await {
                panic!("the commit at {at} failed: {error:?}");
            }
        }
    }

    #[track_caller]
    fn conflict(&self, writes: Vec<Write>) -> impl Future<Output = (usize, Option<Record>)> {
        let at = std::panic::Location::caller();
        async move {
            match self.store.commit(writes).await {
                Err(CommitError::Conflict { write, found }) => (write, found),
                other => panic!("the commit at {at} should have been a conflict: {other:?}"),
            }
        }
    }

    /// All pages of `query`, and how many there were.
    async fn pages(&self, mut query: Query) -> (Vec<Record>, usize) {
        let mut records = Vec::new();
        for pages in 1..=MAX_PAGES {
            let page = self.store.query(&query).await.expect("query answers");
            assert!(page.records.len() <= query.limit, "a page is longer than asked for");
            records.extend(page.records);
            match page.next {
                None => return (records, pages),
                Some(next) => query.cursor = Some(next),
            }
        }
        panic!("more than {MAX_PAGES} pages");
    }

    /// The values of the records of `query` once they are `expected`: an index may lag behind.
    #[track_caller]
    fn finds<'a>(&'a self, query: Query, expected: &'a [&str]) -> impl Future<Output = ()> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let mut found = Vec::new();
            for _ in 0..MAX_LAG {
                found = texts(&self.pages(query.clone()).await.0);
                if found == expected {
                    return;
                }
                tokio::task::yield_now().await;
            }
            panic!("the query at {at} should find {expected:?} and finds {found:?}");
        }
    }
}

trait Surroundings: std::fmt::Debug + Send + Sync {}

impl<T: std::fmt::Debug + Send + Sync> Surroundings for T {}

/// A paged query of these tests ends long before; one that does not end is a loop.
const MAX_PAGES: usize = 2_000;

/// How often an index is asked before it counts as wrong rather than late.
const MAX_LAG: usize = 200;

fn put(key: &Key, condition: Condition, value: &str) -> Write {
    Write::Put {
        key: key.clone(),
        condition,
        value: value.as_bytes().to_vec(),
        expires: None,
        indexes: Vec::new(),
    }
}

fn put_expiring(key: &Key, condition: Condition, value: &str, at: Timestamp) -> Write {
    let (key, value) = (key.clone(), value.as_bytes().to_vec());
    Write::Put { key, condition, value, expires: Some(at), indexes: Vec::new() }
}

fn put_indexed(key: &Key, value: &str, places: &[(Index, &Key)]) -> Write {
    let (key, value) = (key.clone(), value.as_bytes().to_vec());
    let indexes =
        places.iter().map(|(index, key)| IndexEntry { index: *index, key: (*key).clone() }).collect();
    Write::Put { key, condition: Condition::Any, value, expires: None, indexes }
}

fn delete(key: &Key, condition: Condition) -> Write {
    Write::Delete { key: key.clone(), condition }
}

fn check(key: &Key, condition: Condition) -> Write {
    Write::Check { key: key.clone(), condition }
}

fn all(source: Source) -> Query {
    Query { source, prefix: String::new(), order: Order::Ascending, limit: 100, cursor: None }
}

fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(&record.value).into_owned()).collect()
}

/// Runs every promise, each on a subject of its own.
///
/// # Panics
/// If one is broken.
pub async fn run_all<F: Future<Output = Subject>>(factory: impl Fn() -> F) {
    crate::store_contract!(@each run_all (factory));
}

/// A test for each promise of [`store::contract`](crate::store::contract), named like it. The argument is the
/// expression whose future is a new [`Subject`](crate::store::contract::Subject).
#[macro_export]
macro_rules! store_contract {
    (@tests ($subject:expr) $($promise:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::store::contract::$promise($subject.await).await;
            }
        )+
    };
    (@run_all ($factory:expr) $($promise:ident)+) => {
        $($crate::store::contract::$promise($factory().await).await;)+
    };
    (@each $how:ident $with:tt) => {
        $crate::store_contract! {
            @$how $with
                absent_holds_of_nothing_and_only_once
                present_holds_of_a_record_and_only_then
                version_holds_of_exactly_that_version
                any_holds_always
                the_version_is_one_more_at_every_put
                a_deleted_record_is_gone_and_begins_again_at_version_one
                a_delete_of_nothing_succeeds_unless_a_record_is_asked_for
                a_check_changes_nothing_and_can_fail_the_commit
                d4_a_commit_that_fails_at_any_position_leaves_nothing_behind
                a_conflict_names_the_first_write_that_failed_and_what_stood_there
                conditions_look_at_the_state_before_the_commit
                d3_of_200_creations_of_one_key_exactly_one_wins
                d2_of_200_updates_of_one_version_exactly_one_wins
                d3_of_200_deletions_of_one_record_exactly_one_wins
                commits_that_cross_are_put_in_some_order
                a_read_sees_every_commit_that_ended_before
                get_many_answers_in_the_order_of_the_keys
                d8_pages_of_one_and_of_many_hold_the_same_records
                d8_a_prefix_bounds_a_query_in_both_directions
                d8_a_partition_without_records_has_one_empty_page
                d8_a_record_written_between_pages_does_not_disturb_the_others
                a_partition_ends_where_another_begins
                a_put_moves_the_record_in_the_indexes
                an_index_holds_only_records_that_name_a_place_in_it
                two_records_in_one_place_of_an_index_are_both_found
                d8_pages_of_an_index_hold_every_record_once
                a_prefix_bounds_an_index_query
                a_record_has_a_place_in_each_index
                d9_an_expired_record_is_absent_for_reads
                d9_an_expired_record_is_absent_for_queries
                d9_an_expired_record_is_absent_for_conditions
                d9_a_record_over_an_expired_one_begins_again_at_version_one
                d9_a_put_without_expiry_keeps_a_record_for_good
                d9_a_put_can_move_the_expiry_back_and_forth
                d9_expired_records_beyond_a_page_do_not_hide_the_rest
                big_and_binary_values_come_back_unchanged
                d11_serials_and_big_numbers_come_back_unchanged
                d12_keys_of_separators_and_unicode_stay_apart
                keys_compare_byte_by_byte
                a_key_twice_in_one_commit_is_refused
                an_index_twice_in_one_record_is_refused
                d10_what_is_too_large_is_refused_up_front
                d10_the_largest_commit_fits
                a_commit_of_nothing_succeeds
                a_page_of_no_records_and_a_foreign_cursor_are_refused
        }
    };
    ($subject:expr) => {
        $crate::store_contract!(@each tests ($subject));
    };
}
