use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[rstest]
#[case::utc("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z")]
#[case::nanoseconds("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456789Z")]
#[case::below_a_nanosecond("2026-01-02T03:04:05.1234567899Z", "2026-01-02T03:04:05.123456789Z")]
#[case::east("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z")]
#[case::west("2026-01-02T03:04:05-23:59", "2026-01-03T03:03:05Z")]
#[case::leap_day("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z")]
#[case::rfc_5280_never("9999-12-31T23:59:59Z", "9999-12-30T22:00:00.999999999Z")]
fn an_instant_is_itself_whatever_it_is_counted_from(#[case] text: &str, #[case] expected: &str) {
    let time: TimeDuration = text.parse().unwrap();

    assert_eq!(time, TimeDuration::At(instant(expected)));
    assert_eq!(time.resolve(Timestamp::UNIX_EPOCH), Ok(Some(instant(expected))));
}

#[rstest]
#[case::after("24h", "2026-01-03T00:00:00Z")]
#[case::before("-5m", "2026-01-01T23:55:00Z")]
fn a_duration_is_counted_from_its_base(#[case] text: &str, #[case] expected: &str) {
    let time: TimeDuration = text.parse().unwrap();

    assert_eq!(time.resolve(instant("2026-01-02T00:00:00Z")), Ok(Some(instant(expected))));
}

// To Go's programs a zero duration and the zero time both mean "not set".
#[rstest]
#[case("")]
#[case("0")]
#[case("0s")]
#[case("-0h")]
#[case("0001-01-01T00:00:00Z")]
fn nothing_asked_for_resolves_to_nothing(#[case] text: &str) {
    let time: TimeDuration = text.parse().unwrap();

    assert_eq!(time, TimeDuration::Unset);
    assert_eq!(time.resolve(Timestamp::MAX), Ok(None));
}

#[rstest]
fn anything_else_is_refused(
    #[values(
        "tomorrow",
        "1d",
        "2026-01-02",
        "2026-01-02t03:04:05Z",
        "2026-01-02T03:04:05z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04Z",
        "2026-01-02T03:04:60Z",
        "2026-01-02T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+00:60",
        "2026-01-02T03:04:05+0100",
        "2026-01-02T03:04:05Z[UTC]",
        "+2026-01-02T03:04:05Z",
        "20260102T030405Z",
        " 24h",
        "2026-01-02T03:04:05\u{e9}"
    )]
    text: &str,
) {
    assert_eq!(text.parse::<TimeDuration>(), Err(ParseTimeError));
}

#[test]
fn a_duration_beyond_the_calendar_is_an_error_not_a_panic() {
    let time: TimeDuration = "1h".parse().unwrap();

    assert_eq!(time.resolve(Timestamp::MAX), Err(TimeOutOfRange));
}

#[test]
fn json_holds_it_as_a_string() {
    let read = |json: &str| serde_json::from_str::<TimeDuration>(json);

    assert_eq!(read("\"24h\"").unwrap(), TimeDuration::After(GoDuration::from_hours(24)));
    assert_eq!(serde_json::to_string(&read("\"90m\"").unwrap()).unwrap(), "\"1h30m0s\"");
    assert_eq!(read("3600").unwrap_err().classify(), serde_json::error::Category::Data);
    assert_eq!(
        read("\"1d\"").unwrap_err().to_string(),
        "a time is written as 2006-01-02T15:04:05Z, or as a duration such as 24h"
    );
}

proptest! {
    #[test]
    fn a_printed_time_parses_to_itself(seconds in -62_135_596_799_i64..253_402_207_200, nanos in 0..1_000_000_000_i32) {
        let time = TimeDuration::At(Timestamp::new(seconds, if seconds < 0 { -nanos } else { nanos }).unwrap());
        prop_assert_eq!(time.to_string().parse(), Ok(time));
    }

    #[test]
    fn no_text_panics(text in "[-+0-9TZ:. ]{0,40}|\\PC*") {
        let _ = text.parse::<TimeDuration>();
    }
}
