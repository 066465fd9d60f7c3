//! Authorizations before an order: [RFC 8555 §7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::acme::{Account, Answer};

use crate::{
    provisioners::REUSE,
    world::{fresh_name, world},
};

fn new_authz(account: &Account, identifier: &Value) -> Answer {
    account.post(&account.acme.directory().new_authz, &json!({"identifier": identifier}))
}

#[test]
fn rfc8555_7_4_1_an_authorization_is_made_without_an_order() {
    let world = world();
    let account = world.account();
    let identifier = json!({"type": "dns", "value": fresh_name()});

    let answer = new_authz(&account, &identifier);

    answer.assert_status(201);
    let object = answer.json();
    assert_eq!((&object["status"], &object["identifier"]), (&json!("pending"), &identifier), "{answer}");
    let again = account.get(&answer.location());
    again.assert_status(200);
    assert_eq!(again.json(), object);
    assert_eq!(crate::orders_list::all_orders(&account), Vec::<String>::new());
}

#[test]
fn rfc8555_7_4_1_an_authorization_without_an_order_can_be_proved() {
    let world = world();
    let account = world.account();
    let answer = new_authz(&account, &json!({"type": "dns", "value": fresh_name()}));

    world.prove(&account, &answer.location());

    assert_eq!(account.authorization(&answer.location())["status"], "valid");
}

#[test]
fn rfc8555_7_4_1_an_order_for_an_authorized_name_is_ready_at_once() {
    let world = world();
    let account = world.account_at(REUSE);
    let name = fresh_name();
    let answer = new_authz(&account, &json!({"type": "dns", "value": name}));
    world.prove(&account, &answer.location());

    let order = account.order(&[&name]);

    assert_eq!(order.object["status"], "ready", "{:?}", order.object);
    world.finish(&account, order, &[&name]);
}

/// [RFC 8555 §7.4.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.1): a pre-authorization of a wildcard is no such thing.
#[test]
fn a12_rfc8555_7_4_1_a_wildcard_is_not_authorized_in_advance() {
    let world = world();
    let account = world.account();

    let answer = new_authz(&account, &json!({"type": "dns", "value": format!("*.{}", fresh_name())}));

    assert!(matches!(&answer.problem()[..], "malformed" | "rejectedIdentifier"), "{answer}");
    world.refused_as(&account.acme, &answer, &answer.problem());
}

#[rstest]
#[case::an_unknown_type(json!({"type": "favourite-colour", "value": "green"}), "unsupportedIdentifier")]
#[case::no_name(json!({"type": "dns", "value": "no name"}), "malformed")]
#[case::no_object(json!("a.example"), "malformed")]
#[case::null(json!(null), "malformed")]
#[case::no_value(json!({"type": "dns"}), "malformed")]
fn rfc8555_7_4_1_a_bad_identifier_is_refused(#[case] identifier: Value, #[case] kind: &str) {
    let world = world();
    let account = world.account();

    let answer = new_authz(&account, &identifier);

    let found = answer.problem();
    assert!(found == kind || (kind == "malformed" && found == "rejectedIdentifier"), "{answer}");
    world.refused(&account.acme, &answer, 400, &found);
    assert!(answer.header("location").is_none(), "{answer}");
}
