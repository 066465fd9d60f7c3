//! `localstack/up` and `localstack/down` as a script uses them, with `step` and curl.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test that cannot go on fails the test"
)]

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::programs;
use tempfile::TempDir;

#[rstest]
fn a_script_gets_a_whole_authority_and_leaves_nothing_behind(
    #[values("dynamodb-local", "ministack")] engine: &str,
) {
    let place = Place::new();
    let began = Instant::now();
    let up = place.up(&["--dynamodb", engine]);
    assert!(up.status.success(), "{}", place.told(&up));
    eprintln!("{engine}: up in {:?}", began.elapsed());

    let variables = place.variables();
    every_variable_is_true(&place, &variables);
    a_step_round(&place, &variables);
    for function in ["info", "sign", "renew", "revoke", "endpoint-certificate"] {
        let log = place.file(&format!("stepless-{function}.log"));
        assert!(fs::metadata(&log).is_ok_and(|log| log.len() > 0), "{} is empty", log.display());
    }

    let running = place.processes().join("\n");
    for program in ["stepless-localstack", "bin/ministack", "dynamodbv2", "stepless-sign"] {
        assert!(running.contains(program), "{program} is not among those that run:\n{running}");
    }
    let down = place.down();
    assert!(down.status.success(), "{}", told(&down));
    assert_eq!(place.processes(), Vec::<String>::new());
    for leftover in ["pids", "env", "server.key"] {
        assert!(!place.file(leftover).exists(), "{leftover} is left");
    }
    assert!(place.names().iter().all(|name| !name.ends_with(".pid")), "{:?}", place.names());
}

#[test]
fn a_second_up_in_a_folder_says_so_and_a_second_down_is_quiet() {
    let place = Place::new();
    assert!(place.up(&["--dynamodb", "ministack"]).status.success());
    let variables = place.variables();

    let second = place.up(&[]);

    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("localstack/down --dir"), "{said}");
    place.health(&variables);

    assert!(place.down().status.success());
    let again = place.down();
    assert!(again.status.success() && again.stdout.is_empty() && again.stderr.is_empty(), "{}", told(&again));

    let up = place.up(&["--dynamodb", "ministack"]);
    assert!(up.status.success(), "a folder serves more than once: {}", place.told(&up));
    assert_ne!(place.variables()["STEPLESS_FINGERPRINT"], variables["STEPLESS_FINGERPRINT"]);
}

#[test]
fn emulators_that_are_there_are_used_and_outlive_the_authority() {
    let (theirs, ours) = (Place::new(), Place::new());
    assert!(theirs.up(&["--dynamodb", "dynamodb-local"]).status.success());
    let given = theirs.variables();
    let kms = given["STEPLESS_KMS_ENDPOINT"].replace("127.0.0.1", "localhost");
    let dynamodb = &given["STEPLESS_DYNAMODB_ENDPOINT"];

    let up = ours.up(&["--kms-endpoint", &kms, "--dynamodb-endpoint", dynamodb]);

    assert!(up.status.success(), "{}", ours.told(&up));
    let variables = ours.variables();
    assert_eq!(variables["STEPLESS_KMS_ENDPOINT"], given["STEPLESS_KMS_ENDPOINT"]);
    assert_eq!(&variables["STEPLESS_DYNAMODB_ENDPOINT"], dynamodb);
    assert_ne!(variables["STEPLESS_TABLE"], given["STEPLESS_TABLE"]);
    assert!(!ours.file("dynamodb-local.log").exists(), "one is there already");
    every_variable_is_true(&ours, &variables);

    let untouched = theirs.processes();
    assert!(ours.down().status.success());

    assert_eq!(ours.processes(), Vec::<String>::new());
    assert_eq!(theirs.processes(), untouched);
    theirs.health(&given);
}

