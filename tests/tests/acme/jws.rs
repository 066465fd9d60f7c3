//! How a request is signed: [RFC 8555 §6.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.1) to
//! [§6.4](https://www.rfc-editor.org/rfc/rfc8555#section-6.4). Each wrong request asks for an order; none is made.

use base64::{Engine, prelude::BASE64_URL_SAFE};
use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::acme::{Account, Answer, Jws, Signed, account::fresh_key, jws::base64url};

use crate::{
    orders_list::all_orders,
    world::{World, fresh_name, world},
};

/// A good request for an order, before it is signed.
fn message(account: &Account) -> Jws {
    let payload = json!({"identifiers": [{"type": "dns", "value": fresh_name()}]});
    account.message(&account.acme.directory().new_order, &payload.to_string())
}

fn send(account: &Account, signed: &Signed) -> Answer {
    account.acme.post(&account.acme.directory().new_order, signed)
}

#[track_caller]
fn refused(world: &World, account: &Account, answer: &Answer, status: u16, kind: &str) {
    world.refused(&account.acme, answer, status, kind);
    assert_eq!(all_orders(account), Vec::<String>::new());
}

#[test]
fn rfc8555_6_2_a_good_request_makes_an_order() {
    let world = world();
    let account = world.account();

    let answer = send(&account, &message(&account).sign(&account.key));

    answer.assert_status(201);
    assert_eq!(all_orders(&account), [answer.location()]);
}

#[rstest]
#[case::json(Some("application/json"))]
#[case::jose(Some("application/jose"))]
#[case::text(Some("text/plain"))]
#[case::a_form(Some("application/x-www-form-urlencoded"))]
#[case::two_types(Some("application/jose+json, application/json"))]
#[case::empty(Some(""))]
#[case::none(None)]
fn a4_rfc8555_6_2_another_content_type_is_415(#[case] content_type: Option<&str>) {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();
    let body = message(&account).sign(&account.key).body();

    let mut request =
        stepless_tests::Request::new("POST", &stepless_tests::acme::client::target(&url)).body(body);
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    let answer = account.acme.send(&url, request);

    refused(&world, &account, &answer, 415, "malformed");
}

/// The body of a request that is not what the RFC wants.
type Spoil = fn(&Account) -> Signed;

#[rstest]
#[case::another_key(|account: &Account| message(account).sign(&fresh_key()))]
#[case::zeros(|account: &Account| message(account).with_signature(&[0; 64]))]
#[case::empty(|account: &Account| message(account).with_signature(b""))]
#[case::short(|account: &Account| {
    let signed = message(account).sign(&account.key);
    let text = signed.member("signature")[..84].to_owned();
    signed.with("signature", text)
})]
#[case::in_der(|account: &Account| {
    let plain = message(account).sign(&account.key);
    let input = format!("{}.{}", plain.member("protected"), plain.member("payload"));
    plain.with("signature", base64url(&account.key.sign(input.as_bytes())))
})]
#[case::another_payload(|account: &Account| {
    message(account).sign(&account.key).with("payload", base64url(b"{\"identifiers\":[]}"))
})]
#[case::another_header(|account: &Account| {
    let other = message(account).sign(&account.key);
    let protected = other.member("protected").to_owned();
    message(account).sign(&account.key).with("protected", protected)
})]
#[case::missing(|account: &Account| message(account).sign(&account.key).without("signature"))]
#[case::no_text(|account: &Account| message(account).sign(&account.key).with("signature", 7))]
fn a4_rfc8555_6_2_a_signature_that_does_not_hold_is_malformed(#[case] spoil: Spoil) {
    let world = world();
    let account = world.account();

    let answer = send(&account, &spoil(&account));

    refused(&world, &account, &answer, 400, "malformed");
}

