//! CAA: [RFC 8659](https://www.rfc-editor.org/rfc/rfc8659), and the parameters of [RFC 8657](https://www.rfc-editor.org/rfc/rfc8657).

use rstest::rstest;
use serde_json::Value;
use stepless_tests::acme::{
    Account, DnsAnswer,
    account::{csr, fresh_key},
    answer::problem_of,
    dns_message::{CAA as CAA_TYPE, Record},
};

use crate::{
    provisioners::{CAA, PLAIN},
    world::{World, fresh_name, world},
};

fn record(tag: &str, value: &str) -> Record {
    Record::Caa(0, tag.into(), value.into())
}

/// Proves the name and asks for a certificate: how far that came, and the problem if there was one.
fn outcome(world: &World, account: &Account, name: &str) -> Result<(), Value> {
    let order = account.order(&[name]);
    let authorization = account.authorization(&order.authorizations[0]);
    let base = authorization["identifier"]["value"].as_str().expect("an identifier has a value").to_owned();
    let kind = if authorization["wildcard"] == true { "dns-01" } else { "http-01" };
    let challenge = account.challenge(&order.authorizations[0], kind);
    match kind {
        "dns-01" => world.show_in_dns(account, &base, &challenge),
        _ => world.show(account, &base, &challenge),
    }
    account.ready(&challenge);
    let object = account.settle(&order.url);
    if object["status"] != "ready" {
        return Err(account.get(&challenge.url).json()["error"].clone());
    }
    let answer = account.finalize(&order, &csr(&[name], &fresh_key()));
    match answer.status() {
        200 => Ok(()),
        _ => Err(answer.json()),
    }
}

#[rstest]
#[case::us(&[("issue", "ca.example")])]
#[case::us_among_others(&[("issue", "other.example"), ("issue", "ca.example")])]
#[case::us_with_a_parameter(&[("issue", "ca.example; colour=green")])]
#[case::us_in_capitals(&[("ISSUE", "CA.EXAMPLE")])]
#[case::spaces(&[("issue", "  ca.example  ")])]
#[case::only_about_wildcards(&[("issuewild", "other.example")])]
#[case::only_a_contact(&[("iodef", "mailto:a@b.example")])]
#[case::our_method(&[("issue", "ca.example; validationmethods=http-01,dns-01")])]
#[case::our_account(&[("issue", "ca.example; accounturi={account}")])]
fn rfc8659_4_2_a_record_that_allows_us_lets_us_issue(#[case] records: &[(&str, &str)]) {
    let world = world();
    let account = world.account_at(CAA);
    let name = fresh_name();
    set(&world, &account, &name, records);

    assert_eq!(outcome(&world, &account, &name), Ok(()));
}

#[rstest]
#[case::another(&[("issue", "other.example")])]
#[case::nobody(&[("issue", ";")])]
#[case::nobody_without_a_name(&[("issue", "")])]
#[case::a_longer_name(&[("issue", "ca.example.org")])]
#[case::our_parent(&[("issue", "example")])]
#[case::no_name(&[("issue", "%%%%%")])]
#[case::another_method(&[("issue", "ca.example; validationmethods=dns-01")])]
#[case::another_account(&[("issue", "ca.example; accounturi=https://localhost/acme/caa/account/x")])]
fn rfc8659_4_2_a_record_that_does_not_allow_us_stops_the_issuance(#[case] records: &[(&str, &str)]) {
    let world = world();
    let account = world.account_at(CAA);
    let name = fresh_name();
    set(&world, &account, &name, records);

    let problem = outcome(&world, &account, &name).expect_err("CAA forbids it");

    assert_eq!(problem_of(&problem), "caa", "{problem}");
}

fn set(world: &World, account: &Account, name: &str, records: &[(&str, &str)]) {
    let records =
        records.iter().map(|(tag, value)| record(tag, &value.replace("{account}", &account.url))).collect();
    world.dns.set(name, CAA_TYPE, DnsAnswer::Records(records));
}

