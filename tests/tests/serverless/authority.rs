//! An authority that runs: its state and its keys in emulators of AWS, its functions behind the local gateway.

use serde_json::Value;
use stepless_tests::{
    CaFolder, Client,
    client::roots_of,
    serverless::{Deployment, Options},
};

use crate::acme::Validation;

/// Which program made the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// `stepless init`, in KMS and in the table.
    SteplessInit,
    /// `step ca init`, in a folder; then its issuer got a key in KMS.
    StepCaInit,
}

/// A deployment, and what its operator has of it in files; both are gone when this is dropped.
pub(crate) struct Authority {
    pub(crate) server: Deployment,
    pub(crate) folder: CaFolder,
}

impl Authority {
    pub(crate) fn start(made: Made) -> Self {
        Self::start_with(made, &Options::default())
    }

    pub(crate) fn start_with(made: Made, options: &Options) -> Self {
        match made {
            Made::SteplessInit => {
                let (server, folder) = Deployment::of_stepless_init(options);
                Self { server, folder }
            }
            Made::StepCaInit => {
                let folder = CaFolder::init(&[]);
                Self { server: Deployment::of_folder(&folder, options), folder }
            }
        }
    }

    /// An authority of a folder of `step ca init`.
    pub(crate) fn start_on(folder: CaFolder) -> Self {
        Self { server: Deployment::of_folder(&folder, &Options::default()), folder }
    }

    /// With an ACME provisioner of the name `acme`, whose validations look where a test can answer them.
    pub(crate) fn start_acme(made: Made, validation: &Validation) -> Self {
        match made {
            Made::SteplessInit => {
                let options = Options { init: vec!["--acme".into()], ..validating(validation) };
                Self::start_with(made, &options)
            }
            Made::StepCaInit => Self::start_acme_on(CaFolder::init(&["--acme"]), validation, &[]).0,
        }
    }

    /// As [`Authority::start_acme`], with a folder that has such a provisioner; then these commands of `stepless acme`,
    /// and what they printed.
    pub(crate) fn start_acme_on(
        folder: CaFolder,
        validation: &Validation,
        commands: &[&[&str]],
    ) -> (Self, Vec<Value>) {
        let server = Deployment::of_folder(&folder, &validating(validation));
        let printed = commands.iter().map(|command| server.stepless_acme(command)).collect();
        (Self { server, folder }, printed)
    }

    /// Runs a command of `stepless acme`, beside the functions.
    pub(crate) fn manage_acme(self, _validation: &Validation, command: &[&str]) -> Self {
        self.server.stepless_acme(command);
        self
    }

    /// Ends every process as a power cut would; others go on with the table.
    pub(crate) fn restart(mut self) -> Self {
        self.server.restart();
        self
    }

    /// A client that trusts this authority's root and nothing else.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.server.address(), roots_of(&self.folder.root_pem()))
    }

    pub(crate) fn root_file(&self) -> String {
        self.folder.path().join("certs/root_ca.crt").display().to_string()
    }
}

/// Functions whose validations look where a test can answer them.
fn validating(validation: &Validation) -> Options {
    let variables = [
        ("STEPLESS_ACME_HTTP_PORT", validation.http.address().port().to_string()),
        ("STEPLESS_ACME_TLS_PORT", validation.tls.address().port().to_string()),
        ("STEPLESS_ACME_RESOLVER", validation.resolver.to_string()),
        ("STEPLESS_ACME_ALLOW_LOOPBACK", "true".to_owned()),
    ];
    let environment = variables.map(|(name, value)| (name.to_owned(), value)).into();
    Options { environment, ..Options::default() }
}
