//! What a power cut does not take back.

use rstest::rstest;

use crate::{
    authority::{Authority, Made},
    judge,
    revoke::revoke_by_token,
    step::Person,
};

#[rstest]
fn a_spent_token_stays_spent_after_a_restart(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let token = person.token(&["a.example"]);
    person.step(&["ca", "certificate", "a.example", "a.crt", "a.key", "--token", &token]);

    let authority = authority.restart();

    let url = authority.server.url();
    person.step_is_refused(&[
        "ca",
        "certificate",
        "a.example",
        "b.crt",
        "b.key",
        "--token",
        &token,
        "--ca-url",
        &url,
    ]);
}

#[rstest]
fn a_revoked_certificate_stays_revoked_after_a_restart(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");
    revoke_by_token(&person, &person.serial(&certificate));

    let authority = authority.restart();

    let complaint = person.step_is_refused(&[
        "ca",
        "renew",
        "--force",
        "--ca-url",
        &authority.server.url(),
        &certificate,
        &key,
    ]);
    assert!(complaint.contains("lacked necessary authorization"), "{complaint}");
}

#[rstest]
fn a_certificate_renews_after_a_restart(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");

    let authority = authority.restart();

    person.step(&["ca", "renew", "--force", "--ca-url", &authority.server.url(), &certificate, &key]);
    judge::accept(&authority, &person, &certificate, "a.example");
}
