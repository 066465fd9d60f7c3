//! Account key rollover: [RFC 8555 §7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5).

use std::{sync::Arc, thread};

use rstest::rstest;
use serde_json::json;
use stepless_tests::{
    Key, KeyKind,
    acme::{Account, Answer, Jws, Signed, account::fresh_key},
};

use crate::{
    account::assert_unknown,
    jws_keys::WeakKey,
    world::{fresh_name, world},
};

/// The inner message of a rollover, before the new key signs it.
fn inner(account: &Account, new: &Key) -> Jws {
    Jws {
        protected: json!({
            "alg": new.jws_algorithm(), "jwk": new.bare_jwk(), "url": account.acme.directory().key_change,
        }),
        payload: json!({"account": account.url, "oldKey": account.key.bare_jwk()}).to_string(),
    }
}

/// Sends an inner message, signed outside by the account's key.
fn send(account: &Account, inner: &Signed) -> Answer {
    account.post(&account.acme.directory().key_change, &inner.members)
}

/// Asks for a rollover as it should be.
pub(crate) fn change(account: &Account, new: &Key) -> Answer {
    send(account, &inner(account, new).sign(new))
}

#[rstest]
#[case(KeyKind::P256)]
#[case(KeyKind::Ed25519)]
#[case(KeyKind::Rsa2048)]
fn a6_rfc8555_7_3_5_the_new_key_takes_over_and_the_old_one_is_dead(#[case] kind: KeyKind) {
    let world = world();
    let account = world.account();
    let order = account.order(&[&fresh_name()]);
    let new = Arc::new(Key::generate(kind));

    let answer = change(&account, &new);

    answer.assert_status(200);
    let after = Account::new(account.acme.again(), Arc::clone(&new), &account.url);
    after.get(&after.url).assert_status(200);
    after.get(&order.url).assert_status(200);
    let old = account.get(&account.url);
    assert!((400..500).contains(&old.status()), "{old}");
    assert_unknown(&account.acme, &account.key);
    let found = after.acme.post_as_key(&new, &after.acme.directory().new_account, &json!({}));
    found.assert_status(200);
    assert_eq!(found.location(), account.url);
}

/// A key authorization is of the key that the account has when the answer is looked at.
#[test]
fn a6_rfc8555_8_1_an_answer_of_the_old_key_proves_nothing_after_the_change() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.show(&account, &name, &challenge);
    let new = Arc::new(fresh_key());
    change(&account, &new).assert_status(200);
    let after = Account::new(account.acme.again(), new, &account.url);

    after.ready(&challenge).assert_status(200);

    assert_eq!(after.settle(&order.authorizations[0])["status"], "invalid");
}

/// What is wrong with the inner message.
type Spoil = fn(&Account, &Key) -> Signed;

