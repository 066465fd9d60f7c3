//! A configuration in the table, beside the state.

use std::sync::Arc;

use stepless_core::store::{CommitError, Condition, Record, Store, table};

use super::{Configuration, ConfigurationVersion, Expected, ReadError, Version, WriteError, sha256, text};

/// The record of a configuration.
#[derive(Debug)]
pub(super) struct TablePlace(Arc<dyn Store>);

impl TablePlace {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0)
    }

    /// `None` when there is no such record.
    pub(super) async fn read(&self) -> Result<Option<Configuration>, ReadError> {
        self.0.get(&table::configuration()).await.map_err(ReadError::Table)?.map(configuration).transpose()
    }

    pub(super) async fn write(
        &self,
        text: &str,
        expected: Expected<'_>,
    ) -> Result<ConfigurationVersion, WriteError> {
        let (condition, counted) = match expected {
            Expected::Absent => (Condition::Absent, 1),
            Expected::Version(ConfigurationVersion(Version::Counted { version, .. })) => {
                (Condition::Version(*version), version.saturating_add(1))
            }
            Expected::Version(_) => return Err(WriteError::Changed),
        };
        let written = version(counted, text);
        let write = stepless_core::store::Write::Put {
            key: table::configuration(),
            condition,
            value: text.as_bytes().to_vec(),
            expires: None,
            indexes: Vec::new(),
        };
        match self.0.commit(vec![write]).await {
            Ok(()) => Ok(written),
            Err(CommitError::Conflict { .. }) => Err(WriteError::Changed),
            Err(CommitError::Store(error)) => Err(WriteError::Unknown(Box::new(error))),
        }
    }
}

fn configuration(record: Record) -> Result<Configuration, ReadError> {
    let text = text(record.value)?;
    let version = version(record.version, &text);
    Ok(Configuration { text, version })
}

fn version(version: u64, text: &str) -> ConfigurationVersion {
    ConfigurationVersion(Version::Counted { version, sha256: sha256(text) })
}
