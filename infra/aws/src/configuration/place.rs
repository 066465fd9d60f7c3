//! The text of `STEPLESS_CONFIG`: which place it names.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use stepless_core::config::DynamoDbTable;
use thiserror::Error;

/// Where a configuration lies. It prints what it parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigurationPlace {
    /// In a file: any text without one of the schemes below.
    File(PathBuf),
    /// In an object of S3: `s3://BUCKET/KEY`.
    S3 {
        /// The name of the bucket.
        bucket: String,
        /// The key of the object.
        key: String,
    },
    /// In a parameter of the Systems Manager: `ssm:NAME`.
    Ssm {
        /// The name of the parameter, or its ARN.
        name: String,
    },
    /// In the table, beside the state: `dynamodb:NAME` or `dynamodb:table=NAME;region=REGION`.
    Table(DynamoDbTable),
}

impl FromStr for ConfigurationPlace {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParsePlaceError { found: text.to_owned() };
        if let Some(rest) = text.strip_prefix(S3) {
            return match rest.split_once('/') {
                Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                    Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
                }
                _ => Err(wrong()),
            };
        }
        if let Some(name) = text.strip_prefix(SSM) {
            return if name.is_empty() { Err(wrong()) } else { Ok(Self::Ssm { name: name.to_owned() }) };
        }
        match text.split_once(':') {
            Some((DynamoDbTable::SCHEME, _)) => text.parse().map(Self::Table).map_err(|_| wrong()),
            // `s3:bucket` or `https://..` is a slip; a file with such a name can be written as `./s3:bucket`.
            Some((scheme, _)) if is_scheme(scheme) => Err(wrong()),
            _ if text.is_empty() => Err(wrong()),
            _ => Ok(Self::File(text.into())),
        }
    }
}

/// Whether it looks like the beginning of a URL. One letter is a drive.
fn is_scheme(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl fmt::Display for ConfigurationPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::S3 { bucket, key } => write!(f, "{S3}{bucket}/{key}"),
            Self::Ssm { name } => write!(f, "{SSM}{name}"),
            Self::Table(DynamoDbTable { name, region: None }) => {
                write!(f, "{}:{name}", DynamoDbTable::SCHEME)
            }
            Self::Table(DynamoDbTable { name, region: Some(region) }) => {
                write!(f, "{}:table={name};region={region}", DynamoDbTable::SCHEME)
            }
        }
    }
}

/// A text that names no place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{found:?} names no place of a configuration: a file, s3://BUCKET/KEY, ssm:NAME, dynamodb:NAME or \
     dynamodb:table=NAME;region=REGION"
)]
pub struct ParsePlaceError {
    found: String,
}

const S3: &str = "s3://";
const SSM: &str = "ssm:";

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn table(name: &str, region: Option<&str>) -> ConfigurationPlace {
        ConfigurationPlace::Table(DynamoDbTable { name: name.into(), region: region.map(Into::into) })
    }

    #[rstest]
    #[case::file("/etc/stepless/ca.json", ConfigurationPlace::File("/etc/stepless/ca.json".into()))]
    #[case::file_with_a_colon("a:b.json", ConfigurationPlace::File("a:b.json".into()))]
    #[case::s3("s3://bucket/a/ca.json", ConfigurationPlace::S3 { bucket: "bucket".into(), key: "a/ca.json".into() })]
    #[case::ssm("ssm:/stepless/config", ConfigurationPlace::Ssm { name: "/stepless/config".into() })]
    #[case::table("dynamodb:stepless", table("stepless", None))]
    #[case::region("dynamodb:table=ca;region=eu-west-1", table("ca", Some("eu-west-1")))]
    fn a_place_parses_and_prints_itself(#[case] text: &str, #[case] place: ConfigurationPlace) {
        assert_eq!(text.parse(), Ok(place.clone()));
        assert_eq!(place.to_string(), text);
    }

    #[rstest]
    fn what_names_no_place_is_refused(
        #[values(
            "",
            "s3://",
            "s3://bucket",
            "s3://bucket/",
            "s3:///key",
            "s3:bucket/key",
            "ssm:",
            "dynamodb:",
            "https://x/"
        )]
        text: &str,
    ) {
        assert_eq!(text.parse::<ConfigurationPlace>(), Err(ParsePlaceError { found: text.into() }));
    }
}
