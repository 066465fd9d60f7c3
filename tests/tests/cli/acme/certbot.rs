//! certbot: it gets certificates, renews and revokes them, and looks after its account.

use std::fs;

use rstest::rstest;

use super::world::{NEW_ACCOUNT, World};
use crate::{authority::Made, judge};

#[rstest]
fn certbot_issues_renews_and_revokes_by_http(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let world = World::new(made);
    let (person, chain) = (&world.person, world.of_certbot("a.example", "fullchain"));

    world.certbot_by_http(&["-d", "a.example", "-d", "b.example"]);

    for name in ["a.example", "b.example"] {
        judge::accept(&world.authority, person, &chain, name);
    }
    let said = person.step(&["certificate", "inspect", "--short", &chain]);
    assert!(said.contains("Provisioner: acme"), "{said}");
    let serial = person.serial(&chain);

    world.certbot(&["renew", "--force-renewal"]);

    judge::accept(&world.authority, person, &chain, "b.example");
    assert_ne!(person.serial(&chain), serial);
    let key = world.of_certbot("a.example", "privkey");
    person.step(&["ca", "renew", "--force", "--out", "renewed.crt", &chain, &key]);

    let certificate = world.of_certbot("a.example", "cert");
    let revoke =
        ["revoke", "--cert-path", &certificate, "--reason", "superseded", "--no-delete-after-revoke"];
    let said = world.certbot(&revoke);

    assert!(said.contains("successfully revoked"), "{said}");
    let refusal = person.step_is_refused(&["ca", "renew", "--force", &chain, &key]);
    assert!(refusal.contains("lacked necessary authorization"), "{refusal}");
    let again = world.certbot_fails(&revoke);
    assert_eq!(again.problems, ["alreadyRevoked"], "{again}");
}

/// Whoever has a certificate's key may revoke it ([RFC 8555 §7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6)).
#[test]
fn certbot_revokes_with_the_key_of_the_certificate() {
    let world = World::new(Made::StepCaInit);
    world.certbot_by_http(&["-d", "a.example"]);
    let (certificate, key) =
        (world.of_certbot("a.example", "cert"), world.of_certbot("a.example", "privkey"));
    // A stranger who found both files has no account.
    fs::remove_dir_all(world.person.file("certbot/config/accounts")).expect("certbot made it");

    let said = world.certbot(&[
        "revoke",
        "--cert-path",
        &certificate,
        "--key-path",
        &key,
        "--reason",
        "keycompromise",
        "--no-delete-after-revoke",
    ]);

    assert!(said.contains("successfully revoked"), "{said}");
    let chain = world.of_certbot("a.example", "fullchain");
    world.person.step_is_refused(&["ca", "renew", "--force", &chain, &key]);
    // A compromised key gets no other certificate.
    let request = request_with(&world, &key);
    let said = world.certbot_by_http_fails(&["-d", "b.example", "--csr", &request]);
    assert_eq!(said.problems, ["badCSR"], "{said}");
}

#[test]
fn certbot_gets_a_wildcard_by_dns() {
    let world = World::new(Made::SteplessInit);
    let hook = world.script("hook", HOOK).display().to_string();

    world.certbot(
        &[
            &["certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", &hook][..],
            &["-d", "*.w.example", "-d", "w.example"],
            &NEW_ACCOUNT,
        ]
        .concat(),
    );

    let chain = world.of_certbot("w.example", "fullchain");
    for name in ["w.example", "one.w.example"] {
        judge::accept(&world.authority, &world.person, &chain, name);
    }
    assert_eq!(world.person.read("hook.log"), "w.example\nw.example\n", "a proof for each of them");
}

#[test]
fn certbot_gets_a_certificate_for_an_address() {
    let world = World::new(Made::StepCaInit);

    world.certbot_by_http(&["--ip-address", "127.0.0.1"]);

    let chain = world.of_certbot("127.0.0.1", "fullchain");
    judge::accept(&world.authority, &world.person, &chain, "127.0.0.1");
}

#[rstest]
fn certbot_gets_the_kind_of_key_it_asks_for(
    #[values(&["rsa", "--rsa-key-size", "3072"], &["ecdsa", "--elliptic-curve", "secp384r1"])]
    kind: &[&str],
) {
    let world = World::new(Made::StepCaInit);

    world.certbot_by_http(&[&["-d", "a.example", "--key-type"], kind].concat());

    judge::accept(&world.authority, &world.person, &world.of_certbot("a.example", "fullchain"), "a.example");
}

#[test]
fn certbot_looks_after_its_account() {
    let world = World::new(Made::SteplessInit);
    world.certbot(&[&["register"][..], &NEW_ACCOUNT].concat());

    world.certbot(&["update_account", "-m", "other@mail.example", "--no-eff-email"]);
    let shown = world.certbot(&["show_account"]);
    assert!(shown.contains("other@mail.example"), "{shown}");
    let left = world.certbot(&["unregister"]);
    assert!(left.contains("deactivated"), "{left}");

    // What it has no longer is no way in, and a new account is.
    world.certbot_by_http(&["-d", "a.example"]);
    judge::accept(&world.authority, &world.person, &world.of_certbot("a.example", "fullchain"), "a.example");
}

/// A request of openssl's for a key of certbot's; gives its path.
fn request_with(world: &World, key: &str) -> String {
    world.person.program(
        "openssl",
        &[
            "req",
            "-new",
            "-key",
            key,
            "-subj",
            "/CN=b.example",
            "-addext",
            "subjectAltName=DNS:b.example",
            "-out",
            "b.csr",
        ],
    );
    "b.csr".to_owned()
}

/// Adds the record that certbot wants to be found; two of them may stand side by side.
const HOOK: &str = r#"#!/bin/sh
set -e
echo "$CERTBOT_DOMAIN" >> hook.log
knsupdate <<UPDATE
server ${NAMES%:*} ${NAMES#*:}
zone example.
add _acme-challenge.$CERTBOT_DOMAIN. 1 TXT "$CERTBOT_VALIDATION"
send
UPDATE
"#;
