//! What an operator can set for ACME, as clients meet it.

use serde_json::json;

use super::world::{World, texts};
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
