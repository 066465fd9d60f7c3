//! What is refused, what is warned of, and what stays when two operators write at once.

use std::path::PathBuf;

use stepless_core::fault::{Fault, Faults};
use stepless_core::secret::SecretBytes;
use stepless_core::store::fault::FaultyStore;
use stepless_core::store::{Condition, MemoryStore, Store, Write as StoreWrite, table};
use tempfile::TempDir;

use super::*;
use crate::init::{Folder, Plan, make};

const LENIENT: CheckArguments = CheckArguments { strict: false, skip_asking: true };
const STRICT: CheckArguments = CheckArguments { strict: true, skip_asking: true };

/// An authority in a folder, and its `ca.json` to change.
struct Authority {
    folder: TempDir,
    config: PathBuf,
}

impl Authority {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Folder::new(folder.path()).unwrap();
        let plan = Plan {
            name: "Test",
            dns_names: &["localhost".to_owned()],
            address: "127.0.0.1:0",
            provisioner: "admin",
            acme_provisioner: None,
        };
        make(&files, &plan, &SecretBytes::new(b"a password".to_vec())).await.unwrap();
        Self { folder, config: files.config() }
    }

    fn place(&self) -> ConfigurationPlace {
        ConfigurationPlace::File(self.config.clone())
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.config).unwrap()
    }

    /// The configuration with `from` replaced by `to`, in a file of its own.
    fn edited(&self, from: &str, to: &str) -> PathBuf {
        let (before, path) = (self.text(), self.folder.path().join("edited.json"));
        assert!(before.contains(from), "{before}");
        std::fs::write(&path, before.replace(from, to)).unwrap();
        path
    }

    async fn checked(&self, from: &str, to: &str, arguments: &CheckArguments) -> Result<(), CliError> {
        let text = std::fs::read_to_string(self.edited(from, to)).unwrap();
        check(&text, "edited", &self.place(), arguments).await.map(drop)
    }
}

fn refusal<T>(result: Result<T, CliError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn what_is_set_takes_the_place_of_what_is_there() {
    let authority = Authority::new().await;
    let edited = authority.edited("\"admin\"", "\"operator\"");

    set(&authority.place(), &edited, There::SameAuthority, &STRICT).await.unwrap();
    set(&authority.place(), &edited, There::SameAuthority, &STRICT).await.unwrap();

    assert_eq!(authority.text(), std::fs::read_to_string(edited).unwrap());
}

#[tokio::test]
async fn o3_a_configuration_that_cannot_be_used_is_not_set() {
    let authority = Authority::new().await;
    let before = authority.text();
    let edited = authority.edited("127.0.0.1:0", "nowhere");

    let refused = set(&authority.place(), &edited, There::SameAuthority, &LENIENT).await;

    assert!(refusal(refused).contains("edited.json cannot be used"));
    assert_eq!(authority.text(), before);
}

#[tokio::test]
async fn the_first_configuration_of_a_place_needs_new_and_only_that() {
    let authority = Authority::new().await;
    let before = authority.text();
    let edited = authority.edited("\"admin\"", "\"operator\"");
    let elsewhere = ConfigurationPlace::File(authority.folder.path().join("new.json"));

    assert!(refusal(set(&authority.place(), &edited, There::Nothing, &LENIENT).await).contains("--new"));
    assert!(refusal(set(&elsewhere, &edited, There::SameAuthority, &LENIENT).await).contains("--new"));
    set(&elsewhere, &edited, There::Nothing, &LENIENT).await.unwrap();

    assert_eq!(authority.text(), before);
    assert_eq!(
        std::fs::read_to_string(authority.folder.path().join("new.json")).unwrap(),
        std::fs::read_to_string(edited).unwrap()
    );
}

#[tokio::test]
async fn a_configuration_of_another_authority_is_set_only_on_demand() {
    let (authority, other) = (Authority::new().await, Authority::new().await);
    let before = authority.text();

    let refused = set(&authority.place(), &other.config, There::SameAuthority, &LENIENT).await;
    assert!(refusal(refused).contains("of another authority"));
    assert_eq!(authority.text(), before);

    set(&authority.place(), &other.config, There::Anything, &LENIENT).await.unwrap();
    assert_eq!(authority.text(), other.text());
}

#[tokio::test]
async fn o2_an_unknown_key_is_a_warning_and_in_strict_mode_an_error() {
    let authority = Authority::new().await;

    authority.checked("\"tls\"", "\"tsl\"", &LENIENT).await.unwrap();
    let refused = authority.checked("\"tls\"", "\"tsl\"", &STRICT).await;

    assert!(refusal(refused).contains("edited"));
}

#[tokio::test]
async fn an_issuer_under_another_root_is_refused() {
    let (authority, other) = (Authority::new().await, Authority::new().await);
    let root =
        |authority: &Authority| authority.folder.path().join("certs/root_ca.crt").display().to_string();

    let refused = authority.checked(&root(&authority), &root(&other), &LENIENT).await;

    assert!(refusal(refused).contains("no authority can start"));
}

#[tokio::test]
async fn o3_what_somebody_else_wrote_in_the_meantime_stays() {
    let authority = Authority::new().await;
    let place = authority.place();
    let source = ConfigurationSource::open(&place, Arc::new(SystemClock)).await.unwrap();
    let Found::Configuration(read) = source.read(None).await.unwrap() else { panic!("it is there") };
    std::fs::write(&authority.config, "theirs").unwrap();

    let refused = put(&source, &place, "ours", Expected::Version(&read.version)).await;

    assert!(refusal(refused).contains("theirs stays"));
    assert_eq!(authority.text(), "theirs");
}

#[tokio::test]
async fn d6_a_configuration_whose_write_was_not_answered_is_found_to_be_set() {
    let inner = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let first = StoreWrite::Put {
        key: table::configuration(),
        condition: Condition::Absent,
        value: b"first".to_vec(),
        expires: None,
        indexes: Vec::new(),
    };
    inner.commit(vec![first]).await.unwrap();
    let Found::Configuration(read) = ConfigurationSource::in_store(inner.clone()).read(None).await.unwrap()
    else {
        panic!("it is there")
    };
    let faulty = FaultyStore::new(inner.clone(), Arc::new(Faults::at(1, Fault::FailAfter)));
    let source = ConfigurationSource::in_store(Arc::new(faulty));
    let place: ConfigurationPlace = "dynamodb:table".parse().unwrap();

    put(&source, &place, "second", Expected::Version(&read.version)).await.unwrap();

    assert_eq!(inner.get(&table::configuration()).await.unwrap().unwrap().value, b"second");
}