/// [RFC 8659 §3](https://www.rfc-editor.org/rfc/rfc8659#section-3): the nearest records count, from the name upwards.
#[test]
fn rfc8659_3_the_records_of_the_nearest_ancestor_count() {
    let world = world();
    let account = world.account_at(CAA);
    let parent = fresh_name();
    world.dns.set(&parent, CAA_TYPE, DnsAnswer::Records(vec![record("issue", "other.example")]));
    let (open, closed) = (format!("open.{parent}"), format!("closed.below.{parent}"));
    world.dns.set(&open, CAA_TYPE, DnsAnswer::Records(vec![record("issue", "ca.example")]));

    assert_eq!(outcome(&world, &account, &open), Ok(()));
    let problem = outcome(&world, &account, &closed).expect_err("CAA of the parent forbids it");
    assert_eq!(problem_of(&problem), "caa", "{problem}");
}

#[rstest]
#[case::only_issue_for_others(&[("issue", "other.example")], false)]
#[case::issuewild_for_us(&[("issue", "other.example"), ("issuewild", "ca.example")], true)]
#[case::issuewild_for_others(&[("issue", "ca.example"), ("issuewild", "other.example")], false)]
#[case::issue_for_us(&[("issue", "ca.example")], true)]
fn rfc8659_4_3_issuewild_speaks_of_wildcards(#[case] records: &[(&str, &str)], #[case] allowed: bool) {
    let world = world();
    let account = world.account_at(CAA);
    let name = fresh_name();
    set(&world, &account, &name, records);

    assert_eq!(outcome(&world, &account, &format!("*.{name}")).is_ok(), allowed);
}

/// [RFC 8659 §4.1](https://www.rfc-editor.org/rfc/rfc8659#section-4.1): what is critical and unknown forbids.
#[test]
fn rfc8659_4_1_an_unknown_critical_property_stops_the_issuance() {
    let world = world();
    let account = world.account_at(CAA);
    let (critical, harmless) = (fresh_name(), fresh_name());
    let records = |flags| {
        DnsAnswer::Records(vec![record("issue", "ca.example"), Record::Caa(flags, "tbs".into(), "x".into())])
    };
    world.dns.set(&critical, CAA_TYPE, records(128));
    world.dns.set(&harmless, CAA_TYPE, records(0));

    let problem = outcome(&world, &account, &critical).expect_err("it is critical");

    assert_eq!(problem_of(&problem), "caa", "{problem}");
    assert_eq!(outcome(&world, &account, &harmless), Ok(()));
}

/// A failed look-up is not "no record": [RFC 8659 §3](https://www.rfc-editor.org/rfc/rfc8659#section-3).
#[test]
fn n8_rfc8659_3_a_failed_look_up_stops_the_issuance() {
    let world = world();
    let account = world.account_at(CAA);
    let name = fresh_name();
    world.dns.set(&name, CAA_TYPE, DnsAnswer::Failure);

    let problem = outcome(&world, &account, &name).expect_err("nobody knows what CAA says");

    assert!(matches!(&problem_of(&problem)[..], "caa" | "dns"), "{problem}");
}

/// Of N names it is the k-th that forbids: for every k.
#[test]
fn a10_rfc8659_every_name_of_an_order_is_checked() {
    let world = world();
    for place in 0..3 {
        let account = world.account_at(CAA);
        let names: Vec<String> = (0..3).map(|_| fresh_name()).collect();
        set(&world, &account, &names[place], &[("issue", "other.example")]);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let order = account.order(&names);
        for (authorization, name) in order.authorizations.iter().zip(&names) {
            let challenge = account.challenge(authorization, "http-01");
            world.show(&account, name, &challenge);
            account.ready(&challenge);
            account.settle(authorization);
        }

        let answer = account.finalize(&order, &csr(&names, &fresh_key()));

        assert!((400..500).contains(&answer.status()), "{place}: {answer}");
        assert!(account.get(&order.url).json().get("certificate").is_none());
    }
}

#[test]
fn caa_is_not_looked_at_where_it_is_not_asked_for() {
    let world = world();
    let account = world.account_at(PLAIN);
    let name = fresh_name();
    set(&world, &account, &name, &[("issue", "other.example")]);

    assert_eq!(outcome(&world, &account, &name), Ok(()));

    assert!(world.dns.asked(&name).iter().all(|asked| asked.kind != CAA_TYPE));
}
