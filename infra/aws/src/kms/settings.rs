//! Which key the configuration means, and with whose credentials it is used.

use std::path::PathBuf;

use stepless_core::config::{KmsConfig, KmsScheme, KmsUri};
use thiserror::Error;

use super::{KeyId, ParseKeyIdError};
use crate::sdk::Account;

/// A key of the configuration, and the account it is used from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsSettings {
    /// The key.
    pub key: KeyId,
    /// Region and credentials; what is left out comes from the environment.
    pub account: Account,
}

impl KmsSettings {
    /// Reads the URI of a key: `awskms:key-id=ID`, with `region`, `profile` and `credentials-file` where it has them.
    /// What it leaves out comes from `kms.region`, `kms.profile` and `kms.credentialsFile`, which step-ca puts before
    /// `kms.uri`, then from that; the Region comes from the ARN of the key before it comes from the environment.
    ///
    /// # Errors
    /// [`KmsSettingsError`] when the URI names no key of AWS KMS, or a key of another Region.
    pub fn new(key: &KmsUri, kms: &KmsConfig) -> Result<Self, KmsSettingsError> {
        if key.scheme() != KmsScheme::AwsKms {
            return Err(KmsSettingsError::Scheme(key.scheme().name()));
        }
        let id: KeyId = key.attribute("key-id").ok_or(KmsSettingsError::NoKey)?.parse()?;
        let service = kms.uri.as_ref().filter(|uri| uri.scheme() == KmsScheme::AwsKms);
        let is_filled = |text: &String| !text.is_empty();
        let own = |name: &str| key.attribute(name).filter(is_filled);
        let shared = |name: &str| service.and_then(|uri| uri.attribute(name)).filter(is_filled);
        let text = |name: &str, of_kms: &Option<String>| {
            own(name).or_else(|| of_kms.clone().filter(is_filled)).or_else(|| shared(name))
        };
        let region = text("region", &kms.region);
        if let (Some(region), Some(arn)) = (region.as_deref(), id.region())
            && region != arn
        {
            let (key, region) = (id.clone(), region.to_owned());
            return Err(KmsSettingsError::OtherRegion { key, region });
        }
        let account = Account {
            region: region.or_else(|| id.region().map(str::to_owned)),
            profile: text("profile", &kms.profile),
            credentials_file: own("credentials-file")
                .map(PathBuf::from)
                .or_else(|| kms.credentials_file.clone())
                .or_else(|| shared("credentials-file").map(PathBuf::from)),
        };
        Ok(Self { key: id, account })
    }
}

/// Why a URI does not lead to a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KmsSettingsError {
    /// Another service.
    #[error("the key is in {0}, not in AWS KMS; use awskms:key-id=ID")]
    Scheme(&'static str),
    /// No key.
    #[error("the URI of the key has no key-id; use awskms:key-id=ID")]
    NoKey,
    /// What `key-id` says is not one.
    #[error("the URI's key-id cannot be used")]
    Key(#[from] ParseKeyIdError),
    /// The ARN and the settings contradict each other.
    #[error(
        "the key {key} is not in the Region {region} of its settings; leave the Region out, or correct it"
    )]
    OtherRegion {
        /// The key's ARN.
        key: KeyId,
        /// The Region of the settings.
        region: String,
    },
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn kms() -> KmsConfig {
        KmsConfig {
            uri: KmsUri::from_text("awskms:region=eu-west-2;profile=second"),
            region: Some("eu-west-3".into()),
            profile: Some("third".into()),
            credentials_file: Some("/third".into()),
        }
    }

    fn settings(uri: &str, kms: &KmsConfig) -> Result<KmsSettings, KmsSettingsError> {
        KmsSettings::new(&KmsUri::from_text(uri).unwrap(), kms)
    }

    #[test]
    fn what_the_keys_uri_says_goes_before_the_rest_of_kms_and_that_before_kms_uri() {
        let all =
            settings("awskms:key-id=alias/CA;region=eu-west-1?profile=first&credentials-file=/first", &kms());
        let some = settings("awskms:key-id=alias/CA", &kms()).unwrap();
        let mut plain = kms();
        (plain.region, plain.profile) = (None, Some(String::new()));
        let of_uri = settings("awskms:key-id=alias/CA;region=", &plain).unwrap();
        let none = settings("awskms:key-id=alias/CA", &KmsConfig::default()).unwrap();

        let account = |region: &str, profile: &str, file: &str| Account {
            region: Some(region.into()),
            profile: Some(profile.into()),
            credentials_file: Some(file.into()),
        };
        assert_eq!(all.unwrap().account, account("eu-west-1", "first", "/first"));
        assert_eq!(some.account, account("eu-west-3", "third", "/third"));
        assert_eq!(of_uri.account, account("eu-west-2", "second", "/third"));
        assert_eq!(none.account, Account::default());
        assert_eq!(none.key.as_str(), "alias/CA");
    }

    #[rstest]
    #[case::plain(ARN)]
    #[case::escaped(&ARN.replace(':', "%3A"))]
    fn an_arn_brings_its_region_if_none_is_given(#[case] text: &str) {
        let found = settings(&format!("awskms:key-id={text}"), &KmsConfig::default()).unwrap();

        assert_eq!((found.key.as_str(), found.account.region.as_deref()), (ARN, Some("eu-west-1")));
    }

    #[test]
    fn k7_an_arn_of_another_region_than_that_of_the_settings_is_refused_by_name() {
        let refused = settings(&format!("awskms:key-id={ARN}"), &kms());

        let expected =
            KmsSettingsError::OtherRegion { key: ARN.parse().unwrap(), region: "eu-west-3".into() };
        assert_eq!(refused, Err(expected));
    }

    #[rstest]
    #[case::another_service("pkcs11:id=1", KmsSettingsError::Scheme("pkcs11"))]
    #[case::no_key("awskms:region=eu-west-1", KmsSettingsError::NoKey)]
    #[case::no_uri("awskms:alias/ca", KmsSettingsError::NoKey)]
    #[case::empty("awskms:key-id=", KmsSettingsError::Key(ParseKeyIdError))]
    fn a_uri_without_a_key_is_refused_with_its_reason(#[case] uri: &str, #[case] expected: KmsSettingsError) {
        assert_eq!(settings(uri, &KmsConfig::default()), Err(expected));
    }
}
