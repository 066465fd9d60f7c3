//! A configuration in a parameter of the Systems Manager.

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::{
    Configuration, ConfigurationVersion, Expected, ReadError, Version, WriteError, sdk, sha256, text,
    unconfirmed,
};

/// A parameter, which counts its versions. It holds at most 8 KiB.
#[derive(Debug)]
pub(super) struct SsmPlace {
    client: Client,
    name: String,
}

impl SsmPlace {
    pub(super) fn new(config: &SdkConfig, name: String) -> Self {
        let config = aws_sdk_ssm::config::Builder::from(config)
            .timeout_config(sdk::timeouts())
            .retry_config(sdk::retries())
            .build();
        Self { client: Client::from_conf(config), name }
    }

    /// `None` when there is no such parameter.
    pub(super) async fn read(&self) -> Result<Option<Configuration>, ReadError> {
        // A parameter that is not encrypted is not decrypted either.
        let answer = self.client.get_parameter().name(&self.name).with_decryption(true).send().await;
        let parameter = match answer {
            Ok(answer) => answer.parameter,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_parameter_not_found()) => {
                return Ok(None);
            }
            Err(error) => {
                let place = format!("ssm:{}", self.name);
                return Err(ReadError::Service { place, source: Box::new(error) });
            }
        };
        let Some(parameter) = parameter else { return Ok(None) };
        let text = text(parameter.value.unwrap_or_default().into_bytes())?;
        let version = version(parameter.version, &text);
        Ok(Some(Configuration { text, version }))
    }

    pub(super) async fn write(
        &self,
        text: &str,
        expected: Expected<'_>,
    ) -> Result<ConfigurationVersion, WriteError> {
        let overwrite = match expected {
            Expected::Absent => false,
            Expected::Version(expected) => {
                let found = self.read().await.map_err(|error| WriteError::Refused(Box::new(error)))?;
                if found.is_none_or(|found| found.version != *expected) {
                    return Err(WriteError::Changed);
                }
                true
            }
        };
        let request = self.client.put_parameter().name(&self.name).value(text).overwrite(overwrite);
        // The type of a parameter that exists stays; an encrypted one stays encrypted.
        let request = if overwrite { request } else { request.r#type(ParameterType::String) };
        // Another attempt would count once more, and look like somebody else's change.
        let once = aws_sdk_ssm::config::Builder::new().retry_config(RetryConfig::disabled());
        let request = request.tier(ParameterTier::IntelligentTiering).customize().config_override(once);
        match request.send().await {
            Ok(written) => next_after(expected, version(written.version, text)),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_parameter_already_exists()) =>
            {
                Err(WriteError::Changed)
            }
            Err(error) => Err(unconfirmed(error)),
        }
    }
}

/// The version that was written, unless another one came between it and the one that was expected.
pub(super) fn next_after(
    expected: Expected<'_>,
    written: ConfigurationVersion,
) -> Result<ConfigurationVersion, WriteError> {
    match (expected, &written.0) {
        (
            Expected::Version(ConfigurationVersion(Version::Counted { version: before, .. })),
            Version::Counted { version: now, .. },
        ) if *now != before.saturating_add(1) => Err(WriteError::Overwrote),
        _ => Ok(written),
    }
}

fn version(version: i64, text: &str) -> ConfigurationVersion {
    let version = u64::try_from(version).unwrap_or_default();
    ConfigurationVersion(Version::Counted { version, sha256: sha256(text) })
}
