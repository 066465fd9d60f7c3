use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn duration(text: &str) -> GoDuration {
    text.parse().unwrap()
}

/// `min/default/max` as texts, `-` for what is not set.
fn overrides(text: &str) -> ClaimOverrides {
    let mut parts = text.split('/').map(|part| (part != "-").then(|| duration(part)));
    let tls = LifetimeOverrides {
        min: parts.next().unwrap(),
        default: parts.next().unwrap(),
        max: parts.next().unwrap(),
    };
    ClaimOverrides { tls, ..ClaimOverrides::default() }
}

#[rstest]
#[case::nothing_set("-/-/-", "5m/24h/24h")]
#[case::only_default_inside("-/1h/-", "5m/1h/24h")]
#[case::only_default_above_the_max_raises_it("-/48h/-", "5m/48h/48h")]
#[case::only_default_below_the_min_lowers_it("-/1m/-", "1m/1m/24h")]
#[case::a_set_min_lets_the_default_raise_the_max("1h/48h/-", "1h/48h/48h")]
#[case::a_set_max_lets_the_default_lower_the_min("-/1m/1h", "1m/1m/1h")]
#[case::all_set("1h/2h/3h", "1h/2h/3h")]
#[case::all_equal("1h/1h/1h", "1h/1h/1h")]
fn a_provisioner_inherits_what_it_does_not_set(#[case] set: &str, #[case] effective: &str) {
    let claims = Claims::DEFAULT.inherit(&overrides(set)).unwrap();

    let expected = overrides(effective).tls;
    assert_eq!(
        (Some(claims.tls.min), Some(claims.tls.default), Some(claims.tls.max)),
        (expected.min, expected.default, expected.max)
    );
}

#[rstest]
#[case::min("0s/-/-", ClaimsError::NotPositive { claim: "minTLSCertDuration", found: duration("0") })]
#[case::max("-/-/-1h", ClaimsError::NotPositive { claim: "maxTLSCertDuration", found: duration("-1h") })]
#[case::default_below_zero_is_first_seen_as_min(
    "-/-1h/-",
    ClaimsError::NotPositive { claim: "minTLSCertDuration", found: duration("-1h") }
)]
#[case::default("1h/0s/2h", ClaimsError::NotPositive { claim: "defaultTLSCertDuration", found: duration("0") })]
#[case::max_below_inherited_min("-/-/1m", ClaimsError::MaxBelowMin { min: duration("5m"), max: duration("1m") })]
#[case::inherited_default_above_max(
    "-/-/1h",
    ClaimsError::DefaultAboveMax { default: duration("24h"), max: duration("1h") }
)]
#[case::default_below_min("2h/1h/-", ClaimsError::DefaultBelowMin { default: duration("1h"), min: duration("2h") })]
#[case::default_above_max("-/3h/2h", ClaimsError::DefaultAboveMax { default: duration("3h"), max: duration("2h") })]
fn lifetimes_that_contradict_each_other_are_refused(#[case] set: &str, #[case] expected: ClaimsError) {
    assert_eq!(Claims::DEFAULT.inherit(&overrides(set)), Err(expected));
}

#[test]
fn a_false_overrides_an_inherited_true() {
    let on = ClaimOverrides {
        enable_ssh_ca: Some(true),
        disable_renewal: Some(true),
        allow_renewal_after_expiry: Some(true),
        disable_smallstep_extensions: Some(true),
        ..ClaimOverrides::default()
    };
    let authority = Claims::DEFAULT.inherit(&on).unwrap();

    let off = ClaimOverrides { disable_renewal: Some(false), ..ClaimOverrides::default() };
    let provisioner = authority.inherit(&off).unwrap();

    assert!(!provisioner.disable_renewal);
    assert!(provisioner.enable_ssh_ca && provisioner.allow_renewal_after_expiry);
    assert!(provisioner.disable_smallstep_extensions);
}

#[test]
fn ssh_lifetimes_yield_to_a_default_as_tls_ones_do() {
    let set = LifetimeOverrides { default: Some(duration("1m")), ..LifetimeOverrides::default() };
    let claims = Claims::DEFAULT
        .inherit(&ClaimOverrides { user_ssh: set, host_ssh: set, ..ClaimOverrides::default() })
        .unwrap();

    assert_eq!(
        claims.user_ssh,
        Lifetimes { min: duration("1m"), default: duration("1m"), max: duration("24h") }
    );
    assert_eq!(
        claims.host_ssh,
        Lifetimes { min: duration("1m"), default: duration("1m"), max: duration("720h") }
    );
}

proptest! {
    #[test]
    fn what_is_accepted_is_in_order(
        min in proptest::option::of(-5_i64..50), default in proptest::option::of(-5_i64..50),
        max in proptest::option::of(-5_i64..50),
    ) {
        let hours = |count: Option<i64>| count.map(|count| GoDuration::from_nanos(count * 3_600_000_000_000));
        let tls = LifetimeOverrides { min: hours(min), default: hours(default), max: hours(max) };
        if let Ok(claims) = Claims::DEFAULT.inherit(&ClaimOverrides { tls, ..ClaimOverrides::default() }) {
            let Lifetimes { min, default, max } = claims.tls;
            prop_assert!(GoDuration::ZERO < min && min <= default && default <= max);
            // What the operator wrote is never changed, only what was inherited.
            prop_assert!(tls.min.is_none_or(|set| set == min) && tls.max.is_none_or(|set| set == max));
            prop_assert!(tls.default.is_none_or(|set| set == default));
        }
    }
}
