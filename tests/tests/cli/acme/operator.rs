//! What an operator does with `stepless acme`, as the store and every client show it.

use serde_json::{Value, json};
use stepless_tests::{Request, acme::renewal_id::renewal_id, asn1::unpem, programs};

use super::world::World;
use crate::authority::Made;

#[test]
fn o13_a_served_store_is_not_changed_beside_its_server() {
    let world = World::new(Made::SteplessInit);
    let config = world.authority.folder.config_path().display().to_string();

    let refused = world.person.run(&programs::stepless(), &["acme", "eab", "add", "--config", &config]);

    assert!(!refused.succeeded, "{refused:?}");
    for words in ["is in use", "Stop the server"] {
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
}

#[test]
fn clients_are_told_when_the_operator_asks_for_renewal() {
    let mut world = World::new(Made::StepCaInit);
    world.certbot_by_http(&["-d", "a.example"]);
    let leaf = unpem(&world.person.read(&world.of_certbot("a.example", "cert"))).remove(0);
    let path = format!("/acme/acme/renewal-info/{}", renewal_id(&leaf));
    let shown = |world: &World| {
        let answer = world.authority.client().send(&Request::get(&path)).expect("an answer");
        assert_eq!(answer.status, 200);
        serde_json::from_slice::<Value>(&answer.body).expect("JSON")
    };
    let usual = shown(&world);
    let why = "https://ca.example/why";
    let ask = ["renewal", "ask", "--name", "incident", "--within", "1h", "--explanation-url", why];

    let printed = world.authority.managed(&world.validation, &[&ask, &["renewal", "list"]]);
    let early = shown(&world);
    world.authority.managed(&world.validation, &[&["renewal", "withdraw", "incident"]]);

    assert_eq!(printed[1], json!([printed[0]]));
    assert_eq!(early["explanationURL"], why);
    assert!(end(&early) < end(&usual), "{early} {usual}");
    assert_eq!(shown(&world), usual);
}

/// When a suggested window ends. Instants in UTC sort as texts.
fn end(info: &Value) -> &str {
    info["suggestedWindow"]["end"].as_str().expect("a text")
}
