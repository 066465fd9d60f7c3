//! A server that runs for longer than a test may: its clock is set forward.

use std::{
    thread,
    time::{Duration, Instant},
};

use stepless_tests::{Program, Server, serverless};

use crate::{
    authority::{Authority, Made},
    step::Person,
};

#[test]
fn o4_a_server_that_runs_for_most_of_a_day_shows_a_new_certificate() {
    let folder = Made::SteplessInit.folder();
    let clock = serverless::fake_clock(0);
    let environment = clock.environment();
    let variables: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_ref())).collect();
    let server = Server::start_in(Program::Stepless, &folder, &[], &variables);
    let authority = Authority { server, folder };
    let person = Person::new();
    let first = shown(&authority, &person);

    clock.set(17 * 3600).expect("the clock's folder is ours");
    let begin = Instant::now();
    let mut second = shown(&authority, &person);
    while second == first && begin.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(500));
        second = shown(&authority, &person);
    }

    assert_ne!(second, first, "{}", authority.server.log());
    let variables = environment.iter().map(|(name, value)| format!("{name}={value}"));
    let judge = format!("{} -verify_return_error", s_client(&authority));
    let command: Vec<String> = variables.chain(["sh", "-c", &judge].map(str::to_owned)).collect();
    let verdict = person.program("env", &command.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(verdict.contains("Verify return code: 0 (ok)"), "{verdict}");
}

/// The serial number of the certificate that a new connection is shown.
fn shown(authority: &Authority, person: &Person) -> String {
    let command = format!("{} | openssl x509 -noout -serial", s_client(authority));
    person.program("sh", &["-c", &command])
}

fn s_client(authority: &Authority) -> String {
    format!(
        "openssl s_client -connect {} -CAfile '{}' </dev/null",
        authority.server.address(),
        authority.root_file()
    )
}

/// The server looks at its clock every half minute.
const LIMIT: Duration = Duration::from_secs(60);
