//! The server as a process: how it starts, refuses to start, and stops.

use std::{
    fs,
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{CaFolder, Request, programs, server::reserved_address};

use crate::{
    authority::{Authority, Made},
    judge,
    step::{Person, Said},
};

#[rstest]
fn a_terminated_server_ends_cleanly(#[values("TERM", "INT")] signal: &str) {
    let mut authority = Authority::start(Made::StepCaInit);

    let status = authority.server.end_by_signal(signal);

    assert!(status.success(), "{status}\n{}", authority.server.log());
}

#[test]
fn a_hangup_does_not_end_the_server() {
    let mut authority = Authority::start(Made::SteplessInit);
    let pid = authority.server.pid().to_string();

    assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill runs").success());

    let deadline = Instant::now() + Duration::from_secs(20);
    while !authority.server.log().contains("SIGHUP") {
        assert!(Instant::now() < deadline, "{}", authority.server.log());
        thread::sleep(Duration::from_millis(50));
    }
    let health = authority.client().send(&Request::get("/health")).expect("it still serves");
    assert_eq!(health.status, 200);
    assert!(authority.server.end_by_signal("TERM").success(), "{}", authority.server.log());
}

#[test]
fn a_configuration_with_a_bbolt_database_starts() {
    let folder = Made::StepCaInit.folder();
    let file = folder.path().join("step.db");
    fs::write(&file, "of another program").expect("the folder is ours");
    let source = file.display().to_string();
    folder.edit(|config| config["db"] = json!({"type": "bbolt", "dataSource": source}));

    let authority = Authority::start_on(folder);

    assert!(authority.folder.path().join("stepless.redb").is_file());
    assert!(authority.server.log().contains("another program"), "{}", authority.server.log());
    assert_eq!(fs::read_to_string(&file).expect("it is still there"), "of another program");
}

/// Somebody's connection that says nothing must not keep the machine from shutting down.
#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut authority = Authority::start(Made::StepCaInit);
    let person = Person::new();
    let mut idle = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-connect",
            &authority.server.address().to_string(),
            "-CAfile",
            &authority.root_file(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl runs");
    person.program(
        "curl",
        &["-sS", "--cacert", &authority.root_file(), &format!("{}/health", authority.server.url())],
    );

    let status = authority.server.end_by_signal("TERM");

    assert!(status.success(), "{status}");
    let _ = idle.kill();
    idle.wait().expect("it was ours to end");
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let mut authority = Authority::start(Made::StepCaInit);
    let slow = slow_request(&authority);
    // Long enough for the first half of the body to arrive, well before the second.
    thread::sleep(Duration::from_millis(1000));

    let status = authority.server.end_by_signal("TERM");

    assert_eq!(answer_of(slow), "400", "an empty request is a bad one, but it is answered");
    assert!(status.success(), "{status}");
}

#[test]
fn o13_a_second_server_on_the_same_database_refuses_to_start() {
    let authority = Authority::start(Made::StepCaInit);
    let person = Person::of(&authority);
    let mut config = authority.folder.config();
    let reserved = reserved_address();
    config["address"] = reserved.address().to_string().into();
    let second = authority.folder.path().join("config/second.json");
    fs::write(&second, config.to_string()).expect("the folder is ours");

    let said = serve(
        &person,
        &second.display().to_string(),
        &authority.folder.password_file().display().to_string(),
    );

    assert!(!said.succeeded, "{said:?}");
    assert!(
        said.stderr.contains(&authority.folder.path().join("db").display().to_string()),
        "it names the database: {said:?}"
    );
    let (certificate, _) = person.certificate("a.example");
    judge::accept(&authority, &person, &certificate, "a.example");
}

#[test]
fn o13_the_store_of_a_running_server_is_not_changed_beside_it() {
    let folder = CaFolder::init_by_stepless_with(&["--acme"]);
    let mut authority = Authority::start_on(folder);
    let config = authority.folder.config_path().display().to_string();
    let person = Person::new();
    let add = || person.run(&programs::stepless(), &["acme", "eab", "add", "--config", &config]);

    let refused = add();
    authority.server.end_by_signal("TERM");
    let added = add();

    assert!(!refused.succeeded, "{refused:?}");
    for words in ["is in use", "Stop the server"] {
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    assert!(added.succeeded && added.stdout.contains("--eab-hmac-key"), "{added:?}");
}

#[rstest]
fn a_wrong_password_says_so(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let folder = made.folder();
    let person = Person::new();
    person.write("wrong", "open sesame");

    let said = serve(&person, &folder.config_path().display().to_string(), "wrong");

    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains("password"), "{said:?}");
    assert!(said.stderr.contains("intermediate_ca_key"), "it names the key: {said:?}");
    assert!(!said.stderr.contains("open sesame"), "{said:?}");
}

#[test]
fn a_password_file_that_is_not_there_is_named() {
    let folder = CaFolder::init(&[]);

    let said = serve(&Person::new(), &folder.config_path().display().to_string(), "nowhere");

    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains("nowhere"), "{said:?}");
}

