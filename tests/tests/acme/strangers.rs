//! What belongs to one account is closed to every other: [RFC 8555 §10.5](https://www.rfc-editor.org/rfc/rfc8555#section-10.5).

use serde_json::json;
use stepless_tests::acme::{
    Account, Answer,
    account::{csr, fresh_key},
    jws::base64url,
};

use crate::{
    provisioners::OTHER,
    world::{World, fresh_name, world},
};

/// Nobody learns whether it exists: the answer is that of an object which does not.
#[track_caller]
fn hidden(world: &World, stranger: &Account, answer: &Answer) {
    world.refused(&stranger.acme, answer, 404, "malformed");
}

#[test]
fn a1_rfc8555_10_5_another_account_sees_and_changes_nothing() {
    let world = world();
    let (owner, stranger) = (world.account(), world.account());
    let name = fresh_name();
    let pending = account_order(&owner);
    let ready = world.ready_order(&owner, &[&name]);
    let issued = world.issue(&owner, &[&fresh_name()]);
    let challenge = owner.challenge(&pending.authorizations[0], "http-01");

    for url in [&ready.url, &ready.authorizations[0], &pending.url, &challenge.url, &issued.url] {
        hidden(&world, &stranger, &stranger.get(url));
    }
    hidden(&world, &stranger, &stranger.ready(&challenge));
    hidden(&world, &stranger, &stranger.finalize(&ready, &csr(&[&name], &fresh_key())));
    let deactivation = stranger.post(&ready.authorizations[0], &json!({"status": "deactivated"}));
    hidden(&world, &stranger, &deactivation);

    assert_eq!(owner.get(&challenge.url).json()["status"], "pending");
    assert_eq!(owner.get(&ready.url).json()["status"], "ready");
    world.finish(&owner, ready, &[&name]);
}

fn account_order(owner: &Account) -> stepless_tests::acme::account::Order {
    owner.order(&[&fresh_name()])
}

/// The same account key at another provisioner is another account.
#[test]
fn a3_an_account_means_nothing_to_another_provisioner() {
    let world = world();
    let account = world.account();
    let order = world.ready_order(&account, &[&fresh_name()]);
    let elsewhere = |url: &str| url.replace("/acme/acme/", &format!("/acme/{OTHER}/"));

    // The kid of one provisioner at the URLs of another.
    let other = world.acme(OTHER);
    for url in [elsewhere(&order.url), elsewhere(&account.url), other.directory().new_order.clone()] {
        let message = account.message(&url, "").header("nonce", other.new_nonce());
        let answer = other.post(&url, &message.sign(&account.key));
        world.refused(&other, &answer, 400, "accountDoesNotExist");
    }
    crate::account::assert_unknown(&other, &account.key);
}

#[test]
fn a3_an_order_of_one_provisioner_is_unknown_to_another() {
    let world = world();
    let account = world.account();
    let order = world.ready_order(&account, &[&fresh_name()]);
    let issued = world.issue(&account, &[&fresh_name()]);
    let there = world.account_at(OTHER);
    let elsewhere = |url: &str| url.replace("/acme/acme/", &format!("/acme/{OTHER}/"));

    for url in [&order.url, &order.authorizations[0], &issued.url] {
        hidden(&world, &there, &there.get(&elsewhere(url)));
    }
    let request = json!({"csr": base64url(&csr(&["a.example"], &fresh_key()))});
    hidden(&world, &there, &there.post(&elsewhere(&order.finalize), &request));
    assert_eq!(account.get(&order.url).text("status"), "ready");
}

#[test]
fn rfc8555_7_1_what_does_not_exist_is_not_found() {
    let world = world();
    let account = world.account();
    let order = account.order(&[&fresh_name()]);
    let challenge = account.challenge(&order.authorizations[0], "http-01").url;
    let last = |url: &str| {
        let other = if url.ends_with('A') { 'Q' } else { 'A' };
        format!("{}{other}", &url[..url.len() - 1])
    };

    for url in [last(&order.url), last(&order.authorizations[0]), format!("{}x", order.url)] {
        hidden(&world, &account, &account.get(&url));
    }
    assert_eq!(account.get(&challenge).status(), 200);
}
