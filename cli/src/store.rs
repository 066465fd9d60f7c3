//! The store that a configuration names: a table, a file, or memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepless_aws::dynamodb::DynamoDbStore;
use stepless_core::authority::Persistence;
use stepless_core::clock::Clock;
use stepless_core::config::{DatabaseConfig, DynamoDbTable, EmbeddedDatabase, EmbeddedKind};
use stepless_core::store::{MemoryStore, Store};
use stepless_embedded::{EmbeddedStore, OpenError};
use tracing::warn;

use crate::error::{CliError, Context};
use crate::files;

/// Opens the store for an authority, with the time from `clock`; without a `db` it is in memory.
pub(crate) async fn open(
    db: Option<&DatabaseConfig>,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn Store>, Persistence), CliError> {
    let Some(db) = db else {
        warn!("no db is configured: spent tokens are forgotten at the end, and nothing can be revoked");
        return Ok((Arc::new(MemoryStore::new(Arc::clone(clock))), Persistence::UntilRestart));
    };
    let store: Arc<dyn Store> = match db {
        DatabaseConfig::Embedded(db) => {
            let path = embedded_file(db)?;
            let store = EmbeddedStore::open(&path, Arc::clone(clock));
            Arc::new(store.context(format_args!("the database {} cannot be opened", path.display()))?)
        }
        DatabaseConfig::DynamoDb(table) => open_table(table, clock).await?,
    };
    Ok((store, Persistence::Durable))
}

