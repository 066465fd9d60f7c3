//! How a key of KMS is named.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A key of KMS: its id, its ARN, the name of an alias (`alias/NAME`), or the ARN of an alias.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The text, as KMS takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The Region, where the text is an ARN.
    pub fn region(&self) -> Option<&str> {
        let mut parts = self.0.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("arn"), Some(_), Some("kms"), Some(region)) if !region.is_empty() => Some(region),
            _ => None,
        }
    }
}

impl FromStr for KeyId {
    type Err = ParseKeyIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_sound = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/:".contains(&byte));
        if text.is_empty() || text.len() > MAX_LENGTH || !is_sound {
            return Err(ParseKeyIdError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// A text that cannot name a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key of KMS is named by its id, its ARN, alias/NAME, or the ARN of an alias")]
pub struct ParseKeyIdError;

/// [`KeyId`](https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html#KMS-Sign-request-KeyId) of the API.
const MAX_LENGTH: usize = 2048;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::id("1234abcd-12ab-34cd-56ef-1234567890ab", None)]
    #[case::multi_region("mrk-1234abcd12ab34cd56ef1234567890ab", None)]
    #[case::alias("alias/Stepless_issuer", None)]
    #[case::arn("arn:aws:kms:eu-west-1:111122223333:key/1234abcd", Some("eu-west-1"))]
    #[case::alias_arn("arn:aws-cn:kms:cn-north-1:111122223333:alias/ca", Some("cn-north-1"))]
    #[case::arn_of_something_else("arn:aws:s3:eu-west-1:111122223333:bucket", None)]
    fn an_arn_brings_its_region(#[case] text: &str, #[case] region: Option<&str>) {
        let id: KeyId = text.parse().unwrap();

        assert_eq!((id.as_str(), id.region()), (text, region));
        assert_eq!(id.to_string(), text);
    }

    #[rstest]
    #[case::empty("")]
    #[case::space("alias/my key")]
    #[case::line("alias/ca\n")]
    #[case::too_long(&"a".repeat(2049))]
    fn what_cannot_be_a_key_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<KeyId>(), Err(ParseKeyIdError));
    }
}
