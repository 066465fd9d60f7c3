//! An existing root certificate that stays the root of an authority on AWS: whether it can be one.

use std::path::Path;

use stepless_core::clock::Clock;
use stepless_core::key::Signer;
use stepless_core::x509::{
    BasicConstraints, Certificate, DistinguishedName, IssuerChain, SubjectAltName, SubjectAltNames,
};
use stepless_net::SystemClock;

use crate::error::{CliError, Context};
use crate::files;

/// A root that an issuer can be certified with.
pub(super) struct ExistingRoot(Certificate);

impl ExistingRoot {
    /// Reads a root, and refuses a certificate that cannot have an issuer below it now.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let at = format!("--root: {}", path.display());
        let mut found = Certificate::parse_pem_bundle(&files::read_text(path)?)
            .context(format_args!("{at} holds no certificate"))?;
        let (Some(root), true) = (found.pop(), found.is_empty()) else {
            return Err(CliError::new(format!(
                "{at} holds several certificates; give a file with the root alone"
            )));
        };
        Self::check(&root, &at)?;
        Ok(Self(root))
    }

    fn check(root: &Certificate, at: &str) -> Result<(), CliError> {
        let refused = |why: &str| Err(CliError::new(format!("{at} {why}")));
        if !root.is_ca() {
            return refused("is not the certificate of an authority, which may sign certificates");
        }
        if root.issuer() != root.subject() || root.verify_signature(root.public_key()).is_err() {
            return refused("is no root: it is not signed by its own key. Give the root above it");
        }
        root.public_key().check_strength().context(format_args!("{at} has a weak key"))?;
        if !root.is_valid_at(SystemClock.now()) {
            return refused(&format!(
                "is valid from {} to {}, which is not now",
                root.not_before(),
                root.not_after()
            ));
        }
        chain(root, at)?
            .permits_path(Some(BasicConstraints::Ca { path_len: Some(0) }))
            .context(format_args!("{at} allows no issuer below it"))
    }

    /// Refuses the root if its name constraints forbid the issuer's own subject, or the names of the authority.
    pub(super) fn check_names(
        &self,
        issuer: &DistinguishedName,
        dns_names: &[String],
    ) -> Result<(), CliError> {
        let names: Result<Vec<_>, _> = dns_names.iter().map(|name| SubjectAltName::classify(name)).collect();
        let names = SubjectAltNames::from(names.context("the names of the authority cannot be used")?);
        chain(&self.0, "--root")?
            .permits(issuer, &names)
            .context("--root: the name constraints of the certificate forbid names of the authority")
    }

    /// The certificate, if `key` is its key.
    pub(super) fn with_key(&self, key: &dyn Signer) -> Result<Certificate, CliError> {
        if key.public_key() != self.0.public_key() {
            return Err(CliError::new(format!(
                "--root-key is not the key of --root: the certificate has key {}, the key is {}",
                hex::encode(self.0.public_key().key_identifier()),
                hex::encode(key.public_key().key_identifier())
            )));
        }
        Ok(self.0.clone())
    }

    /// The certificate.
    pub(super) fn certificate(&self) -> &Certificate {
        &self.0
    }
}

fn chain(root: &Certificate, at: &str) -> Result<IssuerChain, CliError> {
    IssuerChain::new(vec![root.clone()]).context(format_args!("{at} cannot issue"))
}

#[cfg(test)]
mod tests;
