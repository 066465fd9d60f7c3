//! Making accounts: [RFC 8555 §7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{
    Key, KeyKind,
    acme::{Acme, Answer, account::fresh_key},
};

use crate::{
    provisioners::{PLAIN, TERMS, TERMS_URL},
    world::world,
};

fn new_account(acme: &Acme, key: &Key, payload: &Value) -> Answer {
    acme.post_as_key(key, &acme.directory().new_account, payload)
}

/// Nobody has an account with this key.
#[track_caller]
pub(crate) fn assert_unknown(acme: &Acme, key: &Key) {
    let answer = new_account(acme, key, &json!({"onlyReturnExisting": true}));
    assert_eq!((answer.status(), answer.problem()), (400, "accountDoesNotExist".into()), "{answer}");
}

#[test]
fn rfc8555_7_3_a_new_account_is_201_with_its_url_and_is_valid() {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());
    let contact = json!(["mailto:one@example.org", "mailto:two@example.org"]);

    let answer = new_account(&acme, &key, &json!({"termsOfServiceAgreed": true, "contact": contact}));

    answer.assert_status(201);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer}");
    assert!(
        answer.location().starts_with(&format!("{}/acme/{PLAIN}/account/", world.server.url())),
        "{answer}"
    );
    let object = answer.json();
    assert_eq!(object["status"], "valid", "{answer}");
    assert_eq!(object["contact"], contact, "{answer}");
    assert_eq!(object["orders"], format!("{}/orders", answer.location()), "{answer}");
}

#[test]
fn rfc8555_7_3_an_account_needs_no_contact() {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());

    let answer = new_account(&acme, &key, &json!({}));

    answer.assert_status(201);
    assert!(!answer.json().as_object().expect("an object").values().any(Value::is_null), "{answer}");
}

#[test]
fn rfc8555_7_3_1_the_same_key_again_is_200_with_the_same_account() {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());
    let first = new_account(&acme, &key, &json!({"contact": ["mailto:one@example.org"]}));

    let again = new_account(&acme, &key, &json!({"contact": ["mailto:other@example.org"]}));

    again.assert_status(200);
    assert_eq!(again.location(), first.location());
    assert_eq!(again.json()["contact"], json!(["mailto:one@example.org"]), "{again}");
}

#[test]
fn a19_rfc8555_7_3_1_only_return_existing_finds_and_never_creates() {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());
    let url = acme.directory().new_account.clone();
    let payload = json!({"onlyReturnExisting": true, "contact": ["mailto:one@example.org"], "termsOfServiceAgreed": true});

    let missing = acme.post_as_key(&key, &url, &payload);
    world.refused(&acme, &missing, 400, "accountDoesNotExist");
    assert_unknown(&acme, &key);

    let made = new_account(&acme, &key, &json!({}));
    let found = acme.post_as_key(&key, &url, &payload);
    found.assert_status(200);
    assert_eq!(found.location(), made.location());
}

#[rstest]
#[case::a_list_with_a_number(json!({"contact": [7]}))]
#[case::no_list(json!({"contact": "mailto:one@example.org"}))]
#[case::terms_as_text(json!({"termsOfServiceAgreed": "true"}))]
#[case::only_return_existing_as_text(json!({"onlyReturnExisting": "false"}))]
#[case::a_list(json!([]))]
#[case::a_text(json!("account"))]
#[case::null(json!(null))]
fn rfc8555_7_3_a_payload_of_another_shape_is_malformed(#[case] payload: Value) {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());

    let answer = new_account(&acme, &key, &payload);

    world.refused(&acme, &answer, 400, "malformed");
    assert_unknown(&acme, &key);
}

/// Two addresses, or header fields, in one URL: [RFC 8555 §7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3).
#[rstest]
#[case::two_addresses("mailto:one@example.org,two@example.org")]
#[case::header_fields("mailto:one@example.org?subject=hello")]
#[case::no_address("mailto:")]
#[case::no_mail("mailto:one")]
#[case::a_line_break("mailto:one@example.org\nBcc:two@example.org")]
fn rfc8555_7_3_a_mail_contact_names_exactly_one_address(#[case] contact: &str) {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());

    let answer = new_account(&acme, &key, &json!({"contact": [contact]}));

    world.refused(&acme, &answer, 400, "invalidContact");
    assert_unknown(&acme, &key);
}

#[rstest]
#[case::telephone("tel:+12025551212")]
#[case::web("https://example.org/contact")]
fn rfc8555_7_3_a_contact_of_an_unsupported_scheme_is_said_to_be_one(#[case] contact: &str) {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());

    let answer = new_account(&acme, &key, &json!({"contact": [contact]}));

    world.refused(&acme, &answer, 400, "unsupportedContact");
    assert_unknown(&acme, &key);
}

#[test]
fn rfc8555_7_3_the_server_ignores_what_a_client_has_no_say_in() {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());

    let answer = new_account(
        &acme,
        &key,
        &json!({
            "orders": "https://evil.example/orders", "status": "revoked", "id": "1", "createdAt": "now",
            "unknown": {"deep": [null]}, "termsOfServiceAgreed": true,
        }),
    );

    answer.assert_status(201);
    let object = answer.json();
    assert_eq!(object["status"], "valid", "{answer}");
    assert_eq!(object["orders"], format!("{}/orders", answer.location()), "{answer}");
    assert!(object.get("unknown").is_none(), "{answer}");
}

#[rstest]
#[case::not_said(json!({}))]
#[case::no(json!({"termsOfServiceAgreed": false}))]
fn rfc8555_7_3_3_without_agreement_to_the_terms_there_is_no_account(#[case] payload: Value) {
    let world = world();
    let (acme, key) = (world.acme(TERMS), fresh_key());

    let answer = new_account(&acme, &key, &payload);

    world.refused(&acme, &answer, 403, "userActionRequired");
    assert!(answer.text("detail").contains(TERMS_URL), "{answer}");
    assert_unknown(&acme, &key);
    new_account(&acme, &key, &json!({"termsOfServiceAgreed": true})).assert_status(201);
}

/// Somebody who has an account has agreed before.
#[test]
fn rfc8555_7_3_1_an_account_is_found_without_agreeing_again() {
    let world = world();
    let (acme, key) = (world.acme(TERMS), fresh_key());
    let made = new_account(&acme, &key, &json!({"termsOfServiceAgreed": true}));

    let found = new_account(&acme, &key, &json!({"onlyReturnExisting": true}));

    found.assert_status(200);
    assert_eq!(found.location(), made.location());
}

#[rstest]
#[case(KeyKind::P256)]
#[case(KeyKind::P384)]
#[case(KeyKind::P521)]
#[case(KeyKind::Ed25519)]
#[case(KeyKind::Rsa2048)]
#[case(KeyKind::Rsa4096)]
fn rfc8555_6_2_an_account_may_have_any_usual_key(#[case] kind: KeyKind) {
    let world = world();
    let account = world.acme(PLAIN).account_with(Key::generate(kind), &json!({}));

    account.get(&account.url).assert_status(200);
    account.order(&[&crate::world::fresh_name()]);
}

#[test]
fn rfc8555_6_2_new_account_takes_a_key_and_no_key_id() {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_account.clone();

    let answer = account.post(&url, &json!({}));

    world.refused(&account.acme, &answer, 400, "malformed");
}
