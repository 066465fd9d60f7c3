//! A running server on a free loopback port, ended when dropped.

use std::{
    ffi::OsStr,
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use stepless_localstack::port::ReservedAddress;

use crate::{CaFolder, Client, Request, client::roots_of, programs};

/// Which server to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The reference.
    StepCa,
    /// The server under test.
    Stepless,
}

/// A server that answered `/health`; its process ends with this value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: ReservedAddress,
    log: PathBuf,
}

impl Server {
    /// Starts `program` on `folder` and waits for its first answer.
    pub fn start(program: Program, folder: &CaFolder) -> Self {
        Self::start_with(program, folder, &[])
    }

    /// As [`Server::start`], with more flags.
    pub fn start_with(program: Program, folder: &CaFolder, flags: &[&str]) -> Self {
        Self::start_in(program, folder, flags, &[])
    }

    /// As [`Server::start_with`], with more environment.
    pub fn start_in(
        program: Program,
        folder: &CaFolder,
        flags: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Self {
        let address = reserved_address();
        folder.edit(|config| config["address"] = address.address().to_string().into());
        let log = folder.path().join("server.log");
        let mut command = match program {
            Program::StepCa => Command::new(programs::step_ca()),
            Program::Stepless => {
                let mut command = Command::new(programs::stepless());
                command.arg("serve");
                command
            }
        };
        let child = command
            .arg(folder.config_path())
            .arg("--password-file")
            .arg(folder.password_file())
            .args(flags)
            .env("STEPPATH", folder.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log_file(&log))
            .stderr(log_file(&log))
            .spawn()
            .unwrap_or_else(|error| panic!("{program:?} does not start: {error}"));
        let mut server = Self { child, address, log };
        server.wait_until_healthy(folder);
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.address()
    }

    /// `https://localhost:<port>`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address().port())
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to end by a signal (`TERM`, `INT`) and waits until it has.
    pub fn end_by_signal(&mut self, signal: &str) -> ExitStatus {
        programs::output(Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()));
        let deadline = Instant::now() + END_LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().expect("the server is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server still runs {END_LIMIT:?} after SIG{signal}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        // A process that has ended by itself cannot be killed, which is what was asked for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn wait_until_healthy(&mut self, folder: &CaFolder) {
        let client = Client::new(self.address(), roots_of(&folder.root_pem()));
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Ok(response) = client.send(&Request::get("/health"))
                && response.status == 200
            {
                return;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended with {status} before its first answer:\n{}", self.log());
            }
            assert!(
                Instant::now() < deadline,
                "no answer from the server in {START_LIMIT:?}:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("the log of {} ended with:\n{}", self.url(), tail(&self.log(), 30));
        }
    }
}

/// A loopback address for a server that a test starts.
pub fn reserved_address() -> ReservedAddress {
    ReservedAddress::any().expect("loopback has a free port")
}

fn log_file(path: &PathBuf) -> File {
    File::options().create(true).append(true).open(path).expect("the folder is ours")
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<String> = text.lines().map(|line| line.chars().take(LINE).collect()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Longest wait for the first answer; a busy machine needs seconds, not more.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A line of a log may hold a whole certificate; its beginning says what happened.
const LINE: usize = 400;

/// Longest wait for a server that was asked to end: what it still answers takes seconds.
const END_LIMIT: Duration = Duration::from_secs(20);
