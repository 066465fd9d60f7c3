//! Clients and keys for the tests.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider};
use stepless_aws::kms::{self, KeyId, KmsSigner};
use stepless_core::key::{KeyKind, ParameterSet};
use stepless_localstack::kms_double::KmsDouble;
use stepless_localstack::proxy::{AwsError, Fault, Proxy, Rule, When};

/// A double of KMS, and the proxy through which it is called.
pub(crate) struct Bench {
    pub(crate) double: KmsDouble,
    pub(crate) proxy: Proxy,
    pub(crate) client: Client,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let double = KmsDouble::start().await.unwrap();
        let proxy = Proxy::start(&double.url()).await.unwrap();
        Self { client: client(proxy.url()), proxy, double }
    }

    /// A new key, by its ARN.
    pub(crate) fn key(&self, kind: KeyKind) -> KeyId {
        key_id(&self.double.make_key(kind).unwrap())
    }

    /// The signer of a new key.
    pub(crate) async fn signer(&self, kind: KeyKind) -> KmsSigner {
        KmsSigner::open(self.client.clone(), self.key(kind), None).await.unwrap()
    }

    /// Lets the calls of an operation that `when` names be answered with this error.
    pub(crate) fn refuse(&self, operation: &str, when: When, status: u16, code: &str) {
        self.proxy.add(Rule::new(operation, when, Fault::Answer(AwsError::new(status, code))));
    }
}

/// A client with the product's own settings.
pub(crate) fn client(url: &str) -> Client {
    kms::client(&sdk(url))
}

fn sdk(url: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(url)
        .build()
}

pub(crate) fn key_id(text: &str) -> KeyId {
    text.parse().unwrap()
}

/// The text of an error with those beneath it, as the log shows it.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

pub(crate) const RSA_2048: KeyKind = KeyKind::Rsa { bits: 2048 };
pub(crate) const ML_DSA_65: KeyKind = KeyKind::MlDsa(ParameterSet::MlDsa65);
