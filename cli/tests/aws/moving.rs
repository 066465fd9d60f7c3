//! An authority of `step ca init` that moves to AWS: its root stays, and so do its clients.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::account::{Account, fingerprint, stderr};

#[test]
fn clients_of_a_moved_authority_go_on_with_the_fingerprint_that_they_know() {
    let account = Account::new();
    let old = step_ca_init(&account);
    let url = format!("https://localhost:{}", account.port());
    let served = account.serve_old("old/config/ca.json");
    account.step(&["ca", "bootstrap", "--ca-url", &url, "--fingerprint", &old]);
    drop(served);

    let moved = init(&account, &["--from", "old/config/ca.json"]);
    let again = init(&account, &["--from", "old/config/ca.json"]);

    assert_eq!((fingerprint(&moved), fingerprint(&again)), (old.clone(), old));
    let configuration: Value = serde_json::from_slice(
        &account.stepless().args(["config", "show", &account.store()]).output().unwrap().stdout,
    )
    .unwrap();
    let before: Value = serde_json::from_str(&account.read("old/config/ca.json")).unwrap();
    assert_eq!(configuration["authority"], before["authority"]);
    let server = account.serve();
    // The provisioner is the old one: its password still opens its key.
    account.step(&[
        "ca",
        "certificate",
        "a.example",
        "a.crt",
        "a.key",
        "--provisioner",
        "old-admin",
        "--provisioner-password-file",
        "password",
    ]);
    let chain =
        ["verify", "-x509_strict", "-CAfile", "old/certs/root_ca.crt", "-untrusted", "a.crt", "a.crt"];
    assert!(account.program("openssl", &chain).contains("a.crt: OK"));
    account.step(&["ca", "renew", "--force", "a.crt", "a.key"]);
    drop(server);
}

#[test]
fn an_existing_root_may_get_a_new_provisioner() {
    let account = Account::new();
    let old = step_ca_init(&account);

    let made =
        init(&account, &["--dns", "localhost", "--provisioner", "admin", "--password-file", "password"]);

    assert_eq!(fingerprint(&made), old);
}

#[test]
fn k8_a_root_that_does_not_fit_its_key_is_refused_before_anything_is_made() {
    let account = Account::new();
    step_ca_init(&account);
    let more = ["--from", "old/config/ca.json"];

    let intermediate =
        command(&account, "old/certs/intermediate_ca.crt", "old/secrets/intermediate_ca_key", &more)
            .output()
            .unwrap();
    let other_key = command(&account, "old/certs/root_ca.crt", "old/secrets/intermediate_ca_key", &more)
        .output()
        .unwrap();
    let no_key = command(&account, "old/certs/root_ca.crt", "old/secrets/nothing", &more).output().unwrap();

    assert!(stderr(&intermediate).contains("is no root"), "{}", stderr(&intermediate));
    assert!(stderr(&other_key).contains("not the key of --root"), "{}", stderr(&other_key));
    assert!(stderr(&no_key).contains("old/secrets/nothing"), "{}", stderr(&no_key));
    assert!(account.records().is_empty());
    assert!(!account.path("old/secrets/nothing").exists());
}

/// A folder `old` of `step ca init`; the fingerprint of its root.
fn step_ca_init(account: &Account) -> String {
    let address = format!("127.0.0.1:{}", account.port());
    account.step_in(
        "old",
        &[
            "ca",
            "init",
            "--deployment-type",
            "standalone",
            "--name",
            "Old",
            "--dns",
            "localhost",
            "--address",
            &address,
            "--provisioner",
            "old-admin",
            "--password-file",
            "password",
            "--provisioner-password-file",
            "password",
        ],
    );
    account.step(&["certificate", "fingerprint", "old/certs/root_ca.crt"]).trim().to_owned()
}

#[track_caller]
fn init(account: &Account, more: &[&str]) -> std::process::Output {
    let output = command(account, "old/certs/root_ca.crt", "old/secrets/root_ca_key", more).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

fn command(account: &Account, root: &str, key: &str, more: &[&str]) -> Command {
    let mut command = account.stepless();
    command.args(["init", "--kms", "awskms:", "--name", "New", "--store", &account.store()]);
    command.args(["--issuer-key", &account.issuer_key(), "--root", root, "--root-key", key]);
    command.args(["--root-password-file", "password"]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
