//! A server that runs for longer than a test may: Debian's faketime sets its clock forward.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use stepless_tests::{Program, Server, programs};

use crate::{
    authority::{Authority, Made},
    step::Person,
};

#[test]
fn o4_a_server_that_runs_for_most_of_a_day_shows_a_new_certificate() {
    let folder = Made::SteplessInit.folder();
    let clock = folder.path().join("clock");
    fs::write(&clock, "+0").expect("the folder is ours");
    let server = Server::start_in(
        Program::Stepless,
        &folder,
        &[],
        &[
            ("LD_PRELOAD", library().as_ref()),
            ("FAKETIME_TIMESTAMP_FILE", clock.as_os_str()),
            ("FAKETIME_CACHE_DURATION", "1".as_ref()),
            // Timers go on running; only the time of day is another.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
        ],
    );
    let authority = Authority { server, folder };
    let person = Person::new();
    let first = shown(&authority, &person);

    fs::write(&clock, "+17h").expect("the folder is ours");
    let begin = Instant::now();
    let mut second = shown(&authority, &person);
    while second == first && begin.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(500));
        second = shown(&authority, &person);
    }

    assert_ne!(second, first, "{}", authority.server.log());
    let verdict = person.program(
        "faketime",
        &["-f", "+17h", "sh", "-c", &format!("{} -verify_return_error", s_client(&authority))],
    );
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

/// The library that `faketime` loads into a program, in its variant for programs with threads.
fn library() -> String {
    let mut asked = Command::new("faketime");
    asked.args(["-m", "-f", "+0", "sh", "-c", "printf %s \"$LD_PRELOAD\""]);
    let library = String::from_utf8(programs::output(&mut asked)).expect("a path is text");
    assert!(Path::new(&library).is_absolute(), "faketime loads {library:?}");
    library
}

/// The server looks at its clock every half minute.
const LIMIT: Duration = Duration::from_secs(60);
