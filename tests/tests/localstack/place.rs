//! A folder in which `localstack/up` works, and the programs that a script would use beside it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use stepless_tests::programs;
use tempfile::TempDir;

/// A folder for `localstack/up`, and the home of a person with `step`. What still runs in it ends with it.
pub(crate) struct Place {
    dir: TempDir,
    home: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = || {
            // A path with a space shows what is not quoted.
            let builder = tempfile::Builder::new().prefix("stepless up-").tempdir();
            builder.expect("a temporary folder can be made")
        };
        Self { dir: folder(), home: folder() }
    }

    pub(crate) fn up(&self, arguments: &[&str]) -> Output {
        self.up_with(&built(), arguments)
    }

    pub(crate) fn up_with(&self, programs: &Path, arguments: &[&str]) -> Output {
        script("up")
            .arg("--dir")
            .arg(self.dir.path())
            .args(arguments)
            .env("STEPLESS_PROGRAMS", programs)
            .output()
            .expect("bash runs")
    }

    pub(crate) fn down(&self) -> Output {
        script("down").arg("--dir").arg(self.dir.path()).output().expect("bash runs")
    }

    /// `D/env` as a shell reads it.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let text = programs::output(
            Command::new("sh")
                .args(["-c", r#". "$0"; set | sed -n '/^STEPLESS_/p'"#])
                .arg(self.file("env"))
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default()),
        );
        let text = String::from_utf8(text).expect("the values are text");
        let variables: BTreeMap<_, _> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        for name in ["URL", "FINGERPRINT", "PASSWORD_FILE", "KMS_ENDPOINT", "DYNAMODB_ENDPOINT", "TABLE"] {
            assert!(variables.contains_key(&format!("STEPLESS_{name}")), "STEPLESS_{name} is not in {text}");
        }
        variables
    }

    pub(crate) fn health(&self, variables: &BTreeMap<String, String>) -> String {
        let root = self.file("root_ca.crt").display().to_string();
        curl(&["--cacert", &root, &format!("{}/health", variables["STEPLESS_URL"])]).trim().to_owned()
    }

    /// What runs with a file of the folder open: everything that `up` started logs into it.
    pub(crate) fn processes(&self) -> Vec<String> {
        let mut found: Vec<_> = fs::read_dir("/proc")
            .expect("there is /proc")
            .flatten()
            .filter(|process| process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
            .filter(|process| self.is_held_by(&process.path()))
            .map(|process| {
                let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
                let command = String::from_utf8_lossy(&command).replace('\0', " ");
                format!("{} {command}", process.file_name().display())
            })
            .collect();
        found.sort();
        found
    }

    fn is_held_by(&self, process: &Path) -> bool {
        let Ok(open) = fs::read_dir(process.join("fd")) else { return false };
        open.flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(|file| file.starts_with(self.dir.path())))
    }

    #[track_caller]
    pub(crate) fn step(&self, arguments: &[&str]) -> String {
        let output = self.step_output(arguments);
        assert!(output.status.success(), "step {arguments:?} failed: {}", self.told(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn step_output(&self, arguments: &[&str]) -> Output {
        Command::new("timeout")
            .args(["--kill-after=5", COMMAND_SECONDS])
            .arg(programs::step())
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("STEPPATH", self.home.path().join(".step"))
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .expect("step runs")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).expect("the folder is ours").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// What a command said, and the log of the gateway.
    pub(crate) fn told(&self, output: &Output) -> String {
        let log = fs::read_to_string(self.file("gateway.log")).unwrap_or_default();
        format!("{}\n{log}", told(output))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.down();
        let deadline = Instant::now() + END_LIMIT;
        while !self.processes().is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", UP_SECONDS])
        .arg(repository().join("localstack").join(name))
        .stdin(Stdio::null());
    command
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace")
}

/// Where cargo put the programs, this test's neighbours.
pub(crate) fn built() -> PathBuf {
    programs::stepless().parent().expect("a program lies in a folder").to_owned()
}

/// One call to an emulator, unsigned.
pub(crate) fn aws(endpoint: &str, target: &str, input: &Value) -> Value {
    let version = if target.starts_with("DynamoDB") { "1.0" } else { "1.1" };
    let service = if target.starts_with("DynamoDB") { "dynamodb" } else { "kms" };
    let text = curl(&[
        "-H",
        &format!("X-Amz-Target: {target}"),
        "-H",
        &format!("Content-Type: application/x-amz-json-{version}"),
        "-H",
        "X-Amz-Date: 20260101T000000Z",
        "-H",
        &format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=00"
        ),
        "-d",
        &input.to_string(),
        endpoint,
    ]);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{target}: {text}"))
}

pub(crate) fn curl(arguments: &[&str]) -> String {
    let output =
        programs::output(Command::new("curl").args(["-sS", "--max-time", COMMAND_SECONDS]).args(arguments));
    String::from_utf8(output).expect("what we ask for is text")
}

pub(crate) fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Longer than any command takes on a busy machine.
const COMMAND_SECONDS: &str = "60";

/// Longer than `up` itself waits.
const UP_SECONDS: &str = "180";

/// Longest wait for what `down` left behind, which is nothing.
const END_LIMIT: Duration = Duration::from_secs(10);
