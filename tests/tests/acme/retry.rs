//! Answers that are late: [RFC 8555 §8.2](https://www.rfc-editor.org/rfc/rfc8555#section-8.2). What is out of reach is tried again in the
//! background for a bounded time; what is wrong is wrong at once.

use serde_json::Value;
use stepless_tests::acme::{
    Account, Answer, HttpAnswer, account::Challenge, answer::problem_of, http01::well_known,
};

use crate::world::{World, fresh_name, unreachable, world};

/// A challenge of a name that nobody answers for.
fn out_of_reach(world: &World, account: &Account) -> (String, String, String, Challenge) {
    let name = fresh_name();
    unreachable(world, &name);
    let order = account.order(&[&name]);
    let authorization = order.authorizations[0].clone();
    let challenge = account.challenge(&authorization, "http-01");
    (name, order.url, authorization, challenge)
}

#[track_caller]
fn seconds_to_wait(answer: &Answer) -> u64 {
    let after = answer.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {answer}"));
    after.parse().unwrap_or_else(|_| panic!("Retry-After is no number of seconds: {answer}"))
}

#[test]
fn rfc8555_8_2_while_it_is_tried_again_the_challenge_is_processing_and_says_when_to_ask() {
    let world = world();
    let account = world.account();
    let (_, order, authorization, challenge) = out_of_reach(&world, &account);

    let answer = account.ready(&challenge);

    assert_eq!(answer.json()["status"], "processing", "{answer}");
    assert!((1..=60).contains(&seconds_to_wait(&answer)), "{answer}");
    for (url, status) in [(&challenge.url, "processing"), (&authorization, "pending")] {
        let now = account.get(url);
        assert_eq!(now.text("status"), status, "{now}");
        assert!((1..=60).contains(&seconds_to_wait(&now)), "{now}");
    }
    assert_eq!(account.get(&order).text("status"), "pending");
}

/// Each failed try adds its error: [RFC 8555 §8.2](https://www.rfc-editor.org/rfc/rfc8555#section-8.2).
#[test]
fn rfc8555_8_2_a_challenge_that_is_tried_again_shows_why_the_last_try_failed() {
    let world = world();
    let account = world.account();
    let (name, _, _, challenge) = out_of_reach(&world, &account);

    let answer = account.ready(&challenge);

    let error = answer.json()["error"].clone();
    assert_eq!(problem_of(&error), "connection", "{answer}");
    assert!(error["detail"].as_str().is_some_and(|detail| detail.contains(&name)), "{answer}");
}

#[test]
fn rfc8555_8_2_what_stays_out_of_reach_is_invalid_in_the_end_with_the_reason() {
    let world = world();
    let account = world.account();
    let (name, order, authorization, challenge) = out_of_reach(&world, &account);
    account.ready(&challenge);

    let object = account.settle(&challenge.url);

    assert_eq!(object["status"], "invalid", "{object}");
    let error = &object["error"];
    assert_eq!(problem_of(error), "connection", "{object}");
    // What was asked, of whom, and what came back.
    let detail = error["detail"].as_str().unwrap_or_default();
    for part in [&name[..], &challenge.token, "127.0.0.9", &world.http.port().to_string()] {
        assert!(detail.contains(part), "{part} is missing in {detail:?}");
    }
    assert_eq!(account.authorization(&authorization)["status"], "invalid");
    assert_eq!(account.get(&order).text("status"), "invalid");
}

#[test]
fn rfc8555_8_2_an_answer_that_comes_late_is_found() {
    let world = world();
    let account = world.account();
    let (name, order, _, challenge) = out_of_reach(&world, &account);
    world.show(&account, &name, &challenge);
    assert_eq!(account.ready(&challenge).json()["status"], "processing");

    world.dns.set_address(&name, std::net::Ipv4Addr::LOCALHOST);

    assert_eq!(account.settle(&order)["status"], "ready");
    let now: Value = account.get(&challenge.url).json();
    assert_eq!(now["status"], "valid", "{now}");
}

/// A server that says "not yet" may mean it.
#[test]
fn rfc8555_8_2_a_server_that_is_not_ready_is_asked_again() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    let good = HttpAnswer::Body(account.key_authorization(&challenge.token).into());
    let turns = vec![HttpAnswer::Status(503, "later\n".into()), good];
    world.http.set(&name, &well_known(&challenge.token), HttpAnswer::InTurn(turns));

    account.ready(&challenge);

    assert_eq!(account.settle(&order.url)["status"], "ready");
}

/// [RFC 8555 §8.2](https://www.rfc-editor.org/rfc/rfc8555#section-8.2): a client may ask for another try.
#[test]
fn rfc8555_8_2_saying_again_that_it_is_ready_does_no_harm() {
    let world = world();
    let account = world.account();
    let (name, order, _, challenge) = out_of_reach(&world, &account);
    world.show(&account, &name, &challenge);
    account.ready(&challenge);
    world.dns.set_address(&name, std::net::Ipv4Addr::LOCALHOST);

    for _ in 0..3 {
        let again = account.ready(&challenge);
        again.assert_status(200);
        assert_ne!(again.json()["status"], "invalid", "{again}");
    }

    assert_eq!(account.settle(&order)["status"], "ready");
}
