//! Validity: from when to when a certificate is good.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use thiserror::Error;

use super::read::{NotDer, Value};
use super::write::{self, id};
use crate::clock::{SignedDuration, Timestamp};

/// `notBefore` and `notAfter`, in whole seconds. Both ends belong to it: a certificate from 10:00:00 to 10:00:59 is
/// good for sixty seconds ([RFC 5280 §4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Validity {
    /// Both ends; fractions of a second are cut off.
    ///
    /// # Errors
    /// [`ValidityError`] when the end is before the start, or a year has not four digits.
    pub fn new(not_before: Timestamp, not_after: Timestamp) -> Result<Self, ValidityError> {
        let (not_before, not_after) = (whole_second(not_before)?, whole_second(not_after)?);
        if not_after < not_before {
            return Err(ValidityError::Reversed);
        }
        Ok(Self { not_before, not_after })
    }

    /// The first instant.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// `notAfter` less `notBefore`: what step-ca and its provisioners call the duration. A certificate is good for one
    /// second longer than that.
    pub fn duration(&self) -> SignedDuration {
        self.not_after.duration_since(self.not_before)
    }

    /// Whether `at` lies within.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.not_before.as_second()..=self.not_after.as_second()).contains(&at.as_second())
    }

    pub(super) fn to_der(self) -> Vec<u8> {
        write::sequence(&[write_time(self.not_before), write_time(self.not_after)])
    }

    pub(super) fn read(value: Value<'_>) -> Result<Self, NotDer> {
        let mut times = value.values()?;
        let (not_before, not_after) = (read_time(times.any()?)?, read_time(times.any()?)?);
        times.end()?;
        Self::new(not_before, not_after).map_err(|_| NotDer)
    }
}

/// Why two instants are not a validity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValidityError {
    /// The end is before the start.
    #[error("notAfter is before notBefore")]
    Reversed,
    /// A year before 0 or after 9999.
    #[error("a year with other than four digits cannot stand in a certificate")]
    Year,
}

fn whole_second(time: Timestamp) -> Result<Timestamp, ValidityError> {
    // Towards the past also before 1970, where the fraction counts the other way.
    let second = if time.subsec_nanosecond() < 0 { time.as_second() - 1 } else { time.as_second() };
    let time = Timestamp::from_second(second).map_err(|_| ValidityError::Year)?;
    if civil(time).year() < 0 { Err(ValidityError::Year) } else { Ok(time) }
}

/// UTCTime through 2049, GeneralizedTime from 2050
/// ([RFC 5280 §4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).
fn write_time(time: Timestamp) -> Vec<u8> {
    let civil = civil(time);
    if (UTC_TIME_FIRST..=UTC_TIME_LAST).contains(&civil.year()) {
        write::value(id::UTC_TIME, civil.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        write::value(id::GENERALIZED_TIME, civil.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    }
}

fn read_time(value: Value<'_>) -> Result<Timestamp, NotDer> {
    let digits = value.content.strip_suffix(b"Z").ok_or(NotDer)?;
    let (year, rest) = match value.id {
        id::UTC_TIME => {
            let (digits, rest) = digits.split_at_checked(2).ok_or(NotDer)?;
            let short = number(digits)?;
            (if short < 50 { 2000 + short } else { 1900 + short }, rest)
        }
        id::GENERALIZED_TIME => {
            let (digits, rest) = digits.split_at_checked(4).ok_or(NotDer)?;
            (number(digits)?, rest)
        }
        _ => return Err(NotDer),
    };
    let (pairs, odd) = rest.as_chunks::<2>();
    let [month, day, hour, minute, second] = pairs else { return Err(NotDer) };
    if !odd.is_empty() {
        return Err(NotDer);
    }
    let part = |pair: &[u8; 2]| i8::try_from(number(pair)?).map_err(|_| NotDer);
    let civil = DateTime::new(year, part(month)?, part(day)?, part(hour)?, part(minute)?, part(second)?, 0)
        .map_err(|_| NotDer)?;
    // 9999-12-31T23:59:59Z, which means "no end", lies a day after the last instant that can be told.
    Ok(Offset::UTC.to_timestamp(civil).unwrap_or(Timestamp::MAX))
}

fn number(digits: &[u8]) -> Result<i16, NotDer> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(NotDer);
    }
    std::str::from_utf8(digits).map_err(|_| NotDer)?.parse().map_err(|_| NotDer)
}