#[rstest]
#[case::signed_by_another_key(|account: &Account, new: &Key| inner(account, new).sign(&fresh_key()))]
#[case::signed_by_the_old_key(|account: &Account, new: &Key| inner(account, new).sign(&account.key))]
#[case::no_signature(|account: &Account, new: &Key| inner(account, new).with_signature(b""))]
#[case::another_url(|account: &Account, new: &Key| inner(account, new).header("url", account.url.as_str()).sign(new))]
#[case::no_url(|account: &Account, new: &Key| inner(account, new).without_header("url").sign(new))]
#[case::a_nonce(|account: &Account, new: &Key| inner(account, new).header("nonce", account.acme.new_nonce()).sign(new))]
#[case::a_key_id_instead_of_the_key(|account: &Account, new: &Key| {
    inner(account, new).without_header("jwk").header("kid", account.url.as_str()).sign(new)
})]
#[case::a_key_id_besides_the_key(|account: &Account, new: &Key| inner(account, new).header("kid", account.url.as_str()).sign(new))]
#[case::another_account(|account: &Account, new: &Key| {
    let payload = json!({"account": format!("{}x", account.url), "oldKey": account.key.bare_jwk()});
    Jws { payload: payload.to_string(), ..inner(account, new) }.sign(new)
})]
#[case::no_account(|account: &Account, new: &Key| {
    Jws { payload: json!({"oldKey": account.key.bare_jwk()}).to_string(), ..inner(account, new) }.sign(new)
})]
#[case::another_old_key(|account: &Account, new: &Key| {
    let payload = json!({"account": account.url, "oldKey": fresh_key().bare_jwk()});
    Jws { payload: payload.to_string(), ..inner(account, new) }.sign(new)
})]
#[case::the_new_key_as_the_old_one(|account: &Account, new: &Key| {
    let payload = json!({"account": account.url, "oldKey": new.bare_jwk()});
    Jws { payload: payload.to_string(), ..inner(account, new) }.sign(new)
})]
#[case::no_old_key(|account: &Account, new: &Key| {
    Jws { payload: json!({"account": account.url}).to_string(), ..inner(account, new) }.sign(new)
})]
#[case::no_payload(|account: &Account, new: &Key| Jws { payload: String::new(), ..inner(account, new) }.sign(new))]
#[case::a_mac(|account: &Account, new: &Key| inner(account, new).header("alg", "HS256").mac(&new.spki()))]
#[case::an_unprotected_header(|account: &Account, new: &Key| inner(account, new).sign(new).with("header", json!({"url": "x"})))]
fn a6_rfc8555_7_3_5_a_bad_inner_message_changes_nothing(#[case] spoil: Spoil) {
    let world = world();
    let account = world.account();
    let new = fresh_key();

    let answer = send(&account, &spoil(&account, &new));

    assert!((400..500).contains(&answer.status()), "{answer}");
    world.refused(&account.acme, &answer, answer.status(), &answer.problem());
    assert_ne!(answer.problem(), "", "{answer}");
    account.get(&account.url).assert_status(200);
    assert_unknown(&account.acme, &new);
}

#[rstest]
#[case::no_jws(json!({}))]
#[case::a_text(json!("inner"))]
#[case::null(json!(null))]
fn a6_rfc8555_7_3_5_what_is_no_inner_message_is_malformed(#[case] payload: serde_json::Value) {
    let world = world();
    let account = world.account();

    let answer = account.post(&account.acme.directory().key_change, &payload);

    world.refused(&account.acme, &answer, 400, "malformed");
    account.get(&account.url).assert_status(200);
}

#[test]
fn a6_rfc8555_7_3_5_a_key_of_another_account_is_409_with_that_accounts_url() {
    let world = world();
    let (account, owner) = (world.account(), world.account());

    let answer = change(&account, &owner.key);

    assert_eq!(answer.status(), 409, "{answer}");
    assert_eq!(answer.location(), owner.url);
    account.get(&account.url).assert_status(200);
    owner.get(&owner.url).assert_status(200);
}

#[test]
fn a6_rfc8555_7_3_5_a_change_to_the_same_key_changes_nothing() {
    let world = world();
    let account = world.account();

    let answer = change(&account, &account.key);

    assert!(matches!(answer.status(), 400 | 409), "{answer}");
    account.get(&account.url).assert_status(200);
}

#[test]
fn a6_rfc8555_7_3_5_a_key_that_is_too_weak_is_refused() {
    let world = world();
    let account = world.account();
    let new = WeakKey::generate();
    let message = inner(&account, &account.key).header("alg", "RS256").header("jwk", new.jwk());

    let answer = send(&account, &new.sign(&message));

    world.refused(&account.acme, &answer, 400, "badPublicKey");
    account.get(&account.url).assert_status(200);
}

#[test]
fn a6_rfc8555_7_3_5_of_two_changes_at_once_one_wins() {
    let world = world();
    let account = world.account();
    let keys = [Arc::new(fresh_key()), Arc::new(fresh_key())];

    let statuses = thread::scope(|scope| {
        let threads = keys.each_ref().map(|new| {
            let account = account.again();
            scope.spawn(move || change(&account, new).status())
        });
        threads.map(|thread| thread.join().expect("no client panics"))
    });

    let holders = keys.iter().filter(|key| {
        let after = Account::new(account.acme.again(), Arc::clone(key), &account.url);
        after.get(&after.url).status() == 200
    });
    assert_eq!(holders.count(), 1, "{statuses:?}");
    // The other one is told to come again, and learns then that its key is no more.
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(statuses.iter().all(|status| *status < 500 || *status == 503), "{statuses:?}");
}
