//! dns-01: [RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4).

use rstest::rstest;
use serde_json::Value;
use stepless_tests::acme::{
    Account, DnsAnswer,
    account::{Challenge, Order},
    answer::problem_of,
    dns_message::{CNAME, Record, TXT},
    jws::{base64url, sha256},
};

use crate::world::{World, fresh_name, world};

struct Trial {
    /// Where the record belongs.
    place: String,
    order: Order,
    challenge: Challenge,
    /// What the record says.
    good: String,
}

fn trial(account: &Account) -> Trial {
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "dns-01");
    let good = base64url(&sha256(account.key_authorization(&challenge.token).as_bytes()));
    Trial { place: format!("_acme-challenge.{name}"), order, challenge, good }
}

impl Trial {
    fn record(&self) -> Record {
        Record::Txt(vec![self.good.clone()])
    }

    fn answer(&self, world: &World, answer: DnsAnswer) {
        world.dns.set(&self.place, TXT, answer);
    }

    /// How the challenge ended.
    #[track_caller]
    fn end(&self, account: &Account) -> Value {
        account.ready(&self.challenge);
        account.settle(&self.challenge.url)
    }
}

#[test]
fn rfc8555_8_4_the_digest_of_the_key_authorization_in_a_txt_record_proves_the_name() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, DnsAnswer::Records(vec![trial.record()]));

    assert_eq!(trial.end(&account)["status"], "valid");

    assert_eq!(account.get(&trial.order.url).text("status"), "ready");
    assert!(world.dns.asked(&trial.place).iter().any(|asked| asked.kind == TXT));
}

/// [RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4): one of several records is enough.
#[test]
fn rfc8555_8_4_any_of_several_records_proves_the_name() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    world.dns.set_txt(&trial.place, &["v=spf1 -all", &trial.good, "of yesterday"]);

    assert_eq!(trial.end(&account)["status"], "valid");
}

#[test]
fn rfc8555_8_4_a_record_in_several_strings_is_one_text() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let (begin, end) = trial.good.split_at(20);
    let record = Record::Txt(vec![begin.into(), end.into()]);
    trial.answer(&world, DnsAnswer::Records(vec![record]));

    assert_eq!(trial.end(&account)["status"], "valid");
}

/// Zones are delegated for ACME by an alias: [RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4).
#[test]
fn rfc8555_8_4_an_alias_is_followed() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let target = format!("elsewhere.{}", fresh_name());
    world.dns.set(&trial.place, CNAME, DnsAnswer::Records(vec![Record::Cname(target.clone())]));
    world.dns.set_txt(&target, &[&trial.good]);

    assert_eq!(trial.end(&account)["status"], "valid");
}

#[rstest]
#[case::the_key_authorization_itself(|account: &Account, trial: &Trial| account.key_authorization(&trial.challenge.token))]
#[case::the_token(|_: &Account, trial: &Trial| trial.challenge.token.clone())]
#[case::padded(|_: &Account, trial: &Trial| format!("{}=", trial.good))]
#[case::in_hex(|account: &Account, trial: &Trial| hex::encode(sha256(account.key_authorization(&trial.challenge.token).as_bytes())))]
#[case::with_a_space(|_: &Account, trial: &Trial| format!("{} ", trial.good))]
#[case::cut(|_: &Account, trial: &Trial| trial.good[..42].to_owned())]
#[case::empty(|_: &Account, _: &Trial| String::new())]
fn rfc8555_8_4_a_record_with_another_text_proves_nothing(#[case] text: fn(&Account, &Trial) -> String) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    world.dns.set_txt(&trial.place, &[&text(&account, &trial)]);

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    let kind = problem_of(&end["error"]);
    assert!(matches!(&kind[..], "unauthorized" | "incorrectResponse"), "{end}");
    assert!(end["error"]["detail"].as_str().is_some_and(|detail| detail.contains(&trial.place)), "{end}");
}

