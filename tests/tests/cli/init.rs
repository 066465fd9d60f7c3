//! `stepless init`: the folder of `step ca init`, and nothing that was there before is touched.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rstest::rstest;
use stepless_tests::{CaFolder, Program, Server, programs};

use crate::step::{Person, Said};

#[test]
fn init_makes_the_folder_of_step_ca_init() {
    let person = Person::new();

    let said = init(&person, &[]);

    assert!(said.succeeded, "{said:?}");
    for file in FILES {
        assert!(person.file("ca").join(file).is_file(), "{file} is missing");
    }
    assert!(person.file("ca/db").is_dir());
    let fingerprint = person.step(&["certificate", "fingerprint", "ca/certs/root_ca.crt"]);
    assert!(said.stdout.contains(fingerprint.trim()), "the fingerprint is printed: {}", said.stdout);
    let defaults: serde_json::Value =
        serde_json::from_str(&person.read("ca/config/defaults.json")).expect("JSON");
    assert_eq!(defaults["fingerprint"], fingerprint.trim());
}

#[test]
fn root_and_intermediate_chain_and_their_keys_open_with_the_password() {
    let person = Person::new();
    assert!(init(&person, &[]).succeeded);

    person.program(
        "openssl",
        &["verify", "-x509_strict", "-CAfile", "ca/certs/root_ca.crt", "ca/certs/intermediate_ca.crt"],
    );
    for name in ["root", "intermediate"] {
        let certificate = format!("ca/certs/{name}_ca.crt");
        let key = format!("ca/secrets/{name}_ca_key");
        assert!(person.read(&key).contains("ENCRYPTED"), "{key}");
        let of_key = person.program("openssl", &["pkey", "-pubout", "-in", &key, "-passin", "file:password"]);
        assert_eq!(of_key, person.program("openssl", &["x509", "-noout", "-pubkey", "-in", &certificate]));
        let by_step = person.step(&["crypto", "key", "public", &key, "--password-file", "password"]);
        assert_eq!(by_step, of_key);
    }
    let constraints =
        |file| person.program("openssl", &["x509", "-noout", "-ext", "basicConstraints", "-in", file]);
    assert!(constraints("ca/certs/root_ca.crt").contains("CA:TRUE, pathlen:1"));
    assert!(constraints("ca/certs/intermediate_ca.crt").contains("CA:TRUE, pathlen:0"));
}

#[test]
fn step_ca_serves_a_folder_of_ours() {
    let folder = CaFolder::init_by_stepless();
    let database = folder.path().join("db-of-step-ca").display().to_string();
    folder.edit(|config| config["db"] = serde_json::json!({"type": "badgerv2", "dataSource": database}));

    let server = Server::start(Program::StepCa, &folder);

    let person = Person::new();
    let fingerprint = person.step(&[
        "certificate",
        "fingerprint",
        &folder.path().join("certs/root_ca.crt").display().to_string(),
    ]);
    person.step(&["ca", "bootstrap", "--ca-url", &server.url(), "--fingerprint", fingerprint.trim()]);
    person.certificate("a.example");
}

#[test]
fn a_second_init_changes_nothing() {
    let person = Person::new();
    assert!(init(&person, &[]).succeeded);
    let before = contents(&person.file("ca"));

    let said = init(&person, &[]);

    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains("exists"), "{said:?}");
    assert_eq!(contents(&person.file("ca")), before);
}

#[rstest]
fn init_stops_before_a_single_file_that_is_there(#[values(0, 1, 2, 3, 4, 5)] index: usize) {
    let person = Person::new();
    let file = person.file("ca").join(FILES[index]);
    fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("the folder is ours");
    fs::write(&file, "precious").expect("the folder is ours");
    let before = contents(&person.file("ca"));

    let said = init(&person, &[]);

    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains(FILES[index]), "it names the file: {said:?}");
    assert_eq!(contents(&person.file("ca")), before, "nothing else was made either");
}

#[test]
fn o12_keys_are_for_their_owner_alone_whatever_the_umask() {
    let person = Person::new();
    let command =
        format!("umask 000; exec '{}' init {}", programs::stepless().display(), ARGUMENTS.join(" "));

    person.program("sh", &["-c", &command]);

    for (file, mode) in modes(&person.file("ca")) {
        assert_eq!(mode & 0o022, 0, "{} is writable by others: {mode:o}", file.display());
        if file.starts_with(person.file("ca/secrets")) {
            assert_eq!(mode & 0o077, 0, "{} is open to others: {mode:o}", file.display());
        }
    }
    let key = fs::metadata(person.file("ca/secrets/root_ca_key")).expect("init made it").permissions().mode();
    assert_eq!(key & 0o777, 0o600);
}

#[test]
fn init_without_a_password_makes_nothing() {
    let person = Person::new();
    person.write("password", "");

    let said = init(&person, &[]);

    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains("password"), "{said:?}");
    assert!(!person.file("ca/secrets/root_ca_key").exists());
}

#[test]
fn dns_names_may_be_a_list_or_repeated() {
    let (list, repeated) = (Person::new(), Person::new());
    assert!(init(&list, &[]).succeeded);
    let arguments = ["init", "--dir", "ca", "--name", "Test CA", "--dns", "localhost", "--dns", "127.0.0.1"];
    let rest = ["--address", "127.0.0.1:0", "--provisioner", "admin", "--password-file", "password"];
    assert!(repeated.run(&programs::stepless(), &[&arguments[..], &rest[..]].concat()).succeeded);

    for person in [list, repeated] {
        let config: serde_json::Value =
            serde_json::from_str(&person.read("ca/config/ca.json")).expect("JSON");
        assert_eq!(config["dnsNames"], serde_json::json!(["localhost", "127.0.0.1"]));
    }
}

fn init(person: &Person, more: &[&str]) -> Said {
    person.run(&programs::stepless(), &[&["init"], &ARGUMENTS[..], more].concat())
}

/// Every file below a folder and what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    walk(folder)
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(&path).expect("readable")))
        .collect()
}

fn modes(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let mode = |path: &PathBuf| fs::metadata(path).expect("it is there").permissions().mode();
    walk(folder).into_iter().map(|path| (path.clone(), mode(&path))).collect()
}

/// Everything below a folder, itself included.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

const ARGUMENTS: [&str; 12] = [
    "--dir",
    "ca",
    "--name",
    "TestCA",
    "--dns",
    "localhost,127.0.0.1",
    "--address",
    "127.0.0.1:0",
    "--provisioner",
    "admin",
    "--password-file",
    "password",
];

const FILES: [&str; 6] = [
    "config/ca.json",
    "config/defaults.json",
    "certs/root_ca.crt",
    "certs/intermediate_ca.crt",
    "secrets/root_ca_key",
    "secrets/intermediate_ca_key",
];
