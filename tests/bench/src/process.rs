//! A server under test, and what the kernel knows of it.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::authority::ServerFolder;
use crate::error::BenchError;
use crate::load::{Load, milliseconds};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    StepCa,
    Stepless,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StepCa => "step-ca",
            Self::Stepless => "stepless",
        })
    }
}

/// A server program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
}

impl Program {
    /// The first line of what it says of its version.
    pub(crate) fn version(&self) -> Result<String, BenchError> {
        let output = Command::new(&self.path)
            .arg(match self.kind {
                Kind::StepCa => "version",
                Kind::Stepless => "--version",
            })
            .stdin(Stdio::null())
            .output()
            .map_err(|source| BenchError::Start { path: self.path.clone(), source })?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
    }

    fn command(&self, folder: &ServerFolder, flags: &[String]) -> Command {
        let mut command = Command::new(&self.path);
        match self.kind {
            Kind::StepCa => {}
            Kind::Stepless => {
                command.arg("serve");
            }
        }
        command.arg(folder.config()).arg("--password-file").arg(folder.password_file()).args(flags);
        command.env("STEPPATH", folder.path()).current_dir(folder.path());
        command
    }
}

/// A server that was started here. It is ended, and its folder removed, when this is dropped.
pub(crate) struct Running {
    child: Child,
    folder: ServerFolder,
    started: Instant,
}

/// From the start of the process.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct StartTimes {
    pub(crate) first_answer_ms: f64,
    pub(crate) first_certificate_ms: f64,
}

/// In KiB, as the kernel counts.
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

impl Running {
    /// Starts a server; `flags` are those that both servers know.
    pub(crate) fn start(
        program: &Program,
        folder: ServerFolder,
        flags: &[String],
    ) -> Result<Self, BenchError> {
        let path = folder.log();
        let log = File::create(&path).map_err(BenchError::file(&path))?;
        let errors = log.try_clone().map_err(BenchError::file(&path))?;
        let mut command = program.command(&folder, flags);
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|source| BenchError::Start { path: program.path.clone(), source })?;
        Ok(Self { child, folder, started })
    }

    /// Asks until there is an answer, and then for a certificate.
    pub(crate) fn wait_for_first_certificate(&self, load: &impl Load) -> Result<StartTimes, BenchError> {
        let mut connection = loop {
            if let Ok(connection) = load.server().connect() {
                break connection;
            }
            if self.started.elapsed() > START_PATIENCE || !self.is_alive() {
                return self.explain(Err(BenchError::NotServing));
            }
            thread::sleep(ASK_AGAIN_AFTER);
        };
        self.explain(load.server().check_health(&mut connection))?;
        let first_answer = self.started.elapsed();
        let first = load.client(connection).and_then(|mut client| load.certificate(&mut client, 0));
        self.explain(first)?;
        Ok(StartTimes {
            first_answer_ms: milliseconds(first_answer),
            first_certificate_ms: milliseconds(self.started.elapsed()),
        })
    }

    /// Processor time used so far, in user space and in the kernel, by all threads.
    pub(crate) fn cpu_time(&self) -> Result<Duration, BenchError> {
        cpu_time(&self.proc("stat"))
    }

    pub(crate) fn memory(&self) -> Result<Memory, BenchError> {
        memory(self.child.id())
    }

    /// Adds the end of the server's log to a failure.
    pub(crate) fn explain<T>(&self, result: Result<T, BenchError>) -> Result<T, BenchError> {
        result.map_err(|source| BenchError::Explained {
            log: end_of(&self.folder.log()),
            source: Box::new(source),
        })
    }

    fn is_alive(&self) -> bool {
        // A process that ended and was not waited for yet is a zombie: it has a state and no memory.
        self.memory().is_ok()
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or it ends now; either way nothing is left to be done about a failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const START_PATIENCE: Duration = Duration::from_secs(30);
const ASK_AGAIN_AFTER: Duration = Duration::from_micros(500);
const LOG_LINES: usize = 10;

/// The last lines of a log.
pub(crate) fn end_of(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("\n")
}

/// What a process holds in memory.
pub(crate) fn memory(process: u32) -> Result<Memory, BenchError> {
    let path = PathBuf::from(format!("/proc/{process}/status"));
    let status = fs::read_to_string(&path).map_err(BenchError::file(path))?;
    let field = |what: &'static str| {
        let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
        line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
            .ok_or(BenchError::ProcessTable { what })
    };
    Ok(Memory { resident: field("VmRSS")?, peak: field("VmHWM")? })
}

/// Processor time used so far by this program.
pub(crate) fn own_cpu_time() -> Result<Duration, BenchError> {
    cpu_time(Path::new("/proc/self/stat"))
}

/// `utime` and `stime` of a stat file, `proc(5)`.
fn cpu_time(path: &Path) -> Result<Duration, BenchError> {
    let stat = fs::read_to_string(path).map_err(BenchError::file(path))?;
    parse_cpu_time(&stat).ok_or(BenchError::ProcessTable { what: "utime and stime" })
}

fn parse_cpu_time(stat: &str) -> Option<Duration> {
    // The second field is the program's name in brackets, which may hold anything, brackets and spaces included.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(UTIME_AFTER_NAME);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * (1000 / TICKS_PER_SECOND)))
}

/// `utime` is the 14th field; the first after the name is the 3rd.
const UTIME_AFTER_NAME: usize = 11;

/// What the kernel reports in, on every architecture of Linux in use (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_name_with_brackets() {
        let stat = "42 (a) (b c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 1 0";

        assert_eq!(parse_cpu_time(stat), Some(Duration::from_millis(1750)));
    }

    #[test]
    fn this_program_has_a_cpu_time() {
        assert!(own_cpu_time().is_ok());
    }
}
