//! Orders: [RFC 8555 §7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3), [§7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::acme::account::{Order, dns_identifiers};

use crate::{
    orders_list::all_orders,
    provisioners::{PLAIN, REUSE},
    world::{fresh_name, world},
};

#[test]
fn rfc8555_7_4_a_new_order_is_201_with_its_url_and_all_its_fields() {
    let world = world();
    let account = world.account();
    let names = [fresh_name(), fresh_name()];
    let now = jiff::Timestamp::now();

    let answer = account.try_order(&[&names[0], &names[1]]);

    answer.assert_status(201);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer}");
    let base = format!("{}/acme/{PLAIN}", world.server.url());
    assert!(answer.location().starts_with(&format!("{base}/order/")), "{answer}");
    let object = answer.json();
    assert_eq!(object["status"], "pending", "{answer}");
    assert_eq!(object["identifiers"], dns_identifiers(&[&names[0], &names[1]]), "{answer}");
    assert_eq!(object["finalize"], format!("{}/finalize", answer.location()), "{answer}");
    assert!(object.get("certificate").is_none(), "{answer}");
    let expires: jiff::Timestamp = answer.text("expires").parse().expect("expires is of RFC 3339");
    assert!(expires > now, "{answer}");
    let order = Order::of(&answer);
    assert_eq!(order.authorizations.len(), 2, "{answer}");
    assert_ne!(order.authorizations[0], order.authorizations[1]);
    for url in order.authorizations {
        assert!(url.starts_with(&format!("{base}/authz/")), "{url}");
    }
}

#[test]
fn rfc8555_7_1_3_an_order_can_be_read_again() {
    let world = world();
    let account = world.account();
    let order = account.order(&[&fresh_name()]);

    let answer = account.get(&order.url);

    answer.assert_status(200);
    assert_eq!(answer.json(), order.object);
}

/// Clients such as certbot do not expect a member that is null.
#[test]
fn a23_rfc8555_7_1_no_member_of_any_object_is_null() {
    fn check(value: &Value, path: &str) {
        match value {
            Value::Null => panic!("{path} is null"),
            Value::Array(list) => list.iter().for_each(|one| check(one, path)),
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| check(member, &format!("{path}.{name}")));
            }
            _ => {}
        }
    }
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);
    let refused = account.try_order(&["not a name"]);

    check(&account.acme.get(account.acme.directory_url()).json(), "directory");
    check(&account.get(&account.url).json(), "account");
    check(&account.get(&format!("{}/orders", account.url)).json(), "orders");
    check(&account.get(&issued.order.url).json(), "order");
    check(&account.get(&issued.order.authorizations[0]).json(), "authorization");
    check(&refused.json(), "problem");
}

/// Whatever a client puts into a path, a file name or a shell comes from an alphabet that means nothing there.
#[test]
fn a23_every_id_and_token_is_of_harmless_characters() {
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);
    let challenge = account.challenge(&issued.order.authorizations[0], "http-01");

    let base = format!("{}/acme/{PLAIN}/", world.server.url());
    let urls =
        [&account.url, &issued.order.url, &issued.order.authorizations[0], &challenge.url, &issued.url];
    for url in urls {
        let path = url.strip_prefix(&base).unwrap_or_else(|| panic!("{url} is not below {base}"));
        assert!(path.split('/').all(is_harmless), "{url}");
    }
    assert!(is_harmless(&challenge.token), "{}", challenge.token);
}

