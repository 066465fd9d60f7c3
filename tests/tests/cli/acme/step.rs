//! The `step` CLI as an ACME client: a certificate by http-01, then renewal by certificate and by token.

use rstest::rstest;

use super::world::World;
use crate::{authority::Made, judge};

#[rstest]
#[case::a_name(Made::StepCaInit, "s.example")]
#[case::an_address(Made::SteplessInit, "127.0.0.1")]
fn step_issues_renews_and_revokes(#[case] made: Made, #[case] name: &str) {
    let world = World::new(made);
    let (person, at) = (&world.person, world.validation.http.address().to_string());

    person.step(&[
        "ca",
        "certificate",
        name,
        "s.crt",
        "s.key",
        "--provisioner",
        "acme",
        "--http-listen",
        &at,
    ]);

    judge::accept(&world.authority, person, "s.crt", name);
    let said = person.step(&["certificate", "inspect", "--short", "s.crt"]);
    assert!(said.contains("Provisioner: acme"), "{said}");
    for proof in ["--mtls=true", "--mtls=false"] {
        let serial = person.serial("s.crt");
        person.step(&["ca", "renew", "--force", proof, "s.crt", "s.key"]);
        judge::accept(&world.authority, person, "s.crt", name);
        assert_ne!(person.serial("s.crt"), serial);
    }

    person.step(&["ca", "revoke", "--cert", "s.crt", "--key", "s.key"]);

    person.step_is_refused(&["ca", "renew", "--force", "s.crt", "s.key"]);
}

#[test]
fn step_gets_several_names_in_one_certificate() {
    let world = World::new(Made::SteplessInit);
    let at = world.validation.http.address().to_string();
    let names = ["--san", "s.example", "--san", "www.s.example"];

    world.person.step(
        &[
            &["ca", "certificate", "s.example", "s.crt", "s.key", "--provisioner", "acme"][..],
            &names,
            &["--http-listen", &at],
        ]
        .concat(),
    );

    for name in ["s.example", "www.s.example"] {
        judge::accept(&world.authority, &world.person, "s.crt", name);
    }
}