#[rstest]
#[case::unprotected_header(|account: &Account| message(account).sign(&account.key).with("header", json!({"kid": account.url})))]
#[case::empty_unprotected_header(|account: &Account| message(account).sign(&account.key).with("header", json!({})))]
#[case::two_signatures(|account: &Account| {
    let signed = message(account).sign(&account.key);
    let one = json!({"protected": signed.members["protected"], "signature": signed.members["signature"]});
    signed.without("protected").without("signature").with("signatures", json!([one, one]))
})]
#[case::signatures_besides(|account: &Account| message(account).sign(&account.key).with("signatures", json!([])))]
#[case::detached_payload(|account: &Account| message(account).sign(&account.key).without("payload"))]
#[case::null_payload(|account: &Account| message(account).sign(&account.key).with("payload", Value::Null))]
#[case::no_protected_header(|account: &Account| message(account).sign(&account.key).without("protected"))]
#[case::empty_protected_header(|account: &Account| message(account).sign(&account.key).with("protected", ""))]
#[case::protected_header_as_object(|account: &Account| {
    let jws = message(account);
    let protected = jws.protected.clone();
    jws.sign(&account.key).with("protected", protected)
})]
#[case::unencoded_payload(|account: &Account| message(account).header("b64", false).header("crit", json!(["b64"])).sign(&account.key))]
#[case::unencoded_payload_without_crit(|account: &Account| message(account).header("b64", false).sign(&account.key))]
#[case::unknown_critical_member(|account: &Account| message(account).header("crit", json!(["x"])).header("x", 1).sign(&account.key))]
#[case::padded_protected_header(|account: &Account| message(account).sign(&account.key).padded("protected"))]
#[case::padded_payload(|account: &Account| message(account).sign(&account.key).padded("payload"))]
#[case::padded_signature(|account: &Account| message(account).sign(&account.key).padded("signature"))]
#[case::payload_signed_with_its_padding(|account: &Account| {
    let jws = message(account);
    let protected = base64url(jws.protected.to_string().as_bytes());
    let padded = format!("{} ", jws.payload);
    let payload = BASE64_URL_SAFE.encode(padded.as_bytes());
    let payload = if payload.ends_with('=') { payload } else { format!("{payload}=") };
    let signature = account.key.sign_jws(format!("{protected}.{payload}").as_bytes());
    jws.sign(&account.key).with("payload", payload).with("signature", base64url(&signature))
})]
#[case::line_break_in_the_payload(|account: &Account| {
    let signed = message(account).sign(&account.key);
    let text = format!("{}\n", signed.member("payload"));
    signed.with("payload", text)
})]
fn a4_rfc8555_6_2_another_form_of_jws_is_malformed(#[case] spoil: Spoil) {
    let world = world();
    let account = world.account();

    let answer = send(&account, &spoil(&account));

    refused(&world, &account, &answer, 400, "malformed");
}

/// Our choice: what libraries write who know one form only says the same thing.
#[test]
fn a4_rfc7515_7_2_1_the_general_form_with_one_signature_is_the_same_request() {
    let world = world();
    let account = world.account();
    let signed = message(&account).sign(&account.key);
    let one = json!({"protected": signed.members["protected"], "signature": signed.members["signature"]});
    let general = signed.without("protected").without("signature").with("signatures", json!([one]));

    send(&account, &general).assert_status(201);
}

#[rstest]
#[case::nothing("")]
#[case::no_json("not JSON")]
#[case::compact("eyJhbGciOiJFUzI1NiJ9.e30.AAAA")]
#[case::a_list("[]")]
#[case::null("null")]
#[case::text_behind("{}{}")]
fn a4_rfc8555_6_2_what_is_no_jws_is_malformed(#[case] body: &str) {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();

    let answer = account.acme.post_body(&url, "application/jose+json", body);

    refused(&world, &account, &answer, 400, "malformed");
}

#[test]
fn a4_rfc8555_6_2_a_member_twice_is_malformed() {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();
    let body = message(&account).sign(&account.key).body();
    let twice = format!(r#"{{"payload":"",{}"#, &body[1..]);

    let answer = account.acme.post_body(&url, "application/jose+json", &twice);

    refused(&world, &account, &answer, 400, "malformed");
}

#[rstest]
#[case::both(|account: &Account| message(account).header("jwk", account.key.bare_jwk()).sign(&account.key))]
#[case::neither(|account: &Account| message(account).without_header("kid").sign(&account.key))]
#[case::a_key_where_an_account_is_needed(|account: &Account| {
    message(account).without_header("kid").header("jwk", account.key.bare_jwk()).sign(&account.key)
})]
#[case::a_key_id_that_is_no_text(|account: &Account| message(account).header("kid", 7).sign(&account.key))]
fn a4_rfc8555_6_2_exactly_one_of_jwk_and_kid_names_the_key(#[case] spoil: Spoil) {
    let world = world();
    let account = world.account();

    let answer = send(&account, &spoil(&account));

    refused(&world, &account, &answer, 400, "malformed");
}

