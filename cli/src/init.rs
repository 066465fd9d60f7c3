//! `stepless init`: a new authority, in a folder of step-ca's layout or on AWS.

mod aws;
mod folder;
mod home;
mod issuers;
mod keys;
mod moved;
mod root;

use stepless_core::config::{InitProvisioner, ListenAddress, RawJwk};
use stepless_core::jose::{PrivateJwk, jwe};
use stepless_core::key::{KeyKind, PrivateKey};
use stepless_core::secret::SecretBytes;
use stepless_core::x509::SubjectAltName;
use stepless_net::SystemRandom;

pub(crate) use self::folder::{Folder, make};
use crate::args::InitArguments;
use crate::error::{CliError, Context};
use crate::serve::runtime;

/// Makes the authority and says what to do next.
pub(crate) fn run(arguments: &InitArguments) -> Result<(), CliError> {
    runtime()?.block_on(async {
        match &arguments.aws.kms {
            Some(kms) => aws::run(arguments, kms).await,
            None => folder::run(arguments).await,
        }
    })
}

/// What a new authority is to be.
pub(crate) struct Plan<'a> {
    pub(crate) name: &'a str,
    pub(crate) dns_names: &'a [String],
    pub(crate) address: &'a str,
    pub(crate) provisioner: &'a str,
    /// Name of an ACME provisioner beside it.
    pub(crate) acme_provisioner: Option<&'a str>,
}

/// What the ACME provisioner of a new authority is called, as `step ca init --acme` does.
const ACME_PROVISIONER: &str = "acme";

impl<'a> Plan<'a> {
    fn of(arguments: &'a InitArguments) -> Self {
        Self {
            name: &arguments.name,
            dns_names: &arguments.dns,
            // Without a folder it is a gateway that listens, at the usual port.
            address: arguments.address.as_deref().unwrap_or(":443"),
            provisioner: arguments.provisioner.as_deref().unwrap_or_default(),
            acme_provisioner: arguments.acme.then_some(ACME_PROVISIONER),
        }
    }

    /// Refuses what no configuration may say, before anything is made.
    fn check(&self) -> Result<ListenAddress, CliError> {
        let address = self.address.parse().context(format_args!("--address {:?}", self.address))?;
        for name in self.dns_names {
            SubjectAltName::classify(name).context(format_args!("--dns {name:?}"))?;
        }
        if self.provisioner.is_empty() {
            return Err(CliError::new(
                "--provisioner is empty; give the first provisioner a name, such as admin",
            ));
        }
        if self.acme_provisioner == Some(self.provisioner) {
            return Err(CliError::new(format!(
                "--provisioner {:?}: with --acme that is the name of the ACME provisioner; choose another one, such as \
                 admin",
                self.provisioner
            )));
        }
        Ok(address)
    }
}

/// The key of the first provisioner.
struct NewProvisioner {
    public: RawJwk,
    encrypted: String,
}

impl NewProvisioner {
    fn make(password: &SecretBytes) -> Result<Self, CliError> {
        let key = PrivateKey::generate(KeyKind::P256).context("a key cannot be made")?;
        let pkcs8 = key.to_pkcs8_der().context("a key cannot be written")?;
        let jwk = PrivateJwk::from_pkcs8_der(&pkcs8).context("the provisioner's key cannot be written")?;
        let encrypted = jwe::encrypt_jwk(&jwk.to_json(), password, &SystemRandom)
            .context("the provisioner's key cannot be encrypted")?;
        let public = serde_json::to_value(jwk.public()).context("the provisioner's key cannot be written")?;
        Ok(Self { public: RawJwk::public_part_of(&public), encrypted })
    }

    fn named<'a>(&'a self, name: &'a str) -> InitProvisioner<'a> {
        InitProvisioner { name, key: &self.public, encrypted_key: &self.encrypted }
    }
}

/// The URL that clients reach the authority by: its first name, and the port unless it is the usual one.
pub(crate) fn ca_url(dns_names: &[String], port: u16) -> String {
    let host = dns_names.first().map_or("localhost", String::as_str);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match port {
        443 => format!("https://{host}"),
        port => format!("https://{host}:{port}"),
    }
}

#[cfg(test)]
mod tests;
