//! What an operator does with `stepless acme`, and what clients have of it.

use std::process::Command;

use serde_json::{Value, json};
use stepless_tests::{CaFolder, Request, acme::renewal_id::renewal_id, asn1::unpem, programs};

use super::world::{World, folder_with, texts};
use crate::{
    authority::{Authority, Made},
    judge,
    step::Said,
};

/// What `stepless acme` says about a folder.
fn stepless_acme(folder: &CaFolder, words: &[&str]) -> Said {
    let output = Command::new(programs::stepless())
        .arg("acme")
        .args(words)
        .arg("--config")
        .arg(folder.config_path())
        .output()
        .expect("stepless runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { succeeded: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

#[track_caller]
fn printed(folder: &CaFolder, words: &[&str]) -> Value {
    let said = stepless_acme(folder, &[words, &["--json"]].concat());
    assert!(said.succeeded, "{words:?}: {said:?}");
    serde_json::from_str(&said.stdout).expect("JSON")
}

/// The words behind the name of a client, as `eab add` prints them for a person to copy.
#[track_caller]
fn words_for(said: &str, client: &str) -> Vec<String> {
    let line = said.lines().find_map(|line| line.trim().strip_prefix(client)).expect("a line for the client");
    line.split_whitespace().map(Into::into).collect()
}

#[test]
fn a_key_of_the_operator_makes_an_account_once() {
    let folder = folder_with(&json!({"requireEAB": true}));
    let added = [(); 2].map(|()| stepless_acme(&folder, &["eab", "add", "--reference", "web team"]));
    assert!(added.iter().all(|said| said.succeeded), "{added:?}");
    let world = World::with(|validation| Authority::start_acme_on(folder, validation));
    let with = |words: &[String]| -> Vec<String> {
        world
            .standalone()
            .into_iter()
            .chain(words.iter().cloned())
            .chain(["-d".into(), "a.example".into()])
            .collect()
    };
    let (certbot, lego) = (words_for(&added[0].stdout, "certbot "), words_for(&added[1].stdout, "lego "));

    let without = world.certbot_by_http_fails(&["-d", "a.example"]);
    world.certbot(&texts(&with(&certbot)));
    judge::accept(&world.authority, &world.person, &world.of_certbot("a.example", "fullchain"), "a.example");
    let port = format!("127.0.0.1:{}", world.validation.http.address().port());
    let by_http = ["--http", "--http.port", &port, "--domains", "b.example", "run"];
    world.lego(&[&texts(&lego)[..], &by_http].concat());
    std::fs::remove_dir_all(world.person.file("certbot")).expect("certbot made it");
    let again = world.certbot_fails(&texts(&with(&certbot)));

    assert!(without.text.contains("eab") || without.problems == ["externalAccountRequired"], "{without}");
    assert!(again.text.contains("used before"), "{again}");
    let world = world.interrupted(|folder| {
        let keys = printed(folder, &["eab", "list"]);
        let keys = keys.as_array().expect("a list");
        assert_eq!(keys.len(), 2);
        for key in keys {
            assert_eq!(key["reference"], "web team");
            assert!(key["account"].is_string() && key["boundAt"].is_string(), "{key}");
            assert!(key.get("hmacKey").is_none(), "{key}");
        }
    });
    drop(world);
}

#[test]
fn o13_a_served_store_is_not_changed_beside_its_server() {
    let world = World::new(Made::SteplessInit);

    let refused = stepless_acme(&world.authority.folder, &["eab", "add"]);

    assert!(!refused.succeeded, "{refused:?}");
    for words in ["is in use", "Stop the server"] {
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
}

#[test]
fn clients_are_told_when_the_operator_asks_for_renewal() {
    let world = World::new(Made::StepCaInit);
    world.certbot_by_http(&["-d", "a.example"]);
    let leaf = unpem(&world.person.read(&world.of_certbot("a.example", "cert"))).remove(0);
    let path = format!("/acme/acme/renewal-info/{}", renewal_id(&leaf));
    let shown = |world: &World| {
        let answer = world.authority.client().send(&Request::get(&path)).expect("an answer");
        assert_eq!(answer.status, 200);
        serde_json::from_slice::<Value>(&answer.body).expect("JSON")
    };
    let usual = shown(&world);

    let ask = [
        "renewal",
        "ask",
        "--name",
        "incident",
        "--within",
        "1h",
        "--explanation-url",
        "https://ca.example/why",
    ];
    let world = world.interrupted(|folder| {
        let wish = printed(folder, &ask);
        assert_eq!(printed(folder, &["renewal", "list"]), json!([wish]));
    });
    let early = shown(&world);
    let world = world.interrupted(|folder| {
        printed(folder, &["renewal", "withdraw", "incident"]);
    });

    assert_eq!(early["explanationURL"], "https://ca.example/why");
    assert!(end(&early) < end(&usual), "{early} {usual}");
    assert_eq!(shown(&world), usual);
}

/// When a suggested window ends. Instants in UTC sort as texts.
fn end(info: &Value) -> &str {
    info["suggestedWindow"]["end"].as_str().expect("a text")
}