fn civil(time: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(time)
}

/// First year that UTCTime can hold.
const UTC_TIME_FIRST: i16 = 1950;
/// Last year that UTCTime can hold.
const UTC_TIME_LAST: i16 = 2049;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("1970-01-01T00:00:00Z", "\x17\x0d700101000000Z")]
    #[case("2026-11-23T16:26:13.999Z", "\x17\x0d261123162613Z")]
    #[case("2049-12-31T23:59:59Z", "\x17\x0d491231235959Z")]
    #[case("2050-01-01T00:00:00Z", "\x18\x0f20500101000000Z")]
    #[case("1949-12-31T23:59:59Z", "\x18\x0f19491231235959Z")]
    fn x20_the_time_type_changes_at_2050(#[case] time: &str, #[case] der: &str) {
        let validity = Validity::new(at(time), at(time)).unwrap();

        assert_eq!(write_time(validity.not_before()), der.as_bytes());
    }

    #[test]
    fn x20_both_ends_belong_to_the_validity() {
        let validity = Validity::new(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:00:59Z")).unwrap();

        assert!(validity.contains(at("2026-01-01T10:00:00Z")));
        assert!(validity.contains(at("2026-01-01T10:00:59.9Z")));
        assert!(!validity.contains(at("2026-01-01T10:01:00Z")));
        assert!(!validity.contains(at("2026-01-01T09:59:59.9Z")));
        assert_eq!(validity.duration(), SignedDuration::from_secs(59));
    }

    #[test]
    fn a_validity_that_ends_before_it_starts_is_refused() {
        let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:01Z"));

        assert_eq!(Validity::new(late, early), Err(ValidityError::Reversed));
        assert_eq!(Validity::new(at("-000001-01-01T00:00:00Z"), late), Err(ValidityError::Year));
    }

    #[rstest]
    #[case::no_zone("261123162613", id::UTC_TIME)]
    #[case::offset("261123162613+0100", id::UTC_TIME)]
    #[case::no_seconds("2611231626Z", id::UTC_TIME)]
    #[case::fraction("20261123162613.5Z", id::GENERALIZED_TIME)]
    #[case::month_13("261323162613Z", id::UTC_TIME)]
    #[case::leap_second("261123162660Z", id::UTC_TIME)]
    #[case::sign("+61123162613Z", id::UTC_TIME)]
    #[case::other_type("261123162613Z", id::IA5_STRING)]
    fn a_malformed_time_is_refused(#[case] text: &str, #[case] identifier: u8) {
        let der = write::value(identifier, text.as_bytes());

        assert_eq!(read_time(Value::only(&der, identifier).unwrap()), Err(NotDer));
    }

    #[test]
    fn a_certificate_without_end_is_read() {
        let der = write::value(id::GENERALIZED_TIME, b"99991231235959Z");

        assert_eq!(read_time(Value::only(&der, id::GENERALIZED_TIME).unwrap()), Ok(Timestamp::MAX));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn x20_a_written_validity_reads_as_itself(start in -62_000_000_000_i64..253_000_000_000, length in 0_i64..400_000_000) {
            let start = Timestamp::from_second(start).unwrap();
            let end = start + SignedDuration::from_secs(length);
            let validity = Validity::new(start, end).unwrap();
            let der = validity.to_der();
            let read = Validity::read(Value::only(&der, id::SEQUENCE).unwrap());
            prop_assert_eq!(read, Ok(validity));
        }
    }
}
