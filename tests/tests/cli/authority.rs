//! An authority that runs: a folder, made by either program, and the server on it.

use std::env;

use stepless_tests::{CaFolder, Client, Program, Server, client::roots_of};

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

/// Ours, unless the suite itself is on trial.
fn program() -> Program {
    match env::var("STEPLESS_E2E_SERVER").as_deref() {
        Err(_) | Ok("stepless") => Program::Stepless,
        Ok("step-ca") => Program::StepCa,
        Ok(other) => panic!("STEPLESS_E2E_SERVER is stepless or step-ca, not {other}"),
    }
}
