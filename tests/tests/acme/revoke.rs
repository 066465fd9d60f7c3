//! Revocation: [RFC 8555 §7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{
    Key,
    acme::{Account, Answer, account::fresh_key, jws::base64url},
    leaf::Leaf,
};

use crate::{
    provisioners::OTHER,
    world::{Issued, World, fresh_name, world},
};

fn payload(certificate: &[u8], reason: Option<Value>) -> Value {
    let mut payload = json!({"certificate": base64url(certificate)});
    if let Some(reason) = reason {
        payload["reason"] = reason;
    }
    payload
}

fn revoke(account: &Account, certificate: &[u8], reason: Option<Value>) -> Answer {
    account.post(&account.acme.directory().revoke_cert, &payload(certificate, reason))
}

fn revoke_by_key(account: &Account, key: &Key, certificate: &[u8]) -> Answer {
    let url = account.acme.directory().revoke_cert.clone();
    account.acme.post_as_key(key, &url, &payload(certificate, None))
}

fn issue(world: &World) -> (Account, Issued) {
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);
    (account, issued)
}

/// It has not been revoked: its owner still can.
#[track_caller]
fn assert_good(account: &Account, issued: &Issued) {
    revoke(account, &issued.chain[0], None).assert_status(200);
}

#[track_caller]
fn assert_revoked(world: &World, account: &Account, issued: &Issued) {
    let again = revoke(account, &issued.chain[0], None);
    world.refused(&account.acme, &again, 400, "alreadyRevoked");
}

#[test]
fn rfc8555_7_6_the_account_that_got_a_certificate_revokes_it() {
    let world = world();
    let (account, issued) = issue(&world);

    let answer = revoke(&account, &issued.chain[0], None);

    answer.assert_status(200);
    assert!(answer.0.body.is_empty(), "{answer}");
    assert_revoked(&world, &account, &issued);
}

#[test]
fn rfc8555_7_6_the_key_of_a_certificate_revokes_it() {
    let world = world();
    let (account, issued) = issue(&world);

    revoke_by_key(&account, &issued.key, &issued.chain[0]).assert_status(200);

    assert_revoked(&world, &account, &issued);
    let again = revoke_by_key(&account, &issued.key, &issued.chain[0]);
    world.refused(&account.acme, &again, 400, "alreadyRevoked");
}

#[test]
fn a17_rfc8555_7_6_an_account_that_holds_every_name_revokes() {
    let world = world();
    let owner = world.account();
    let names = [fresh_name(), fresh_name()];
    let names = [names[0].as_str(), names[1].as_str()];
    let issued = world.issue(&owner, &names);
    let holder = world.account();
    for (held, name) in names.iter().enumerate() {
        let answer = revoke(&holder, &issued.chain[0], None);
        world.refused(&holder.acme, &answer, 403, "unauthorized");
        assert!(held < 2);
        world.ready_order(&holder, &[name]);
    }

    revoke(&holder, &issued.chain[0], None).assert_status(200);

    assert_revoked(&world, &owner, &issued);
}

#[test]
fn a17_rfc8555_7_6_any_other_account_is_unauthorized() {
    let world = world();
    let (account, issued) = issue(&world);
    let stranger = world.account();

    let answer = revoke(&stranger, &issued.chain[0], None);

    world.refused(&stranger.acme, &answer, 403, "unauthorized");
    assert_good(&account, &issued);
}

#[test]
fn a17_rfc8555_7_6_any_other_key_is_unauthorized() {
    let world = world();
    let (account, issued) = issue(&world);

    for key in [&fresh_key(), &*world.account().key] {
        let answer = revoke_by_key(&account, key, &issued.chain[0]);
        world.refused(&account.acme, &answer, 403, "unauthorized");
    }
    assert_good(&account, &issued);
}

