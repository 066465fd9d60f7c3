//! Other people's emulators of AWS: ministack (KMS, DynamoDB, SQS, S3, ACM, SSM) and Amazon's DynamoDB Local, a second,
//! independent engine for what the store promises.
//!
//! `localstack/tools.sh` installs them, pinned; nothing is fetched here. A test binary shares one of each
//! ([`Ministack::shared`], [`DynamoDbLocal::shared`]) and keeps its tests apart by tables and keys of their own.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use thiserror::Error;

use crate::endpoint::Endpoint;
use crate::guard::Guarded;
use crate::port::ReservedAddress;
use crate::scratch::Folder;

/// A running ministack, ended when dropped and when this process ends.
///
/// Its KMS knows no ML-DSA and takes RAW messages over 4,096 octets, which AWS refuses. Records whose time to live is
/// over stay in its DynamoDB.
#[derive(Debug)]
pub struct Ministack(Running);

impl Ministack {
    /// Starts one on a free port and waits until it answers; takes about a second.
    ///
    /// # Errors
    /// [`EmulatorError`] if it is not installed or does not start.
    pub fn start() -> Result<Self, EmulatorError> {
        Self::start_logging_to(Folder::own().map_err(EmulatorError::Folder)?)
    }

    /// As [`Ministack::start`], with its log in `folder/ministack.log`.
    ///
    /// # Errors
    /// As [`Ministack::start`].
    pub fn start_in(folder: &Path) -> Result<Self, EmulatorError> {
        Self::start_logging_to(Folder::given(folder).map_err(EmulatorError::Folder)?)
    }

    /// The one of this process, started by the first who asks. It ends with the process.
    ///
    /// # Errors
    /// As [`Ministack::start`]; the first failure is everybody's.
    pub fn shared() -> Result<&'static Self, &'static EmulatorError> {
        static SHARED: OnceLock<Result<Ministack, EmulatorError>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Where all of its services listen.
    pub fn endpoint(&self) -> Endpoint {
        self.0.endpoint
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        self.0.endpoint.url()
    }

    fn start_logging_to(folder: Folder) -> Result<Self, EmulatorError> {
        let program = installed("ministack-1.5.33", "bin/ministack")?;
        let command = |port: u16, folder: &Path| {
            let mut command = Command::new(&program);
            command
                .env("BIND_HOST", Ipv4Addr::LOCALHOST.to_string())
                .env("MINISTACK_HOST", Ipv4Addr::LOCALHOST.to_string())
                .env("GATEWAY_PORT", port.to_string())
                // Its MQTT and SFTP listeners have fixed ports on every interface.
                .env("IOT_MTLS_ENABLED", "0")
                .env("SFTP_ENABLED", "0")
                // It would look for a container engine otherwise.
                .env("DOCKER_HOST", "unix:///nonexistent")
                .env("TMPDIR", folder)
                .env("PYTHONDONTWRITEBYTECODE", "1");
            command
        };
        let ready = |endpoint: Endpoint| endpoint.answers("/_ministack/ready");
        // Its process id, which it removes only when it is asked to end.
        let leftover = |port: u16, folder: &Path| Some(folder.join(format!("ministack-{port}.pid")));
        start("ministack", folder, &command, &ready, &leftover).map(Self)
    }
}

/// A running DynamoDB Local, in memory, ended when dropped and when this process ends.
///
/// It listens on every interface, which it offers no way to change. All credentials and regions see the same tables.
#[derive(Debug)]
pub struct DynamoDbLocal(Running);

impl DynamoDbLocal {
    /// Starts one on a free port and waits until it answers; takes about three seconds.
    ///
    /// # Errors
    /// [`EmulatorError`] if it is not installed or does not start.
    pub fn start() -> Result<Self, EmulatorError> {
        Self::start_logging_to(Folder::own().map_err(EmulatorError::Folder)?)
    }

    /// As [`DynamoDbLocal::start`], with its log in `folder/dynamodb-local.log`.
    ///
    /// # Errors
    /// As [`DynamoDbLocal::start`].
    pub fn start_in(folder: &Path) -> Result<Self, EmulatorError> {
        Self::start_logging_to(Folder::given(folder).map_err(EmulatorError::Folder)?)
    }

    /// The one of this process, started by the first who asks. It ends with the process.
    ///
    /// # Errors
    /// As [`DynamoDbLocal::start`]; the first failure is everybody's.
    pub fn shared() -> Result<&'static Self, &'static EmulatorError> {
        static SHARED: OnceLock<Result<DynamoDbLocal, EmulatorError>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Where it listens.
    pub fn endpoint(&self) -> Endpoint {
        self.0.endpoint
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        self.0.endpoint.url()
    }

    fn start_logging_to(folder: Folder) -> Result<Self, EmulatorError> {
        let libraries = installed("dynamodb-local-2.6.1", "lib")?;
        let command = |port: u16, folder: &Path| {
            let mut command = Command::new("java");
            command
                .current_dir(folder)
                // It lives for seconds: a quick start is worth more than quick code.
                .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"])
                .arg(format!("-Djava.library.path={}", libraries.display()))
                .arg("-cp")
                .arg(libraries.join("*"))
                .arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner")
                .args(["-inMemory", "-sharedDb", "-disableTelemetry", "-port", &port.to_string()]);
            command
        };
        let ready = |endpoint: Endpoint| endpoint.call("DynamoDB_20120810.ListTables", &json!({})).is_ok();
        start("dynamodb-local", folder, &command, &ready, &|_, _| None).map(Self)
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

fn start(
    name: &'static str,
    folder: Folder,
    command: &dyn Fn(u16, &Path) -> Command,
    ready: &dyn Fn(Endpoint) -> bool,
    leftover: &dyn Fn(u16, &Path) -> Option<PathBuf>,
) -> Result<Running, EmulatorError> {
    let failed = |source| EmulatorError::Start { name, source };
    let path = folder.path().join(format!("{name}.log"));
    let reserved = ReservedAddress::any().map_err(failed)?;
    let address = reserved.address();
    let log = File::options().create(true).append(true).open(&path).map_err(EmulatorError::Folder)?;
    let errors = log.try_clone().map_err(EmulatorError::Folder)?;
    let command = command(address.port(), folder.path());
    let leftover = leftover(address.port(), folder.path()).map(Leftover);
    let process = Guarded::start(&command, Stdio::from(log), Stdio::from(errors)).map_err(failed)?;
    let endpoint = Endpoint::new(address);
    let process = wait_until_ready(name, process, endpoint, ready, &path)?;
    Ok(Running { _process: process, endpoint, _leftover: leftover, _folder: folder })
}

fn wait_until_ready(
    name: &'static str,
    mut process: Guarded,
    endpoint: Endpoint,
    ready: &dyn Fn(Endpoint) -> bool,
    log: &Path,
) -> Result<Guarded, EmulatorError> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if ready(endpoint) {
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

fn installed(folder: &str, program: &str) -> Result<PathBuf, EmulatorError> {
    let folder = tools().join(folder);
    // The installer writes this file last.
    if folder.join(".finished").exists() {
        return Ok(folder.join(program));
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
