//! Which certificate requests fit an order: [RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{
    Csr, Key, KeyKind,
    acme::{
        Account,
        account::{Order, csr, fresh_key},
        jws::base64url,
    },
    asn1::{COMMON_NAME, boolean, extension, sequence, utf8},
    csr::{San, extension_request, san_value},
};

use crate::world::{fresh_name, world};

/// A request that does not fit an order for `name`.
type Spoil = fn(&str, &Account) -> Vec<u8>;

#[rstest]
#[case::another_name(|_: &str, _: &Account| csr(&["other.example"], &fresh_key()))]
#[case::one_name_more(|name: &str, _: &Account| csr(&[name, "other.example"], &fresh_key()))]
#[case::no_name(|_: &str, _: &Account| Csr::new("", &[]).sign(&fresh_key()))]
#[case::the_parent(|name: &str, _: &Account| csr(&[name.split_once('.').unwrap().1], &fresh_key()))]
#[case::a_child(|name: &str, _: &Account| csr(&[&format!("a.{name}")], &fresh_key()))]
#[case::the_wildcard(|name: &str, _: &Account| csr(&[&format!("*.{name}")], &fresh_key()))]
#[case::another_common_name(|name: &str, _: &Account| Csr::new("other.example", &[San::Dns(name)]).sign(&fresh_key()))]
#[case::a_mail_address_besides(|name: &str, _: &Account| Csr::new("", &[San::Dns(name), San::Email("a@b.example")]).sign(&fresh_key()))]
#[case::a_uri_besides(|name: &str, _: &Account| Csr::new("", &[San::Dns(name), San::Uri("spiffe://a/b")]).sign(&fresh_key()))]
#[case::an_address_besides(|name: &str, _: &Account| Csr::new("", &[San::Dns(name), San::Ip(&[127, 0, 0, 1])]).sign(&fresh_key()))]
#[case::the_name_as_uri(|name: &str, _: &Account| Csr::new("", &[San::Uri(name)]).sign(&fresh_key()))]
#[case::a_dot_behind(|name: &str, _: &Account| csr(&[&format!("{name}.")], &fresh_key()))]
#[case::a_nul_behind(|name: &str, _: &Account| csr(&[&format!("{name}\0")], &fresh_key()))]
#[case::an_other_name_besides(|name: &str, _: &Account| {
    let other = stepless_tests::asn1::explicit(0, &sequence(&[&utf8("x")]));
    Csr::new("", &[San::Dns(name), San::Raw(&other)]).sign(&fresh_key())
})]
#[case::the_key_of_the_account(|name: &str, account: &Account| csr(&[name], &account.key))]
#[case::a_bad_signature(|name: &str, _: &Account| Csr::new("", &[San::Dns(name)]).sign_badly(&fresh_key()))]
#[case::signed_by_another_key(|name: &str, _: &Account| {
    Csr { spki: Some(fresh_key().spki()), ..Csr::new("", &[San::Dns(name)]) }.sign(&fresh_key())
})]
#[case::no_request(|_: &str, _: &Account| b"no request".to_vec())]
#[case::nothing(|_: &str, _: &Account| Vec::new())]
#[case::a_byte_behind(|name: &str, _: &Account| [csr(&[name], &fresh_key()), vec![0]].concat())]
#[case::cut(|name: &str, _: &Account| {
    let whole = csr(&[name], &fresh_key());
    whole[..whole.len() - 1].to_vec()
})]
#[case::names_twice(|name: &str, _: &Account| {
    let value = san_value(&[San::Dns(name)]);
    Csr::new("", &[San::Dns(name)]).extension("2.5.29.17", false, &value).sign(&fresh_key())
})]
#[case::two_lists_of_extensions(|name: &str, _: &Account| {
    let mut csr = Csr::new("", &[San::Dns(name)]);
    let second = extension("2.5.29.17", false, &san_value(&[San::Dns("other.example")]));
    csr.attributes.push(extension_request(&[second]));
    csr.sign(&fresh_key())
})]
fn a9_rfc8555_7_4_a_request_that_does_not_fit_the_order_is_a_bad_csr(#[case] spoil: Spoil) {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    let answer = account.finalize(&order, &spoil(&name, &account));

    world.refused(&account.acme, &answer, 400, "badCSR");
    assert_untouched(&account, &order);
    world.finish(&account, order, &[&name]);
}

#[track_caller]
fn assert_untouched(account: &Account, order: &Order) {
    let now = account.get(&order.url).json();
    assert_eq!(now["status"], "ready", "{now}");
    assert!(now.get("certificate").is_none(), "{now}");
}

