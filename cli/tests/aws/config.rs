//! `stepless config`: what an operator reads, changes and puts back is what is served.

use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::account::{Account, call, stderr, stdout};

#[test]
fn a_changed_configuration_is_shown_and_served() {
    let account = Account::new();
    account.init(&[]);
    let before = shown(&account);
    let edited = stdout(&before).replace("\"admin\"", "\"operator\"");
    std::fs::write(account.path("edited.json"), &edited).unwrap();

    let set = config(&account, &["set", &account.store(), "edited.json"]);

    assert!(set.status.success(), "{}", stderr(&set));
    assert!(stdout(&set).contains("within a minute"), "{}", stdout(&set));
    assert_eq!(stdout(&shown(&account)), edited);
    let server = account.serve();
    let url = format!("https://localhost:{}/provisioners", account.port());
    let listed: Value =
        serde_json::from_str(&account.program("curl", &["--silent", "--insecure", &url])).unwrap();
    assert_eq!(listed["provisioners"][0]["name"], "operator");
    drop(server);
}

#[test]
fn k8_an_issuer_whose_certificate_is_for_another_key_is_not_set_unless_the_key_is_not_asked() {
    let account = Account::new();
    account.init(&[]);
    let before = shown(&account);
    let made =
        call("TrentService.CreateKey", &json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    let other = format!("awskms:key-id={}", made["KeyMetadata"]["KeyId"].as_str().unwrap());
    std::fs::write(account.path("edited.json"), stdout(&before).replace(&account.issuer_key(), &other))
        .unwrap();

    let refused = config(&account, &["set", &account.store(), "edited.json"]);
    let checked = config(&account, &["check", "--no-check-key", "edited.json"]);

    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("the signing key is"), "{}", stderr(&refused));
    assert_eq!(stdout(&shown(&account)), stdout(&before));
    assert!(checked.status.success(), "{}", stderr(&checked));
    let strict = config(&account, &["check", "--strict", &account.store()]);
    assert!(strict.status.success(), "{}", stderr(&strict));
}

#[test]
fn a_configuration_moves_to_another_place_where_none_is() {
    let account = Account::new();
    account.init(&[]);
    std::fs::write(account.path("ca.json"), shown(&account).stdout).unwrap();
    let place = format!("ssm:{}", account.parameter());

    let refused = config(&account, &["set", &place, "ca.json"]);
    let set = config(&account, &["set", "--new", &place, "ca.json"]);
    let again = config(&account, &["set", "--new", &place, "ca.json"]);

    assert!(stderr(&refused).contains("--new"), "{}", stderr(&refused));
    assert!(set.status.success(), "{}", stderr(&set));
    assert!(stdout(&again).contains("nothing was written"), "{}", stdout(&again));
    let shown_there = config(&account, &["show", &place]);
    assert_eq!(shown_there.stdout, shown(&account).stdout);
}

fn shown(account: &Account) -> Output {
    let output = config(account, &["show", &account.store()]);
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

fn config(account: &Account, arguments: &[&str]) -> Output {
    account
        .stepless()
        .arg("config")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}