#[test]
fn a4_rfc8555_6_2_a_new_account_with_both_or_neither_is_malformed() {
    let world = world();
    let acme = world.acme(crate::provisioners::PLAIN);
    let key = fresh_key();
    let url = acme.directory().new_account.clone();

    for spoil in [
        |jws: Jws| jws.header("kid", "https://localhost/acme/acme/account/x"),
        |jws: Jws| jws.without_header("jwk"),
    ] {
        let answer = acme.post(&url, &spoil(acme.with_jwk(&key, &url, "{}")).sign(&key));
        world.refused(&acme, &answer, 400, "malformed");
        crate::account::assert_unknown(&acme, &key);
    }
}

#[rstest]
#[case::another_resource(|account: &Account| account.acme.directory().new_authz.clone())]
#[case::another_host(|account: &Account| account.acme.directory().new_order.replace("localhost", "127.0.0.1"))]
#[case::another_port(|account: &Account| {
    let port = account.acme.directory().new_order.split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
    account.acme.directory().new_order.replace(&port, "1")
})]
#[case::another_scheme(|account: &Account| account.acme.directory().new_order.replace("https:", "http:"))]
#[case::a_slash_behind(|account: &Account| format!("{}/", account.acme.directory().new_order))]
#[case::capital_letters(|account: &Account| account.acme.directory().new_order.replace("new-order", "NEW-ORDER"))]
#[case::the_path_alone(|account: &Account| stepless_tests::acme::client::target(&account.acme.directory().new_order))]
#[case::empty(|_: &Account| String::new())]
fn a4_rfc8555_6_4_a_url_that_is_not_the_requests_own_is_unauthorized(#[case] url: fn(&Account) -> String) {
    let world = world();
    let account = world.account();

    let answer = send(&account, &message(&account).header("url", url(&account)).sign(&account.key));

    refused(&world, &account, &answer, 403, "unauthorized");
}

#[rstest]
#[case::missing(|account: &Account| message(account).without_header("url").sign(&account.key))]
#[case::no_text(|account: &Account| message(account).header("url", 7).sign(&account.key))]
fn a4_rfc8555_6_4_1_a_request_without_a_url_is_malformed(#[case] spoil: Spoil) {
    let world = world();
    let account = world.account();

    let answer = send(&account, &spoil(&account));

    refused(&world, &account, &answer, 400, "malformed");
}

#[rstest]
#[case::nothing("")]
#[case::no_json("identifiers")]
#[case::a_list("[]")]
#[case::a_text("\"order\"")]
#[case::null("null")]
#[case::a_member_twice(r#"{"identifiers":[],"identifiers":[{"type":"dns","value":"a.example"}]}"#)]
#[case::text_behind(r#"{"identifiers":[{"type":"dns","value":"a.example"}]} x"#)]
fn rfc8555_6_7_a_payload_that_is_no_object_is_malformed(#[case] payload: &str) {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();

    let answer = send(&account, &account.message(&url, payload).sign(&account.key));

    refused(&world, &account, &answer, 400, "malformed");
}

/// A POST-as-GET carries nothing: [RFC 8555 §6.3](https://www.rfc-editor.org/rfc/rfc8555#section-6.3).
#[test]
fn rfc8555_6_3_a_payload_where_only_a_post_as_get_makes_sense_is_malformed() {
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);

    for url in [&issued.order.url, &issued.url, &format!("{}/orders", account.url)] {
        let answer = account.post(url, &json!({}));
        world.refused(&account.acme, &answer, 400, "malformed");
    }
}
