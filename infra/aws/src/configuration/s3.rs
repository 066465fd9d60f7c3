//! A configuration in an object of S3.

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use tokio::time::{Instant, timeout_at};

use super::{
    Configuration, ConfigurationVersion, Expected, Found, ReadError, Version, WriteError, check_length, sdk,
    text, unconfirmed,
};

/// An object, which S3 gives a new `ETag` with every other content.
#[derive(Debug)]
pub(super) struct S3Place {
    client: Client,
    bucket: String,
    key: String,
}

impl S3Place {
    pub(super) fn new(config: &SdkConfig, bucket: String, key: String) -> Self {
        let config = aws_sdk_s3::config::Builder::from(config)
            .timeout_config(sdk::timeouts())
            .retry_config(sdk::retries())
            .build();
        Self { client: Client::from_conf(config), bucket, key }
    }

    /// One conditional request: what is known already is not sent again.
    pub(super) async fn read(&self, known: Option<&ConfigurationVersion>) -> Result<Found, ReadError> {
        let known = known.and_then(tag).map(str::to_owned);
        let deadline = Instant::now() + sdk::OPERATION;
        let request = self.client.get_object().bucket(&self.bucket).key(&self.key).set_if_none_match(known);
        let object = match request.send().await {
            Ok(object) => object,
            Err(error) => {
                return match error.raw_response().map(|answer| answer.status().as_u16()) {
                    Some(NOT_MODIFIED) => Ok(Found::Unchanged),
                    _ if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                        Ok(Found::Absent)
                    }
                    _ => Err(self.failed(error)),
                };
            }
        };
        check_length(object.content_length().and_then(|octets| u64::try_from(octets).ok()).unwrap_or(0))?;
        let tag = object.e_tag().unwrap_or_default().to_owned();
        // The SDK's time is over when the answer begins.
        let bytes = timeout_at(deadline, self.collect(object.body)).await;
        let bytes = bytes.map_err(|elapsed| self.failed(elapsed))??;
        let version = ConfigurationVersion(Version::ETag(tag));
        Ok(Found::Configuration(Configuration { text: text(bytes)?, version }))
    }

    /// A body, which need not have said how long it is.
    async fn collect(&self, mut body: ByteStream) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(|error| self.failed(error))? {
            bytes.extend_from_slice(&chunk);
            check_length(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        }
        Ok(bytes)
    }

    pub(super) async fn write(
        &self,
        text: &str,
        expected: Expected<'_>,
    ) -> Result<ConfigurationVersion, WriteError> {
        let request = self.client.put_object().bucket(&self.bucket).key(&self.key);
        let request = match expected {
            Expected::Absent => request.if_none_match("*"),
            Expected::Version(version) => request.if_match(tag(version).ok_or(WriteError::Changed)?),
        };
        let body = ByteStream::from(text.as_bytes().to_vec());
        let written = request.content_type("application/json").body(body).send().await;
        match written {
            Ok(written) => {
                Ok(ConfigurationVersion(Version::ETag(written.e_tag().unwrap_or_default().to_owned())))
            }
            Err(error) => match error.raw_response().map(|answer| answer.status().as_u16()) {
                // A condition on an object that is not there is answered with 404; two writers at one time, with 409.
                Some(PRECONDITION_FAILED | CONFLICT) => Err(WriteError::Changed),
                Some(NOT_FOUND) if matches!(expected, Expected::Version(_)) => Err(WriteError::Changed),
                _ => Err(unconfirmed(error)),
            },
        }
    }

    fn failed(&self, error: impl std::error::Error + Send + Sync + 'static) -> ReadError {
        ReadError::Service { place: format!("s3://{}/{}", self.bucket, self.key), source: Box::new(error) }
    }
}

fn tag(version: &ConfigurationVersion) -> Option<&str> {
    match &version.0 {
        Version::ETag(tag) => Some(tag),
        Version::Sha256(_) | Version::Counted { .. } => None,
    }
}

const NOT_MODIFIED: u16 = 304;
const NOT_FOUND: u16 = 404;
const CONFLICT: u16 = 409;
const PRECONDITION_FAILED: u16 = 412;