#[test]
fn rfc8555_8_4_the_record_of_another_account_proves_nothing() {
    let world = world();
    let (account, other) = (world.account(), world.account());
    let trial = trial(&account);
    let theirs = base64url(&sha256(other.key_authorization(&trial.challenge.token).as_bytes()));
    world.dns.set_txt(&trial.place, &[&theirs]);

    assert_eq!(trial.end(&account)["status"], "invalid");
}

/// The record stands below the name, not at it, and not below its parent.
#[test]
fn n12_rfc8555_8_4_a_record_at_another_place_proves_nothing() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let name = trial.place.strip_prefix("_acme-challenge.").expect("it stands below the name");
    world.dns.set_txt(name, &[&trial.good]);
    world.dns.set_txt("_acme-challenge.example", &[&trial.good]);
    world.dns.set_txt(&format!("acme-challenge.{name}"), &[&trial.good]);

    assert_eq!(trial.end(&account)["status"], "invalid");
}

#[test]
fn rfc8555_8_2_a_record_that_comes_late_is_found() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let answer = account.ready(&trial.challenge);
    assert_eq!(answer.json()["status"], "processing", "{answer}");

    world.dns.set_txt(&trial.place, &[&trial.good]);

    assert_eq!(account.settle(&trial.challenge.url)["status"], "valid");
}

#[test]
fn rfc8555_8_2_a_record_that_never_comes_ends_the_challenge() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    let kind = problem_of(&end["error"]);
    assert!(matches!(&kind[..], "unauthorized" | "incorrectResponse" | "dns"), "{end}");
    assert!(end["error"]["detail"].as_str().is_some_and(|detail| detail.contains(&trial.place)), "{end}");
}

#[test]
fn n7_a_truncated_answer_is_asked_for_again_over_tcp() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let mut records: Vec<Record> = (0..30).map(|n| Record::Txt(vec![format!("filler {n}")])).collect();
    records.push(trial.record());
    trial.answer(&world, DnsAnswer::Truncated(5, records));

    assert_eq!(trial.end(&account)["status"], "valid");

    assert!(world.dns.asked(&trial.place).iter().any(|asked| asked.tcp));
}

/// A failure is no answer: it is asked again.
#[rstest]
#[case::failed(DnsAnswer::Failure)]
#[case::silent(DnsAnswer::Silence)]
fn n8_a_name_server_that_fails_first_is_asked_again(#[case] first: DnsAnswer) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let turns = vec![first.clone(), first, DnsAnswer::Records(vec![trial.record()])];
    trial.answer(&world, DnsAnswer::InTurn(turns));

    assert_eq!(trial.end(&account)["status"], "valid");
}

#[test]
fn n8_a_name_server_that_always_fails_is_a_problem_of_the_dns() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, DnsAnswer::Failure);

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    assert_eq!(problem_of(&end["error"]), "dns", "{end}");
}

#[test]
fn n8_an_answer_with_another_id_is_ignored() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, DnsAnswer::WrongId(vec![trial.record()]));

    assert_eq!(trial.end(&account)["status"], "invalid");
}

#[test]
fn n8_ids_and_ports_of_queries_are_not_to_be_foreseen() {
    let world = world();
    let account = world.account();
    let (mut ids, mut ports) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let trial = trial(&account);
        trial.answer(&world, DnsAnswer::Records(vec![trial.record()]));
        assert_eq!(trial.end(&account)["status"], "valid");
        for asked in world.dns.asked(&trial.place).into_iter().filter(|asked| !asked.tcp) {
            ids.push(asked.id);
            ports.push(asked.port);
        }
    }

    for all in [&mut ids, &mut ports] {
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert!(all.len() > count / 2, "{all:?} of {count}");
    }
}

/// The name is absolute: nothing of the host's search list is put behind it.
#[test]
fn n9_exactly_the_name_is_asked_for() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    account.ready(&trial.challenge);

    account.settle(&trial.challenge.url);

    assert!(!world.dns.asked(&trial.place).is_empty());
    assert_eq!(world.dns.asked(&format!("{}.{}", trial.place, "localdomain")), []);
}