#[rstest]
#[case::pem(|der: &[u8]| json!(stepless_tests::csr::to_pem(der)))]
#[case::standard_base64(|der: &[u8]| {
    use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
    // With bytes in it that the two alphabets write differently.
    json!(format!("{}+/+/", BASE64_STANDARD_NO_PAD.encode(der)))
})]
#[case::a_number(|_: &[u8]| json!(7))]
#[case::null(|_: &[u8]| json!(null))]
#[case::a_list(|der: &[u8]| json!([base64url(der)]))]
fn rfc8555_7_4_a_request_in_another_coding_is_refused(#[case] coding: fn(&[u8]) -> Value) {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    let answer = account.post(&order.finalize, &json!({"csr": coding(&csr(&[&name], &fresh_key()))}));

    assert!(matches!(&answer.problem()[..], "malformed" | "badCSR"), "{answer}");
    world.refused(&account.acme, &answer, 400, &answer.problem());
    assert_untouched(&account, &order);
}

/// Our choice, as step-ca's: [RFC 8555 §6.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.1) wants `=` refused, but clients
/// write it here, and nothing hangs on it.
#[test]
fn a_padded_request_is_taken_all_the_same() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);
    let padded = format!("{}=", base64url(&csr(&[&name], &fresh_key())));

    let answer = account.post(&order.finalize, &json!({"csr": padded}));

    answer.assert_status(200);
}

#[test]
fn rfc8555_7_4_finalize_without_a_request_is_malformed() {
    let world = world();
    let account = world.account();
    let order = world.ready_order(&account, &[&fresh_name()]);

    for payload in [json!({}), json!([]), json!({"request": "x"})] {
        let answer = account.post(&order.finalize, &payload);
        world.refused(&account.acme, &answer, 400, "malformed");
    }
    assert_untouched(&account, &order);
}

/// The common name may repeat a name of the order, in any case and place.
#[rstest]
#[case::common_name_too(|name: &str| Csr::new(name, &[San::Dns(name)]))]
#[case::common_name_only(|name: &str| Csr::new(name, &[]))]
#[case::in_capitals(|name: &str| Csr::new("", &[San::Dns(&name.to_uppercase())]))]
#[case::common_name_in_capitals(|name: &str| Csr::new(&name.to_uppercase(), &[San::Dns(name)]))]
#[case::twice(|name: &str| Csr::new("", &[San::Dns(name), San::Dns(name)]))]
fn a9_rfc8555_7_4_a_request_for_exactly_the_names_fits(#[case] request: fn(&str) -> Csr) {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    let answer = account.finalize(&order, &request(&name).sign(&fresh_key()));

    answer.assert_status(200);
    let chain = account.chain(&answer.text("certificate"));
    assert_eq!(crate::certificate::dns_names(&chain[0]), [name]);
}

#[test]
fn a9_rfc8555_7_4_the_order_of_the_names_does_not_matter() {
    let world = world();
    let account = world.account();
    let names = [fresh_name(), fresh_name(), fresh_name()];
    let order = world.ready_order(&account, &[&names[0], &names[1], &names[2]]);

    let missing = account.finalize(&order, &csr(&[&names[0], &names[2]], &fresh_key()));
    world.refused(&account.acme, &missing, 400, "badCSR");

    world.finish(&account, order, &[&names[2], &names[0], &names[1]]);
}

/// What a request asks for beside key and names has no effect on a leaf.
#[test]
fn x4_rfc8555_7_4_a_request_that_wants_to_be_an_authority_becomes_none() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);
    let request = Csr::new("", &[San::Dns(&name)])
        .extension("2.5.29.19", true, &sequence(&[&boolean(true)]))
        .extension("2.5.29.15", true, &[0x03, 0x02, 0x01, 0x06])
        .subject(&[(COMMON_NAME, utf8(&name)), ("2.5.4.10", utf8("Somebody Important"))]);

    let answer = account.finalize(&order, &request.sign(&fresh_key()));

    answer.assert_status(200);
    let leaf = &account.chain(&answer.text("certificate"))[0];
    let parts = stepless_tests::certificate::Parts::of(leaf);
    let text = format!("{:?}", parts.fixed);
    assert!(!text.contains("2.5.29.19 critical 3003"), "{text}");
    assert!(!text.contains(&hex::encode("Somebody Important")), "{text}");
}

#[rstest]
#[case(KeyKind::P384)]
#[case(KeyKind::P521)]
#[case(KeyKind::Ed25519)]
#[case(KeyKind::Rsa2048)]
#[case(KeyKind::Rsa4096)]
fn rfc8555_7_4_a_certificate_may_have_any_usual_key(#[case] kind: KeyKind) {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    let answer = account.finalize(&order, &csr(&[&name], &Key::generate(kind)));

    answer.assert_status(200);
    assert_eq!(answer.text("status"), "valid", "{answer}");
}

#[test]
fn rfc8555_7_4_a_weak_key_is_a_bad_csr() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);
    let request = crate::jws_keys::WeakKey::generate().request(&name);

    let answer = account.finalize(&order, &request);

    assert!(matches!(&answer.problem()[..], "badCSR" | "badPublicKey"), "{answer}");
    world.refused(&account.acme, &answer, 400, &answer.problem());
    assert_untouched(&account, &order);
}
