//! Where records lie, and how a key is put together from strings that come from outside.

use std::borrow::Cow;
use std::fmt::Write as _;

use aws_lc_rs::digest;

use crate::clock::Timestamp;

/// Where a record lies: its partition, and its place inside it. Both are compared byte by byte.
///
/// Keys are built by the table map alone, which escapes what comes from outside so that two different keys never
/// meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition; all records of a [`Query`](super::Query) share it. 1 to [`MAX_PARTITION`] octets.
    pub partition: String,
    /// The place in the partition. 1 to [`MAX_SORT`] octets.
    pub sort: String,
}

impl Key {
    /// The key whose partition and sort key are each [`join`]ed of these parts.
    ///
    /// Different parts make different keys.
    pub fn new(partition: &[&str], sort: &[&str]) -> Self {
        Self { partition: join(partition), sort: join(sort) }
    }
}

/// Longest partition, in octets.
///
/// [DynamoDB quotas](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)
pub const MAX_PARTITION: usize = 2048;

/// Longest sort key, in octets.
///
/// [DynamoDB quotas](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)
pub const MAX_SORT: usize = 1024;

/// One string of several, whatever they contain: different parts make different strings, never an empty one.
///
/// The order is kept: strings compare as the lists of their parts do, byte by byte, part by part. The one exception
/// are parts longer than [`MAX_PART`] octets, which keep their beginning and end in a hash; no two strings are known
/// that meet there.
pub fn join(parts: &[&str]) -> String {
    if parts.is_empty() {
        // A part never leaves a separator at the front.
        return SEPARATOR.to_string();
    }
    let mut joined = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            joined.push(SEPARATOR);
        }
        push_part(&mut joined, part);
    }
    joined
}

/// What all strings [`join`]ed of these parts and at least one more begin with, and no others do.
pub fn prefix(parts: &[&str]) -> String {
    if parts.is_empty() {
        return String::new();
    }
    let mut prefix = join(parts);
    prefix.push(SEPARATOR);
    prefix
}

/// An instant as a part of a key, in the order of time: RFC 3339 in UTC with nine digits of a second, so that the
/// first ten characters are the day.
///
/// Instants before the year 0, which no certificate can name, are all the first of that year.
pub fn time(time: Timestamp) -> String {
    let year_zero = Timestamp::from_second(YEAR_ZERO).unwrap_or(Timestamp::MIN);
    format!("{:.9}", time.max(year_zero))
}

/// A number as a part of a key, in the order of numbers: twenty decimal digits.
pub fn number(number: u64) -> String {
    format!("{number:020}")
}

/// A serial number as a part of a key, in the order of numbers: forty hexadecimal digits. `serial` is big-endian.
///
/// Leading zeros do not count. A number of more than twenty octets, which no certificate of ours has, is longer and
/// out of order.
pub fn serial(serial: &[u8]) -> String {
    let significant = serial.iter().position(|octet| *octet != 0).unwrap_or(serial.len());
    format!("{:0>40}", hex::encode(serial.get(significant..).unwrap_or_default()))
}

/// Longest part that is kept as it is, in octets after escaping. No DNS name, e-mail address or IP address comes near,
/// and three of the longest parts fit into a sort key.
pub const MAX_PART: usize = 256;

/// Stands between two parts. Everything below it is escaped, so that a part sorts before every longer one.
const SEPARATOR: char = '#';

/// Begins an escape, and is an empty part on its own. It is the first character above the separator that a part may
/// hold, so that escaped octets sort below all others.
const ESCAPE: char = '%';

/// Stands between the beginning of a long part and its hash; no escape has this second character.
const HASHED: &str = "%~";

/// 0000-01-01T00:00:00Z.
const YEAR_ZERO: i64 = -62_167_219_200;

fn push_part(joined: &mut String, part: &str) {
    if part.is_empty() {
        joined.push(ESCAPE);
        return;
    }
    let escaped = escape(part);
    if escaped.len() <= MAX_PART {
        joined.push_str(&escaped);
        return;
    }
    joined.push_str(escaped.get(..escaped.floor_char_boundary(MAX_PART)).unwrap_or_default());
    joined.push_str(HASHED);
    joined.push_str(&hex::encode(digest::digest(&digest::SHA256, part.as_bytes())));
}

