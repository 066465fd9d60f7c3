//! The times of a request: an instant, or a duration from some other instant, or nothing.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil, tz::Offset};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::duration::GoDuration;

/// A time as step's requests write it: [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339#section-5.6), a Go
/// duration, or the empty text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeDuration {
    /// Nothing was asked for. A duration of zero means the same, as does Go's zero time (the start of year 1).
    #[default]
    Unset,
    /// This instant.
    At(Timestamp),
    /// This long after the instant given to [`TimeDuration::resolve`].
    After(GoDuration),
}

impl TimeDuration {
    /// The instant that is meant, counted from `base` where it is a duration; `None` when nothing was asked for.
    ///
    /// # Errors
    ///
    /// [`TimeOutOfRange`] when `base` and the duration lead beyond the last year that can be written.
    pub fn resolve(self, base: Timestamp) -> Result<Option<Timestamp>, TimeOutOfRange> {
        match self {
            Self::Unset => Ok(None),
            Self::At(instant) => Ok(Some(instant)),
            Self::After(duration) => {
                base.checked_add(duration.to_signed()).map(Some).map_err(|_| TimeOutOfRange)
            }
        }
    }
}

impl FromStr for TimeDuration {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::Unset);
        }
        if let Some(instant) = parse_rfc3339(text) {
            return Ok(if instant == go_zero_time() { Self::Unset } else { Self::At(instant) });
        }
        match text.parse() {
            Ok(GoDuration::ZERO) => Ok(Self::Unset),
            Ok(duration) => Ok(Self::After(duration)),
            Err(_) => Err(ParseTimeError),
        }
    }
}

impl fmt::Display for TimeDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => Ok(()),
            Self::At(instant) => instant.fmt(f),
            Self::After(duration) => duration.fmt(f),
        }
    }
}

impl Serialize for TimeDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A text that is neither an RFC 3339 time nor a Go duration nor empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as 2006-01-02T15:04:05Z, or as a duration such as 24h")]
pub struct ParseTimeError;

/// A duration that leads beyond the last year that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time lies beyond the year 9999")]
pub struct TimeOutOfRange;

/// `date-time` of RFC 3339, section 5.6, without leap seconds and with upper-case letters only, as Go has it.
fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if !matches_shape(bytes.get(..DATE_TIME_SHAPE.len())?, DATE_TIME_SHAPE) {
        return None;
    }
    let (fraction, zone) = split_fraction(text.get(DATE_TIME_SHAPE.len()..)?)?;

    let date =
        civil::Date::new(number(text.get(0..4)?)?, number(text.get(5..7)?)?, number(text.get(8..10)?)?);
    let time = civil::Time::new(
        number(text.get(11..13)?)?,
        number(text.get(14..16)?)?,
        number(text.get(17..19)?)?,
        fraction,
    );
    let instant = date.ok()?.to_datetime(time.ok()?);
    // The last hours of the year 9999 cannot be held; RFC 5280 uses them for "never", which the last instant
    // that can be held means as well.
    Some(parse_zone(zone)?.to_timestamp(instant).unwrap_or(match instant.year() {
        ..=0 => Timestamp::MIN,
        _ => Timestamp::MAX,
    }))
}

/// Splits `.123Z` into nanoseconds and zone; digits beyond the nanosecond are cut off.
fn split_fraction(text: &str) -> Option<(i32, &str)> {
    let Some(after_point) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = after_point.find(|c: char| !c.is_ascii_digit())?;
    let (digits, zone) = after_point.split_at(end);
    if digits.is_empty() {
        return None;
    }
    let nanos: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    Some((nanos.parse().ok()?, zone))
}

fn parse_zone(zone: &str) -> Option<Offset> {
    if zone == "Z" {
        return Some(Offset::UTC);
    }
    if !matches_shape(zone.as_bytes(), b"+00:00") {
        return None;
    }
    let (hours, minutes): (i32, i32) = (number(zone.get(1..3)?)?, number(zone.get(4..6)?)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 60 + minutes) * 60;
    Offset::from_seconds(if zone.starts_with('-') { -seconds } else { seconds }).ok()
}

fn number<N: FromStr>(digits: &str) -> Option<N> {
    digits.parse().ok()
}

/// Whether `text` has a digit where `shape` has `0`, a sign where it has `+`, and its own letters elsewhere.
fn matches_shape(text: &[u8], shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text.iter().zip(shape).all(|(found, expected)| match expected {
            b'0' => found.is_ascii_digit(),
            b'+' => matches!(found, b'+' | b'-'),
            other => found == other,
        })
}

/// The instant that Go calls zero, and that its programs therefore take for "not set".
fn go_zero_time() -> Timestamp {
    Timestamp::from_second(-62_135_596_800).unwrap_or(Timestamp::MIN)
}

const DATE_TIME_SHAPE: &[u8] = b"0000-00-00T00:00:00";

#[cfg(test)]
mod tests;
