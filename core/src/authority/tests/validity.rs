//! Ten thousand requests: what is decided keeps every bound, and what is refused would not.

use proptest::prelude::*;

use super::bench::{Ca, Extension};
use crate::authority::validity::{ValidityRules, renewed};
use crate::clock::{SignedDuration, Timestamp};
use crate::config::{GoDuration, Lifetimes, TimeDuration};
use crate::x509::{Certificate, Validity};

const NOW: i64 = 1_780_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn x20_the_bounds_hold_for_every_request(
        now_fraction in 0_i32..1_000_000_000,
        backdate in 0_i64..3_600,
        (min, default, max) in (1_i64..100_000, 0_i64..100_000, 0_i64..100_000)
            .prop_map(|(min, more, yet_more)| (min, min + more, min + more + yet_more)),
        not_before in any_time(),
        not_after in any_time(),
        // Seconds from now until the issuer ends.
        issuer_end in prop_oneof![0_i64..1_000, 0_i64..1_000_000],
    ) {
        let seconds = |seconds: i64| GoDuration::from_nanos(seconds * 1_000_000_000);
        let now = Timestamp::new(NOW, now_fraction).unwrap();
        let issuer = issuer(NOW + issuer_end);
        let rules = ValidityRules {
            now,
            backdate: SignedDuration::from_secs(backdate),
            lifetimes: &Lifetimes { min: seconds(min), default: seconds(default), max: seconds(max) },
            issuer: &issuer,
        };

        if let Ok(validity) = rules.decide(not_before, not_after) {
            let duration = validity.not_after().duration_since(validity.not_before()).as_secs();
            prop_assert!((min..=max + backdate).contains(&duration), "{duration}");
            prop_assert!(validity.not_after() <= issuer.not_after());
            prop_assert!(validity.not_after().as_second() >= NOW);
            prop_assert_eq!(validity.not_after().subsec_nanosecond(), 0);
            if not_before == TimeDuration::Unset {
                // What is left without the backdate is at most the maximum, but for the second that was cut off.
                prop_assert!(validity.not_after().as_second() - NOW <= max);
            }
        } else if not_before == TimeDuration::Unset && not_after == TimeDuration::Unset {
            // Whoever asks for nothing is only ever refused because of the issuer.
            prop_assert!(issuer_end < default);
        }
    }

    /// A renewal is as long as the old certificate, and ends with the issuer at the latest.
    #[test]
    fn x20_a_renewal_keeps_the_bounds(
        length in 0_i64..100_000_000,
        backdate in 0_i64..3_600,
        issuer_end in 0_i64..200_000_000,
    ) {
        let now = Timestamp::from_second(NOW).unwrap();
        let old = leaf(NOW - 100, length);
        let issuer = issuer(NOW + issuer_end);

        let validity = renewed(&old, now, SignedDuration::from_secs(backdate), &issuer);

        if let Ok(validity) = validity {
            prop_assert_eq!(validity.not_before().as_second(), NOW - backdate);
            prop_assert!(validity.duration() <= old.validity().duration());
            prop_assert!(validity.not_after() <= issuer.not_after());
        } else {
            prop_assert!(issuer_end < 0);
        }
    }
}

fn any_time() -> impl Strategy<Value = TimeDuration> {
    prop_oneof![
        3 => Just(TimeDuration::Unset),
        3 => (-200_000_i64..400_000).prop_map(|seconds| TimeDuration::After(GoDuration::from_nanos(seconds * 999_999_999))),
        3 => (-200_000_i64..400_000, 0_i32..1_000_000_000)
            .prop_map(|(seconds, nanos)| TimeDuration::At(Timestamp::new(NOW + seconds, nanos).unwrap())),
        1 => any::<i64>().prop_map(|nanos| TimeDuration::After(GoDuration::from_nanos(nanos))),
        1 => (Timestamp::MIN.as_second()..Timestamp::MAX.as_second())
            .prop_map(|second| TimeDuration::At(Timestamp::from_second(second).unwrap())),
    ]
}

thread_local! {
    static ROOT: Ca = Ca::root("Test Root");
}

/// A certificate that ends at this second.
fn issuer(end: i64) -> Certificate {
    leaf(NOW - 1_000_000, end - NOW + 1_000_000)
}

fn leaf(start: i64, length: i64) -> Certificate {
    let at = |second| Timestamp::from_second(second).unwrap();
    let validity = Validity::new(at(start), at(start + length)).unwrap();
    ROOT.with(|root| {
        let key = root.certificate.public_key();
        root.leaf(key, &["host.example"], Extension::Absent, validity)
    })
}
