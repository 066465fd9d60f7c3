//! Where a configuration lies: a file, S3, an SSM parameter, or the table.
//!
//! A configuration is the text of a `ca.json`; what it says is core's matter. Here it is read, noticed to have changed,
//! and written without overwriting what somebody else wrote before. Never here: a cache.

mod file;
mod place;
mod s3;
mod sdk;
mod ssm;
mod table;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use stepless_core::clock::Clock;
use stepless_core::config::DynamoDbTable;
use stepless_core::store::{Store, StoreError};
use thiserror::Error;

pub use place::{ConfigurationPlace, ParsePlaceError};

use crate::dynamodb::DynamoDbStore;
use crate::sdk::{Account, NoRegion};
use file::FilePlace;
use s3::S3Place;
use ssm::SsmPlace;
use table::TablePlace;

/// The text of a `ca.json`, and which one it is. The text may hold a password, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The JSON.
    pub text: String,
    /// Which one it is.
    pub version: ConfigurationVersion,
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Tells one configuration of a place from every other one of the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationVersion(Version);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Version {
    /// SHA-256 of the text in hex, for a place that counts nothing.
    Sha256(String),
    /// What S3 calls this content.
    ETag(String),
    /// How often it was written, and what it says: what was deleted and made again counts from one.
    Counted { version: u64, sha256: String },
}

impl fmt::Display for ConfigurationVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Version::Sha256(sha256) => f.write_str(sha256.get(..16).unwrap_or_default()),
            Version::ETag(tag) => f.write_str(tag.trim_matches('"')),
            Version::Counted { version, .. } => version.fmt(f),
        }
    }
}

/// What a place holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// The version that was known already.
    Unchanged,
    /// This.
    Configuration(Configuration),
}

/// What a place must hold before it is written.
#[derive(Clone, Copy, Debug)]
pub enum Expected<'a> {
    /// Nothing.
    Absent,
    /// This version.
    Version(&'a ConfigurationVersion),
}

/// A place that a configuration is read from and written to, with its client open.
#[derive(Debug)]
pub struct ConfigurationSource(Source);

#[derive(Debug)]
enum Source {
    File(FilePlace),
    S3(S3Place),
    Ssm(SsmPlace),
    /// With the name that the table was opened by, if it was here.
    Table(TablePlace, Option<DynamoDbTable>),
}

impl ConfigurationSource {
    /// Sets the client of a place up, with credentials, Region and endpoint of the environment. Nothing is sent
    /// before the first read or write.
    ///
    /// # Errors
    /// [`NoRegion`] when the place is not a file and nothing says in which Region it is.
    pub async fn open(place: &ConfigurationPlace, clock: Arc<dyn Clock>) -> Result<Self, NoRegion> {
        Ok(match place {
            ConfigurationPlace::File(path) => Self(Source::File(FilePlace::new(path.clone()))),
            ConfigurationPlace::S3 { bucket, key } => {
                let sdk = Account::default().load().await;
                let sdk = NoRegion::unless_known(sdk, || place.to_string())?;
                Self(Source::S3(S3Place::new(&sdk, bucket.clone(), key.clone())))
            }
            ConfigurationPlace::Ssm { name } => {
                let sdk = Account::default().load().await;
                let sdk = NoRegion::unless_known(sdk, || place.to_string())?;
                Self(Source::Ssm(SsmPlace::new(&sdk, name.clone())))
            }
            ConfigurationPlace::Table(table) => {
                let store = DynamoDbStore::open(table, clock).await?;
                Self(Source::Table(TablePlace::new(Arc::new(store)), Some(table.clone())))
            }
        })
    }

    /// The configuration in a store that is open already.
    pub fn in_store(store: Arc<dyn Store>) -> Self {
        Self(Source::Table(TablePlace::new(store), None))
    }

    /// The store of `table`, if that is where the configuration lies: whoever keeps its state there too needs no second
    /// client and no second connection.
    pub fn store_of(&self, table: &DynamoDbTable) -> Option<Arc<dyn Store>> {
        match &self.0 {
            Source::Table(place, Some(opened)) if opened == table => Some(place.store()),
            Source::Table(..) | Source::File(_) | Source::S3(_) | Source::Ssm(_) => None,
        }
    }

    /// Reads the configuration, in one call; [`Found::Unchanged`] if it is the `known` one.
    ///
    /// # Errors
    /// [`ReadError`] when the place could not answer, or holds no text.
    pub async fn read(&self, known: Option<&ConfigurationVersion>) -> Result<Found, ReadError> {
        let found = match &self.0 {
            Source::File(file) => file.read()?,
            Source::S3(object) => return object.read(known).await,
            Source::Ssm(parameter) => parameter.read().await?,
            Source::Table(table, _) => table.read().await?,
        };
        Ok(match found {
            None => Found::Absent,
            Some(found) if known == Some(&found.version) => Found::Unchanged,
            Some(found) => Found::Configuration(found),
        })
    }

