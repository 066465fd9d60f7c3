//! What a warm process keeps from one request to the next, and what nobody keeps: no identity, no token, no key.

use std::{fs, thread};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use stepless_tests::{
    certificate::{Parts, serial_of},
    serverless::Options,
};

use crate::world::{Flow, World, assert_step_json, chain, text};

/// Good and bad requests of many clients, one after the other in the same process and all at once: each gets what is its
/// own.
#[test]
fn l9_one_process_never_takes_one_client_for_another() {
    let world = World::with(Options { concurrency: 1, ..Options::default() });
    let asked: Vec<_> =
        (0..ROUNDS).map(|_| [world.prepare(Flow::Renew), world.prepare(Flow::Sign)]).collect();

    thread::scope(|scope| {
        for pair in &asked {
            scope.spawn(move || {
                for one in pair {
                    let answer = one.send();
                    one.assert_done(&answer);
                    let parts = Parts::of(&chain(&answer)[0]);
                    let subject = parts.fixed.iter().find(|(part, _)| part == "subject").expect("it has one");
                    assert!(subject.1.contains(&hex_of(&one.name)), "{} got {subject:?}", one.name);
                }
                assert_step_json(&pair[1].send(), 401);
            });
        }
    });

    assert_eq!(world.authority.server.processes("renew").len(), 1, "one process served them all");
    let log = world.authority.server.log();
    for pair in &asked {
        let issued = world.table().issued(&pair[1].name);
        assert_eq!(issued.len(), 1);
        let line = log.lines().find(|line| line.contains(&pair[1].name)).expect("the log tells of it");
        assert!(line.contains(&serial_of(&issued[0])), "the log names its own certificate: {line}");
    }
}

/// The table is read by whoever backs it up. What would let them in is not there.
#[test]
fn l16_no_token_and_no_private_key_lies_in_the_table_or_in_an_environment() {
    let world = World::new();
    let mut tokens = Vec::new();
    for flow in [Flow::Sign, Flow::RenewByToken, Flow::Revoke] {
        let asked = world.prepare(flow);
        let bearer = asked.request.headers.iter().find_map(|(_, value)| value.strip_prefix("Bearer "));
        let body: Value =
            serde_json::from_slice(asked.request.body.as_deref().unwrap_or_default()).unwrap_or_default();
        tokens.push(bearer.or(body["ott"].as_str()).expect("a token is in the request").to_owned());
        let answer = asked.send();
        asked.assert_done(&answer);
    }

    let mut kept = world.table().items().iter().map(all_text).collect::<Vec<_>>();
    for function in ["info", "sign", "renew", "revoke"] {
        for process in world.authority.server.processes(function) {
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            kept.push(String::from_utf8_lossy(&environment).into_owned());
        }
    }
    kept.push(world.authority.server.log());

    assert!(kept.len() > tokens.len());
    for text in &kept {
        assert!(!text.contains("PRIVATE KEY"), "a private key lies in {text}");
        for token in &tokens {
            let signature = token.rsplit('.').next().expect("a token has parts");
            assert!(!text.contains(signature), "a token lies in {text}");
        }
    }
}

/// No key of an issuer or of a root is in a file of the operator's, either.
#[test]
fn the_only_keys_of_an_authority_on_kms_are_in_kms() {
    let world = World::new();
    let folder = &world.authority.folder;

    assert!(!folder.path().join("secrets").exists());
    let key = folder.config()["key"].as_str().expect("the configuration names the key").to_owned();
    assert!(key.starts_with("awskms:"), "{key}");
    let asked = world.prepare(Flow::Sign);
    let before = world.kms.count("Sign");
    let answer = asked.send();
    assert_eq!(answer.status, 201, "{}", text(&answer));
    assert_eq!(world.kms.count("Sign"), before + 1);
}

/// Every text in an item, and what its bytes say.
fn all_text(item: &Value) -> String {
    let bytes =
        item["value"]["B"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()).unwrap_or_default();
    format!("{item} {}", String::from_utf8_lossy(&bytes))
}

fn hex_of(text: &str) -> String {
    text.bytes().map(|octet| format!("{octet:02x}")).collect()
}

/// Clients at once; the process is asked one request at a time.
const ROUNDS: usize = 8;
