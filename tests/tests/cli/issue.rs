//! Certificates by one-time token: from the CLI's own key, and for requests made elsewhere.

use rstest::rstest;
use serde_json::json;
use stepless_tests::Request;

use crate::{
    authority::{Authority, Made},
    judge,
    step::{PROVISIONER, Person},
};

#[rstest]
fn a_token_buys_one_certificate(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let token = person.token(&["a.example"]);

    person.step(&["ca", "certificate", "a.example", "a.crt", "a.key", "--token", &token]);

    judge::accept(&authority, &person, "a.crt", "a.example");
    assert_eq!(person.read("a.crt").matches("BEGIN CERTIFICATE").count(), 2, "the leaf and its intermediate");
    let said = person.step(&["certificate", "inspect", "--short", "a.crt"]);
    assert!(said.contains("Provisioner: admin"), "step finds the provisioner in the certificate: {said}");
}

#[rstest]
fn a_replayed_token_is_refused(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let token = person.token(&["a.example"]);
    person.step(&["ca", "certificate", "a.example", "a.crt", "a.key", "--token", &token]);

    let complaint =
        person.step_is_refused(&["ca", "certificate", "a.example", "b.crt", "b.key", "--token", &token]);

    assert!(complaint.contains("lacked necessary authorization"), "{complaint}");
    assert!(!person.file("b.crt").exists());
}

#[rstest]
fn every_kind_of_name_in_a_token_comes_back(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let names =
        ["a.example", "*.b.example", "10.1.2.3", "2001:db8::1", "x@mail.example", "https://u.example/path"];
    let flags: Vec<&str> = names.iter().flat_map(|name| ["--san", name]).collect();

    person.step(
        &[&["ca", "certificate", "a.example", "a.crt", "a.key"], &flags[..], &PROVISIONER[..]].concat(),
    );

    judge::accept(&authority, &person, "a.crt", "a.example");
    judge::accept(&authority, &person, "a.crt", "10.1.2.3");
    judge::accept(&authority, &person, "a.crt", "one.b.example");
    let text = person.program("openssl", &["x509", "-noout", "-ext", "subjectAltName", "-in", "a.crt"]);
    for name in [
        "DNS:a.example",
        "DNS:*.b.example",
        "IP Address:10.1.2.3",
        "2001:DB8:0:0:0:0:0:1",
        "email:x@mail.example",
        "URI:https://u.example/path",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
}

#[rstest]
fn a_request_made_by_openssl_is_signed(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
    #[values("rsa:2048", "rsa:4096", "P-256", "P-384", "P-521", "ed25519")] kind: &str,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    request_by_openssl(&person, kind, "r.example", "DNS:r.example,DNS:www.r.example,IP:10.0.0.7");

    person.step(&[&["ca", "sign", "r.csr", "r.crt"], &PROVISIONER[..]].concat());

    judge::accept(&authority, &person, "r.crt", "r.example");
    judge::accept(&authority, &person, "r.crt", "www.r.example");
    judge::accept(&authority, &person, "r.crt", "10.0.0.7");
    let asked = person.program("openssl", &["req", "-noout", "-pubkey", "-in", "r.csr"]);
    let signed = person.program("openssl", &["x509", "-noout", "-pubkey", "-in", "r.crt"]);
    assert_eq!(asked, signed, "the key that was asked for is the key that was signed");
}

#[rstest]
fn a_certificate_lives_as_long_as_was_asked(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);

    person.step(
        &[&["ca", "certificate", "a.example", "a.crt", "a.key", "--not-after", "10m"], &PROVISIONER[..]]
            .concat(),
    );

    let openssl = |seconds: &str| {
        person
            .command("openssl".as_ref())
            .args(["x509", "-noout", "-checkend", seconds, "-in", "a.crt"])
            .status()
    };
    assert!(openssl("500").expect("openssl runs").success(), "it is valid in 500 seconds");
    assert!(!openssl("700").expect("openssl runs").success(), "it has ended in 700 seconds");
}

#[rstest]
fn a_lifetime_beyond_the_configured_one_is_refused(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);

    let complaint = person.step_is_refused(
        &[&["ca", "certificate", "a.example", "a.crt", "a.key", "--not-after", "48h"], &PROVISIONER[..]]
            .concat(),
    );

    assert!(complaint.contains("was forbidden by the certificate authority"), "{complaint}");
    assert!(!person.file("a.crt").exists());
}

#[rstest]
fn a_token_for_another_name_is_refused(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
    #[values(
        ("DNS:b.example", "b.example"),
        ("DNS:a.example,DNS:b.example", "b.example"),
        ("DNS:a.example,IP:10.0.0.7", "10.0.0.7"),
        ("DNS:a.example,email:a@b.example", "a@b.example")
    )]
    (names, other): (&str, &str),
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let token = person.token(&["a.example"]);
    request_by_openssl(&person, "P-256", "a.example", names);

    let answer = sign(&authority, &person.read("r.csr"), &token);

    assert_eq!(answer.status, 403, "{answer:?}");
    let message = answer.json().expect("errors are JSON")["message"].to_string();
    assert!(message.contains("The request was forbidden by the certificate authority: "), "{message}");
    assert!(
        message.contains("certificate request") && message.contains(other),
        "it names what is too much: {message}"
    );
}

#[rstest]
fn a_refused_request_stays_refused_for_the_names_and_not_for_good(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    request_by_openssl(&person, "P-256", "a.example", "DNS:b.example");
    assert_eq!(sign(&authority, &person.read("r.csr"), &person.token(&["a.example"])).status, 403);

    request_by_openssl(&person, "P-256", "a.example", "DNS:a.example");
    assert_eq!(sign(&authority, &person.read("r.csr"), &person.token(&["a.example"])).status, 201);
}

/// A request of openssl's in `r.csr`, its key in `r.key`.
pub(crate) fn request_by_openssl(person: &Person, kind: &str, common_name: &str, names: &str) {
    let subject = format!("/CN={common_name}");
    let extension = format!("subjectAltName={names}");
    let curve = format!("ec_paramgen_curve:{kind}");
    let key: &[&str] =
        if kind.starts_with("P-") { &["-newkey", "ec", "-pkeyopt", &curve] } else { &["-newkey", kind] };
    let rest = ["-nodes", "-keyout", "r.key", "-subj", &subject, "-addext", &extension, "-out", "r.csr"];
    person.program("openssl", &[&["req", "-new"], key, &rest].concat());
}

/// `POST /sign`, without the CLI's own checks in the way.
pub(crate) fn sign(authority: &Authority, csr: &str, token: &str) -> stepless_tests::Response {
    let request = Request::post("/1.0/sign", &json!({"csr": csr, "ott": token}));
    authority.client().send(&request).expect("the server answers")
}
