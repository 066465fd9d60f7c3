//! `stepless quickstart`, followed by a newcomer who copies what it prints.

use std::{
    fs::{self, File},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use stepless_tests::{programs, server::reserved_address};

use crate::{judge, step::Person};

#[test]
fn a_newcomer_gets_a_certificate_and_every_printed_command_works() {
    let person = Person::new();
    let quickstart = Quickstart::start(&person);

    let printed = quickstart.printed();
    let fingerprint = person.step(&["certificate", "fingerprint", "ca/certs/root_ca.crt"]);
    assert!(printed.contains(fingerprint.trim()), "{printed}");

    let certificate = first_certificate(&person, &printed);
    let name = person.inspect(&certificate)["names"][0].as_str().expect("it has a name").to_owned();
    judge::accept_chain(
        &person,
        &certificate,
        &person.file("ca/certs/root_ca.crt").display().to_string(),
        &name,
    );

    let commands = commands(&printed);
    assert!(commands.iter().any(|line| line.starts_with("step ca bootstrap")), "{printed}");
    assert!(commands.iter().any(|line| line.starts_with("step ca certificate")), "{printed}");
    assert!(commands.iter().any(|line| line.starts_with("curl")), "{printed}");
    for line in commands {
        person.program("sh", &["-c", &line]);
    }
}

#[test]
fn a_second_quickstart_keeps_the_authority_of_the_first() {
    let person = Person::new();
    drop(Quickstart::start(&person));
    let root = person.read("ca/certs/root_ca.crt");

    let again = Quickstart::start(&person);

    assert_eq!(person.read("ca/certs/root_ca.crt"), root);
    let fingerprint = person.step(&["certificate", "fingerprint", "ca/certs/root_ca.crt"]);
    assert!(again.printed().contains(fingerprint.trim()), "{}", again.printed());
}

/// A name that no resolver knows must not keep the newcomer from a certificate.
#[test]
fn a_quickstart_for_a_name_that_is_not_resolved_works() {
    let person = Person::new();

    let quickstart = Quickstart::start_with(&person, "ca", &["--dns", "ca.invalid"]);

    let printed = quickstart.printed();
    assert!(printed.contains("https://ca.invalid:"), "{printed}");
    first_certificate(&person, &printed);
}

#[test]
fn printed_commands_work_for_a_folder_with_a_space_and_a_quote() {
    let person = Person::new();

    let quickstart = Quickstart::start_with(&person, "my ca's", &["--provisioner", "the admin"]);

    for line in commands(&quickstart.printed()) {
        person.program("sh", &["-c", &line]);
    }
}

#[test]
fn a_half_made_folder_is_left_alone_and_the_newcomer_told_what_to_do() {
    let person = Person::new();
    fs::create_dir_all(person.file("ca/certs")).expect("the folder is ours");
    fs::write(person.file("ca/certs/root_ca.crt"), "half").expect("the folder is ours");

    let address = reserved_address();
    let said = person.run(
        &programs::stepless(),
        &["quickstart", "--dir", "ca", "--address", &address.address().to_string()],
    );

    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains("interrupted") && said.stderr.contains("root_ca.crt"), "{said:?}");
    assert_eq!(person.read("ca/certs/root_ca.crt"), "half");
    assert!(!person.file("ca/secrets").exists(), "nothing was made");
}

/// An interruption before the first key leaves nothing but a password, which the next run goes on with.
#[test]
fn a_quickstart_goes_on_with_the_password_of_an_interrupted_one() {
    let person = Person::new();
    fs::create_dir_all(person.file("ca/secrets")).expect("the folder is ours");
    fs::write(person.file("ca/secrets/password"), "of the first run\n").expect("the folder is ours");

    let quickstart = Quickstart::start(&person);

    first_certificate(&person, &quickstart.printed());
    assert_eq!(person.read("ca/secrets/password"), "of the first run\n");
}

/// A running `stepless quickstart`, ended when dropped.
struct Quickstart<'a> {
    child: Child,
    person: &'a Person,
}

impl<'a> Quickstart<'a> {
    /// Starts it and waits until it has printed its commands.
    fn start(person: &'a Person) -> Self {
        Self::start_with(person, "ca", &[])
    }

    fn start_with(person: &'a Person, folder: &str, more: &[&str]) -> Self {
        let _ = fs::remove_file(person.file("printed"));
        let file = File::create(person.file("printed")).expect("the folder is ours");
        let errors = file.try_clone().expect("a file has a second handle");
        let address = reserved_address();
        let child = person
            .command(&programs::stepless())
            .args(["quickstart", "--dir", folder, "--address", &address.address().to_string()])
            .args(more)
            .stdout(file)
            .stderr(errors)
            .stdin(Stdio::null())
            .spawn()
            .expect("quickstart starts");
        let mut quickstart = Self { child, person };
        quickstart.wait();
        quickstart
    }

    fn printed(&self) -> String {
        self.person.read("printed")
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + START_LIMIT;
        // The command with curl is the last of the three, so that all are there when it is.
        while commands(&self.printed()).len() < 3 {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("quickstart ended with {status}:\n{}", self.printed());
            }
            assert!(Instant::now() < deadline, "quickstart printed no commands:\n{}", self.printed());
            thread::sleep(Duration::from_millis(50));
        }
        // A line may be half written.
        thread::sleep(Duration::from_millis(300));
    }
}

impl Drop for Quickstart<'_> {
    fn drop(&mut self) {
        // `timeout` stands before the program and passes this on; a kill would leave the server behind.
        let _ = std::process::Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// The lines a newcomer would copy, without their prompt; a backslash continues one.
fn commands(printed: &str) -> Vec<String> {
    let joined = printed.replace("\\\n", " ");
    joined
        .lines()
        .map(|line| line.trim().trim_start_matches("$ "))
        .filter(|line| line.starts_with("step ") || line.starts_with("curl "))
        .map(str::to_owned)
        .collect()
}

/// The path of the certificate that quickstart says it has issued.
fn first_certificate(person: &Person, printed: &str) -> String {
    printed
        .split(|c: char| c.is_whitespace() || "\"'`:,".contains(c))
        .filter(|word| {
            word.ends_with(".crt") && !word.ends_with("root_ca.crt") && !word.ends_with("intermediate_ca.crt")
        })
        .find(|word| person.file(word).is_file())
        .unwrap_or_else(|| panic!("no certificate is named in\n{printed}"))
        .to_owned()
}

const START_LIMIT: Duration = Duration::from_secs(40);
