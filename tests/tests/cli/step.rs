//! A person with the `step` CLI: a home folder of their own, no terminal, no patience.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use stepless_tests::{ca_folder::PASSWORD, programs};
use tempfile::TempDir;

use crate::authority::Authority;

/// Runs commands in an empty home folder; file names in arguments are relative to it.
pub(crate) struct Person {
    home: TempDir,
}

/// What a command that ran to its end said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Person {
    pub(crate) fn new() -> Self {
        let home = tempfile::Builder::new()
            .prefix("stepless-home-")
            .tempdir()
            .expect("a temporary folder can be made");
        fs::write(home.path().join("password"), PASSWORD).expect("the folder is ours");
        Self { home }
    }

    /// Knows the authority as `step ca bootstrap` leaves a person: by its fingerprint.
    pub(crate) fn of(authority: &Authority) -> Self {
        let person = Self::new();
        person.meet(authority);
        person
    }

    /// From now on knows the authority, by its fingerprint.
    pub(crate) fn meet(&self, authority: &Authority) {
        let fingerprint = self.step(&["certificate", "fingerprint", &authority.root_file()]);
        self.step(&[
            "ca",
            "bootstrap",
            "--ca-url",
            &authority.server.url(),
            "--fingerprint",
            fingerprint.trim(),
        ]);
    }

    /// Runs `step`, which has to succeed; gives its standard output.
    #[track_caller]
    pub(crate) fn step(&self, arguments: &[&str]) -> String {
        let said = self.step_says(arguments);
        assert!(said.succeeded, "step {arguments:?} failed:\n{}{}", said.stdout, said.stderr);
        said.stdout
    }

    /// Runs `step`, which has to fail; gives what it says about it.
    #[track_caller]
    pub(crate) fn step_is_refused(&self, arguments: &[&str]) -> String {
        let said = self.step_says(arguments);
        assert!(!said.succeeded, "step {arguments:?} was not refused:\n{}{}", said.stdout, said.stderr);
        said.stderr
    }

    pub(crate) fn step_says(&self, arguments: &[&str]) -> Said {
        self.run(&programs::step(), arguments)
    }

    /// Runs another program, which has to succeed; gives its standard output.
    #[track_caller]
    pub(crate) fn program(&self, program: &str, arguments: &[&str]) -> String {
        let said = self.run(Path::new(program), arguments);
        assert!(said.succeeded, "{program} {arguments:?} failed:\n{}{}", said.stdout, said.stderr);
        said.stdout
    }

    pub(crate) fn run(&self, program: &Path, arguments: &[&str]) -> Said {
        let output = self
            .command(program)
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        Said {
            succeeded: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `program` in this person's home, with nothing of the caller's environment but the path.
    pub(crate) fn command(&self, program: &Path) -> Command {
        // A program that asks a question would wait for ever; with `timeout` it cannot even read the terminal.
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", COMMAND_SECONDS])
            .arg(program)
            .env_clear()
            .env("PATH", path_with_step())
            .env("HOME", self.home.path())
            .env("STEPPATH", self.home.path().join(".step"))
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// A one-time token for `subject`; more flags of `step ca token` may follow it.
    #[track_caller]
    pub(crate) fn token(&self, subject: &[&str]) -> String {
        let said = self.step(&[&["ca", "token"], subject, &PROVISIONER[..]].concat());
        said.trim().to_owned()
    }

    /// A certificate for `name` in `<name>.crt` and `<name>.key`.
    #[track_caller]
    pub(crate) fn certificate(&self, name: &str) -> (String, String) {
        let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
        self.step(&[&["ca", "certificate", name, &certificate, &key], &PROVISIONER[..]].concat());
        (certificate, key)
    }

    /// What `step certificate inspect` says about a certificate.
    #[track_caller]
    pub(crate) fn inspect(&self, certificate: &str) -> Value {
        let text = self.step(&["certificate", "inspect", "--format", "json", certificate]);
        serde_json::from_str(&text).expect("step prints JSON")
    }

    /// The serial number in decimal, as `step` writes it.
    #[track_caller]
    pub(crate) fn serial(&self, certificate: &str) -> String {
        self.inspect(certificate)["serial_number"].as_str().expect("a certificate has a serial").to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.file(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.file(name), content).expect("the folder is ours");
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

/// Other people's instructions say `step`, not where it lies.
fn path_with_step() -> String {
    let step = programs::step();
    let folder = step.parent().expect("a program lies in a folder").display().to_string();
    format!("{folder}:{}", std::env::var("PATH").unwrap_or_default())
}

/// The flags that keep `step` from asking which provisioner, and for its password.
pub(crate) const PROVISIONER: [&str; 4] =
    ["--provisioner", "admin", "--provisioner-password-file", "password"];

/// Longer than any command takes on a busy machine.
const COMMAND_SECONDS: &str = "60";
