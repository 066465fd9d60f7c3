//! What the reasons of a cancelled commit mean for it.

use stepless_core::clock::Timestamp;
use stepless_core::store::{Condition, Record, Write};

use super::error::DynamoDbError;
use super::item::{self, Item};
use super::layout::COMMIT;

/// Why a write did not happen, in the order of the writes; `code` is `None` for those that were fine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reason {
    /// As the API names it.
    pub(crate) code: Option<String>,
    /// What DynamoDB said of it.
    pub(crate) message: Option<String>,
    /// What stood there, where a condition failed.
    pub(crate) item: Option<Item>,
}

/// What has become of a commit, as far as DynamoDB has told.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// An earlier attempt applied it.
    Applied,
    /// A condition did not hold.
    Conflict {
        /// The first write whose condition did not hold.
        write: usize,
        /// What stood there and had not expired.
        found: Option<Record>,
        /// The version that stood there, expired or not.
        version: Option<u64>,
    },
    /// These puts without a condition met another ground than they took for granted.
    OtherGround(Vec<usize>),
    /// Another one is at work on a record of the commit, or there is too much to do.
    Busy,
    /// It cannot be applied.
    Failed {
        /// The first write with a reason.
        write: usize,
        /// Why.
        code: String,
        /// What DynamoDB said of it.
        message: Option<String>,
    },
}

/// The verdict over a commit of `writes` with the id `commit`, whose conditions were looked at as of `now`.
///
/// DynamoDB need not look at a condition that is locked by somebody else. So a failed condition is only the first one
/// if no write before it was busy; otherwise the next attempt tells.
///
/// # Errors
/// When what stood there is not a record.
pub(crate) fn judge(
    writes: &[Write],
    commit: &str,
    now: Timestamp,
    reasons: Vec<Reason>,
) -> Result<Verdict, DynamoDbError> {
    if reasons.iter().filter_map(|reason| reason.item.as_ref()).any(|item| is_of(item, commit)) {
        return Ok(Verdict::Applied);
    }
    let (mut busy, mut other_ground) = (false, Vec::new());
    for (position, (reason, write)) in reasons.into_iter().zip(writes).enumerate() {
        match reason.code.as_deref() {
            None | Some("None") => {}
            Some("ConditionalCheckFailed") if write.condition() == Condition::Any => {
                other_ground.push(position)
            }
            Some("ConditionalCheckFailed") if busy => return Ok(Verdict::Busy),
            Some("ConditionalCheckFailed") => {
                let version = reason.item.as_ref().and_then(item::version);
                // Some engines write an item that is not there as one without attributes.
                let found = reason.item.filter(|item| !item.is_empty()).map(item::record).transpose()?;
                let found = found.filter(|record| !record.has_expired(now));
                return Ok(Verdict::Conflict { write: position, found, version });
            }
            Some(
                "TransactionConflict"
                | "ProvisionedThroughputExceeded"
                | "ThrottlingError"
                | "ThrottlingException",
            ) => {
                busy = true;
            }
            Some(code) => {
                let (code, message) = (code.to_owned(), reason.message);
                return Ok(Verdict::Failed { write: position, code, message });
            }
        }
    }
    Ok(if other_ground.is_empty() { Verdict::Busy } else { Verdict::OtherGround(other_ground) })
}

