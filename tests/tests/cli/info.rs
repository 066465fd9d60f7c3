//! What anyone may ask: bootstrap, health, roots, provisioners.

use rstest::rstest;
use serde_json::Value;
use stepless_tests::{CaFolder, Request};

use crate::{
    authority::{Authority, Made},
    judge,
    step::Person,
};

#[rstest]
fn a_person_bootstraps_by_fingerprint(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);

    let person = Person::of(&authority);

    assert_eq!(person.read(".step/certs/root_ca.crt").trim(), authority.folder.root_pem().trim());
    assert_eq!(person.step(&["ca", "health"]), "ok\n");
}

#[rstest]
fn another_fingerprint_does_not_bootstrap(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::new();
    let wrong = "ab".repeat(32);

    let complaint = person.step_is_refused(&[
        "ca",
        "bootstrap",
        "--ca-url",
        &authority.server.url(),
        "--fingerprint",
        &wrong,
    ]);

    assert!(complaint.contains(&wrong), "{complaint}");
    assert!(!person.file(".step/certs/root_ca.crt").exists());
}

#[rstest]
fn roots_federation_and_root_are_the_root(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let root = authority.folder.root_pem();

    assert_eq!(person.step(&["ca", "roots"]).trim(), root.trim());
    assert_eq!(person.step(&["ca", "federation"]).trim(), root.trim());
    assert_eq!(person.step(&["ca", "root"]).trim(), root.trim());
}

#[rstest]
fn the_provisioner_and_its_encrypted_key_are_listed(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);

    let list: Value =
        serde_json::from_str(&person.step(&["ca", "provisioner", "list"])).expect("step prints JSON");
    let configured = &authority.folder.config()["authority"]["provisioners"];
    assert_eq!(&list, configured);

    let id = list[0]["key"]["kid"].as_str().expect("a JWK has a kid");
    // A kid is random text in base64url, and one in 64 begins like a flag.
    let key = person.step(&["ca", "provisioner", "jwe-key", "--", id]);
    assert_eq!(key.trim(), list[0]["encryptedKey"]);
}

#[rstest]
fn the_served_endpoint_answers_with_its_own_chain(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);

    let chain = person.step(&[
        "certificate",
        "inspect",
        "--bundle",
        "--format",
        "pem",
        "--roots",
        &authority.root_file(),
        &authority.server.url(),
    ]);
    person.write("server.crt", chain);

    judge::accept(&authority, &person, "server.crt", "localhost");
    judge::accept(&authority, &person, "server.crt", "127.0.0.1");
}

/// SSH is not served yet; what is there must work all the same.
#[test]
fn a_folder_with_ssh_and_acme_is_served() {
    let authority = Authority::start_on(CaFolder::init(&["--ssh", "--acme"]));
    let person = Person::of(&authority);

    let (certificate, _) = person.certificate("a.example");

    judge::accept(&authority, &person, &certificate, "a.example");
    let health = authority.client().send(&Request::get("/health")).expect("the server answers");
    assert_eq!(health.json(), Some(serde_json::json!({"status": "ok"})));
}
