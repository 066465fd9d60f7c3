//! What an operator can set for ACME, as clients meet it.

use serde_json::{Value, json};

use super::{
    lego::solver,
    world::{World, texts},
};
use crate::{authority::Made, judge};

#[test]
fn certbot_chooses_a_profile() {
    let world = World::with_options(&json!({
        "profiles": {
            "short": {"description": "An hour", "defaultTLSCertDuration": "1h", "maxTLSCertDuration": "1h"},
            "usual": {"description": "As always"},
        },
        "defaultProfile": "usual",
    }));
    let seconds = |name: &str, seconds: &str| {
        let file = world.of_certbot(name, "cert");
        let mut openssl = world.person.command("openssl".as_ref());
        let openssl = openssl.args(["x509", "-noout", "-checkend", seconds, "-in", &file]);
        openssl.output().expect("openssl runs").status.success()
    };

    world.certbot_by_http(&["-d", "short.example", "--required-profile", "short"]);
    world.certbot_by_http(&["-d", "unknown.example", "--preferred-profile", "nobodys"]);
    let said = world.certbot_by_http_fails(&["-d", "none.example", "--required-profile", "nobodys"]);

    assert!(!seconds("short.example", "3700"), "it has ended in an hour");
    assert!(seconds("short.example", "3000"), "it is valid for most of an hour");
    assert!(seconds("unknown.example", "80000"), "it is valid for most of a day");
    assert!(said.text.contains("nobodys") || said.problems == ["invalidProfile"], "{said}");
}

/// What is revoked has to be replaced, and renewal information says so
/// ([RFC 9773 §4.2](https://www.rfc-editor.org/rfc/rfc9773#section-4.2)).
#[test]
fn certbot_renews_at_once_what_renewal_information_says() {
    let world = World::new(Made::SteplessInit);
    for name in ["good.example", "gone.example"] {
        world.certbot_by_http(&["-d", name]);
    }
    let (good, gone) =
        (world.of_certbot("good.example", "fullchain"), world.of_certbot("gone.example", "fullchain"));
    let before = [&good, &gone].map(|chain| world.person.serial(chain));
    let certificate = world.of_certbot("gone.example", "cert");
    world.certbot(&["revoke", "--cert-path", &certificate, "--no-delete-after-revoke"]);

    let said = world.certbot(&["renew"]);

    assert!(said.contains("not due for renewal yet"), "{said}");
    assert_eq!(world.person.serial(&good), before[0], "{said}");
    assert_ne!(world.person.serial(&gone), before[1], "{said}");
    judge::accept(&world.authority, &world.person, &gone, "gone.example");
}

/// The operator wants everything renewed that has been made so far.
#[test]
fn certbot_renews_at_once_what_the_operator_wants_renewed() {
    let world = World::new(Made::StepCaInit);
    world.certbot_by_http(&["-d", "a.example"]);
    let chain = world.of_certbot("a.example", "fullchain");
    let before = world.person.serial(&chain);

    let world = world.manage(&["renewal", "ask", "--name", "incident", "--start", "-1h", "--end", "-1m"]);
    let said = world.certbot(&["renew"]);

    assert_ne!(world.person.serial(&chain), before, "{said}");
    judge::accept(&world.authority, &world.person, &chain, "a.example");
    // What was made since then is as good as any other.
    let said = world.certbot(&["renew"]);
    assert!(said.contains("not due for renewal yet"), "{said}");
}

#[test]
fn clients_bind_their_accounts_to_keys_of_the_operator() {
    let options = json!({"requireEAB": true, "termsOfService": "https://terms.example/", "website": "https://ca.example/"});
    let (world, keys) = World::managed(&options, &[&["eab", "add"], &["eab", "add"]]);
    let (ids, secrets) = (part(&keys, "id"), part(&keys, "hmacKey"));

    let said = world.certbot_by_http_fails(&["-d", "a.example"]);
    assert!(said.text.contains("external account binding"), "{said}");
    let said = world.certbot_by_http_fails(&[
        "-d",
        "a.example",
        "--eab-kid",
        &ids[0],
        "--eab-hmac-key",
        &secrets[1],
    ]);
    assert_eq!(said.problems, ["unauthorized"], "{said}");
    world.certbot_by_http(&["-d", "a.example", "--eab-kid", &ids[0], "--eab-hmac-key", &secrets[0]]);
    judge::accept(&world.authority, &world.person, &world.of_certbot("a.example", "fullchain"), "a.example");

    let solver = solver(&world, "http");
    let lego = |id: &str, secret: &str| {
        let eab = ["--eab", "--kid", id, "--hmac", secret, "--domains", "b.example", "run"];
        [&solver.each_ref().map(String::as_str)[..], &eab]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let said = world.lego_fails(&texts(&lego(&ids[0], &secrets[0])));
    assert_eq!(said.problems, ["unauthorized"], "a key binds one account: {said}");
    world.lego(&texts(&lego(&ids[1], &secrets[1])));
    judge::accept(&world.authority, &world.person, "lego/certificates/b.example.crt", "b.example");
}

/// A member of each of the objects that were printed.
fn part(printed: &[Value], member: &str) -> Vec<String> {
    let text = |object: &Value| {
        object[member].as_str().unwrap_or_else(|| panic!("no {member} in {object}")).to_owned()
    };
    printed.iter().map(text).collect()
}

/// The server refuses good nonces at random. certbot goes on with another one.
#[test]
fn certbot_gets_over_a_refused_nonce() {
    let world = World::with_options(&json!({"testing": {"badNonceRate": 5}}));
    let standalone = world.standalone();
    let once = || world.certbot_says(&[&texts(&standalone)[..], &["-d", "a.example"]].concat()).succeeded;

    assert!((0..TRIES).any(|_| once()), "not once in {TRIES} times");

    judge::accept(&world.authority, &world.person, &world.of_certbot("a.example", "fullchain"), "a.example");
}

/// certbot sends what was refused a second time, and no third time; so it may fail, but not so often.
const TRIES: u32 = 4;
