//! lego: it gets certificates by each kind of challenge, renews and revokes them.

use rstest::rstest;

use super::world::World;
use crate::{authority::Made, judge};

#[rstest]
#[case::by_http(Made::SteplessInit, "http")]
#[case::by_tls_alpn(Made::StepCaInit, "tls")]
fn lego_issues_renews_and_revokes(#[case] made: Made, #[case] by: &str) {
    let world = World::new(made);
    let (person, chain) = (&world.person, "lego/certificates/a.example.crt");
    let solver = solver(&world, by);
    let solver =
        [&solver.each_ref().map(String::as_str)[..], &["--domains", "a.example", "--domains", "b.example"]]
            .concat();

    world.lego(&[&solver[..], &["run"]].concat());

    for name in ["a.example", "b.example"] {
        judge::accept(&world.authority, person, chain, name);
    }
    let serial = person.serial(chain);

    world.lego(&[&solver[..], &["renew", "--days", "90", "--no-random-sleep"]].concat());

    judge::accept(&world.authority, person, chain, "b.example");
    assert_ne!(person.serial(chain), serial);

    let said = world.lego(&["--domains", "a.example", "revoke", "--keep", "--reason", "4"]);

    assert!(said.contains("Certificate was revoked"), "{said}");
    let key = "lego/certificates/a.example.key";
    let refusal = person.step_is_refused(&["ca", "renew", "--force", chain, key]);
    assert!(refusal.contains("lacked necessary authorization"), "{refusal}");
}

#[test]
fn lego_gets_a_wildcard_by_dns() {
    let world = World::new(Made::StepCaInit);
    world.script("hook", HOOK);
    let resolver = world.validation.resolver.to_string();

    world.lego(&[
        "--dns",
        "exec",
        "--dns.resolvers",
        &resolver,
        "--dns.disable-cp",
        "--domains",
        "*.d.example",
        "--domains",
        "d.example",
        "run",
    ]);

    for name in ["d.example", "one.d.example"] {
        judge::accept(&world.authority, &world.person, "lego/certificates/_.d.example.crt", name);
    }
    let hook = world.person.read("hook.log");
    assert_eq!(hook.matches("present _acme-challenge.d.example.").count(), 2, "{hook}");
}

#[rstest]
fn lego_gets_a_certificate_for_a_key_of_its_kind(#[values("rsa2048", "ec384")] kind: &str) {
    let world = World::new(Made::StepCaInit);
    let solver = solver(&world, "http");
    let solver =
        [&solver.each_ref().map(String::as_str)[..], &["--domains", "a.example", "--key-type", kind]]
            .concat();

    // The key of the account is of that kind, too.
    world.lego(&[&solver[..], &["run"]].concat());

    judge::accept(&world.authority, &world.person, "lego/certificates/a.example.crt", "a.example");
}

/// The flags of a solver.
pub(super) fn solver(world: &World, by: &str) -> [String; 3] {
    let at = if by == "http" { &world.validation.http } else { &world.validation.tls };
    [format!("--{by}"), format!("--{by}.port"), at.address().to_string()]
}

/// Adds and removes the record that lego wants to be found.
const HOOK: &str = r#"#!/bin/sh
set -e
echo "$1 $2" >> hook.log
case $1 in
present) change=add ;;
cleanup) change=del ;;
esac
knsupdate <<UPDATE
server ${NAMES%:*} ${NAMES#*:}
zone example.
$change $2 1 TXT "$3"
send
UPDATE
"#;
