mod profiles;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::config::{CaConfig, Lifetimes, ProvisionerDetails};

/// A configuration whose one provisioner is of ACME and has these members as well.
fn config(members: Value) -> Value {
    let mut acme = json!({ "type": "ACME", "name": "acme" });
    for (name, value) in members.as_object().unwrap() {
        acme[name] = value.clone();
    }
    json!({
        "root": "root.crt",
        "crt": "intermediate.crt",
        "key": "intermediate.key",
        "address": ":9000",
        "authority": { "provisioners": [acme] },
    })
}

#[track_caller]
fn parse(members: Value) -> (CaConfig, Vec<String>) {
    let (config, warnings) =
        CaConfig::parse_strict(&config(members).to_string()).unwrap_or_else(|error| panic!("{error}"));
    (config, warnings.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn options(members: Value) -> AcmeOptions {
    let (config, warnings) = parse(members);
    assert_eq!(warnings, Vec::<String>::new());
    let ProvisionerDetails::Acme(options) = &config.authority.provisioners[0].details else {
        panic!("an ACME provisioner")
    };
    AcmeOptions::clone(options)
}

#[track_caller]
fn refused(members: Value) -> String {
    let error = CaConfig::parse(&config(members).to_string()).expect_err("must be refused").to_string();
    let place = "authority.provisioners[0].";
    error.strip_prefix(place).unwrap_or_else(|| panic!("{error} has no place")).to_owned()
}

fn hours(hours: u16) -> GoDuration {
    GoDuration::from_hours(hours)
}

#[test]
fn a_provisioner_that_sets_nothing_is_as_that_of_step_ca() {
    let options = options(json!({}));

    assert_eq!(options, AcmeOptions::default());
    assert_eq!(
        options.challenges,
        [ChallengeType::Http01, ChallengeType::Dns01, ChallengeType::TlsAlpn01],
        "those of step-ca"
    );
    assert!(!options.offers(ChallengeType::DnsAccount01) && !options.offers(ChallengeType::DnsPersist01));
    assert_eq!((options.order_lifetime, options.authorization_lifetime), (hours(24), hours(24)));
    assert_eq!(options.max_identifiers, 100);
    assert_eq!(options.validation.first_try.to_string(), "5s");
    assert_eq!(options.validation.give_up_after.to_string(), "15s");
    assert_eq!((options.testing, options.new_order_limit), (None, None));
    assert!(options.profiles.is_empty() && options.profiles.default_profile().is_none());
}

#[test]
fn null_and_nothing_are_as_good_as_absent() {
    let nothing = json!({ "forceCN": null, "challenges": [], "termsOfService": "", "caaIdentities": [], "website": null,
        "validation": {}, "allowedTargets": [], "profiles": {}, "defaultProfile": "", "newOrderLimit": null,
        "testing": null, "orderLifetime": null });

    assert_eq!(options(nothing), AcmeOptions::default());
}

#[test]
fn every_key_is_read() {
    let everything = json!({
        "forceCN": true,
        "requireEAB": true,
        "challenges": ["DNS-Persist-01", "dns-01", "dns-account-01", "DNS-01"],
        "termsOfService": "https://ca.example/terms",
        "website": "http://ca.example:8080/",
        "caaIdentities": ["CA.example", "other.example"],
        "attestationFormats": ["apple"],
        "attestationRoots": "LS0t",
        "orderLifetime": "1h30m",
        "authorizationLifetime": "168h",
        "reuseAuthorizations": true,
        "maxIdentifiers": 1,
        "validation": { "firstTry": "10s", "giveUpAfter": "10m" },
        "allowedTargets": ["10.0.0.0/8", "127.0.0.1", "fd00::/8", "::1", "0.0.0.0/0"],
        "checkCAA": true,
        "profiles": { "short-Lived_1": { "description": "six hours", "maxTLSCertDuration": "6h" } },
        "defaultProfile": "short-Lived_1",
        "newOrderLimit": { "orders": 300, "per": "3h" },
    });

    let options = options(everything);

    assert!(options.force_cn && options.require_eab && options.reuse_authorizations && options.check_caa);
    assert_eq!(
        options.challenges,
        [ChallengeType::Dns01, ChallengeType::DnsAccount01, ChallengeType::DnsPersist01],
        "each once"
    );
    assert_eq!(options.terms_of_service.as_deref(), Some("https://ca.example/terms"));
    assert_eq!(options.website.as_deref(), Some("http://ca.example:8080/"));
    let identities: Vec<_> = options.caa_identities.iter().map(DnsName::as_str).collect();
    assert_eq!(identities, ["ca.example", "other.example"]);
    assert_eq!(options.order_lifetime.to_string(), "1h30m0s");
    assert_eq!((options.authorization_lifetime, options.max_identifiers), (hours(168), 1));
    let validation = [options.validation.first_try, options.validation.give_up_after];
    assert_eq!(validation, [GoDuration::from_seconds(10), GoDuration::from_minutes(10)]);
    let targets: Vec<_> = options.allowed_targets.iter().map(ToString::to_string).collect();
    assert_eq!(targets, ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8", "::1/128", "0.0.0.0/0"]);
    let limit = NewOrderLimit { orders: 300, per: hours(3) };
    assert_eq!((options.new_order_limit, options.testing), (Some(limit), None));
    let default = options.profiles.default_profile().unwrap();
    assert_eq!((default.name.as_str(), default.description.as_str()), ("short-Lived_1", "six hours"));
    assert_eq!(options.profiles.get("short-Lived_1"), Some(default));
    assert_eq!(options.profiles.get("Short-lived_1"), None);
    assert_eq!(options.profiles.iter().count(), 1);
}

#[test]
fn what_is_ours_is_not_shown_to_step() {
    let ours = json!({
        "orderLifetime": "1h", "authorizationLifetime": "1h", "reuseAuthorizations": true, "maxIdentifiers": 7,
        "validation": { "firstTry": "1s" }, "allowedTargets": ["10.0.0.0/8"], "checkCAA": true,
        "caaIdentities": ["ca.example"], "profiles": { "p": { "description": "d" } }, "defaultProfile": "p",
        "newOrderLimit": { "orders": 1, "per": "1h" }, "testing": { "badNonceRate": 5 }, "requireEAB": true,
        "challenges": ["DNS-01"],
    });

    let (config, _) = parse(ours);

    let listing = serde_json::to_string(&config.authority.provisioners[0].listing).unwrap();
    assert_eq!(
        listing,
        r#"{"type":"ACME","name":"acme","caaIdentities":["ca.example"],"requireEAB":true,"challenges":["DNS-01"]}"#
    );
}

#[test]
fn a_server_that_is_hostile_on_purpose_says_so_when_it_starts() {
    let testing =
        json!({ "testing": { "badNonceRate": 100, "validationDelay": "3s", "reuseAuthorizations": 50 } });

    let (config, warnings) = parse(testing);

    assert_eq!(
        warnings,
        [
            "provisioner \"acme\" is hostile to its clients, for tests of clients: authority.provisioners[0].testing \
          asks for that"
        ]
    );
    let ProvisionerDetails::Acme(options) = &config.authority.provisioners[0].details else { panic!("ACME") };
    let testing = AcmeTesting {
        bad_nonce_rate: Percent::new(100).unwrap(),
        validation_delay: GoDuration::from_seconds(3),
        reuse_authorizations: Percent::new(50),
    };
    assert_eq!(options.testing, Some(testing));
    assert_eq!(Percent::new(101), None);
    let (_, warnings) = parse(json!({ "testing": {} }));
    assert_eq!(warnings.len(), 1, "even where it changes nothing yet");
}

#[rstest]
#[case::challenge(json!({"challenges": ["http-01", "tls-sni-01"]}), "challenges[1]: found the string \"tls-sni-01\", allowed is one of \"http-01\", \"dns-01\", \"tls-alpn-01\", \"device-attest-01\", \"wire-oidc-01\", \"wire-dpop-01\", \"dns-account-01\", \"dns-persist-01\"")]
#[case::challenge_text(json!({"challenges": "http-01"}), "challenges: found the string \"http-01\", allowed is an array, each element one of \"http-01\", \"dns-01\", \"tls-alpn-01\", \"device-attest-01\", \"wire-oidc-01\", \"wire-dpop-01\", \"dns-account-01\", \"dns-persist-01\"")]
#[case::terms(json!({"termsOfService": "be nice"}), "termsOfService: found the string \"be nice\", allowed is an http or https URL")]
#[case::terms_script(json!({"termsOfService": "javascript:alert(1)"}), "termsOfService: found the string \"javascript:alert(1)\", allowed is an http or https URL")]
#[case::website_line_break(json!({"website": "https://ca.example/\r\nX: y"}), "website: found the string \"https://ca.example/\\r\\nX: y\", allowed is an http or https URL")]
#[case::website_without_host(json!({"website": "https:///x"}), "website: found the string \"https:///x\", allowed is an http or https URL")]
#[case::caa_star(json!({"caaIdentities": ["a.example", "*.b.example"]}), "caaIdentities[1]: found the string \"*.b.example\", allowed is a domain name without a star or an underscore, such as \"ca.example\"")]
#[case::caa_semicolon(json!({"caaIdentities": ["ca.example; accounturi=x"]}), "caaIdentities[0]: found the string \"ca.example; accounturi=x\", allowed is a domain name without a star or an underscore, such as \"ca.example\"")]
#[case::caa_empty(json!({"caaIdentities": [""]}), "caaIdentities[0] is missing: a domain name without a star or an underscore, such as \"ca.example\" is required")]
#[case::caa_unnamed(json!({"checkCAA": true}), "caaIdentities is missing: a name of this authority in DNS records, which checkCAA needs, is required")]
#[case::persist_unnamed(json!({"challenges": ["dns-persist-01"]}), "caaIdentities is missing: a name of this authority in DNS records, which dns-persist-01 needs, is required")]
#[case::flag(json!({"checkCAA": "yes"}), "checkCAA: found the string \"yes\", allowed is true or false")]
#[case::order_short(json!({"orderLifetime": "999ms"}), "orderLifetime: found the string \"999ms\", allowed is a duration from 1s to 8760h0m0s")]
#[case::order_negative(json!({"orderLifetime": "-24h"}), "orderLifetime: found the string \"-24h0m0s\", allowed is a duration from 1s to 8760h0m0s")]
#[case::order_long(json!({"orderLifetime": "8760h0m1s"}), "orderLifetime: found the string \"8760h0m1s\", allowed is a duration from 1s to 8760h0m0s")]
#[case::order_days(json!({"orderLifetime": "7d"}), "orderLifetime: found the string \"7d\", allowed is a duration such as \"24h\" or \"1h30m\" (units ns, us, ms, s, m, h)")]
#[case::order_number(json!({"orderLifetime": 24}), "orderLifetime: found the number 24, allowed is a duration such as \"24h\" or \"1h30m\" (units ns, us, ms, s, m, h)")]
#[case::authorization(json!({"authorizationLifetime": "0s"}), "authorizationLifetime: found the string \"0s\", allowed is a duration from 1s to 8760h0m0s")]
#[case::no_identifiers(json!({"maxIdentifiers": 0}), "maxIdentifiers: found the number 0, allowed is a whole number from 1 to 100")]
#[case::many_identifiers(json!({"maxIdentifiers": 101}), "maxIdentifiers: found the number 101, allowed is a whole number from 1 to 100")]
#[case::wrapped_identifiers(json!({"maxIdentifiers": 4_294_967_297_u64}), "maxIdentifiers: found the number 4294967297, allowed is a whole number from 1 to 100")]
#[case::negative_identifiers(json!({"maxIdentifiers": -1}), "maxIdentifiers: found the number -1, allowed is a whole number from 1 to 100")]
#[case::half_identifiers(json!({"maxIdentifiers": 1.5}), "maxIdentifiers: found the number 1.5, allowed is a whole number")]
#[case::first_try(json!({"validation": {"firstTry": "11s"}}), "validation.firstTry: found the string \"11s\", allowed is a duration from 1s to 10s")]
#[case::give_up(json!({"validation": {"giveUpAfter": "4s"}}), "validation.giveUpAfter: found the string \"4s\", allowed is a duration from 5s to 10m0s")]
#[case::crossed(json!({"validation": {"firstTry": "6s", "giveUpAfter": "5s"}}), "validation.firstTry: found the string \"6s\", allowed is a duration of at most giveUpAfter, which is 5s")]
#[case::limit_without_time(json!({"newOrderLimit": {"orders": 3}}), "newOrderLimit.per is missing: the time that the orders are counted in is required")]
#[case::limit_without_number(json!({"newOrderLimit": {"per": "1h"}}), "newOrderLimit.orders is missing: a number of orders is required")]
#[case::limit_of_none(json!({"newOrderLimit": {"orders": 0, "per": "1h"}}), "newOrderLimit.orders: found the number 0, allowed is a whole number from 1 to 4294967295")]
#[case::limit_for_ever(json!({"newOrderLimit": {"orders": 1, "per": "721h"}}), "newOrderLimit.per: found the string \"721h0m0s\", allowed is a duration from 1s to 720h0m0s")]
#[case::nonces(json!({"testing": {"badNonceRate": 101}}), "testing.badNonceRate: found the number 101, allowed is a whole number from 0 to 100")]
#[case::delay(json!({"testing": {"validationDelay": "5m1s"}}), "testing.validationDelay: found the string \"5m1s\", allowed is a duration from 0s to 5m0s")]
#[case::reuse(json!({"testing": {"reuseAuthorizations": true}}), "testing.reuseAuthorizations: found true, allowed is a whole number")]
fn o2_a_wrong_value_is_refused_with_its_place(#[case] members: Value, #[case] expected: &str) {
    assert_eq!(refused(members), expected);
}

#[rstest]
#[case::name("localhost")]
#[case::url("http://127.0.0.1/")]
#[case::port("127.0.0.1:80")]
#[case::octal("0177.0.0.1")]
#[case::short("127.1")]
#[case::number("2130706433")]
#[case::zone("fe80::1%eth0")]
#[case::long_prefix("10.0.0.0/33")]
#[case::negative_prefix("10.0.0.0/-1")]
#[case::mask("10.0.0.0/255.0.0.0")]
#[case::bits_behind_the_prefix("10.0.0.1/8")]
#[case::mapped_network("::ffff:10.0.0.0/104")]
#[case::mapped_address("::ffff:127.0.0.1")]
#[case::two("10.0.0.0/8,127.0.0.1")]
fn n1_a_target_that_is_not_surely_a_network_is_refused(#[case] target: &str) {
    let found = refused(json!({ "allowedTargets": ["::1", target] }));

    assert!(found.starts_with(&format!("allowedTargets[1]: found the string {target:?}, ")), "{found}");
    assert!(found.ends_with("IPv4 in the form of IPv4"), "{found}");
}

#[test]
fn an_unknown_key_is_a_doubt_with_a_hint() {
    let (_, warnings) = CaConfig::parse(
        &config(
            json!({ "orderLifetimes": "1h", "profiles": { "p": { "description": "d", "keyUsage": [] } } }),
        )
        .to_string(),
    )
    .unwrap();

    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "authority.provisioners[0].orderLifetimes is not a known key and has no effect; did you mean orderLifetime?",
            "authority.provisioners[0].profiles.p.keyUsage is not a known key and has no effect; did you mean keyUsages?",
        ]
    );
}

/// Any JSON that is not deeper than a provisioner's options.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}|[0-9./:a-f]{0,20}|-?[0-9]{1,20}(ns|s|m|h)".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = "\\PC{0,8}|description|firstTry|orders|per|badNonceRate|keyUsages|maxTLSCertDuration";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    /// Whatever stands there is refused with its place, or is within the bounds that the types promise.
    #[test]
    fn what_is_accepted_is_within_its_bounds(values in prop::collection::vec((0_usize..17, any_json()), 1..5)) {
        let keys = [
            "forceCN", "requireEAB", "challenges", "termsOfService", "website", "caaIdentities", "orderLifetime",
            "authorizationLifetime", "reuseAuthorizations", "maxIdentifiers", "validation", "allowedTargets",
            "checkCAA", "profiles", "defaultProfile", "newOrderLimit", "testing",
        ];
        let members: Value = values.into_iter().map(|(key, value)| (keys[key].to_owned(), value)).collect();
        match CaConfig::parse(&config(members).to_string()) {
            Err(error) => prop_assert!(error.to_string().starts_with("authority.provisioners[0]."), "{}", error),
            Ok((config, _)) => {
                let provisioner = &config.authority.provisioners[0];
                let ProvisionerDetails::Acme(options) = &provisioner.details else { panic!("ACME") };
                prop_assert!(provisioner.refusal.is_some() || !options.challenges.is_empty());
                prop_assert!((1..=100).contains(&options.max_identifiers));
                prop_assert!(options.order_lifetime > GoDuration::ZERO);
                prop_assert!(options.validation.first_try <= options.validation.give_up_after);
                prop_assert!(!options.check_caa || !options.caa_identities.is_empty());
                for profile in options.profiles.iter() {
                    let Lifetimes { min, default, max } = profile.lifetimes;
                    prop_assert!(GoDuration::ZERO < min && min <= default && default <= max);
                    prop_assert!(max <= provisioner.claims.tls.max);
                }
            }
        }
    }
}
