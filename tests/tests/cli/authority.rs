//! An authority that runs: a folder, made by either program, and the server on it.

use std::{env, process::Command};

use serde_json::Value;
use stepless_tests::{CaFolder, Client, Program, Server, client::roots_of, programs};

use crate::acme::Validation;

/// Which program made the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// `stepless init`.
    SteplessInit,
    /// `step ca init`.
    StepCaInit,
}

impl Made {
    pub(crate) fn folder(self) -> CaFolder {
        match self {
            Self::SteplessInit => CaFolder::init_by_stepless(),
            Self::StepCaInit => CaFolder::init(&[]),
        }
    }

    /// With an ACME provisioner of the name `acme`.
    fn acme_folder(self) -> CaFolder {
        match self {
            Self::SteplessInit => CaFolder::init_by_stepless_with(&["--acme"]),
            Self::StepCaInit => CaFolder::init(&["--acme"]),
        }
    }
}

/// A folder and the server on it; both are gone when this is dropped.
pub(crate) struct Authority {
    pub(crate) server: Server,
    pub(crate) folder: CaFolder,
}

impl Authority {
    pub(crate) fn start(made: Made) -> Self {
        Self::start_on(made.folder())
    }

    pub(crate) fn start_on(folder: CaFolder) -> Self {
        Self { server: Server::start(program(), &folder), folder }
    }

    /// With an ACME provisioner of the name `acme`, whose validations look where a test can answer them.
    pub(crate) fn start_acme(made: Made, validation: &Validation) -> Self {
        Self::start_acme_on(made.acme_folder(), validation, &[]).0
    }

    /// As [`Authority::start_acme`], on a folder that has such a provisioner; before it, these commands of
    /// `stepless acme`, and what they printed.
    pub(crate) fn start_acme_on(
        folder: CaFolder,
        validation: &Validation,
        commands: &[&[&str]],
    ) -> (Self, Vec<Value>) {
        let printed = commands.iter().map(|command| stepless_acme(&folder, command)).collect();
        let flags = [
            "--insecure".to_owned(),
            format!("--acme-http-port={}", validation.http.address().port()),
            format!("--acme-tls-port={}", validation.tls.address().port()),
            format!("--resolver={}", validation.resolver),
        ];
        let flags = flags.each_ref().map(String::as_str);
        (Self { server: Server::start_with(program(), &folder, &flags), folder }, printed)
    }

    /// Runs a command of `stepless acme` between two servers: the store is not shared with one that runs.
    pub(crate) fn manage_acme(mut self, validation: &Validation, command: &[&str]) -> Self {
        self.server.kill();
        Self::start_acme_on(self.folder, validation, &[command]).0
    }

    /// Ends the server as a power cut would, and starts another one on the same folder.
    pub(crate) fn restart(mut self) -> Self {
        self.server.kill();
        Self::start_on(self.folder)
    }

    /// A client that trusts this authority's root and nothing else.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.server.address(), roots_of(&self.folder.root_pem()))
    }

    pub(crate) fn root_file(&self) -> String {
        self.folder.path().join("certs/root_ca.crt").display().to_string()
    }
}

/// Runs a command of `stepless acme` on the store, which no server has open.
fn stepless_acme(folder: &CaFolder, arguments: &[&str]) -> Value {
    let mut command = Command::new(programs::stepless());
    let command = command.arg("acme").args(arguments).arg("--json").arg("--config").arg(folder.config_path());
    serde_json::from_slice(&programs::output(command)).expect("it prints JSON")
}

/// Ours, unless the suite itself is on trial.
fn program() -> Program {
    match env::var("STEPLESS_E2E_SERVER").as_deref() {
        Err(_) | Ok("stepless") => Program::Stepless,
        Ok("step-ca") => Program::StepCa,
        Ok(other) => panic!("STEPLESS_E2E_SERVER is stepless or step-ca, not {other}"),
    }
}