#[test]
fn an_up_that_fails_names_the_reason_and_cleans_up() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let without_sign = TempDir::new().expect("a temporary folder can be made");
    for program in fs::read_dir(built()).expect("it can be listed").flatten() {
        if program.file_name() != "stepless-sign" {
            symlink(program.path(), without_sign.path().join(program.file_name()))
                .expect("the folder is ours");
        }
    }
    let nowhere = TempDir::new().expect("a temporary folder can be made");
    let (built, without_sign) = (built(), without_sign.path());
    let closed = "http://127.0.0.1:9";

    for (programs, arguments, reason) in [
        (built.as_path(), vec!["--port", &port], port.as_str()),
        (without_sign, vec![], "stepless-sign"),
        (nowhere.path(), vec![], "stepless-localstack"),
        (built.as_path(), vec!["--kms-endpoint", closed], closed),
        (built.as_path(), vec!["--kms-endpoint", "https://kms.example"], "https://kms.example"),
        (built.as_path(), vec!["--dynamodb", "redis"], "redis"),
    ] {
        let place = Place::new();
        let up = place.up_with(programs, &arguments);

        assert!(!up.status.success(), "{arguments:?}");
        let said = String::from_utf8_lossy(&up.stderr).into_owned();
        assert!(said.contains(reason), "{reason} is missing in: {said}");
        assert_eq!(place.processes(), Vec::<String>::new(), "{arguments:?}");
        assert!(!place.file("pids").exists() && !place.file("env").exists(), "{:?}", place.names());
    }
}

#[test]
fn docker_compose_publishes_the_endpoint_that_its_comment_gives_to_up() {
    let path = repository().join("docker-compose.yml");
    let text = fs::read_to_string(path).expect("the repository has it");
    let compose: Value = serde_norway::from_str(&text).expect("it is YAML");
    let service = &compose["services"]["localstack"];

    let port = service["ports"][0].as_str().expect("it publishes a port");
    let endpoint = format!("http://{}", port.rsplit_once(':').expect("host and container").0);
    let command =
        format!("localstack/up --dir local --kms-endpoint {endpoint} --dynamodb-endpoint {endpoint}\n");
    assert!(text.contains(&command), "{command} is not in {text}");
    for service_name in ["kms", "dynamodb"] {
        let services = service["environment"]["SERVICES"].as_str().expect("it names the services");
        assert!(services.split(',').any(|name| name == service_name), "{service_name}");
    }
}

