//! An account on AWS of a test's own, and the programs that work with it.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stepless_localstack::emulator::Ministack;
use stepless_localstack::port::ReservedAddress;
use tempfile::TempDir;

/// A table and key aliases of its own in the shared emulator, and a folder for files.
pub(crate) struct Account {
    folder: TempDir,
    id: String,
    address: ReservedAddress,
}

impl Account {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("stepless").rand_bytes(12).tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "a password").unwrap();
        let id = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
        let address = ReservedAddress::any().unwrap();
        let account = Self { folder, id, address };
        account.make_table();
        account
    }

    fn make_table(&self) {
        let indexes = ["history", "name", "provisioner"];
        let key = |partition: &str, sort: &str| json!([{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]);
        let mut attributes = vec!["pk".to_owned(), "sk".to_owned()];
        attributes.extend(indexes.iter().flat_map(|index| [format!("{index}_pk"), format!("{index}_sk")]));
        let attributes: Vec<_> =
            attributes.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect();
        let indexes = indexes.map(|index| {
            json!({
                "IndexName": index,
                "KeySchema": key(&format!("{index}_pk"), &format!("{index}_sk")),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            })
        });
        call(
            "DynamoDB_20120810.CreateTable",
            &json!({
                "TableName": self.id, "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("pk", "sk"),
                "AttributeDefinitions": attributes, "GlobalSecondaryIndexes": indexes,
            }),
        );
    }

    /// The alias of the key of a role: `root` or `issuer`.
    pub(crate) fn alias(&self, role: &str) -> String {
        format!("alias/{}-{role}", self.id)
    }

    pub(crate) fn issuer_key(&self) -> String {
        format!("awskms:key-id={}", self.alias("issuer"))
    }

    /// `stepless init` for this account; what `more` says takes the place of what is said of this account.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let (address, store) = (self.address.address().to_string(), self.store());
        let (root_key, issuer_key) = (format!("awskms:key-id={}", self.alias("root")), self.issuer_key());
        let usual = [
            ["--address", &address],
            ["--store", &store],
            ["--root-key", &root_key],
            ["--issuer-key", &issuer_key],
        ];
        let mut command = self.stepless();
        command.args(["init", "--kms", "awskms:", "--name", "Test", "--dns", "localhost"]);
        command.args(["--provisioner", "admin", "--password-file", "password"]);
        command.args(usual.iter().filter(|[flag, _]| !more.contains(flag)).flatten()).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[track_caller]
    pub(crate) fn init(&self, more: &[&str]) -> Output {
        let output = self.command(more).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        output
    }

    pub(crate) fn store(&self) -> String {
        format!("dynamodb:{}", self.id)
    }

    pub(crate) fn stepless(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stepless"));
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL", emulator().url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Serves the configuration of the table until the value is dropped.
    pub(crate) fn serve(&self) -> Server {
        let store = self.store();
        let mut command = self.stepless();
        command.args(["serve", &store]);
        self.start(command, "\"serving\"")
    }

    /// Serves a `ca.json` of this folder with step-ca until the value is dropped.
    pub(crate) fn serve_old(&self, config: &str) -> Server {
        let mut command = Command::new(tools().join("step-ca-0.30.2/step-ca"));
        command.args([config, "--password-file", "password"]);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        self.start(command, "Serving HTTPS")
    }

    fn start(&self, mut command: Command, sign: &str) -> Server {
        let log = File::create(self.folder.path().join("server.log")).unwrap();
        let child = command
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}; tests/run installs it"));
        let server = Server(child);
        let deadline = Instant::now() + START_LIMIT;
        while !self.read("server.log").contains(sign) {
            assert!(Instant::now() < deadline, "{}", self.read("server.log"));
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Every item of the table.
    pub(crate) fn records(&self) -> Vec<Value> {
        let answer = call("DynamoDB_20120810.Scan", &json!({"TableName": self.id}));
        answer["Items"].as_array().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn step(&self, arguments: &[&str]) -> String {
        self.step_in(".step", arguments)
    }

    /// The `step` CLI with another STEPPATH in this folder.
    #[track_caller]
    pub(crate) fn step_in(&self, step_path: &str, arguments: &[&str]) -> String {
        run(self.command_of(tools().join("step-0.30.2/step"), step_path).args(arguments))
    }

    #[track_caller]
    pub(crate) fn program(&self, program: &str, arguments: &[&str]) -> String {
        run(self.command_of(program, ".step").args(arguments))
    }

    fn command_of(&self, program: impl AsRef<OsStr>, step_path: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("STEPPATH", self.path(step_path))
            .env_remove("STEP_CONTEXT")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// A file of the folder.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// The port that the authority listens at.
    pub(crate) fn port(&self) -> u16 {
        self.address.address().port()
    }

    /// The name of a parameter of this account alone.
    pub(crate) fn parameter(&self) -> String {
        format!("/{}/ca.json", self.id)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap()
    }
}

/// A server that ends with this value.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}; tests/run installs it"));
    assert!(output.status.success(), "{command:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

fn emulator() -> &'static Ministack {
    Ministack::shared().unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub(crate) fn call(target: &str, input: &Value) -> Value {
    emulator().endpoint().call(target, input).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub(crate) fn fingerprint(output: &Output) -> String {
    let said = stdout(output);
    let line = said.lines().find_map(|line| line.strip_prefix("Root fingerprint:"));
    line.unwrap_or_else(|| panic!("no fingerprint: {said}")).trim().to_owned()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn tools() -> PathBuf {
    std::env::var_os("STEPLESS_TOOLS").map_or_else(
        || {
            Path::new(&std::env::var_os("HOME").expect("HOME or STEPLESS_TOOLS is set"))
                .join(".cache/stepless/tools")
        },
        PathBuf::from,
    )
}

/// Longest wait for a server; a busy machine needs seconds.
const START_LIMIT: Duration = Duration::from_secs(60);