#[rstest]
#[case::a_duration("/authority/claims/maxTLSCertDuration", json!("long"), "authority.claims.maxTLSCertDuration")]
#[case::an_address("/address", json!(["127.0.0.1:0"]), "address")]
#[case::a_provisioner("/authority/provisioners/0/key", json!("none"), "authority.provisioners[0]")]
fn a_wrong_value_stops_the_start_and_is_named(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] path: &str,
) {
    let folder = CaFolder::init(&[]);
    folder.edit(|config| {
        config["authority"]["claims"] = json!({"maxTLSCertDuration": "24h"});
        *config.pointer_mut(pointer).expect("the file has that member") = value;
    });

    let said = serve(
        &Person::new(),
        &folder.config_path().display().to_string(),
        &folder.password_file().display().to_string(),
    );

    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains(path), "{path} is missing in {said:?}");
}

#[test]
fn o2_an_unknown_key_warns_with_its_path_and_serves() {
    let folder = CaFolder::init(&[]);
    folder.edit(|config| config["authority"]["enableMagic"] = true.into());

    let authority = Authority::start_on(folder);

    assert!(authority.server.log().contains("authority.enableMagic"), "{}", authority.server.log());
}

#[test]
fn o14_no_header_changes_the_address_in_the_log() {
    let authority = Authority::start(Made::StepCaInit);
    let forged = "203.0.113.9";
    let mut arguments = vec!["-sS".to_owned(), "--cacert".to_owned(), authority.root_file()];
    for header in ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP"] {
        let value = if header == "Forwarded" { format!("for={forged}") } else { forged.to_owned() };
        arguments.extend(["-H".to_owned(), format!("{header}: {value}")]);
    }
    arguments.push(format!("{}/version", authority.server.url()));

    Person::new().program("curl", &arguments.iter().map(String::as_str).collect::<Vec<_>>());

    let log = authority.server.log();
    let line = log.lines().find(|line| line.contains("/version")).expect("the request is logged");
    assert!(line.contains("127.0.0.1:") && !log.contains(forged), "{line}");
}

#[test]
fn the_program_says_its_version() {
    let said = Person::new().run(&programs::stepless(), &["--version"]);

    assert!(said.succeeded, "{said:?}");
    assert_eq!(said.stdout.trim(), concat!("stepless ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_is_named() {
    let said = Person::new().run(&programs::stepless(), &["server"]);

    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains("server") && said.stderr.contains("serve"), "{said:?}");
}

/// Runs `stepless serve` where it is expected to end by itself.
fn serve(person: &Person, config: &str, password_file: &str) -> Said {
    person.run(&programs::stepless(), &["serve", config, "--password-file", password_file])
}

/// A `POST /sign` whose body takes three seconds to send.
fn slow_request(authority: &Authority) -> Child {
    let command = format!(
        "(printf '{{\"csr\":'; sleep 3; printf '\"\"}}') | \
         curl -sS -o /dev/null -w '%{{http_code}}' --cacert '{}' -X POST -H 'Expect:' -T - '{}/sign'",
        authority.root_file(),
        authority.server.url(),
    );
    Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the shell runs")
}

fn answer_of(mut child: Child) -> String {
    let mut said = String::new();
    child.stdout.take().expect("it was piped").read_to_string(&mut said).expect("curl prints text");
    child.wait().expect("it was ours to wait for");
    said
}
