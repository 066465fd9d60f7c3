//! Provisioners as the configuration has them.

use serde_json::value::to_raw_value;
use thiserror::Error;

use super::audience::Audiences;
use super::collection::{DuplicateProvisioner, Provisioner, Provisioners, Service};
use super::jwk::JwkProvisioner;
use crate::config::{self, CaConfig, JsonPath, ProvisionerDetails};
use crate::jose::{Jwk, JwkError};
use crate::key::WeakKey;

impl Provisioners {
    /// The provisioners of a configuration. One that the configuration refuses is listed, and serves nobody.
    ///
    /// # Errors
    /// [`ProvisionerConfigError`] names the provisioner that cannot be read.
    pub fn from_config(config: &CaConfig) -> Result<Self, ProvisionerConfigError> {
        let list = config.authority.provisioners.iter().map(provisioner).collect::<Result<_, _>>()?;
        Ok(Self::new(list, Audiences::new(&config.dns_names))?)
    }
}

/// A provisioner of the configuration that cannot be read.
#[derive(Debug, Error)]
pub enum ProvisionerConfigError {
    /// Two that could not be told apart.
    #[error(transparent)]
    Duplicate(#[from] DuplicateProvisioner),
    /// A key that is none.
    #[error("{path}: not a public key that can verify tokens")]
    Key {
        /// Where it stands.
        path: JsonPath,
        /// What is wrong with it.
        #[source]
        source: JwkError,
    },
    /// An RSA key that is too short for anybody's tokens.
    #[error("{path}: an RSA key of {bits} bits; at least 2048 are needed")]
    ShortKey {
        /// Where it stands.
        path: JsonPath,
        /// Its length.
        bits: usize,
    },
    /// A key whose private half others can find, or that costs too much to verify with.
    #[error("{path}: not a key to trust tokens of")]
    WeakKey {
        /// Where it stands.
        path: JsonPath,
        /// What is wrong with it.
        #[source]
        source: WeakKey,
    },
    /// One that cannot be written into a list.
    #[error("{path}: cannot be listed")]
    Listing {
        /// Where it stands.
        path: JsonPath,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}

fn provisioner(configured: &config::Provisioner) -> Result<Provisioner, ProvisionerConfigError> {
    let path = || configured.path.clone();
    let listing = to_raw_value(&configured.listing)
        .map_err(|source| ProvisionerConfigError::Listing { path: path(), source })?;
    let service = match (&configured.refusal, &configured.details) {
        (Some(refusal), _) => Service::Disabled(refusal.reason.clone()),
        (None, ProvisionerDetails::Jwk { key, .. }) => {
            let path = || path().member("key");
            let key = Jwk::parse(key.as_value().to_string().as_bytes())
                .map_err(|source| ProvisionerConfigError::Key { path: path(), source })?;
            key.public_key().check_strength().map_err(|weak| match weak {
                WeakKey::TooShort { bits } => ProvisionerConfigError::ShortKey { path: path(), bits },
                source => ProvisionerConfigError::WeakKey { path: path(), source },
            })?;
            let (name, id) = (configured.name.clone(), configured.token_id.clone());
            Service::Jwk(JwkProvisioner { name, id, key })
        }
        (None, ProvisionerDetails::Acme(options)) => Service::Acme(options.clone()),
        (None, ProvisionerDetails::Unbuilt) => Service::WithoutTokens,
    };
    let encrypted_key = match &configured.details {
        ProvisionerDetails::Jwk { key, encrypted_key: Some(encrypted) } => {
            Some((key.kid().to_owned(), encrypted.clone()))
        }
        _ => None,
    };
    Ok(Provisioner {
        id: configured.token_id.clone(),
        name: configured.name.clone(),
        kind: configured.kind,
        claims: configured.claims.clone(),
        encrypted_key,
        listing,
        service,
    })
}

#[cfg(test)]
#[path = "configured_tests.rs"]
mod tests;