fn escape(part: &str) -> Cow<'_, str> {
    if part.chars().all(|character| character > ESCAPE) {
        return Cow::Borrowed(part);
    }
    let mut escaped = String::with_capacity(part.len() + 8);
    for character in part.chars() {
        if character > ESCAPE {
            escaped.push(character);
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "{ESCAPE}{:02X}", u32::from(character));
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn any_part() -> impl Strategy<Value = String> {
        // Mostly the characters that escaping is about, in short strings, so that near misses are tried.
        prop_oneof![
            vec(
                prop::sample::select(vec![
                    '#',
                    '%',
                    '$',
                    '&',
                    '~',
                    '0',
                    '2',
                    '3',
                    'a',
                    '\0',
                    ' ',
                    'é',
                    '\u{10FFFF}'
                ]),
                0..5
            )
            .prop_map(String::from_iter),
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn d12_different_parts_make_different_strings(
            one in vec(any_part(), 0..4),
            other in vec(any_part(), 0..4),
        ) {
            let (one, other): (Vec<_>, Vec<_>) =
                (one.iter().map(String::as_str).collect(), other.iter().map(String::as_str).collect());

            prop_assert_eq!(one == other, join(&one) == join(&other));
        }

        #[test]
        fn d12_strings_compare_as_their_parts_do(one in vec(any_part(), 0..4), other in vec(any_part(), 0..4)) {
            let (one, other): (Vec<_>, Vec<_>) =
                (one.iter().map(String::as_str).collect(), other.iter().map(String::as_str).collect());
            let short = |parts: &[&str]| parts.iter().all(|part| escape(part).len() <= MAX_PART);
            prop_assume!(short(&one) && short(&other));

            prop_assert_eq!(one.cmp(&other), join(&one).cmp(&join(&other)));
        }

        #[test]
        fn d12_a_prefix_finds_its_own_and_no_others(
            parts in vec(any_part(), 0..3),
            other in vec(any_part(), 1..4),
        ) {
            let (parts, other): (Vec<_>, Vec<_>) =
                (parts.iter().map(String::as_str).collect(), other.iter().map(String::as_str).collect());
            let below = other.len() > parts.len() && other.starts_with(&parts);

            prop_assert_eq!(join(&other).starts_with(&prefix(&parts)), below);
        }

        #[test]
        fn times_sort_as_time_does(
            one in -62_167_219_200..253_402_207_200i64,
            other in -62_167_219_200..253_402_207_200i64,
            nanosecond in 0..1_000_000_000i32,
        ) {
            let one = Timestamp::new(one, 0).unwrap();
            let other = Timestamp::new(other, nanosecond).unwrap();

            prop_assert_eq!(one.cmp(&other), time(one).cmp(&time(other)));
        }

        #[test]
        fn numbers_sort_as_numbers_do(one: u64, other: u64) {
            prop_assert_eq!(one.cmp(&other), number(one).cmp(&number(other)));
        }

        #[test]
        fn d11_serials_sort_as_numbers_do(one in vec(any::<u8>(), 0..=20), other in vec(any::<u8>(), 0..=20)) {
            let numeric = num_bigint::BigUint::from_bytes_be(&one).cmp(&num_bigint::BigUint::from_bytes_be(&other));

            prop_assert_eq!(numeric, serial(&one).cmp(&serial(&other)));
        }
    }

    #[rstest]
    #[case::plain(&["cert", "X.509"], "cert#X.509")]
    #[case::no_parts(&[], "#")]
    #[case::an_empty_part(&[""], "%")]
    #[case::an_empty_part_at_the_end(&["a", ""], "a#%")]
    #[case::the_separator(&["a#b"], "a%23b")]
    #[case::the_escape(&["100%"], "100%25")]
    #[case::control_characters(&["\0\n\x1b"], "%00%0A%1B")]
    #[case::unicode(&["bücher.example"], "bücher.example")]
    fn parts_are_readable_where_they_can_be(#[case] parts: &[&str], #[case] expected: &str) {
        assert_eq!(join(parts), expected);
    }

    #[test]
    fn d12_names_of_a_kilobyte_fit_and_stay_apart() {
        let name = "a".repeat(1024);
        let twin = format!("{}b", "a".repeat(1023));
        let noise = "\0".repeat(1024);

        let keys = [&name, &twin, &noise].map(|name| Key::new(&["name", name, name], &[name, name, name]));

        for key in &keys {
            assert!(key.partition.len() <= MAX_PARTITION && key.sort.len() <= MAX_SORT);
        }
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn times_have_the_day_in_front() {
        let noon: Timestamp = "2026-11-23T12:00:00.5Z".parse().unwrap();

        assert_eq!(time(noon), "2026-11-23T12:00:00.500000000Z");
        assert_eq!(time(Timestamp::MIN), "0000-01-01T00:00:00.000000000Z");
    }
}
