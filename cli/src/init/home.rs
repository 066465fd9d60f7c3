//! Where a new authority's configuration and first records go: all or nothing, and never over another's.

use std::sync::Arc;

use stepless_aws::configuration::{ConfigurationSource, Expected, Found};
use stepless_core::clock::{Clock, Timestamp};
use stepless_core::store::table::{self, AuthorityRecord};
use stepless_core::store::{CommitError, Condition, Store, StoreError, Write};
use stepless_net::SystemClock;

use crate::error::{CliError, Context};

/// The table of an authority, and the place of its configuration.
pub(super) struct Home {
    store: Arc<dyn Store>,
    configuration: ConfigurationSource,
    place: Place,
}

/// Where the configuration lies.
enum Place {
    /// In the table, beside the records: one commit makes both.
    Table,
    /// Somewhere else. It is made first, so that whoever sees the authority's record sees the configuration too.
    Elsewhere,
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    Empty,
    /// The records of an authority whose configuration is not here.
    Taken,
    /// A configuration.
    Configured(String),
}

/// Whose configuration is there after an attempt to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// Ours.
    Ours,
    /// That of somebody who was faster.
    Theirs(String),
}

impl Home {
    /// A home in one table.
    pub(super) fn in_table(store: Arc<dyn Store>) -> Self {
        let configuration = ConfigurationSource::in_store(Arc::clone(&store));
        Self { store, configuration, place: Place::Table }
    }

    /// A home whose configuration lies outside of the table.
    pub(super) fn with_configuration_in(store: Arc<dyn Store>, configuration: ConfigurationSource) -> Self {
        Self { store, configuration, place: Place::Elsewhere }
    }

    /// Looks what is there.
    pub(super) async fn state(&self) -> Result<State, CliError> {
        let authority = self.store.get(&table::authority()).await.context(UNREADABLE)?;
        // After the record: whoever made the record had made the configuration before it, or with it.
        let found = self.configuration.read(None).await.context("the configuration cannot be read")?;
        Ok(match (found, authority) {
            (Found::Configuration(found), _) => State::Configured(found.text),
            (Found::Absent | Found::Unchanged, Some(_)) => State::Taken,
            (Found::Absent | Found::Unchanged, None) => State::Empty,
        })
    }

    /// Makes the configuration and the first record, if nothing is there.
    pub(super) async fn make(&self, text: &str) -> Result<Made, CliError> {
        let failed = match self.place {
            Place::Table => {
                let writes =
                    vec![put_configuration(text), put_authority(SystemClock.now()).context(UNWRITTEN)?];
                match self.store.commit(writes).await {
                    Ok(()) => return Ok(Made::Ours),
                    error => error.context(UNWRITTEN),
                }
            }
            Place::Elsewhere => match self.configuration.write(text, Expected::Absent).await {
                Ok(_) => {
                    self.complete().await?;
                    return Ok(Made::Ours);
                }
                Err(error) => Err(error).context(UNWRITTEN),
            },
        };
        // Somebody was faster, or an answer was lost and it was us.
        match self.state().await? {
            State::Configured(found) if found == text => {
                self.complete().await?;
                Ok(Made::Ours)
            }
            State::Configured(found) => Ok(Made::Theirs(found)),
            State::Empty | State::Taken => Err(failed.err().unwrap_or_else(|| CliError::new(UNWRITTEN))),
        }
    }

    /// Makes the authority's record if it is missing: whoever wrote the configuration may not have come so far.
    pub(super) async fn complete(&self) -> Result<(), CliError> {
        if self.store.get(&table::authority()).await.context(UNREADABLE)?.is_some() {
            return Ok(());
        }
        match self.store.commit(vec![put_authority(SystemClock.now()).context(UNWRITTEN)?]).await {
            Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(error) => {
                Err(error).context("the configuration is there, the authority's first record is not")
            }
        }
    }
}

fn put_configuration(text: &str) -> Write {
    Write::Put {
        key: table::configuration(),
        condition: Condition::Absent,
        value: text.as_bytes().to_vec(),
        expires: None,
        indexes: Vec::new(),
    }
}

fn put_authority(created: Timestamp) -> Result<Write, StoreError> {
    Ok(Write::Put {
        key: table::authority(),
        condition: Condition::Absent,
        value: table::encode(&AuthorityRecord { created })?,
        expires: None,
        indexes: Vec::new(),
    })
}

const UNREADABLE: &str = "the table cannot be read";
const UNWRITTEN: &str = "the configuration was not written; run the same command again";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use stepless_aws::configuration::ConfigurationPlace;
    use stepless_core::fault::{Fault, Faults};
    use stepless_core::store::MemoryStore;
    use stepless_core::store::fault::FaultyStore;

    use super::*;

    fn memory() -> Arc<MemoryStore> {
        Arc::new(MemoryStore::new(Arc::new(SystemClock)))
    }

    async fn in_file(store: Arc<dyn Store>, folder: &Path) -> Home {
        let place = ConfigurationPlace::File(folder.join("ca.json"));
        let source = ConfigurationSource::open(&place, Arc::new(SystemClock)).await.unwrap();
        Home::with_configuration_in(store, source)
    }

    #[tokio::test]
    async fn a_second_configuration_is_not_made_and_the_first_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = memory();
        for home in [Home::in_table(memory()), in_file(store, folder.path()).await] {
            assert_eq!(home.state().await.unwrap(), State::Empty);

            assert_eq!(home.make("first").await.unwrap(), Made::Ours);
            assert_eq!(home.make("second").await.unwrap(), Made::Theirs("first".to_owned()));

            assert_eq!(home.state().await.unwrap(), State::Configured("first".to_owned()));
            assert!(home.store.get(&table::authority()).await.unwrap().is_some());
        }
    }

    #[tokio::test]
    async fn a_table_of_another_authority_gets_no_configuration() {
        let store = memory();
        store.commit(vec![put_authority(SystemClock.now()).unwrap()]).await.unwrap();
        let home = Home::in_table(store.clone());

        assert_eq!(home.state().await.unwrap(), State::Taken);
        assert!(home.make("second").await.is_err());

        assert_eq!(store.get(&table::configuration()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn d6_a_configuration_whose_commit_was_not_answered_is_found_to_be_ours() {
        let inner = memory();
        let faults = Arc::new(Faults::at(1, Fault::FailAfter));
        let home = Home::in_table(Arc::new(FaultyStore::new(inner.clone(), faults)));

        assert_eq!(home.make("ours").await.unwrap(), Made::Ours);

        assert_eq!(inner.get(&table::configuration()).await.unwrap().unwrap().version, 1);
    }

    #[tokio::test]
    async fn a_commit_that_failed_leaves_nothing_and_says_so() {
        let inner = memory();
        let faults = Arc::new(Faults::at(1, Fault::FailBefore));
        let home = Home::in_table(Arc::new(FaultyStore::new(inner.clone(), faults)));

        let refused = home.make("ours").await;

        assert!(refused.is_err_and(|error| error.to_string().contains("run the same command again")));
        assert_eq!(Home::in_table(inner).state().await.unwrap(), State::Empty);
    }

    #[tokio::test]
    async fn a_record_that_an_earlier_run_did_not_come_to_is_made_up_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.json"), "first").unwrap();
        let store = memory();
        let home = in_file(store.clone(), folder.path()).await;
        assert_eq!(home.state().await.unwrap(), State::Configured("first".to_owned()));

        home.complete().await.unwrap();
        let made = store.get(&table::authority()).await.unwrap().unwrap();
        home.complete().await.unwrap();

        assert_eq!(store.get(&table::authority()).await.unwrap().unwrap(), made);
    }
}
