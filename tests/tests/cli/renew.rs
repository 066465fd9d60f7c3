//! Renewal and rekey, by client certificate and by token.

use rstest::rstest;

use crate::{
    authority::{Authority, Made},
    judge,
    step::Person,
};

#[rstest]
fn a_certificate_renews(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
    #[values("--mtls=true", "--mtls=false")] proof: &str,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");
    let (serial, public) = (person.serial(&certificate), public_key(&person, &certificate));

    person.step(&["ca", "renew", "--force", proof, &certificate, &key]);

    judge::accept(&authority, &person, &certificate, "a.example");
    assert_ne!(person.serial(&certificate), serial);
    assert_eq!(public_key(&person, &certificate), public);
}

#[rstest]
fn a_renewed_certificate_renews_again(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");

    for proof in ["--mtls=true", "--mtls=false", "--mtls=false", "--mtls=true"] {
        person.step(&["ca", "renew", "--force", proof, &certificate, &key]);
    }

    judge::accept(&authority, &person, &certificate, "a.example");
}

#[rstest]
fn a_renewal_keeps_everything_but_serial_and_times(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
    #[values("--mtls=true", "--mtls=false")] proof: &str,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");
    let before = person.inspect(&certificate);

    person.step(&["ca", "renew", "--force", proof, &certificate, &key]);

    let after = person.inspect(&certificate);
    for member in [
        "version",
        "signature_algorithm",
        "issuer",
        "issuer_dn",
        "subject",
        "subject_dn",
        "subject_key_info",
        "extensions",
        "names",
    ] {
        assert_eq!(after[member], before[member], "{member}");
    }
}

#[rstest]
fn a_rekey_changes_the_key(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
    #[values(&["--kty", "EC"], &["--kty", "OKP"], &["--kty", "RSA", "--size", "2048"])] kind: &[&str],
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let (certificate, key) = person.certificate("a.example");
    let (serial, public) = (person.serial(&certificate), public_key(&person, &certificate));

    person.step(&[&["ca", "rekey", "--force"], kind, &[&certificate, &key]].concat());

    judge::accept(&authority, &person, &certificate, "a.example");
    assert_ne!(person.serial(&certificate), serial);
    assert_ne!(public_key(&person, &certificate), public);
    let of_key = person.program("openssl", &["pkey", "-pubout", "-in", &key]);
    assert_eq!(of_key, public_key(&person, &certificate), "the certificate is for the new key file");
}

#[rstest]
fn a_certificate_of_a_stranger_does_not_renew(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
    #[values("--mtls=true", "--mtls=false")] proof: &str,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    person.step(&[
        "certificate",
        "create",
        "other",
        "o.crt",
        "o.key",
        "--profile",
        "root-ca",
        "--no-password",
        "--insecure",
    ]);
    person.step(&[
        "certificate",
        "create",
        "a.example",
        "a.crt",
        "a.key",
        "--ca",
        "o.crt",
        "--ca-key",
        "o.key",
        "--no-password",
        "--insecure",
    ]);

    person.step_is_refused(&["ca", "renew", "--force", proof, "a.crt", "a.key"]);
}

fn public_key(person: &Person, certificate: &str) -> String {
    person.program("openssl", &["x509", "-noout", "-pubkey", "-in", certificate])
}
