//! Authorizations: [RFC 8555 §7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4), [§7.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.5).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::acme::account::{Challenge, csr, fresh_key};

use crate::{
    provisioners::{HTTP_ONLY, PLAIN},
    world::{fresh_name, world},
};

/// The kinds of challenges of an authorization, sorted.
fn kinds(authorization: &Value) -> Vec<&str> {
    let all = authorization["challenges"].as_array().expect("an authorization has challenges");
    let mut kinds: Vec<&str> = all.iter().filter_map(|challenge| challenge["type"].as_str()).collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn rfc8555_7_5_an_authorization_has_all_its_fields() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);

    let answer = account.get(&order.authorizations[0]);

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer}");
    let object = answer.json();
    assert_eq!(object["identifier"], json!({"type": "dns", "value": name}));
    assert_eq!(object["status"], "pending");
    assert!(
        object["expires"].as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "{object}"
    );
    assert_eq!(kinds(&object), ["dns-01", "http-01", "tls-alpn-01"]);
    for challenge in object["challenges"].as_array().into_iter().flatten() {
        let url = challenge["url"].as_str().expect("a challenge has a URL");
        assert!(url.starts_with(&format!("{}/acme/{PLAIN}/challenge/", world.server.url())), "{url}");
        assert_eq!(challenge["status"], "pending", "{challenge}");
        assert!(challenge.get("validated").is_none() && challenge.get("error").is_none(), "{challenge}");
    }
}

/// At least 128 bits that nobody can guess, in base64url: [RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3).
#[test]
fn rfc8555_8_3_a_token_is_base64url_and_of_at_least_128_bits() {
    let world = world();
    let account = world.account();
    let mut tokens = Vec::new();
    for _ in 0..5 {
        let order = account.order(&[&fresh_name()]);
        for kind in ["http-01", "dns-01", "tls-alpn-01"] {
            let token = account.challenge(&order.authorizations[0], kind).token;
            let is_base64url =
                token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            assert!(is_base64url && token.len() >= 22, "{token}");
            tokens.push(token);
        }
    }
    // One token may serve all challenges of an authorization, but never those of two.
    tokens.sort();
    tokens.dedup();
    assert!(tokens.len() >= 5, "{tokens:?}");
}

#[test]
fn rfc8555_7_1_4_only_the_configured_challenges_are_offered() {
    let world = world();
    let account = world.account_at(HTTP_ONLY);
    let order = account.order(&[&fresh_name()]);

    assert_eq!(kinds(&account.authorization(&order.authorizations[0])), ["http-01"]);
}

#[test]
fn rfc8555_7_1_4_a_valid_authorization_lists_the_challenge_that_was_solved_and_when() {
    let world = world();
    let account = world.account();
    let before = jiff::Timestamp::now().as_second();
    let order = world.ready_order(&account, &[&fresh_name()]);

    let object = account.authorization(&order.authorizations[0]);

    assert_eq!(object["status"], "valid");
    let solved = Challenge::find(&object, "http-01").expect("it is listed").object;
    assert_eq!(solved["status"], "valid", "{object}");
    let validated: jiff::Timestamp =
        solved["validated"].as_str().expect("it says when").parse().expect("of RFC 3339");
    assert!((before..=jiff::Timestamp::now().as_second() + 1).contains(&validated.as_second()), "{object}");
    for other in object["challenges"].as_array().into_iter().flatten() {
        assert!(other["type"] == "http-01" || other["status"] != "valid", "{object}");
    }
}

#[test]
fn rfc8555_7_5_2_a_deactivated_authorization_ends_its_order() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    let answer = account.post(&order.authorizations[0], &json!({"status": "deactivated"}));

    answer.assert_status(200);
    assert_eq!(answer.json()["status"], "deactivated", "{answer}");
    assert_eq!(account.authorization(&order.authorizations[0])["status"], "deactivated");
    assert_eq!(account.get(&order.url).text("status"), "invalid");
    let refused = account.finalize(&order, &csr(&[&name], &fresh_key()));
    world.refused(&account.acme, &refused, 403, "orderNotReady");
}

#[test]
fn rfc8555_7_5_2_a_pending_authorization_can_be_deactivated_and_is_proved_no_more() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.show(&account, &name, &challenge);

    account.post(&order.authorizations[0], &json!({"status": "deactivated"})).assert_status(200);
    account.ready(&challenge);

    assert_eq!(account.authorization(&order.authorizations[0])["status"], "deactivated");
    assert_eq!(world.http.got(&name), []);
}

#[rstest]
#[case::valid(json!({"status": "valid"}))]
#[case::revoked(json!({"status": "revoked"}))]
#[case::made_up(json!({"status": "asleep"}))]
#[case::nothing(json!({}))]
#[case::no_text(json!({"status": true}))]
#[case::no_object(json!([]))]
fn rfc8555_7_5_2_a_client_can_only_deactivate(#[case] payload: Value) {
    let world = world();
    let account = world.account();
    let order = account.order(&[&fresh_name()]);

    let answer = account.post(&order.authorizations[0], &payload);

    world.refused(&account.acme, &answer, 400, "malformed");
    assert_eq!(account.authorization(&order.authorizations[0])["status"], "pending");
}