fn every_variable_is_true(place: &Place, variables: &BTreeMap<String, String>) {
    let root = place.file("root_ca.crt").display().to_string();
    assert_eq!(place.health(variables), r#"{"status":"ok"}"#);
    assert_eq!(place.step(&["certificate", "fingerprint", &root]).trim(), variables["STEPLESS_FINGERPRINT"]);
    let roots = curl(&["--insecure", &format!("{}/roots.pem", variables["STEPLESS_URL"])]);
    assert_eq!(roots.trim(), fs::read_to_string(&root).expect("up leaves the root").trim());
    let password = fs::read_to_string(&variables["STEPLESS_PASSWORD_FILE"]).expect("it is a file");
    assert!(password.len() > 20);

    let aliases = aws(&variables["STEPLESS_KMS_ENDPOINT"], "TrentService.ListAliases", &json!({}));
    let stack = variables["STEPLESS_TABLE"].trim_end_matches("-Table");
    for key in ["root", "issuer"] {
        assert!(aliases.to_string().contains(&format!("\"alias/{stack}-{key}\"")), "{aliases}");
    }
    let table = json!({"TableName": variables["STEPLESS_TABLE"]});
    let dynamodb = &variables["STEPLESS_DYNAMODB_ENDPOINT"];
    let described = aws(dynamodb, "DynamoDB_20120810.DescribeTable", &table);
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE", "{described}");
    let scanned = aws(dynamodb, "DynamoDB_20120810.Scan", &table);
    assert!(scanned["Count"].as_u64() > Some(0), "the authority's records are elsewhere: {scanned}");
    if let Some(other) = variables.get("STEPLESS_OTHER_DYNAMODB_ENDPOINT") {
        assert_ne!(other, dynamodb);
        let tables = aws(other, "DynamoDB_20120810.ListTables", &json!({}));
        assert_eq!(tables["TableNames"], json!([]), "{tables}");
    }
}

fn a_step_round(place: &Place, variables: &BTreeMap<String, String>) {
    let password = &variables["STEPLESS_PASSWORD_FILE"];
    place.step(&[
        "ca",
        "bootstrap",
        "--ca-url",
        &variables["STEPLESS_URL"],
        "--fingerprint",
        &variables["STEPLESS_FINGERPRINT"],
    ]);
    let admin = ["--provisioner", "admin", "--provisioner-password-file", password];
    place.step(&[&["ca", "certificate", "a.example", "a.crt", "a.key"], &admin[..]].concat());
    place.step(&["ca", "renew", "--force", "--mtls=true", "a.crt", "a.key"]);
    place.step(&["ca", "renew", "--force", "--mtls=false", "a.crt", "a.key"]);
    place.step(&["ca", "rekey", "--force", "a.crt", "a.key"]);
    place.step(&[
        "certificate",
        "verify",
        "a.crt",
        "--roots",
        &place.file("root_ca.crt").display().to_string(),
    ]);
    place.step(&["ca", "revoke", "--cert", "a.crt", "--key", "a.key"]);
    let refused = place.step_output(&["ca", "renew", "--force", "a.crt", "a.key"]);
    assert!(!refused.status.success(), "a revoked certificate was renewed");
}

/// A folder for `localstack/up`, and the home of a person with `step`. What still runs in it ends with it.
struct Place {
    dir: TempDir,
    home: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = || {
            // A path with a space shows what is not quoted.
            let builder = tempfile::Builder::new().prefix("stepless up-").tempdir();
            builder.expect("a temporary folder can be made")
        };
        Self { dir: folder(), home: folder() }
    }

    fn up(&self, arguments: &[&str]) -> Output {
        self.up_with(&built(), arguments)
    }

    fn up_with(&self, programs: &Path, arguments: &[&str]) -> Output {
        script("up")
            .arg("--dir")
            .arg(self.dir.path())
            .args(arguments)
            .env("STEPLESS_PROGRAMS", programs)
            .output()
            .expect("bash runs")
    }

    fn down(&self) -> Output {
        script("down").arg("--dir").arg(self.dir.path()).output().expect("bash runs")
    }

    /// `D/env` as a shell reads it.
    fn variables(&self) -> BTreeMap<String, String> {
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

    fn health(&self, variables: &BTreeMap<String, String>) -> String {
        let root = self.file("root_ca.crt").display().to_string();
        curl(&["--cacert", &root, &format!("{}/health", variables["STEPLESS_URL"])]).trim().to_owned()
    }

    /// What runs with a file of the folder open: everything that `up` started logs into it.
    fn processes(&self) -> Vec<String> {
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
    fn step(&self, arguments: &[&str]) -> String {
        let output = self.step_output(arguments);
        assert!(output.status.success(), "step {arguments:?} failed: {}", self.told(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn step_output(&self, arguments: &[&str]) -> Output {
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

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).expect("the folder is ours").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// What a command said, and the log of the gateway.
    fn told(&self, output: &Output) -> String {
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

fn script(name: &str) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", UP_SECONDS])
        .arg(repository().join("localstack").join(name))
        .stdin(Stdio::null());
    command
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace")
}

/// Where cargo put the programs, this test's neighbours.
fn built() -> PathBuf {
    programs::stepless().parent().expect("a program lies in a folder").to_owned()
}

/// One call to an emulator, unsigned.
fn aws(endpoint: &str, target: &str, input: &Value) -> Value {
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

fn curl(arguments: &[&str]) -> String {
    let output =
        programs::output(Command::new("curl").args(["-sS", "--max-time", COMMAND_SECONDS]).args(arguments));
    String::from_utf8(output).expect("what we ask for is text")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Longer than any command takes on a busy machine.
const COMMAND_SECONDS: &str = "60";

/// Longer than `up` itself waits.
const UP_SECONDS: &str = "180";

/// Longest wait for what `down` left behind, which is nothing.
const END_LIMIT: Duration = Duration::from_secs(10);
