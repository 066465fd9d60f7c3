//! Challenges: [RFC 8555 §7.1.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.5), [§7.5.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.5.1),
//! [§8.1](https://www.rfc-editor.org/rfc/rfc8555#section-8.1).

use rstest::rstest;
use serde_json::json;
use stepless_tests::{Key, KeyKind, acme::account::fresh_key};

use crate::{
    provisioners::PLAIN,
    world::{fresh_name, world},
};

#[test]
fn rfc8555_7_5_1_a_challenge_is_answered_with_itself_and_a_link_to_its_authorization() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.show(&account, &name, &challenge);

    let answer = account.ready(&challenge);

    answer.assert_status(200);
    assert_eq!(answer.links("up"), [order.authorizations[0].clone()], "{answer}");
    let object = answer.json();
    assert_eq!(object["type"], "http-01", "{answer}");
    assert_eq!(object["url"], challenge.url, "{answer}");
    assert_eq!(object["token"], challenge.token, "{answer}");
    assert!(object["status"] == "valid" || object["status"] == "processing", "{answer}");
}

/// Looking at a challenge is not saying that it is ready: nobody is asked.
#[test]
fn a4_rfc8555_7_5_1_a_post_as_get_of_a_challenge_starts_nothing() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.show(&account, &name, &challenge);

    let answer = account.get(&challenge.url);

    answer.assert_status(200);
    assert_eq!(answer.json(), challenge.object, "{answer}");
    assert_eq!(account.authorization(&order.authorizations[0])["status"], "pending");
    assert_eq!(world.http.got(&name), []);
}

#[rstest]
#[case::a_list(json!([]))]
#[case::a_text(json!("ready"))]
#[case::null(json!(null))]
fn a4_rfc8555_7_5_1_a_challenge_is_answered_with_an_object(#[case] payload: serde_json::Value) {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");

    let answer = account.post(&challenge.url, &payload);

    world.refused(&account.acme, &answer, 400, "malformed");
    assert_eq!(account.authorization(&order.authorizations[0])["status"], "pending");
    assert_eq!(world.http.got(&name), []);
}

/// Old clients sent the key authorization; the server ignores what it does not know.
#[test]
fn rfc8555_7_5_1_members_of_the_answer_are_ignored() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.show(&account, &name, &challenge);

    let answer = account.post(&challenge.url, &json!({"keyAuthorization": "x", "status": "valid"}));

    answer.assert_status(200);
    assert_eq!(account.settle(&order.url)["status"], "ready");
}

#[test]
fn rfc8555_7_1_6_a_valid_challenge_stays_valid_and_is_not_looked_at_again() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    let asked = world.http.got(&name).len();
    world.http.show(&name, &challenge.token, "another answer");

    let answer = account.ready(&challenge);

    answer.assert_status(200);
    assert_eq!(answer.json(), challenge.object, "{answer}");
    assert_eq!(world.http.got(&name).len(), asked);
    assert_eq!(account.get(&order.url).text("status"), "ready");
}

#[test]
fn rfc8555_7_1_6_an_invalid_challenge_stays_invalid() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.http.show(&name, &challenge.token, "another answer");
    account.ready(&challenge);
    assert_eq!(account.settle(&order.authorizations[0])["status"], "invalid");
    world.show(&account, &name, &challenge);

    account.ready(&challenge);
    account.ready(&account.challenge(&order.authorizations[0], "http-01"));

    assert_eq!(account.authorization(&order.authorizations[0])["status"], "invalid");
    assert_eq!(account.get(&order.url).text("status"), "invalid");
}

/// A second kind of proof does not heal the first one's failure.
#[test]
fn rfc8555_7_1_6_a_failed_challenge_fails_the_authorization_at_once() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let http = account.challenge(&order.authorizations[0], "http-01");
    let dns = account.challenge(&order.authorizations[0], "dns-01");
    world.http.show(&name, &http.token, "another answer");
    world.show_in_dns(&account, &name, &dns);

    let answer = account.ready(&http);

    // The first try is part of the request, so the client learns it without asking again.
    assert_eq!(answer.json()["status"], "invalid", "{answer}");
    assert_eq!(account.authorization(&order.authorizations[0])["status"], "invalid");
    assert_eq!(account.get(&order.url).text("status"), "invalid");
    account.ready(&dns);
    assert_eq!(account.authorization(&order.authorizations[0])["status"], "invalid");
}

#[test]
fn a13_rfc8555_8_1_the_key_authorization_of_another_account_proves_nothing() {
    let world = world();
    let (account, other) = (world.account(), world.account());
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.http.show(&name, &challenge.token, &other.key_authorization(&challenge.token));

    account.ready(&challenge);

    assert_eq!(account.settle(&order.url)["status"], "invalid");
}

#[rstest]
#[case(KeyKind::P384)]
#[case(KeyKind::P521)]
#[case(KeyKind::Ed25519)]
#[case(KeyKind::Rsa2048)]
fn a13_rfc8555_8_1_the_key_authorization_holds_for_every_kind_of_key(#[case] kind: KeyKind) {
    let world = world();
    let account = world.acme(PLAIN).account_with(Key::generate(kind), &json!({}));

    world.issue(&account, &[&fresh_name()]);
}

#[rstest]
#[case::the_token_alone(|token: &str, _: &str| token.to_owned())]
#[case::the_thumbprint_alone(|_: &str, thumbprint: &str| thumbprint.to_owned())]
#[case::the_other_way_round(|token: &str, thumbprint: &str| format!("{thumbprint}.{token}"))]
#[case::another_token(|_: &str, thumbprint: &str| format!("AAAAAAAAAAAAAAAAAAAAAA.{thumbprint}"))]
#[case::another_thumbprint(|token: &str, _: &str| format!("{token}.{}", fresh_key().thumbprint()))]
#[case::more_behind(|token: &str, thumbprint: &str| format!("{token}.{thumbprint}x"))]
#[case::more_before(|token: &str, thumbprint: &str| format!("x{token}.{thumbprint}"))]
#[case::a_space_before(|token: &str, thumbprint: &str| format!(" {token}.{thumbprint}"))]
#[case::padded(|token: &str, thumbprint: &str| format!("{token}.{thumbprint}="))]
#[case::a_page(|token: &str, thumbprint: &str| format!("<html>{token}.{thumbprint}</html>"))]
#[case::nothing(|_: &str, _: &str| String::new())]
fn a13_rfc8555_8_1_nothing_but_the_key_authorization_is_one(#[case] shown: fn(&str, &str) -> String) {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.http.show(&name, &challenge.token, &shown(&challenge.token, &account.key.thumbprint()));

    let answer = account.ready(&challenge);

    assert_eq!(answer.json()["status"], "invalid", "{answer}");
    let error = answer.json()["error"].clone();
    let kind = stepless_tests::acme::answer::problem_of(&error);
    assert!(matches!(&kind[..], "unauthorized" | "incorrectResponse"), "{answer}");
    assert_eq!(account.authorization(&order.authorizations[0])["status"], "invalid");
}

#[test]
fn rfc8555_7_5_1_a_challenge_that_is_none_is_not_found() {
    let world = world();
    let account = world.account();
    let order = account.order(&[&fresh_name()]);
    let url = account.challenge(&order.authorizations[0], "http-01").url;
    let parent = url.rsplit_once('/').expect("a URL has slashes").0.to_owned();

    for url in [format!("{parent}/99"), format!("{parent}/device-attest-01"), format!("{parent}x/http-01")] {
        let answer = account.post(&url, &json!({}));
        world.refused(&account.acme, &answer, 404, "malformed");
    }
}
