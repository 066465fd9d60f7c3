//! The file: made, locked, opened, and opened again after a failure.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase};
use thiserror::Error;

use crate::layout::{EXPIRY, PLACES, RECORDS};

/// The database cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the database {} is in use by another process: only one server can have it open; stop the other one, or give \
         this one a database of its own",
        path.display()
    )]
    AlreadyOpen {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made, read or written.
    #[error("the database {} cannot be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It can be read, and is not a database, or is a damaged one.
    #[error("the file {} is not a database of this program, or is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The open database. It is closed and opened again when the engine has met an I/O error, after which it refuses
/// everything.
pub(crate) struct Shared {
    /// `None` while it could not be opened again.
    open: RwLock<Option<Database>>,
    reopen: Opener,
}

/// Opens the database that was open before.
pub(crate) type Opener = Box<dyn Fn() -> Result<Database, Cause> + Send + Sync>;

/// Why the engine could not do what it was asked.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The database is closed after a failure; the next commit tries to open it again.
#[derive(Debug, Error)]
#[error("the database is closed after a failure")]
pub(crate) struct Closed;

impl Shared {
    pub(crate) fn new(database: Database, reopen: Opener) -> Self {
        Self { open: RwLock::new(Some(database)), reopen }
    }

    /// Lends the database to `work`, which must be short: it cannot be opened again meanwhile.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Cause>) -> Result<T, Cause> {
        work(self.read().as_ref().ok_or(Closed)?)
    }

    /// Closes the database and opens it again, if it has failed.
    pub(crate) fn recover(&self) -> Result<(), Cause> {
        if self.with(probe).is_ok() {
            return Ok(());
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // The lock on the file must go before the file can be opened again.
        *open = None;
        *open = Some((self.reopen)()?);
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Opens the database at `path`, and makes it first if there is nothing.
pub(crate) fn open_or_create(path: &Path) -> Result<Database, OpenError> {
    match open(path) {
        Err(OpenError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            create(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
            open(path)
        }
        answer => answer,
    }
}

/// Opens the database at `path`, which must exist.
pub(crate) fn open(path: &Path) -> Result<Database, OpenError> {
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
    open_file(file, path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            OpenError::AlreadyOpen { path: path.to_owned() }
        }
        DatabaseError::Storage(redb::StorageError::Io(source))
            if source.kind() != io::ErrorKind::InvalidData =>
        {
            io(source)
        }
        other => OpenError::Damaged { path: path.to_owned(), source: Box::new(other) },
    })
}

fn open_file(file: File, path: &Path) -> Result<Database, DatabaseError> {
    let database = builder(path).create_with_backend(FileBackend::new(file)?)?;
    make_tables(&database).map_err(|cause| match cause.downcast() {
        Ok(storage) => DatabaseError::Storage(*storage),
        Err(cause) => DatabaseError::Storage(redb::StorageError::Corrupted(cause.to_string())),
    })?;
    Ok(database)
}

/// How a database is opened; `path` is for the log.
pub(crate) fn builder(path: &Path) -> redb::Builder {
    let mut builder = redb::Builder::new();
    let path = path.to_owned();
    builder.set_cache_size(CACHE).set_repair_callback(move |repair| {
        tracing::info!(
            path = %path.display(),
            progress = repair.progress(),
            "checking the database, which was not closed properly"
        );
    });
    builder
}

/// Makes the tables, so that readers find them, unless they are there.
pub(crate) fn make_tables(database: &Database) -> Result<(), Cause> {
    if database.begin_read()?.list_tables()?.count() == TABLES {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(PLACES)?;
    transaction.open_table(EXPIRY)?;
    transaction.commit()?;
    Ok(())
}

/// Makes an empty database that appears at `path` only when it is whole: a process killed half-way leaves nothing
/// there that could not be opened.
fn create(path: &Path) -> io::Result<()> {
    let draft = draft_path(path);
    let made = make_draft(&draft).and_then(|()| publish(&draft, path));
    // It has two names now, or is of no use.
    let _ = fs::remove_file(&draft);
    made?;
    sync_directory(path)
}

fn make_draft(draft: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE);
    let database = open_file(options.open(draft)?, draft).map_err(io::Error::other)?;
    drop(database);
    Ok(())
}

/// Gives the draft its name, unless another process was faster; then the other one's database is as good.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A file system without hard links.
        Err(_) => fs::rename(draft, path),
        Ok(()) => Ok(()),
    }
}

/// A name next to `path` that no other process uses, in a container neither, where process ids repeat.
fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}.new", RandomState::new().hash_one(std::process::id())));
    PathBuf::from(name)
}

/// Makes the name of a new file durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn probe(database: &Database) -> Result<(), Cause> {
    database.begin_write()?.abort()?;
    Ok(())
}

/// What the engine may cache, in octets. Its default is 1 GiB, and the whole server is to stay below 18 MB; the system
/// caches the file as well.
const CACHE: usize = 4 * 1024 * 1024;

/// What [`make_tables`] makes.
const TABLES: usize = 3;

/// Only the owner reads and writes: the file names every certificate.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;
