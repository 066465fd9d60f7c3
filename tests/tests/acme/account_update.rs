//! Changing and ending accounts: [RFC 8555 §7.3.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.2) and
//! [§7.3.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.6).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::acme::{
    Account,
    account::{csr, fresh_key},
    jws::base64url,
};

use crate::world::{fresh_name, world};

#[test]
fn rfc8555_7_3_2_an_update_changes_the_contact() {
    let world = world();
    let account = world.account();
    let contact = json!(["mailto:new@example.org"]);

    let answer = account.post(&account.url, &json!({"contact": contact}));

    answer.assert_status(200);
    assert_eq!(answer.json()["contact"], contact, "{answer}");
    assert_eq!(account.get(&account.url).json()["contact"], contact);
}

#[test]
fn rfc8555_7_3_2_an_empty_list_removes_the_contact() {
    let world = world();
    let account = world.account();
    account.post(&account.url, &json!({"contact": ["mailto:new@example.org"]})).assert_status(200);

    account.post(&account.url, &json!({"contact": []})).assert_status(200);

    let contact = account.get(&account.url).json()["contact"].clone();
    assert!(contact.is_null() || contact == json!([]), "{contact}");
}

#[test]
fn rfc8555_7_3_2_what_a_client_may_not_change_stays() {
    let world = world();
    let account = world.account();
    let before = account.get(&account.url).json();

    let answer = account.post(
        &account.url,
        &json!({
            "orders": "https://evil.example/", "termsOfServiceAgreed": false, "status": "revoked", "unknown": 1,
        }),
    );

    answer.assert_status(200);
    assert_eq!(account.get(&account.url).json(), before);
}

#[rstest]
#[case::a_bad_contact(json!({"contact": ["mailto:one@example.org,two@example.org"]}), "invalidContact")]
#[case::contact_as_text(json!({"contact": "mailto:one@example.org"}), "malformed")]
#[case::no_object(json!([]), "malformed")]
fn rfc8555_7_3_2_a_bad_update_changes_nothing(#[case] payload: Value, #[case] kind: &str) {
    let world = world();
    let account = world.account();
    let before = account.get(&account.url).json();

    let answer = account.post(&account.url, &payload);

    world.refused(&account.acme, &answer, 400, kind);
    assert_eq!(account.get(&account.url).json(), before);
}

/// The account's own URL is the key id of the request: nobody else's will do.
#[test]
fn a1_nobody_reads_changes_or_ends_the_account_of_another() {
    let world = world();
    let (owner, stranger) = (world.account(), world.account());
    let before = owner.get(&owner.url).json();

    for payload in [json!({"status": "deactivated"}), json!({"contact": ["mailto:evil@example.org"]})] {
        let answer = stranger.post(&owner.url, &payload);
        world.refused_as(&stranger.acme, &answer, "unauthorized");
    }
    world.refused_as(&stranger.acme, &stranger.get(&owner.url), "unauthorized");

    assert_eq!(owner.get(&owner.url).json(), before);
}

fn deactivate(account: &Account) {
    let answer = account.post(&account.url, &json!({"status": "deactivated"}));
    answer.assert_status(200);
    assert_eq!(answer.json()["status"], "deactivated", "{answer}");
}

#[test]
fn a2_rfc8555_7_3_6_a_deactivated_account_is_refused_everywhere() {
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);
    let name = fresh_name();
    let ready = world.ready_order(&account, &[&name]);
    let waiting = account.order(&[&fresh_name()]);
    let challenge = account.challenge(&waiting.authorizations[0], "http-01");

    deactivate(&account);

    let directory = account.acme.directory().clone();
    let new_order = json!({"identifiers": [{"type": "dns", "value": fresh_name()}]});
    let request = json!({"csr": base64url(&csr(&[&name], &fresh_key()))});
    for (url, payload) in [
        (&account.url, ""),
        (&account.url, r#"{"status":"valid"}"#),
        (&format!("{}/orders", account.url), ""),
        (&directory.new_order, &new_order.to_string()),
        (&directory.new_authz, r#"{"identifier":{"type":"dns","value":"a.example"}}"#),
        (&ready.url, ""),
        (&ready.finalize, &request.to_string()),
        (&waiting.authorizations[0], ""),
        (&challenge.url, "{}"),
        (&issued.url, ""),
        (&directory.revoke_cert, &json!({"certificate": base64url(&issued.chain[0])}).to_string()),
    ] {
        let answer = account.acme.post(url, &account.message(url, payload).sign(&account.key));
        world.refused(&account.acme, &answer, 401, "unauthorized");
    }
}

#[test]
fn a2_rfc8555_7_3_6_the_key_of_a_deactivated_account_makes_no_new_one() {
    let world = world();
    let account = world.account();
    deactivate(&account);

    for payload in [json!({}), json!({"onlyReturnExisting": true})] {
        let url = account.acme.directory().new_account.clone();
        let answer = account.acme.post_as_key(&account.key, &url, &payload);
        world.refused(&account.acme, &answer, 401, "unauthorized");
    }
}

#[test]
fn a2_rfc8555_7_3_6_a_deactivated_account_changes_its_key_no_more() {
    let world = world();
    let account = world.account();
    deactivate(&account);
    let new = fresh_key();

    let answer = crate::key_change::change(&account, &new);

    world.refused(&account.acme, &answer, 401, "unauthorized");
    crate::account::assert_unknown(&account.acme, &new);
}
