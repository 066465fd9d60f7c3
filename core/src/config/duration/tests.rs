use proptest::prelude::*;

use super::*;

/// Each text, its nanoseconds and its printed form, as Go's `time` package gives them.
const READ_BY_GO: &[(&str, i64, &str)] = &[
    ("0", 0, "0s"),
    ("+0", 0, "0s"),
    ("-0", 0, "0s"),
    ("5s", 5000000000, "5s"),
    ("+5s", 5000000000, "5s"),
    ("-5m", -300000000000, "-5m0s"),
    ("30s", 30000000000, "30s"),
    ("1478s", 1478000000000, "24m38s"),
    ("1h30m", 5400000000000, "1h30m0s"),
    ("1.5h", 5400000000000, "1h30m0s"),
    ("300ms", 300000000, "300ms"),
    ("1us", 1000, "1µs"),
    ("1µs", 1000, "1µs"),
    ("1μs", 1000, "1µs"),
    ("10ns", 10, "10ns"),
    ("-.5s", -500000000, "-500ms"),
    (".5s", 500000000, "500ms"),
    ("5.s", 5000000000, "5s"),
    ("5.6s", 5600000000, "5.6s"),
    ("1.004s", 1004000000, "1.004s"),
    ("1.0040s", 1004000000, "1.004s"),
    ("100.00100s", 100001000000, "1m40.001s"),
    ("3h30m", 12600000000000, "3h30m0s"),
    ("10.5s4m", 250500000000, "4m10.5s"),
    ("-2m3.4s", -123400000000, "-2m3.4s"),
    ("1h2m3s4ms5us6ns", 3723004005006, "1h2m3.004005006s"),
    ("39h9m14.425s", 140954425000000, "39h9m14.425s"),
    ("52763797000ns", 52763797000, "52.763797s"),
    ("0.3333333333333333333h", 1200000000000, "20m0s"),
    ("9007199254740993ns", 9007199254740993, "2501h59m59.254740993s"),
    ("9223372036854775807ns", 9223372036854775807, "2562047h47m16.854775807s"),
    ("9223372036854775.807us", 9223372036854775807, "2562047h47m16.854775807s"),
    ("9223372036s854ms775us807ns", 9223372036854775807, "2562047h47m16.854775807s"),
    ("-9223372036854775808ns", -9223372036854775808, "-2562047h47m16.854775808s"),
    ("-9223372036854775.808us", -9223372036854775808, "-2562047h47m16.854775808s"),
    ("0.100000000000000000000h", 360000000000, "6m0s"),
    ("0.830103483285477580700h", 2988372539827, "49m48.372539827s"),
    ("0.9223372036854775807h", 3320413933267, "55m20.413933267s"),
    ("0.9223372036854775808h", 3320413933267, "55m20.413933267s"),
    ("-2562047h47m16.854775808s", -9223372036854775808, "-2562047h47m16.854775808s"),
    ("2562047h47m16.854775807s", 9223372036854775807, "2562047h47m16.854775807s"),
    ("0h", 0, "0s"),
    ("0.0s", 0, "0s"),
    ("1h1h", 7200000000000, "2h0m0s"),
    ("1m1h", 3660000000000, "1h1m0s"),
    ("24h", 86400000000000, "24h0m0s"),
    ("720h", 2592000000000000, "720h0m0s"),
    ("8760h", 31536000000000000, "8760h0m0s"),
    ("1.1us", 1100, "1.1µs"),
    ("1.0000000001s", 1000000000, "1s"),
    ("0.000000001s", 1, "1ns"),
    ("2540400h10m10.000000000s", 9145440610000000000, "2540400h10m10s"),
];

/// Texts that Go refuses, by our reason.
const REFUSED_BY_GO: &[(ParseDurationError, &[&str])] = &[
    (ParseDurationError::Empty, &["", "-"]),
    (ParseDurationError::NotANumber, &["s", ".", "-.", ".s", "+.s", " 1h", "--1s", "+-1s", "µs"]),
    (ParseDurationError::MissingUnit, &["3", "00", "00.", "1.2.3s", "1h30", "1.s2"]),
    (ParseDurationError::UnknownUnit, &["1d", "1 h", "1h ", "1H", "1e3s", "1hh", "1w", "1_0s", "0x1s"]),
    (
        ParseDurationError::OutOfRange,
        &[
            "9223372036854775808ns",
            "9223372036854775.808us",
            "9223372036854ms775us808ns",
            "-9223372036854775809ns",
            "3000000h",
            "99999999999999999999s",
        ],
    ),
];

#[test]
fn a_duration_is_read_and_printed_as_go_does() {
    for (text, nanos, printed) in READ_BY_GO {
        let duration: GoDuration = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));

        assert_eq!(duration.as_nanos(), *nanos, "{text}");
        assert_eq!(duration.to_string(), *printed, "{text}");
    }
}

#[test]
fn what_go_refuses_is_refused_with_its_reason() {
    for (reason, texts) in REFUSED_BY_GO {
        for text in *texts {
            assert_eq!(text.parse::<GoDuration>(), Err(reason.clone()), "{text}");
        }
    }
}

#[test]
fn minutes_and_hours_are_what_they_say() {
    assert_eq!(GoDuration::from_minutes(90).to_string(), "1h30m0s");
    assert_eq!(GoDuration::from_hours(u16::MAX).to_string(), "65535h0m0s");
    assert_eq!(GoDuration::from_hours(24).to_signed(), SignedDuration::from_hours(24));
}

proptest! {
    #[test]
    fn a_printed_duration_parses_to_itself(nanos in prop_oneof![any::<i64>(), -2_000_000_i64..2_000_000]) {
        let duration = GoDuration::from_nanos(nanos);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn no_text_panics(text in r"[-+]?([0-9]{0,22}\.?[0-9]{0,22}(h|m|s|ms|us|µs|ns|d)?){0,4}|\PC*") {
        let _ = text.parse::<GoDuration>();
    }
}