    /// Writes the configuration, if the place holds what is `expected`, and says which version it is now.
    ///
    /// Every place makes its first configuration in one step. A change is one step in S3 and the table. A file and an
    /// SSM parameter have no condition for a change: each is looked at right before, and of two changes in the same
    /// moment the later one stays. Of a parameter the later one is told, with [`WriteError::Overwrote`]; of a file
    /// nobody is.
    ///
    /// A write whose answer was lost, or whose second attempt found what the first had done, is looked at again: if
    /// the text is there, it is written.
    ///
    /// # Errors
    /// [`WriteError::Changed`] when it holds something else; nothing was written. [`WriteError::Unknown`] when
    /// nobody knows whether it was, nor could be told by another look.
    pub async fn write(
        &self,
        text: &str,
        expected: Expected<'_>,
    ) -> Result<ConfigurationVersion, WriteError> {
        let error = match self.write_unchecked(text, expected).await {
            Err(error @ (WriteError::Changed | WriteError::Unknown(_))) => error,
            told => return told,
        };
        // An error of this look says nothing of the write.
        match self.read(None).await {
            Ok(Found::Configuration(found)) if found.text == text => match (&self.0, &error) {
                (Source::Ssm(_), WriteError::Unknown(_)) => ssm::next_after(expected, found.version),
                _ => Ok(found.version),
            },
            _ => Err(error),
        }
    }

    /// As [`Self::write`], with what the place says.
    async fn write_unchecked(
        &self,
        text: &str,
        expected: Expected<'_>,
    ) -> Result<ConfigurationVersion, WriteError> {
        match &self.0 {
            Source::File(file) => file.write(text, expected),
            Source::S3(object) => object.write(text, expected).await,
            Source::Ssm(parameter) => parameter.write(text, expected).await,
            Source::Table(table, _) => table.write(text, expected).await,
        }
    }
}

/// Why a configuration could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("the file of the configuration cannot be read")]
    File(#[source] std::io::Error),
    /// S3 or SSM did not give it: out of reach, throttled, or not allowed.
    #[error("{place} did not give the configuration")]
    Service {
        /// Which place.
        place: String,
        /// What it answered.
        #[source]
        source: BoxError,
    },
    /// The table did not give it.
    #[error("the table did not give the configuration")]
    Table(#[source] StoreError),
    /// What lies there is no UTF-8.
    #[error("what lies at the place of the configuration is no text in UTF-8")]
    NotText,
    /// What lies there is too long for a configuration.
    #[error("what lies at the place of the configuration has {octets} octets, at most {MAX_OCTETS} are read")]
    TooLong {
        /// Its length.
        octets: u64,
    },
}

/// Why a configuration was not written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The place does not hold what was expected; nothing was written.
    #[error("the place of the configuration holds another one than was expected; nothing was written")]
    Changed,
    /// The place refused; nothing was written.
    #[error("the configuration was not written")]
    Refused(#[source] BoxError),
    /// It was written, over one that somebody else had written since the expected one.
    #[error("the configuration was written over one that somebody else wrote in the same moment")]
    Overwrote,
    /// The place did not answer; it may or may not have been written.
    #[error("nobody knows whether the configuration was written")]
    Unknown(#[source] BoxError),
}

/// An error of a service.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Longest configuration. A table's record holds less, and a parameter far less.
const MAX_OCTETS: u64 = 1024 * 1024;

/// SHA-256 of a text, in hex.
fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// The text of these bytes.
fn text(bytes: Vec<u8>) -> Result<String, ReadError> {
    check_length(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    String::from_utf8(bytes).map_err(|_| ReadError::NotText)
}

fn check_length(octets: u64) -> Result<(), ReadError> {
    if octets > MAX_OCTETS { Err(ReadError::TooLong { octets }) } else { Ok(()) }
}

/// A write that a service did not confirm: refused for certain, or nobody knows.
fn unconfirmed<E: std::error::Error + Send + Sync + 'static>(error: SdkError<E, Response>) -> WriteError {
    let refused = match &error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::ServiceError(answer) => answer.raw().status().is_client_error(),
        _ => false,
    };
    if refused { WriteError::Refused(Box::new(error)) } else { WriteError::Unknown(Box::new(error)) }
}

#[cfg(test)]
mod tests;
