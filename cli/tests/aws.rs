//! `stepless init` on AWS, and `stepless serve` with what it made: the real binary, an emulator of KMS and DynamoDB,
//! and other people's programs to judge the result.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stepless_localstack::emulator::Ministack;
use tempfile::TempDir;

#[test]
fn running_init_twice_changes_nothing_and_prints_the_same_fingerprint() {
    let account = Account::new();

    let first = account.init(&[]);
    let before = account.records();
    let second = account.init(&["--root-out", "root.crt"]);

    assert!(stdout(&second).contains("nothing was changed"), "{}", stdout(&second));
    assert_eq!(fingerprint(&first), fingerprint(&second));
    assert_eq!(account.records(), before);
    assert_eq!(before.len(), 2);
    let root = account.program("openssl", &["x509", "-in", "root.crt", "-noout", "-fingerprint", "-sha256"]);
    assert_eq!(root.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase(), fingerprint(&first));
}

#[test]
fn of_two_inits_at_once_one_wins_and_both_print_its_fingerprint() {
    let account = Account::new();

    let both = [account.command(&[]), account.command(&[])].map(|mut command| command.spawn().unwrap());
    let both = both.map(|child| child.wait_with_output().unwrap());

    for output in &both {
        assert!(output.status.success(), "{}", stderr(output));
    }
    assert_eq!(fingerprint(&both[0]), fingerprint(&both[1]));
    assert_eq!(account.records().len(), 2);
}

#[test]
fn an_init_for_another_name_or_key_says_so_and_changes_nothing() {
    let account = Account::new();
    account.init(&[]);
    let before = account.records();

    let refused =
        account.command(&["--issuer-key", "awskms:key-id=alias/of-somebody-else"]).output().unwrap();

    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("alias/of-somebody-else"), "{}", stderr(&refused));
    assert_eq!(account.records(), before);
}

#[test]
fn a_table_that_is_not_there_is_named_with_what_makes_it() {
    let account = Account::new();

    let refused = account.command(&["--store", "dynamodb:nowhere"]).output().unwrap();

    assert!(!refused.status.success());
    for word in ["nowhere", "template.yaml"] {
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
}

#[test]
fn k10_one_key_for_root_and_issuer_is_refused() {
    let account = Account::new();

    let refused = account.command(&["--root-key", &account.issuer_key()]).output().unwrap();

    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("different"), "{}", stderr(&refused));
    assert!(account.records().is_empty());
}

#[test]
fn a_root_key_file_is_made_once_and_a_configuration_may_lie_in_a_file() {
    let account = Account::new();
    let more = ["--config", "ca.json", "--root-key", "root.key"];

    let first = account.init(&more);
    let second = account.init(&more);

    assert_eq!(fingerprint(&first), fingerprint(&second));
    assert!(account.read("root.key").contains("ENCRYPTED"));
    assert!(account.read("ca.json").contains("awskms:key-id="));
    assert_eq!(account.records().len(), 1);
}

#[test]
fn k2_what_init_made_serves_and_openssl_verifies_its_chain_whatever_the_kind_of_key() {
    for spec in ["P-256", "P-384", "RSA-2048", "Ed25519"] {
        let account = Account::new();
        let said = account.init(&["--key-spec", spec, "--root-out", "root.crt"]);
        let server = account.serve();

        let url = format!("https://localhost:{}", account.port);
        account.step(&["ca", "bootstrap", "--ca-url", &url, "--fingerprint", &fingerprint(&said)]);
        account.step(&[
            "ca",
            "certificate",
            "a.example",
            "a.crt",
            "a.key",
            "--provisioner",
            "admin",
            "--provisioner-password-file",
            "password",
        ]);

        let chain = ["verify", "-x509_strict", "-CAfile", "root.crt", "-untrusted", "a.crt", "a.crt"];
        assert!(account.program("openssl", &chain).contains("a.crt: OK"), "{spec}");
        drop(server);
    }
}

/// A table and key aliases of its own in the shared emulator, and a folder for files.
struct Account {
    folder: TempDir,
    id: String,
    port: u16,
}

impl Account {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("stepless").rand_bytes(12).tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "a password").unwrap();
        let id = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let account = Self { folder, id, port };
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

    fn issuer_key(&self) -> String {
        format!("awskms:key-id=alias/{}-issuer", self.id)
    }

    /// `stepless init` for this account; what `more` says takes the place of what is said of this account.
    fn command(&self, more: &[&str]) -> Command {
        let (address, store) = (format!("127.0.0.1:{}", self.port), self.store());
        let (root_key, issuer_key) = (format!("awskms:key-id=alias/{}-root", self.id), self.issuer_key());
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
    fn init(&self, more: &[&str]) -> Output {
        let output = self.command(more).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        output
    }

    fn store(&self) -> String {
        format!("dynamodb:{}", self.id)
    }

    fn stepless(&self) -> Command {
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
    fn serve(&self) -> Server {
        let log = std::fs::File::create(self.folder.path().join("server.log")).unwrap();
        let child = self.stepless().args(["serve", &self.store()]).stderr(log).spawn().unwrap();
        let server = Server(child);
        let deadline = Instant::now() + START_LIMIT;
        while !self.read("server.log").contains("\"serving\"") {
            assert!(Instant::now() < deadline, "{}", self.read("server.log"));
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Every item of the table.
    fn records(&self) -> Vec<Value> {
        let answer = call("DynamoDB_20120810.Scan", &json!({"TableName": self.id}));
        answer["Items"].as_array().unwrap().clone()
    }

    #[track_caller]
    fn step(&self, arguments: &[&str]) -> String {
        self.program(tools().join("step-0.30.2/step").to_str().unwrap(), arguments)
    }

    #[track_caller]
    fn program(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .env("STEPPATH", self.folder.path().join(".step"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}; tests/run installs it"));
        assert!(output.status.success(), "{program} {arguments:?}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap()
    }
}

/// A server that ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn emulator() -> &'static Ministack {
    Ministack::shared().unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn call(target: &str, input: &Value) -> Value {
    emulator().endpoint().call(target, input).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn fingerprint(output: &Output) -> String {
    let said = stdout(output);
    let line = said.lines().find_map(|line| line.strip_prefix("Root fingerprint:"));
    line.unwrap_or_else(|| panic!("no fingerprint: {said}")).trim().to_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
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