/// The serial number and the issuer's name of ours, and a key of the forger's own.
#[test]
fn a17_rfc8555_7_6_a_forged_certificate_revokes_nothing() {
    let world = world();
    let (account, issued) = issue(&world);
    let (_, serial) = stepless_tests::acme::renewal_id::parts(&issued.chain[0]);
    let now = jiff::Timestamp::now().as_second();
    let key = fresh_key();
    let forged =
        Leaf::new("forged.example", now - 60, now + 3600, &serial).sign(&key, &issued.chain[1], &fresh_key());

    let by_key = revoke_by_key(&account, &key, &forged);
    let by_account = revoke(&account, &forged, None);

    for answer in [by_key, by_account] {
        assert!((400..500).contains(&answer.status()), "{answer}");
        world.refused(&account.acme, &answer, answer.status(), &answer.problem());
    }
    assert_good(&account, &issued);
}

#[test]
fn a3_rfc8555_7_6_an_account_of_another_provisioner_is_unauthorized() {
    let world = world();
    let (account, issued) = issue(&world);
    let elsewhere = world.account_at(OTHER);

    let answer = revoke(&elsewhere, &issued.chain[0], None);

    assert!((400..500).contains(&answer.status()), "{answer}");
    world.refused(&elsewhere.acme, &answer, answer.status(), &answer.problem());
    assert_good(&account, &issued);
}

#[rstest]
#[case(0)]
#[case(1)]
#[case(3)]
#[case(4)]
#[case(5)]
#[case(9)]
fn rfc8555_7_6_a_reason_of_rfc_5280_is_taken(#[case] reason: u8) {
    let world = world();
    let (account, issued) = issue(&world);

    revoke(&account, &issued.chain[0], Some(json!(reason))).assert_status(200);
}

#[rstest]
#[case::unused(json!(7))]
#[case::too_large(json!(11))]
#[case::negative(json!(-1))]
#[case::a_fraction(json!(1.5))]
#[case::huge(json!(4_294_967_296_u64))]
#[case::text(json!("1"))]
fn rfc8555_7_6_a_reason_that_is_none_revokes_nothing(#[case] reason: Value) {
    let world = world();
    let (account, issued) = issue(&world);

    let answer = revoke(&account, &issued.chain[0], Some(reason));

    assert!(matches!(&answer.problem()[..], "badRevocationReason" | "malformed"), "{answer}");
    world.refused(&account.acme, &answer, 400, &answer.problem());
    assert_good(&account, &issued);
}

#[test]
fn rfc8555_7_6_the_unused_reason_is_a_bad_revocation_reason() {
    let world = world();
    let (account, issued) = issue(&world);

    for reason in [7, 11] {
        let answer = revoke(&account, &issued.chain[0], Some(json!(reason)));
        world.refused(&account.acme, &answer, 400, "badRevocationReason");
    }
}

#[rstest]
#[case::no_member(json!({}))]
#[case::no_certificate(json!({"certificate": base64url(b"no certificate")}))]
#[case::nothing(json!({"certificate": ""}))]
#[case::pem(json!({"certificate": "-----BEGIN CERTIFICATE-----"}))]
#[case::a_number(json!({"certificate": 7}))]
fn rfc8555_7_6_what_is_no_certificate_is_malformed(#[case] payload: Value) {
    let world = world();
    let account = world.account();

    let answer = account.post(&account.acme.directory().revoke_cert, &payload);

    world.refused(&account.acme, &answer, 400, "malformed");
}

/// [RFC 8555 §6.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.1): `=` at the end is no base64url.
#[test]
fn rfc8555_6_1_a_padded_certificate_revokes_nothing() {
    let world = world();
    let (account, issued) = issue(&world);
    let padded = json!({"certificate": format!("{}=", base64url(&issued.chain[0]))});

    let answer = account.post(&account.acme.directory().revoke_cert, &padded);

    world.refused(&account.acme, &answer, 400, "malformed");
    assert_good(&account, &issued);
}

#[test]
fn rfc8555_7_6_the_issuers_own_certificate_is_not_revoked_by_anybody() {
    let world = world();
    let (account, issued) = issue(&world);

    let answer = revoke(&account, &issued.chain[1], None);

    assert!((400..500).contains(&answer.status()), "{answer}");
    world.refused(&account.acme, &answer, answer.status(), &answer.problem());
}