/// Opens the store of an authority to change what an operator may change. Its keys are not needed.
///
/// A table can be changed while others work on it; an embedded store is open in one process at a time.
pub(crate) async fn open_to_change(
    db: Option<&DatabaseConfig>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn Store>, CliError> {
    match db {
        None => Err(CliError::new(
            "no db is configured: what is written here would be forgotten at once, and ACME needs a database",
        )),
        Some(DatabaseConfig::Embedded(db)) => {
            let path = embedded_file(db)?;
            match EmbeddedStore::open(&path, Arc::clone(clock)) {
                Err(OpenError::AlreadyOpen { path }) => Err(CliError::new(format!(
                    "the database {} is in use: an embedded database is open in one process at a time. Stop the \
                     server, run this again, and start the server",
                    path.display()
                ))),
                opened => {
                    let message = format!("the database {} cannot be opened", path.display());
                    Ok(Arc::new(opened.context(message)?))
                }
            }
        }
        Some(DatabaseConfig::DynamoDb(table)) => open_table(table, clock).await,
    }
}

async fn open_table(table: &DynamoDbTable, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Store>, CliError> {
    let store = DynamoDbStore::open(table, Arc::clone(clock)).await;
    Ok(Arc::new(store.context("db.dataSource: the table cannot be used")?))
}

/// The file of an embedded store, in a folder that is there.
fn embedded_file(db: &EmbeddedDatabase) -> Result<PathBuf, CliError> {
    let folder = store_folder(db);
    files::create_folder(folder)?;
    if let Some(path) = another_database(db) {
        warn!(
            path = %path.display(),
            "this is the database of another program; its certificates, revocations and spent tokens are not read"
        );
    }
    Ok(folder.join(STORE_FILE))
}

/// Where our own store lies. `db.dataSource` names a folder, but a file for bbolt: then it lies beside that file.
fn store_folder(db: &EmbeddedDatabase) -> &Path {
    match db.kind {
        EmbeddedKind::BadgerV1 | EmbeddedKind::BadgerV2 => &db.data_source,
        EmbeddedKind::Bbolt => match db.data_source.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        },
    }
}

/// What another program keeps in the same place is not read: certificates that it revoked are not revoked here.
fn another_database(db: &EmbeddedDatabase) -> Option<PathBuf> {
    let candidates = match db.kind {
        EmbeddedKind::BadgerV1 | EmbeddedKind::BadgerV2 => {
            BADGER_FILES.into_iter().map(|file| db.data_source.join(file)).collect()
        }
        EmbeddedKind::Bbolt => vec![db.data_source.clone()],
    };
    candidates.into_iter().find(|path| path.exists())
}

/// The file of the embedded store.
const STORE_FILE: &str = "stepless.redb";
/// What a badger database leaves in its folder.
const BADGER_FILES: [&str; 2] = ["MANIFEST", "KEYREGISTRY"];

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened(kind: EmbeddedKind, data_source: &Path) -> Result<Persistence, CliError> {
        let db = EmbeddedDatabase { kind, data_source: data_source.to_owned() };
        let clock: Arc<dyn Clock> = Arc::new(stepless_net::SystemClock);
        open(Some(&DatabaseConfig::Embedded(db)), &clock).await.map(|(_, persistence)| persistence)
    }

    #[tokio::test]
    async fn the_store_lies_in_the_folder_of_a_badger_database() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("new/db");

        assert!(matches!(opened(EmbeddedKind::BadgerV2, &source).await, Ok(Persistence::Durable)));

        assert!(source.join(STORE_FILE).is_file());
    }

    #[tokio::test]
    async fn the_store_lies_beside_the_file_of_a_bbolt_database_and_leaves_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("step.db");
        std::fs::write(&source, "bbolt").unwrap();

        assert!(matches!(opened(EmbeddedKind::Bbolt, &source).await, Ok(Persistence::Durable)));

        assert!(folder.path().join(STORE_FILE).is_file());
        assert_eq!(std::fs::read(&source).unwrap(), b"bbolt");
    }

    #[tokio::test]
    async fn a_bbolt_database_that_is_not_there_yet_is_not_made_as_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("new/step.db");

        assert!(matches!(opened(EmbeddedKind::Bbolt, &source).await, Ok(Persistence::Durable)));

        assert!(folder.path().join("new").join(STORE_FILE).is_file());
        assert!(!source.exists());
    }

    #[test]
    fn a_bbolt_file_without_a_folder_lies_in_the_working_directory() {
        let db = EmbeddedDatabase { kind: EmbeddedKind::Bbolt, data_source: "step.db".into() };

        assert_eq!(store_folder(&db), Path::new("."));
    }

    #[test]
    fn a_database_of_another_program_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("step.db");
        let bbolt = EmbeddedDatabase { kind: EmbeddedKind::Bbolt, data_source: file.clone() };
        let badger = EmbeddedDatabase { kind: EmbeddedKind::BadgerV2, data_source: folder.path().to_owned() };
        assert_eq!((another_database(&bbolt), another_database(&badger)), (None, None));

        std::fs::write(&file, "").unwrap();
        std::fs::write(folder.path().join("MANIFEST"), "").unwrap();

        assert_eq!(another_database(&bbolt), Some(file));
        assert_eq!(another_database(&badger), Some(folder.path().join("MANIFEST")));
    }

    #[tokio::test]
    async fn o13_a_store_in_use_is_said_to_be_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let db = EmbeddedDatabase { kind: EmbeddedKind::BadgerV2, data_source: folder.path().to_owned() };
        let db = DatabaseConfig::Embedded(db);
        let clock: Arc<dyn Clock> = Arc::new(stepless_net::SystemClock);
        let served = open(Some(&db), &clock).await.unwrap();

        let refused = open_to_change(Some(&db), &clock).await.err().unwrap().to_string();
        drop(served);

        for word in ["in use", "Stop the server", &folder.path().join(STORE_FILE).display().to_string()] {
            assert!(refused.contains(word), "{refused}");
        }
        assert!(open_to_change(Some(&db), &clock).await.is_ok());
    }

    #[tokio::test]
    async fn without_a_database_there_is_nothing_to_change() {
        let clock: Arc<dyn Clock> = Arc::new(stepless_net::SystemClock);

        let refused = open_to_change(None, &clock).await.err().unwrap().to_string();

        assert!(refused.contains("no db is configured"), "{refused}");
    }
}
