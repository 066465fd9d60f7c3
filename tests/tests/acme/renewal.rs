//! Renewal information: [RFC 9773 §4](https://www.rfc-editor.org/rfc/rfc9773#section-4).

use rstest::rstest;
use serde_json::json;
use stepless_tests::{
    acme::{
        Answer,
        jws::base64url,
        renewal_id::{self, renewal_id},
    },
    certificate::Parts,
};

use crate::world::{Issued, World, fresh_name, world};

fn issue(world: &World) -> (stepless_tests::acme::Account, Issued) {
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);
    (account, issued)
}

/// The suggested window, in seconds since 1970.
#[track_caller]
fn window(answer: &Answer) -> (i64, i64) {
    let window = &answer.json()["suggestedWindow"];
    let moment = |member: &str| {
        let text = window[member].as_str().unwrap_or_else(|| panic!("no {member}: {answer}"));
        text.parse::<jiff::Timestamp>().expect("of RFC 3339").as_second()
    };
    (moment("start"), moment("end"))
}

#[test]
fn rfc9773_4_1_anybody_learns_when_a_certificate_is_to_be_renewed() {
    let world = world();
    let (account, issued) = issue(&world);
    let url = format!("{}/{}", account.acme.directory().renewal_info, renewal_id(&issued.chain[0]));

    let answer = account.acme.get(&url);

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer}");
    let ((start, end), leaf) = (window(&answer), Parts::of(&issued.chain[0]));
    assert!(leaf.not_before < start && start < end && end < leaf.not_after, "{answer} {leaf:?}");
}

/// [RFC 9773 §4.3](https://www.rfc-editor.org/rfc/rfc9773#section-4.3): the client has to know when to ask again.
#[test]
fn rfc9773_4_3_the_answer_says_when_to_ask_again() {
    let world = world();
    let (account, issued) = issue(&world);

    let answer = account.acme.get(&format!(
        "{}/{}",
        account.acme.directory().renewal_info,
        renewal_id(&issued.chain[0])
    ));

    let after: u64 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("Retry-After");
    assert!((60..=86_400).contains(&after), "{answer}");
}

#[test]
fn rfc9773_4_2_a_revoked_certificate_is_to_be_renewed_now() {
    let world = world();
    let (account, issued) = issue(&world);
    let revocation = json!({"certificate": base64url(&issued.chain[0])});
    account.post(&account.acme.directory().revoke_cert, &revocation).assert_status(200);

    let answer = account.acme.get(&format!(
        "{}/{}",
        account.acme.directory().renewal_info,
        renewal_id(&issued.chain[0])
    ));

    let (start, end) = window(&answer);
    let now = jiff::Timestamp::now().as_second();
    assert!(start < end && end <= now + 60, "{answer}");
}

/// Ids that name no certificate of ours.
#[rstest]
#[case::nothing(|_: &[u8], _: &[u8]| String::new())]
#[case::no_dot(|key_id: &[u8], _: &[u8]| base64url(key_id))]
#[case::two_dots(|key_id: &[u8], serial: &[u8]| format!("{}.x", renewal_id::of(key_id, serial)))]
#[case::the_other_way_round(|key_id: &[u8], serial: &[u8]| renewal_id::of(serial, key_id))]
#[case::no_serial(|key_id: &[u8], _: &[u8]| renewal_id::of(key_id, b""))]
#[case::another_issuer(|key_id: &[u8], serial: &[u8]| renewal_id::of(&vec![7; key_id.len()], serial))]
#[case::another_serial(|key_id: &[u8], _: &[u8]| renewal_id::of(key_id, &[1; 16]))]
#[case::a_serial_in_hex(|key_id: &[u8], serial: &[u8]| format!("{}.{}", base64url(key_id), hex::encode(serial)))]
#[case::a_zero_before_the_serial(|key_id: &[u8], serial: &[u8]| renewal_id::of(key_id, &[&[0, 0], serial].concat()))]
#[case::padded(|key_id: &[u8], serial: &[u8]| format!("{}=", renewal_id::of(key_id, serial)))]
#[case::no_base64(|_: &[u8], _: &[u8]| "a%20b.c%2f".into())]
#[case::very_long(|key_id: &[u8], _: &[u8]| renewal_id::of(key_id, &[1; 2000]))]
fn a18_rfc9773_4_1_an_id_of_no_certificate_of_ours_is_refused(#[case] id: fn(&[u8], &[u8]) -> String) {
    let world = world();
    let (account, issued) = issue(&world);
    let (key_id, serial) = renewal_id::parts(&issued.chain[0]);

    let url = format!("{}/{}", account.acme.directory().renewal_info, id(&key_id, &serial));
    let answer = account.acme.get(&url);

    assert!(matches!(answer.status(), 400 | 404), "{answer}");
    assert!(answer.json().get("suggestedWindow").is_none(), "{answer}");
}
