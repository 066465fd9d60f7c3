//! dns-account-01 ([draft-ietf-acme-dns-account-label](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-account-label/)) and
//! dns-persist-01 ([draft-ietf-acme-dns-persist](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-persist/)).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::acme::{
    Account,
    account::{Challenge, Order},
    jws::{base64url, sha256},
};

use crate::{
    provisioners::{CAA_NAME, EVERY},
    world::{fresh_name, world},
};

struct Trial {
    name: String,
    order: Order,
    challenge: Challenge,
}

fn trial_of(account: &Account, kind: &str, name: &str) -> Trial {
    let order = account.order(&[name]);
    let challenge = account.challenge(&order.authorizations[0], kind);
    Trial { name: name.trim_start_matches("*.").into(), order, challenge }
}

#[track_caller]
fn end(account: &Account, trial: &Trial) -> Value {
    account.ready(&trial.challenge);
    account.settle(&trial.challenge.url)
}

/// `_` and the first ten octets of the account URL's digest in base32 (RFC 4648 §6), in small letters.
fn account_label(url: &str) -> String {
    let digest = sha256(url.as_bytes());
    let bits: String = digest[..10].iter().map(|octet| format!("{octet:08b}")).collect();
    let digit = |five: &[u8]| {
        let value = five.iter().fold(0, |value, bit| value * 2 + usize::from(bit - b'0'));
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[value])
    };
    format!("_{}", bits.as_bytes().chunks(5).map(digit).collect::<String>())
}

/// The example of the draft, section 3.2.
#[test]
fn dns_account_01_3_2_the_label_is_that_of_the_draft() {
    assert_eq!(account_label("https://example.com/acme/acct/ExampleAccount"), "_ujmmovf2vn55tgye");
}

#[test]
fn dns_account_01_3_2_a_record_below_the_accounts_own_label_proves_the_name() {
    let world = world();
    let account = world.account_at(EVERY);
    let trial = trial_of(&account, "dns-account-01", &fresh_name());
    let value = base64url(&sha256(account.key_authorization(&trial.challenge.token).as_bytes()));
    let place = format!("{}._acme-challenge.{}", account_label(&account.url), trial.name);
    world.dns.set_txt(&place, &[&value]);

    assert_eq!(end(&account, &trial)["status"], "valid");

    assert_eq!(account.get(&trial.order.url).text("status"), "ready");
}

#[test]
fn dns_account_01_3_2_a_record_at_the_place_of_dns_01_or_of_another_account_proves_nothing() {
    let world = world();
    let (account, other) = (world.account_at(EVERY), world.account_at(EVERY));
    let trial = trial_of(&account, "dns-account-01", &fresh_name());
    let value = base64url(&sha256(account.key_authorization(&trial.challenge.token).as_bytes()));
    world.dns.set_txt(&format!("_acme-challenge.{}", trial.name), &[&value]);
    let theirs = format!("{}._acme-challenge.{}", account_label(&other.url), trial.name);
    world.dns.set_txt(&theirs, &[&value]);

    assert_eq!(end(&account, &trial)["status"], "invalid");
}

#[test]
fn dns_account_01_a_wildcard_is_proved_so_too() {
    let world = world();
    let account = world.account_at(EVERY);
    let trial = trial_of(&account, "dns-account-01", &format!("*.{}", fresh_name()));
    let value = base64url(&sha256(account.key_authorization(&trial.challenge.token).as_bytes()));
    let place = format!("{}._acme-challenge.{}", account_label(&account.url), trial.name);
    world.dns.set_txt(&place, &[&value]);

    assert_eq!(end(&account, &trial)["status"], "valid");
}

#[test]
fn dns_persist_01_the_challenge_names_the_issuer_domain_names() {
    let world = world();
    let account = world.account_at(EVERY);
    let trial = trial_of(&account, "dns-persist-01", &fresh_name());

    assert_eq!(trial.challenge.object["issuer-domain-names"], json!([CAA_NAME]), "{:?}", trial.challenge);
}

/// What stands in the record; `{account}` is the account's URL.
#[rstest]
#[case::the_least("ca.example; accounturi={account}")]
#[case::without_spaces("ca.example;accounturi={account}")]
#[case::more_spaces("  ca.example  ;  accounturi={account}  ")]
#[case::in_capitals("CA.EXAMPLE; ACCOUNTURI={account}")]
#[case::until_later("ca.example; accounturi={account}; persistUntil=4102444800")]
#[case::with_a_policy("ca.example; accounturi={account}; policy=wildcard")]
#[case::an_unknown_parameter("ca.example; accounturi={account}; colour=green")]
#[case::an_unknown_policy("ca.example; accounturi={account}; policy=later")]
fn dns_persist_01_a_record_that_names_issuer_and_account_proves_the_name(#[case] text: &str) {
    let world = world();
    let account = world.account_at(EVERY);
    let trial = trial_of(&account, "dns-persist-01", &fresh_name());
    let place = format!("_validation-persist.{}", trial.name);
    world.dns.set_txt(&place, &["of another authority", &text.replace("{account}", &account.url)]);

    let end = end(&account, &trial);

    assert_eq!(end["status"], "valid", "{end}");
}

#[rstest]
#[case::another_issuer("other.example; accounturi={account}")]
#[case::another_account("ca.example; accounturi={account}x")]
#[case::no_account("ca.example")]
#[case::an_empty_account("ca.example; accounturi=")]
#[case::two_accounts("ca.example; accounturi=https://a.example/1; accounturi={account}")]
#[case::over("ca.example; accounturi={account}; persistUntil=1000000000")]
#[case::until_no_number("ca.example; accounturi={account}; persistUntil=soon")]
#[case::another_separator("ca.example, accounturi={account}")]
#[case::no_issuer("; accounturi={account}")]
fn dns_persist_01_any_other_record_proves_nothing(#[case] text: &str) {
    let world = world();
    let account = world.account_at(EVERY);
    let trial = trial_of(&account, "dns-persist-01", &fresh_name());
    let place = format!("_validation-persist.{}", trial.name);
    world.dns.set_txt(&place, &[&text.replace("{account}", &account.url)]);

    let end = end(&account, &trial);

    assert_eq!(end["status"], "invalid", "{end}");
}

#[rstest]
#[case::without_a_policy("ca.example; accounturi={account}", "invalid")]
#[case::with_the_policy("ca.example; accounturi={account}; policy=wildcard", "valid")]
#[case::with_the_policy_in_capitals("ca.example; accounturi={account}; policy=WILDCARD", "valid")]
#[case::with_another_policy("ca.example; accounturi={account}; policy=specific", "invalid")]
fn a12_dns_persist_01_a_wildcard_needs_the_policy(#[case] text: &str, #[case] status: &str) {
    let world = world();
    let account = world.account_at(EVERY);
    let trial = trial_of(&account, "dns-persist-01", &format!("*.{}", fresh_name()));
    let place = format!("_validation-persist.{}", trial.name);
    world.dns.set_txt(&place, &[&text.replace("{account}", &account.url)]);

    let end = end(&account, &trial);

    assert_eq!(end["status"], status, "{end}");
}