fn is_harmless(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[rstest]
#[case::no_member(json!({}))]
#[case::an_empty_list(json!({"identifiers": []}))]
#[case::null(json!({"identifiers": null}))]
#[case::a_text(json!({"identifiers": "a.example"}))]
#[case::a_list_of_texts(json!({"identifiers": ["a.example"]}))]
#[case::no_type(json!({"identifiers": [{"value": "a.example"}]}))]
#[case::no_value(json!({"identifiers": [{"type": "dns"}]}))]
#[case::value_no_text(json!({"identifiers": [{"type": "dns", "value": 7}]}))]
#[case::type_no_text(json!({"identifiers": [{"type": 7, "value": "a.example"}]}))]
fn rfc8555_7_4_an_order_without_identifiers_is_malformed(#[case] payload: Value) {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();

    let answer = account.post(&url, &payload);

    world.refused(&account.acme, &answer, 400, "malformed");
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

/// Members that only the server has a say in are ignored.
#[test]
fn rfc8555_7_4_a_client_cannot_choose_the_state_of_its_order() {
    let world = world();
    let account = world.account();

    let order = account.order_with(&json!({
        "identifiers": dns_identifiers(&[&fresh_name()]), "status": "ready", "finalize": "https://evil.example/",
        "authorizations": [], "expires": "2099-01-01T00:00:00Z", "certificate": "https://evil.example/c", "unknown": [{}],
    }));

    assert_eq!(order.object["status"], "pending", "{:?}", order.object);
    assert_eq!(order.authorizations.len(), 1);
    assert!(order.object.get("certificate").is_none(), "{:?}", order.object);
    assert!(order.finalize.starts_with(&world.server.url()), "{:?}", order.object);
    assert_ne!(order.object["expires"], "2099-01-01T00:00:00Z");
}

#[test]
fn rfc8555_7_4_a_name_given_twice_is_one_identifier() {
    let world = world();
    let account = world.account();
    let name = fresh_name();

    let answer = account.try_order(&[&name, &name, &name.to_uppercase()]);

    match answer.status() {
        201 => {
            assert_eq!(answer.json()["identifiers"], dns_identifiers(&[&name]), "{answer}");
            assert_eq!(Order::of(&answer).authorizations.len(), 1, "{answer}");
        }
        _ => {
            world.refused(&account.acme, &answer, 400, "malformed");
            assert_eq!(all_orders(&account), Vec::<String>::new());
        }
    }
}

#[test]
fn rfc8555_7_1_6_an_order_becomes_ready_with_its_last_authorization() {
    let world = world();
    let account = world.account();
    let order = account.order(&[&fresh_name(), &fresh_name(), &fresh_name()]);

    for (count, authorization) in order.authorizations.iter().enumerate() {
        let before = account.get(&order.url).text("status");
        assert_eq!(before, "pending", "{count} of 3 are proved");
        world.prove(&account, authorization);
    }

    assert_eq!(account.get(&order.url).text("status"), "ready");
}

/// The error of the order says which name failed and why.
#[test]
fn rfc8555_7_1_6_an_order_becomes_invalid_with_its_first_failed_authorization() {
    let world = world();
    let account = world.account();
    let (good, bad) = (fresh_name(), fresh_name());
    let order = account.order(&[&good, &bad]);
    world.prove(&account, &order.authorizations[0]);
    let challenge = account.challenge(&order.authorizations[1], "http-01");
    world.http.show(&bad, &challenge.token, "another answer");
    account.ready(&challenge);

    let object = account.settle(&order.url);

    assert_eq!(object["status"], "invalid", "{object}");
    let said = object["error"].to_string();
    assert!(said.contains(&bad), "{object}");
    let csr = stepless_tests::acme::account::csr(&[&good, &bad], &stepless_tests::acme::account::fresh_key());
    world.refused(&account.acme, &account.finalize(&order, &csr), 403, "orderNotReady");
}

#[test]
fn a11_rfc8555_7_1_3_each_order_proves_its_names_again() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    world.issue(&account, &[&name]);

    let order = account.order(&[&name]);

    assert_eq!(order.object["status"], "pending", "{:?}", order.object);
    assert_eq!(account.authorization(&order.authorizations[0])["status"], "pending");
}

#[test]
fn a11_rfc8555_7_1_3_where_authorizations_are_reused_no_other_account_profits() {
    let world = world();
    let (owner, stranger) = (world.account_at(REUSE), world.account_at(REUSE));
    let name = fresh_name();
    world.issue(&owner, &[&name]);

    let again = owner.order(&[&name]);
    let other = stranger.order(&[&name]);

    assert_eq!(again.object["status"], "ready", "{:?}", again.object);
    world.finish(&owner, again, &[&name]);
    assert_eq!(other.object["status"], "pending", "{:?}", other.object);
}

#[test]
fn a21_rfc8555_7_4_after_two_failures_the_third_try_succeeds() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    for _ in 0..2 {
        let order = account.order(&[&name]);
        let challenge = account.challenge(&order.authorizations[0], "http-01");
        world.http.show(&name, &challenge.token, "another answer");
        account.ready(&challenge);
        assert_eq!(account.settle(&order.url)["status"], "invalid");
    }

    world.issue(&account, &[&name]);
}

#[test]
fn a21_rfc8555_7_4_two_orders_for_one_name_are_independent() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let (first, second) = (account.order(&[&name]), account.order(&[&name]));
    assert_ne!(first.url, second.url);

    let challenge = account.challenge(&first.authorizations[0], "http-01");
    world.http.show(&name, &challenge.token, "another answer");
    account.ready(&challenge);
    assert_eq!(account.settle(&first.url)["status"], "invalid");

    world.prove_all(&account, &second);
    world.finish(&account, second, &[&name]);
}
