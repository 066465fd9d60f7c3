//! An authority that runs: its state and its keys in emulators of AWS, its functions behind the local gateway.

use stepless_tests::{
    CaFolder, Client,
    client::roots_of,
    serverless::{Deployment, Options},
};

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
