//! Durations as Go writes and reads them, which is how every configuration and request of step writes them.
//!
//! The grammar and the printed form are those of Go's `time` package:
//! [`ParseDuration`](https://pkg.go.dev/time#ParseDuration) and [`Duration.String`](https://pkg.go.dev/time#Duration.String).

use std::{fmt, str::FromStr};

use jiff::SignedDuration;
use serde::{Serialize, Serializer};

/// A span of time in whole nanoseconds, positive or negative, of at most about 292 years.
///
/// It parses what Go parses (`1h30m`, `-1.5h`, `300ms`, `0`) and prints what Go prints (`24h0m0s`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(i64);

impl GoDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `nanos` nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// `seconds` seconds; a `u16` always fits.
    pub const fn from_seconds(seconds: u16) -> Self {
        Self(seconds as i64 * SECOND.cast_signed())
    }

    /// `minutes` minutes; a `u16` always fits.
    pub const fn from_minutes(minutes: u16) -> Self {
        Self(minutes as i64 * MINUTE.cast_signed())
    }

    /// `hours` hours; a `u16` always fits.
    pub const fn from_hours(hours: u16) -> Self {
        Self(hours as i64 * HOUR.cast_signed())
    }

    /// The whole span in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The same span as the type that instants are added to.
    pub const fn to_signed(self) -> SignedDuration {
        SignedDuration::from_nanos(self.0)
    }
}

impl From<GoDuration> for SignedDuration {
    fn from(duration: GoDuration) -> Self {
        duration.to_signed()
    }
}

impl FromStr for GoDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or_default()),
            Some(b'+') => (false, text.get(1..).unwrap_or_default()),
            _ => (false, text),
        };
        // The one number that needs no unit.
        if unsigned == "0" {
            return Ok(Self::ZERO);
        }
        if unsigned.is_empty() {
            return Err(ParseDurationError::Empty);
        }

        let mut total = 0_u64;
        let mut rest = unsigned;
        while !rest.is_empty() {
            let (part, after) = parse_part(rest)?;
            total = total
                .checked_add(part)
                .filter(|sum| *sum <= LARGEST_NEGATIVE)
                .ok_or(ParseDurationError::OutOfRange)?;
            rest = after;
        }

        if negative { 0_i64.checked_sub_unsigned(total) } else { i64::try_from(total).ok() }
            .map(Self)
            .ok_or(ParseDurationError::OutOfRange)
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match magnitude {
            0 => f.write_str("0s"),
            1..MICROSECOND => write!(f, "{magnitude}ns"),
            MICROSECOND..MILLISECOND => write_decimal(f, magnitude, MICROSECOND, "µs"),
            MILLISECOND..SECOND => write_decimal(f, magnitude, MILLISECOND, "ms"),
            _ => {
                let (hours, minutes) = (magnitude / HOUR, magnitude / MINUTE % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                write_decimal(f, magnitude % MINUTE, SECOND, "s")
            }
        }
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// Nothing, or only a sign.
    #[error("a duration needs at least one number")]
    Empty,
    /// A number was expected and something else found.
    #[error("a duration is numbers with units, such as 1h30m")]
    NotANumber,
    /// A number without its unit; only `0` stands alone.
    #[error("a number without a unit; units are ns, us, ms, s, m, h")]
    MissingUnit,
    /// A unit that Go does not have: there is no day, week or year.
    #[error("an unknown unit; units are ns, us, ms, s, m, h")]
    UnknownUnit,
    /// Beyond what 64 bits of nanoseconds can hold.
    #[error("a duration may not exceed about 292 years")]
    OutOfRange,
}

/// Reads one number with its unit; gives its nanoseconds and what follows it.
fn parse_part(text: &str) -> Result<(u64, &str), ParseDurationError> {
    let (whole_digits, rest) = split_digits(text);
    let (fraction_digits, rest) = match rest.strip_prefix('.') {
        Some(after_point) => split_digits(after_point),
        None => ("", rest),
    };
    if whole_digits.is_empty() && fraction_digits.is_empty() {
        return Err(ParseDurationError::NotANumber);
    }
    let whole = parse_whole(whole_digits)?;

    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit_name, rest) = rest.split_at(unit_end);
    if unit_name.is_empty() {
        return Err(ParseDurationError::MissingUnit);
    }
    let unit = unit_nanos(unit_name).ok_or(ParseDurationError::UnknownUnit)?;

    let nanos = whole
        .checked_mul(unit)
        .filter(|nanos| *nanos <= LARGEST_NEGATIVE)
        .and_then(|nanos| nanos.checked_add(fraction_nanos(fraction_digits, unit)))
        .filter(|nanos| *nanos <= LARGEST_NEGATIVE)
        .ok_or(ParseDurationError::OutOfRange)?;
    Ok((nanos, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn parse_whole(digits: &str) -> Result<u64, ParseDurationError> {
    if digits.is_empty() {
        return Ok(0);
    }
    digits.parse().ok().filter(|whole| *whole <= LARGEST_NEGATIVE).ok_or(ParseDurationError::OutOfRange)
}

/// The nanoseconds of a decimal fraction of `unit`, cut off below one.
///
/// Go computes this in `f64` and ignores digits beyond 63 bits; so do we, for the same last nanosecond.
fn fraction_nanos(digits: &str, unit: u64) -> u64 {
    let mut numerator = 0_u64;
    let mut scale = 1_f64;
    for digit in digits.bytes().map(|b| u64::from(b.wrapping_sub(b'0'))) {
        let next = numerator.checked_mul(10).and_then(|tens| tens.checked_add(digit));
        match next.filter(|next| *next <= LARGEST_NEGATIVE) {
            Some(next) => numerator = next,
            None => break,
        }
        scale *= 10.0;
    }
    (numerator as f64 * (unit as f64 / scale)) as u64
}

fn unit_nanos(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        // The micro sign, and the Greek letter that looks like it.
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    })
}

/// Writes `nanos` in `unit`, with as many decimals as it needs and no more.
fn write_decimal(f: &mut fmt::Formatter<'_>, nanos: u64, unit: u64, name: &str) -> fmt::Result {
    let (whole, fraction) = (nanos / unit, nanos % unit);
    write!(f, "{whole}")?;
    if fraction > 0 {
        let width = unit.ilog10() as usize;
        let decimals = format!("{fraction:0width$}");
        write!(f, ".{}", decimals.trim_end_matches('0'))?;
    }
    f.write_str(name)
}

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The magnitude of the smallest `i64`: one more than the largest, so only a negative duration reaches it.
const LARGEST_NEGATIVE: u64 = i64::MIN.unsigned_abs();

#[cfg(test)]
mod tests;
