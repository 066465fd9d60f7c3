//! Other people's emulators of AWS: ministack (KMS, DynamoDB, SQS, S3, ACM, SSM) and Amazon's DynamoDB Local, a second,
//! independent engine for what the store promises.
//!
//! `localstack/tools.sh` installs them, pinned; nothing is fetched here. A test binary shares one of each
//! ([`Ministack::shared`], [`DynamoDbLocal::shared`]) and keeps its tests apart by tables and keys of their own.

mod kind;

use std::fs::{self, File};
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::endpoint::Endpoint;
use crate::guard::Guarded;
use crate::port::ReservedAddress;
use crate::scratch::Folder;

pub use kind::Kind;

/// A running emulator, ended when dropped and when this process ends.
#[derive(Debug)]
pub struct Emulator<K> {
    running: Running,
    kind: PhantomData<K>,
}

/// AWS but for the account: KMS, DynamoDB, SQS, S3, ACM and SSM.
///
/// Its KMS knows no ML-DSA and takes RAW messages over 4,096 octets, which AWS refuses. Records whose time to live is
/// over stay in its DynamoDB.
pub type Ministack = Emulator<kind::Ministack>;

/// Amazon's own DynamoDB, in memory.
///
/// It listens on every interface, which it offers no way to change. All credentials and regions see the same tables.
pub type DynamoDbLocal = Emulator<kind::DynamoDbLocal>;

impl<K: Kind> Emulator<K> {
    /// Starts one on a free port and waits until it answers; takes one to three seconds.
    ///
    /// # Errors
    /// [`EmulatorError`] if it is not installed or does not start.
    pub fn start() -> Result<Self, EmulatorError> {
        Self::start_logging_to(Folder::own().map_err(EmulatorError::Folder)?)
    }

    /// As [`Emulator::start`], with its log in `folder`: `ministack.log` or `dynamodb-local.log`.
    ///
    /// # Errors
    /// As [`Emulator::start`].
    pub fn start_in(folder: &Path) -> Result<Self, EmulatorError> {
        Self::start_logging_to(Folder::given(folder).map_err(EmulatorError::Folder)?)
    }

    /// The one of this process, started by the first who asks. It ends with the process.
    ///
    /// # Errors
    /// As [`Emulator::start`]; the first failure is everybody's.
    pub fn shared() -> Result<&'static Self, &'static EmulatorError> {
        K::shared().get_or_init(Self::start).as_ref()
    }

    /// Where it listens, with all of its services.
    pub fn endpoint(&self) -> Endpoint {
        self.running.endpoint
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        self.running.endpoint.url()
    }

    fn start_logging_to(folder: Folder) -> Result<Self, EmulatorError> {
        Ok(Self { running: start::<K>(folder)?, kind: PhantomData })
    }
}

/// An emulator does not run.
#[derive(Debug, Error)]
pub enum EmulatorError {
    /// The pinned program is not where the tools are.
    #[error("{} is not installed: run tests/run or localstack/tools.sh", path.display())]
    NotInstalled {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is no folder for its log.
    #[error("the folder for the logs of an emulator cannot be used")]
    Folder(#[source] io::Error),
    /// It could not be started at all; for DynamoDB Local that is `java` missing.
    #[error("{name} cannot be started")]
    Start {
        /// Which one.
        name: &'static str,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// It ended before it answered.
    #[error("{name} ended with {status} before it answered:\n{log}")]
    Ended {
        /// Which one.
        name: &'static str,
        /// How.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// It runs and does not answer.
    #[error("{name} did not answer within {START_LIMIT:?}:\n{log}")]
    Silent {
        /// Which one.
        name: &'static str,
        /// The last lines of its log.
        log: String,
    },
}

/// A process that answers. The order of the members is that of their end.
#[derive(Debug)]
struct Running {
    _process: Guarded,
    endpoint: Endpoint,
    _leftover: Option<Leftover>,
    _folder: Folder,
}

/// A file that an emulator leaves behind, removed with this value.
#[derive(Debug)]
struct Leftover(PathBuf);

impl Drop for Leftover {
    fn drop(&mut self) {
        // It may never have been written, and it harms nobody.
        let _ = fs::remove_file(&self.0);
    }
}

fn start<K: Kind>(folder: Folder) -> Result<Running, EmulatorError> {
    let installed = installed(K::INSTALLED)?;
    let failed = |source| EmulatorError::Start { name: K::NAME, source };
    let path = folder.path().join(format!("{}.log", K::NAME));
    let reserved = ReservedAddress::any().map_err(failed)?;
    let address = reserved.address();
    let log = File::options().create(true).append(true).open(&path).map_err(EmulatorError::Folder)?;
    let errors = log.try_clone().map_err(EmulatorError::Folder)?;
    let command = K::command(&installed, address.port(), folder.path());
    let leftover = K::leftover(address.port(), folder.path()).map(Leftover);
    let process = Guarded::start(&command, Stdio::from(log), Stdio::from(errors)).map_err(failed)?;
    let endpoint = Endpoint::new(address);
    let process = wait_until_ready::<K>(process, endpoint, &path)?;
    Ok(Running { _process: process, endpoint, _leftover: leftover, _folder: folder })
}

fn wait_until_ready<K: Kind>(
    mut process: Guarded,
    endpoint: Endpoint,
    log: &Path,
) -> Result<Guarded, EmulatorError> {
    let name = K::NAME;
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if K::is_ready(endpoint) {
            return Ok(process);
        }
        if let Some(status) = process.ended().map_err(|source| EmulatorError::Start { name, source })? {
            return Err(EmulatorError::Ended { name, status, log: tail(log) });
        }
        if Instant::now() > deadline {
            return Err(EmulatorError::Silent { name, log: tail(log) });
        }
        thread::sleep(POLL);
    }
}

/// Where the tools are: `STEPLESS_TOOLS`, or the folder that `tests/run` fills.
fn tools() -> PathBuf {
    std::env::var_os("STEPLESS_TOOLS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/stepless/tools"),
        PathBuf::from,
    )
}

fn installed(folder: &str) -> Result<PathBuf, EmulatorError> {
    let folder = tools().join(folder);
    // The installer writes this file last.
    if folder.join(".finished").exists() {
        return Ok(folder);
    }
    Err(EmulatorError::NotInstalled { path: folder })
}

/// The last lines of a log.
pub(crate) fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)).copied().collect::<Vec<_>>().join("\n")
}

/// Longest wait for the first answer; a busy machine needs many seconds for a JVM.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Between two looks at an emulator that starts.
const POLL: Duration = Duration::from_millis(50);

/// As much of a log as an error carries.
const TAIL_LINES: usize = 20;

#[cfg(test)]
mod tests;
