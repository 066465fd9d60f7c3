//! Revocation by token and by client certificate, and what a revoked certificate can no longer do.

use rstest::rstest;
use serde_json::json;
use stepless_tests::Request;

use crate::{
    authority::{Authority, Made},
    step::Person,
};

#[rstest]
fn a_certificate_revoked_by_token_does_not_renew(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
    #[values("--mtls=true", "--mtls=false")] proof: &str,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");
    let serial = person.serial(&certificate);

    let said = revoke_by_token(&person, &serial);

    assert!(said.contains(&format!("Certificate with Serial Number {serial} has been revoked")), "{said}");
    let complaint = person.step_is_refused(&["ca", "renew", "--force", proof, &certificate, &key]);
    assert!(complaint.contains("lacked necessary authorization"), "{complaint}");
    let complaint = person.step_is_refused(&["ca", "rekey", "--force", &certificate, &key]);
    assert!(complaint.contains("lacked necessary authorization"), "{complaint}");
}

#[rstest]
fn a_certificate_revokes_itself(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");

    person.step(&["ca", "revoke", "--cert", &certificate, "--key", &key, "--reasonCode", "superseded"]);

    person.step_is_refused(&["ca", "renew", "--force", &certificate, &key]);
}

#[rstest]
fn only_the_revoked_certificate_stops_renewing(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (revoked, _) = person.certificate("a.example");
    let (other, key) = person.certificate("b.example");

    revoke_by_token(&person, &person.serial(&revoked));

    person.step(&["ca", "renew", "--force", &other, &key]);
}

#[rstest]
fn a_second_revocation_is_refused(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, _) = person.certificate("a.example");
    let serial = person.serial(&certificate);
    revoke_by_token(&person, &serial);

    let token = person.token(&[&serial, "--revoke"]);
    let complaint = person.step_is_refused(&["ca", "revoke", "--token", &token, &serial]);

    assert!(complaint.contains("is already revoked"), "{complaint}");
}

/// Authorised for one serial, asked for another.
#[rstest]
fn t2_a_revocation_token_holds_for_its_own_serial_only(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (own, _) = person.certificate("a.example");
    let (other, key) = person.certificate("b.example");
    let token = person.token(&[&person.serial(&own), "--revoke"]);

    let body = json!({"serial": person.serial(&other), "ott": token, "reasonCode": 0, "passive": true});
    let answer = authority.client().send(&Request::post("/1.0/revoke", &body)).expect("the server answers");

    assert_eq!(answer.status, 403, "{answer:?}");
    person.step(&["ca", "renew", "--force", &other, &key]);
}

#[rstest]
fn a_token_to_sign_does_not_revoke(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");
    let serial = person.serial(&certificate);
    let token = person.token(&[serial.as_str()]);

    let body = json!({"serial": serial, "ott": token, "reasonCode": 0, "passive": true});
    let answer = authority.client().send(&Request::post("/1.0/revoke", &body)).expect("the server answers");

    assert_eq!(answer.status, 401, "{answer:?}");
    person.step(&["ca", "renew", "--force", &certificate, &key]);
}

#[track_caller]
pub(crate) fn revoke_by_token(person: &Person, serial: &str) -> String {
    let token = person.token(&[serial, "--revoke"]);
    let said = person.step_says(&["ca", "revoke", "--token", &token, serial]);
    assert!(said.succeeded, "{said:?}");
    said.stdout + &said.stderr
}
