//! How the SDK is set up: credentials, Region and endpoints as the AWS command line finds them.
//!
//! Retries and time limits are not set here: each client says for itself how long it may take (see
//! [`kms`](crate::kms) and [`dynamodb`](crate::dynamodb)).

use std::path::PathBuf;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};

/// What the operator says of an account; what is left out comes from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Account {
    /// The Region.
    pub region: Option<String>,
    /// The profile of the credentials file.
    pub profile: Option<String>,
    /// The credentials file, where it is not `~/.aws/credentials`.
    pub credentials_file: Option<PathBuf>,
}

impl Account {
    /// An account of the environment, in this Region.
    pub fn in_region(region: Option<String>) -> Self {
        Self { region, ..Self::default() }
    }

    /// Sets the SDK up. Nothing is sent before the first call of a client.
    pub async fn load(self) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
        if let Some(region) = self.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(profile) = self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(file) = self.credentials_file {
            let files = EnvConfigFiles::builder()
                .include_default_config_file(true)
                .with_file(EnvConfigFileKind::Credentials, file)
                .build();
            loader = loader.profile_files(files);
        }
        loader.load().await
    }
}

/// Nothing says in which Region something is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing says in which Region {what} is; AWS_REGION would")]
pub struct NoRegion {
    what: String,
}

impl NoRegion {
    /// The same set-up, if it has a Region.
    pub(crate) fn unless_known(sdk: SdkConfig, what: impl Fn() -> String) -> Result<SdkConfig, Self> {
        if sdk.region().is_some() { Ok(sdk) } else { Err(Self { what: what() }) }
    }
}