fn is_of(item: &Item, commit: &str) -> bool {
    item.get(COMMIT).and_then(|value| value.as_s().ok()).is_some_and(|found| found == commit)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use rstest::rstest;
    use stepless_core::store::Key;

    use super::*;
    use crate::dynamodb::layout::{EXPIRES_EXACT, VALUE, VERSION};

    const NOW: i64 = 1_000_000;

    fn writes() -> Vec<Write> {
        let key = |name: &str| Key::new(&["judge"], &[name]);
        let put = |name: &str, condition: Condition| Write::Put {
            key: key(name),
            condition,
            value: Vec::new(),
            expires: None,
            indexes: Vec::new(),
        };
        vec![
            put("first", Condition::Absent),
            put("any", Condition::Any),
            Write::Check { key: key("third"), condition: Condition::Version(1) },
        ]
    }

    fn item(commit: &str, expires: Option<i64>) -> Item {
        let mut item = item::key(&Key::new(&["judge"], &["found"]));
        item.insert(VERSION.to_owned(), item::number(7u64));
        item.insert(VALUE.to_owned(), item::value(Vec::new()));
        item.insert(COMMIT.to_owned(), AttributeValue::S(commit.to_owned()));
        if let Some(expires) = expires {
            let expires = Timestamp::from_second(expires).unwrap();
            item.insert(EXPIRES_EXACT.to_owned(), item::exact(expires));
        }
        item
    }

    fn judged(reasons: [(&str, Option<Item>); 3]) -> Verdict {
        let reasons = reasons.map(|(code, item)| Reason { code: Some(code.to_owned()), message: None, item });
        judge(&writes(), "ours", Timestamp::from_second(NOW).unwrap(), reasons.into()).unwrap()
    }

    const FINE: (&str, Option<Item>) = ("None", None);
    const FAILED: &str = "ConditionalCheckFailed";

    fn position(verdict: &Verdict) -> Option<(usize, bool)> {
        match verdict {
            Verdict::Conflict { write, found, .. } => Some((*write, found.is_some())),
            _ => None,
        }
    }

    #[test]
    fn d5_the_first_failed_condition_is_named_with_what_stood_there() {
        let theirs = || Some(item("theirs", None));

        assert_eq!(position(&judged([FINE, FINE, (FAILED, theirs())])), Some((2, true)));
        assert_eq!(position(&judged([(FAILED, theirs()), FINE, (FAILED, None)])), Some((0, true)));
        assert_eq!(position(&judged([FINE, FINE, (FAILED, None)])), Some((2, false)));
        assert_eq!(position(&judged([FINE, FINE, (FAILED, Some(Item::new()))])), Some((2, false)));
        assert_eq!(position(&judged([FINE, (FAILED, None), (FAILED, theirs())])), Some((2, true)));
    }

    #[test]
    fn d9_an_expired_record_is_nothing_that_stood_there() {
        assert_eq!(
            position(&judged([FINE, FINE, (FAILED, Some(item("theirs", Some(NOW))))])),
            Some((2, false))
        );
        assert_eq!(
            position(&judged([FINE, FINE, (FAILED, Some(item("theirs", Some(NOW + 1))))])),
            Some((2, true))
        );
    }

    #[rstest]
    #[case::conflict("TransactionConflict")]
    #[case::capacity("ProvisionedThroughputExceeded")]
    #[case::throttled("ThrottlingError")]
    fn d5_a_busy_write_is_no_failed_condition(#[case] code: &str) {
        assert_eq!(judged([FINE, FINE, (code, None)]), Verdict::Busy);
        // Its condition has not been looked at, and it may be the first one that does not hold.
        assert_eq!(judged([(code, None), FINE, (FAILED, None)]), Verdict::Busy);
        assert_eq!(position(&judged([(FAILED, None), FINE, (code, None)])), Some((0, false)));
    }

    #[rstest]
    #[case::validation("ValidationError")]
    #[case::size("ItemCollectionSizeLimitExceeded")]
    #[case::unheard_of("SomethingNew")]
    fn d5_any_other_reason_fails(#[case] code: &str) {
        let expected = Verdict::Failed { write: 1, code: code.to_owned(), message: None };

        assert_eq!(judged([FINE, (code, None), FINE]), expected);
    }

    #[test]
    fn d6_an_item_of_the_commit_itself_says_that_it_was_applied() {
        assert_eq!(judged([(FAILED, Some(item("ours", None))), FINE, FINE]), Verdict::Applied);
        assert_eq!(
            judged([("TransactionConflict", None), (FAILED, Some(item("ours", None))), FINE]),
            Verdict::Applied
        );
    }

    #[test]
    fn a_put_without_condition_is_tried_on_the_other_ground() {
        assert_eq!(
            judged([FINE, (FAILED, Some(item("theirs", Some(NOW)))), FINE]),
            Verdict::OtherGround(vec![1])
        );
    }
}
