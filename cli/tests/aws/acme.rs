//! `stepless init --acme` and `stepless acme` on AWS: what an operator does while the authority serves.

use serde_json::Value;

use crate::account::{Account, stderr};

/// What `stepless acme` prints for programs about this account.
#[track_caller]
fn acme(account: &Account, words: &[&str]) -> Value {
    let output = account
        .stepless()
        .arg("acme")
        .args(words)
        .args(["--json", "--config", &account.store()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn keys_and_wishes_are_changed_in_the_table_while_the_authority_serves() {
    let account = Account::new();
    account.init(&["--acme", "--root-out", "root.crt"]);
    let server = account.serve();

    let url = format!("https://localhost:{}/acme/acme/directory", account.port());
    let directory = account.program("curl", &["--silent", "--show-error", "--cacert", "root.crt", &url]);
    let made = acme(&account, &["eab", "add", "--reference", "web team"]);
    let keys = acme(&account, &["eab", "list"]);
    let asked = acme(&account, &["renewal", "ask", "--name", "incident", "--within", "12h"]);
    let wishes = acme(&account, &["renewal", "list"]);
    acme(&account, &["renewal", "withdraw", "incident"]);
    acme(&account, &["eab", "remove", made["id"].as_str().unwrap()]);
    drop(server);

    let directory: Value = serde_json::from_str(&directory).unwrap();
    assert!(directory["newOrder"].as_str().unwrap().ends_with("/acme/acme/new-order"), "{directory}");
    assert_eq!(made["hmacKey"].as_str().unwrap().len(), 43);
    assert_eq!((&keys[0]["id"], &keys[0]["reference"]), (&made["id"], &"web team".into()));
    assert_eq!(wishes[0], asked);
    assert_eq!(acme(&account, &["eab", "list"]), serde_json::json!([]));
    assert_eq!(acme(&account, &["renewal", "list"]), serde_json::json!([]));
}
