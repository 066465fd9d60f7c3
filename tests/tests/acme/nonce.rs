//! Nonces: [RFC 8555 §6.5](https://www.rfc-editor.org/rfc/rfc8555#section-6.5), [§7.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.2).

use std::thread;

use rstest::rstest;
use serde_json::json;
use stepless_tests::{Request, acme::client::target};

use crate::{
    provisioners::{OTHER, PLAIN},
    world::world,
};

#[test]
fn rfc8555_7_2_new_nonce_answers_head_with_200_and_get_with_204() {
    let world = world();
    let acme = world.acme(PLAIN);
    let url = acme.directory().new_nonce.clone();

    let head = acme.send(&url, Request::new("HEAD", &target(&url)));
    let get = acme.get(&url);

    head.assert_status(200);
    get.assert_status(204);
    assert!(get.0.body.is_empty(), "{get}");
    assert_ne!(head.nonce(), get.nonce());
    for answer in [head, get] {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    }
}

#[test]
fn rfc8555_6_5_1_a_nonce_is_base64url_and_hard_to_guess() {
    let world = world();
    let acme = world.acme(PLAIN);
    for _ in 0..20 {
        let nonce = acme.new_nonce();
        let is_base64url = nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        // 128 bits in base64url.
        assert!(is_base64url && nonce.len() >= 22, "{nonce}");
    }
}

#[test]
fn a7_rfc8555_6_5_a_nonce_is_refused_the_second_time() {
    let world = world();
    let account = world.account();
    let nonce = account.acme.new_nonce();
    account.get_with_nonce(&account.url, &nonce).assert_status(200);

    let again = account.get_with_nonce(&account.url, &nonce);

    world.refused(&account.acme, &again, 400, "badNonce");
}

/// The nonce is looked at whatever else is asked: a spent one creates nothing.
#[test]
fn a7_rfc8555_6_5_a_spent_nonce_makes_no_order() {
    let world = world();
    let account = world.account();
    let nonce = account.acme.new_nonce();
    account.get_with_nonce(&account.url, &nonce).assert_status(200);
    let url = account.acme.directory().new_order.clone();
    let payload = json!({"identifiers": [{"type": "dns", "value": crate::world::fresh_name()}]});

    let message = account.message(&url, &payload.to_string()).header("nonce", nonce);
    let answer = account.acme.post(&url, &message.sign(&account.key));

    world.refused(&account.acme, &answer, 400, "badNonce");
    assert_eq!(crate::orders_list::all_orders(&account), Vec::<String>::new());
}

#[rstest]
#[case::made_up(|_: &str| "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into())]
#[case::short(|_: &str| "AA".into())]
#[case::cut(|nonce: &str| nonce[..nonce.len() - 2].into())]
#[case::longer(|nonce: &str| format!("{nonce}AAAA"))]
#[case::another_first_letter(|nonce: &str| format!("{}{}", if nonce.starts_with('A') { 'B' } else { 'A' }, &nonce[1..]))]
#[case::another_last_letters(|nonce: &str| {
    let (head, tail) = nonce.split_at(nonce.len() - 4);
    format!("{head}{}", if tail == "AAAA" { "BBBB" } else { "AAAA" })
})]
#[case::of_another_kind_of_server(|_: &str| "taroDvhk2H7ErEkhFCq8zux1hCbY0KzFQDEFGjMaSvvCC_k".into())]
#[case::very_long(|nonce: &str| nonce.repeat(20))]
fn a7_rfc8555_6_5_a_nonce_that_was_never_given_out_is_refused(#[case] change: fn(&str) -> String) {
    let world = world();
    let account = world.account();
    let nonce = change(&account.acme.new_nonce());

    let answer = account.get_with_nonce(&account.url, &nonce);

    world.refused(&account.acme, &answer, 400, "badNonce");
}

/// [RFC 8555 §6.5.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.5.2): what is not base64url is malformed.
#[rstest]
#[case::padded(json!("AAAAAAAAAAAAAAAAAAAAAA=="))]
#[case::standard_base64(json!("AAAA+/AAAAAAAAAAAAAAAA"))]
#[case::spaces(json!("AAAA AAAA"))]
#[case::a_number(json!(7))]
#[case::a_list(json!(["AAAA"]))]
#[case::null(json!(null))]
fn a7_rfc8555_6_5_2_a_nonce_that_is_not_base64url_is_malformed(#[case] nonce: serde_json::Value) {
    let world = world();
    let account = world.account();

    let message = account.message(&account.url, "").header("nonce", nonce);
    let answer = account.acme.post(&account.url, &message.sign(&account.key));

    world.refused(&account.acme, &answer, 400, "malformed");
}

#[test]
fn a7_rfc8555_6_5_a_request_without_a_nonce_is_refused() {
    let world = world();
    let account = world.account();

    let message = account.message(&account.url, "").without_header("nonce");
    let answer = account.acme.post(&account.url, &message.sign(&account.key));

    world.refused(&account.acme, &answer, 400, "badNonce");
}

#[test]
fn a7_rfc8555_6_5_a_request_with_a_bad_signature_does_not_spend_the_nonce() {
    let world = world();
    let account = world.account();
    let nonce = account.acme.new_nonce();
    let message = account.message(&account.url, "").header("nonce", nonce.as_str());
    let forged = message.with_signature(&[7; 64]);
    world.refused(&account.acme, &account.acme.post(&account.url, &forged), 400, "malformed");

    account.get_with_nonce(&account.url, &nonce).assert_status(200);
}

#[test]
fn a7_rfc8555_6_5_of_many_uses_of_a_nonce_at_once_one_succeeds() {
    let world = world();
    let account = world.account();
    let nonce = account.acme.new_nonce();
    let message = account.message(&account.url, "").header("nonce", nonce).sign(&account.key);

    let answers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..40).map(|_| scope.spawn(|| account.acme.post(&account.url, &message))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no client panics")).collect()
    });

    let won = answers.iter().filter(|answer| answer.status() == 200).count();
    let lost = answers.iter().filter(|answer| answer.problem() == "badNonce").count();
    assert_eq!((won, lost), (1, 39), "{answers:?}");
}

/// A nonce is the server's, not the account's: any client of the provisioner may use it.
#[test]
fn a7_rfc8555_6_5_a_nonce_is_good_for_any_account_of_the_provisioner() {
    let world = world();
    let (one, other) = (world.account(), world.account());
    let nonce = one.get(&one.url).nonce();

    other.get_with_nonce(&other.url, &nonce).assert_status(200);
}

#[test]
fn a3_a_nonce_of_one_provisioner_is_refused_at_another() {
    let world = world();
    let account = world.account_at(OTHER);
    let nonce = world.acme(PLAIN).new_nonce();

    let answer = account.get_with_nonce(&account.url, &nonce);

    world.refused(&account.acme, &answer, 400, "badNonce");
}
