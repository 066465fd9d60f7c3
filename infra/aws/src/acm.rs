//! Certificates in ACM: what a gateway serves TLS with, imported again and again under one ARN.
//!
//! [Importing certificates](https://docs.aws.amazon.com/acm/latest/userguide/import-certificate.html)

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_acm::Client;
use aws_sdk_acm::config::timeout::TimeoutConfig;
use aws_sdk_acm::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_acm::primitives::Blob;
use aws_sdk_acm::types::Tag;
use stepless_core::secret::SecretBytes;
use thiserror::Error;

/// ACM in one Region.
#[derive(Clone, Debug)]
pub struct Acm {
    client: Client,
}

/// A certificate with its key, to be imported; all of it in PEM.
pub struct Import {
    /// The certificate alone.
    pub certificate: String,
    /// The certificates above it, the root left out.
    pub chain: String,
    /// The private key, not encrypted.
    pub private_key: SecretBytes,
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Import(..)")
    }
}

/// Where an import goes.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// Over the certificate of this ARN: whoever uses it serves the new one within minutes.
    Over(&'a str),
    /// To a new ARN, with these tags.
    New(&'a [(&'a str, &'a str)]),
}

impl Acm {
    /// ACM in the Region, and with the credentials, of `config`. Nothing is sent.
    pub fn new(config: &SdkConfig) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = aws_sdk_acm::config::Builder::from(config).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config) }
    }

    /// The certificate of an ARN in PEM; `None` if there is none. Needs `acm:GetCertificate`.
    ///
    /// # Errors
    /// [`AcmError`] when ACM does not tell.
    pub async fn certificate(&self, arn: &str) -> Result<Option<String>, AcmError> {
        match self.client.get_certificate().certificate_arn(arn).send().await {
            Ok(found) => Ok(found.certificate),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(AcmError::of_call("acm:GetCertificate", error)),
        }
    }

    /// Imports a certificate and gives its ARN. Needs `acm:ImportCertificate`, and `acm:AddTagsToCertificate` where
    /// there are tags.
    ///
    /// # Errors
    /// [`AcmError`]; an import to a new ARN whose answer was lost may have been made.
    pub async fn import(&self, import: Import, target: Target<'_>) -> Result<String, AcmError> {
        let request = self
            .client
            .import_certificate()
            .certificate(Blob::new(import.certificate))
            .certificate_chain(Blob::new(import.chain))
            // The SDK's copies of it cannot be wiped; they end with this call.
            .private_key(Blob::new(import.private_key.expose()));
        let request = match target {
            Target::Over(arn) => request.certificate_arn(arn),
            Target::New(tags) => request.set_tags(match tags {
                [] => None,
                tags => Some(tags.iter().map(|(key, value)| tag(key, value)).collect::<Result<_, _>>()?),
            }),
        };
        let answer =
            request.send().await.map_err(|error| AcmError::of_call("acm:ImportCertificate", error))?;
        answer.certificate_arn.ok_or(AcmError::NoArn)
    }
}

/// What ACM did not do.
#[derive(Debug, Error)]
pub enum AcmError {
    /// A call was refused, or its answer was lost.
    #[error("{action} failed: {code}{}{message}", if .message.is_empty() { "" } else { ": " })]
    Call {
        /// The action, as a policy names it.
        action: &'static str,
        /// ACM's name for the error, or that there was no answer.
        code: String,
        /// What ACM said of it.
        message: String,
        /// What the SDK says of it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The import was answered without an ARN.
    #[error("ACM imported a certificate without naming its ARN")]
    NoArn,
    /// A tag that cannot be.
    #[error("a tag of the certificate cannot be used")]
    Tag(#[from] BuildError),
}

impl AcmError {
    fn of_call<E>(action: &'static str, error: SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        Self::Call {
            action,
            code: error.code().unwrap_or("no answer").to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
            source: Box::new(error),
        }
    }
}

fn tag(key: &str, value: &str) -> Result<Tag, BuildError> {
    Tag::builder().key(key).value(value).build()
}

/// How long one attempt may take. ACM checks what it imports, and takes about a second for it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// How long a call may take with all its attempts; a function makes two of them.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l16_an_import_does_not_show_its_key() {
        let import = Import {
            certificate: "leaf".to_owned(),
            chain: String::new(),
            private_key: SecretBytes::new(b"private".to_vec()),
        };

        assert_eq!(format!("{import:?}"), "Import(..)");
    }
}
