//! What is refused, and what stays when two operators write at once.

use std::sync::{Arc, Mutex};

use rstest::rstest;

use super::*;
use crate::clock::FixedClock;
use crate::store::{Key, MemoryStore, Page, Query, Record};

const NOW: &str = "2026-03-01T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(FixedClock::new(at(NOW)))))
}

fn wish(name: &str) -> EarlyRenewal {
    EarlyRenewal {
        name: name.to_owned(),
        provisioner: None,
        issued_before: at(NOW),
        serials: Vec::new(),
        start: at("2026-03-01T13:00:00Z"),
        end: at("2026-03-02T13:00:00Z"),
        explanation_url: None,
    }
}

fn names(wishes: &[EarlyRenewal]) -> Vec<&str> {
    wishes.iter().map(|wish| wish.name.as_str()).collect()
}

#[tokio::test]
async fn wishes_are_listed_in_their_order_until_they_are_withdrawn() {
    let store = store();
    let wishes = EarlyRenewals::new(&*store);
    assert_eq!(wishes.list().await.unwrap(), []);

    for name in ["b", "a", "c"] {
        wishes.add(wish(name), at(NOW)).await.unwrap();
    }
    assert!(wishes.withdraw("a").await.unwrap());
    assert!(!wishes.withdraw("a").await.unwrap());

    assert_eq!(names(&wishes.list().await.unwrap()), ["b", "c"]);
}

#[tokio::test]
async fn a_name_is_given_once() {
    let store = store();
    let wishes = EarlyRenewals::new(&*store);
    wishes.add(wish("a"), at(NOW)).await.unwrap();

    let again = wishes.add(wish("a"), at(NOW)).await;

    assert!(matches!(again, Err(EarlyRenewalError::NameTaken { name }) if name == "a"));
    assert_eq!(wishes.list().await.unwrap().len(), 1);
}

#[rstest]
#[case::empty_name(|wish: &mut EarlyRenewal| wish.name.clear(), "name")]
#[case::long_name(|wish: &mut EarlyRenewal| wish.name = "n".repeat(65), "name")]
#[case::control_character(|wish: &mut EarlyRenewal| wish.name = "a\u{1b}[31m".to_owned(), "name")]
#[case::no_window(|wish: &mut EarlyRenewal| wish.end = wish.start, "window")]
#[case::end_before_start(|wish: &mut EarlyRenewal| std::mem::swap(&mut wish.start, &mut wish.end), "window")]
#[case::future(|wish: &mut EarlyRenewal| wish.issued_before = at("2026-03-01T12:00:01Z"), "future")]
#[case::no_url(|wish: &mut EarlyRenewal| wish.explanation_url = Some("why".to_owned()), "URL")]
#[case::script(|wish: &mut EarlyRenewal| wish.explanation_url = Some("javascript:alert(1)".to_owned()), "URL")]
#[case::no_host(|wish: &mut EarlyRenewal| wish.explanation_url = Some("https:///why".to_owned()), "URL")]
#[tokio::test]
async fn a_wish_that_makes_no_sense_is_refused_with_its_reason(
    #[case] change: fn(&mut EarlyRenewal),
    #[case] word: &str,
) {
    let store = store();
    let wishes = EarlyRenewals::new(&*store);
    let mut wish = wish("a");
    change(&mut wish);

    let refused = wishes.add(wish, at(NOW)).await.unwrap_err();

    assert!(refused.to_string().contains(word), "{refused}");
    assert_eq!(wishes.list().await.unwrap(), []);
}

#[tokio::test]
async fn there_are_no_more_than_a_hundred_wishes() {
    let store = store();
    let wishes = EarlyRenewals::new(&*store);
    for number in 0..100 {
        wishes.add(wish(&number.to_string()), at(NOW)).await.unwrap();
    }

    assert!(matches!(wishes.add(wish("one more"), at(NOW)).await, Err(EarlyRenewalError::TooMany)));

    wishes.withdraw("7").await.unwrap();
    wishes.add(wish("one more"), at(NOW)).await.unwrap();
}

#[tokio::test]
async fn more_serial_numbers_than_a_record_has_room_for_are_refused() {
    let store = store();
    let wishes = EarlyRenewals::new(&*store);
    let serial: SerialNumber = "0x7fffffffffffffffffffffffffffffffffffffff".parse().unwrap();
    let long = EarlyRenewal { serials: vec![serial; 10_000], ..wish("a") };

    assert!(matches!(wishes.add(long, at(NOW)).await, Err(EarlyRenewalError::TooMany)));

    assert_eq!(wishes.list().await.unwrap(), []);
}

/// A store at which somebody else adds a wish right before each of the first commits.
#[derive(Debug)]
struct Contested {
    inner: Arc<MemoryStore>,
    rivals: Mutex<Vec<&'static str>>,
}

#[async_trait::async_trait]
impl Store for Contested {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let rival = self.rivals.lock().unwrap().pop();
        if let Some(name) = rival {
            EarlyRenewals::new(&*self.inner).add(wish(name), at(NOW)).await.unwrap();
        }
        self.inner.commit(writes).await
    }
}

#[tokio::test]
async fn of_two_operators_at_once_both_are_heard() {
    let contested = Contested { inner: store(), rivals: Mutex::new(vec!["second", "first"]) };

    EarlyRenewals::new(&contested).add(wish("mine"), at(NOW)).await.unwrap();

    let listed = EarlyRenewals::new(&contested).list().await.unwrap();
    assert_eq!(names(&listed), ["first", "second", "mine"]);
}

#[tokio::test]
async fn of_two_wishes_with_one_name_at_once_the_second_is_refused() {
    let contested = Contested { inner: store(), rivals: Mutex::new(vec!["mine"]) };

    let refused = EarlyRenewals::new(&contested).add(wish("mine"), at(NOW)).await;

    assert!(matches!(refused, Err(EarlyRenewalError::NameTaken { .. })));
}
