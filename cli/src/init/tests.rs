use clap::Parser;
use clap::error::ErrorKind;
use stepless_core::config::{AcmeOptions, CaConfig, ProvisionerDetails};

use super::*;
use crate::args::{Arguments, Command};

const IN_A_FOLDER: [&str; 10] = [
    "stepless",
    "init",
    "--name",
    "Test",
    "--dns",
    "localhost",
    "--address",
    "127.0.0.1:0",
    "--provisioner",
    "admin",
];

fn arguments(more: &[&str]) -> Result<InitArguments, clap::Error> {
    match Arguments::try_parse_from([&IN_A_FOLDER, more].concat())?.command {
        Command::Init(arguments) => Ok(*arguments),
        other => panic!("{other:?}"),
    }
}

/// Makes an authority in a folder; the configuration that it has.
async fn made(arguments: &InitArguments) -> CaConfig {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path()).unwrap();
    make(&folder, &Plan::of(arguments), &SecretBytes::new(b"a password".to_vec())).await.unwrap();
    let text = std::fs::read_to_string(folder.config()).unwrap();
    let (config, warnings) = CaConfig::parse_strict(&text).unwrap();
    assert_eq!(warnings, []);
    config
}

#[tokio::test]
async fn an_authority_has_an_acme_provisioner_when_it_is_asked_for() {
    let with = made(&arguments(&["--acme"]).unwrap()).await;
    let without = made(&arguments(&[]).unwrap()).await;

    let [admin, acme] = with.authority.provisioners.as_slice() else { panic!("two") };
    assert_eq!((admin.name.as_str(), acme.name.as_str()), ("admin", "acme"));
    assert_eq!((&admin.refusal, &acme.refusal), (&None, &None));
    let ProvisionerDetails::Acme(options) = &acme.details else { panic!("{:?}", acme.details) };
    assert_eq!(**options, AcmeOptions::default());
    let names: Vec<_> = without.authority.provisioners.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["admin"]);
}

#[test]
fn the_first_provisioner_cannot_have_the_name_of_the_acme_provisioner() {
    let mut arguments = arguments(&["--acme"]).unwrap();
    arguments.provisioner = Some("acme".to_owned());

    let refused = Plan::of(&arguments).check().unwrap_err();

    assert!(refused.to_string().starts_with("--provisioner \"acme\": with --acme "), "{refused}");
    arguments.acme = false;
    Plan::of(&arguments).check().unwrap();
}

#[test]
fn the_provisioners_of_a_moved_configuration_are_those_that_it_has() {
    let moving = [
        "stepless",
        "init",
        "--name",
        "Test",
        "--kms",
        "awskms:",
        "--store",
        "dynamodb:ca",
        "--root",
        "root.crt",
        "--root-key",
        "root.key",
        "--from",
        "ca.json",
    ];

    Arguments::try_parse_from(moving).unwrap();
    let refused = Arguments::try_parse_from([&moving[..], &["--acme"]].concat()).unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::ArgumentConflict, "{refused}");
}
