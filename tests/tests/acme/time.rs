//! What ends with time: nonces, orders, authorizations.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use stepless_localstack::clock::FakeClock;
use stepless_tests::{
    acme::{
        Account,
        account::{Order, csr, fresh_key},
    },
    serverless::fake_clock,
};

use crate::{
    provisioners::{BRIEF, BRIEFLY, PLAIN},
    world::{World, fresh_name, world},
};

/// Waits until the order's own time is over.
fn outlive(order: &Order) {
    let expires = order.object["expires"].as_str().expect("an order expires").parse::<jiff::Timestamp>();
    let expires = expires.expect("of RFC 3339").as_second();
    let begin = Instant::now();
    while jiff::Timestamp::now().as_second() <= expires {
        assert!(begin.elapsed() < Duration::from_secs(60), "the order lives for {BRIEFLY} s");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn rfc8555_7_1_6_an_order_that_was_not_finished_in_time_is_invalid() {
    let world = world();
    let account = world.account_at(BRIEF);
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.show(&account, &name, &challenge);

    outlive(&order);

    let object = account.get(&order.url).json();
    assert_eq!(object["status"], "invalid", "{object}");
    let authorization = account.authorization(&order.authorizations[0]);
    assert!(authorization["status"] == "expired" || authorization["status"] == "invalid", "{authorization}");
    let late = account.ready(&challenge);
    assert!(late.json()["status"] != "valid" && late.json()["status"] != "processing", "{late}");
    assert_eq!(world.http.got(&name), []);
    let answer = account.finalize(&order, &csr(&[&name], &fresh_key()));
    world.refused(&account.acme, &answer, 403, "orderNotReady");
}

#[test]
fn rfc8555_7_1_6_a_ready_order_ends_with_its_time() {
    let world = world();
    let account = world.account_at(BRIEF);
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    outlive(&order);

    assert_eq!(account.get(&order.url).text("status"), "invalid");
    let answer = account.finalize(&order, &csr(&[&name], &fresh_key()));
    world.refused(&account.acme, &answer, 403, "orderNotReady");
    assert!(account.get(&order.url).json().get("certificate").is_none());
}

/// Time does not take back what was issued.
#[test]
fn rfc8555_7_1_6_a_finished_order_stays_valid() {
    let world = world();
    let account = world.account_at(BRIEF);
    let issued = world.issue(&account, &[&fresh_name()]);

    outlive(&issued.order);

    assert_eq!(account.get(&issued.order.url).text("status"), "valid");
    assert_eq!(account.chain(&issued.url), issued.chain);
}

/// Counted from the validation: using an authorization again does not make it younger.
#[test]
fn a11_an_authorization_that_is_reused_ends_with_its_own_time() {
    let world = world();
    let account = world.account_at(BRIEF);
    let name = fresh_name();
    let first = world.ready_order(&account, &[&name]);
    let expires = account.authorization(&first.authorizations[0])["expires"].clone();

    let second = account.order(&[&name]);
    if second.object["status"] == "ready" {
        assert_eq!(account.authorization(&second.authorizations[0])["expires"], expires);
    }
    outlive(&first);

    assert_eq!(account.order(&[&name]).object["status"], "pending");
}

/// A server whose clock a test sets.
fn world_with_clock() -> (World, FakeClock) {
    let clock = fake_clock(0);
    let world = World::start(&clock.environment());
    (world, clock)
}

fn get(account: &Account, nonce: &str) -> stepless_tests::acme::Answer {
    account.get_with_nonce(&account.url, nonce)
}

#[test]
fn a7_rfc8555_6_5_an_old_nonce_is_refused_and_a_spent_one_never_comes_back() {
    let (world, clock) = world_with_clock();
    let account = world.acme(PLAIN).account_with(fresh_key(), &json!({}));
    let (unused, spent) = (account.acme.new_nonce(), account.acme.new_nonce());
    get(&account, &spent).assert_status(200);

    clock.set(10 * 60).expect("the clock's folder is ours");
    world.refused(&account.acme, &get(&account, &spent), 400, "badNonce");
    clock.set(20 * 3600).expect("the clock's folder is ours");
    world.refused(&account.acme, &get(&account, &spent), 400, "badNonce");
    world.refused(&account.acme, &get(&account, &unused), 400, "badNonce");
    // A clock that is set right again opens nothing.
    clock.set(0).expect("the clock's folder is ours");
    world.refused(&account.acme, &get(&account, &spent), 400, "badNonce");
}

#[test]
fn rfc8555_7_1_6_an_order_of_yesterday_is_invalid() {
    let (world, clock) = world_with_clock();
    let account = world.acme(PLAIN).account_with(fresh_key(), &json!({}));
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    clock.set(25 * 3600).expect("the clock's folder is ours");
    account.acme.forget_nonce();

    assert_eq!(account.get(&order.url).text("status"), "invalid");
    let answer = account.finalize(&order, &csr(&[&name], &fresh_key()));
    world.refused(&account.acme, &answer, 403, "orderNotReady");
}
