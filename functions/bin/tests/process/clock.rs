//! Functions whose clock jumps: Debian's faketime gives them one of a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::{env, fs};

use serde_json::json;
use stepless_aws::configuration::Expected;
use stepless_core::clock::SignedDuration;

use crate::world::World;

/// The clock of the functions of one world.
pub(crate) struct FunctionClock {
    file: PathBuf,
    ahead: AtomicI64,
}

impl FunctionClock {
    pub(crate) fn new(folder: &Path) -> Self {
        let clock = Self { file: folder.join("clock"), ahead: AtomicI64::new(0) };
        clock.set(0);
        clock
    }

    /// How many seconds it is ahead of ours.
    pub(crate) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::SeqCst);
        // It appears whole: a function may look at any moment.
        let unfinished = self.file.with_extension("unfinished");
        fs::write(&unfinished, format!("{ahead:+}")).unwrap();
        fs::rename(&unfinished, &self.file).unwrap();
    }

    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("LD_PRELOAD".to_owned(), library().to_owned()),
            ("FAKETIME_TIMESTAMP_FILE".to_owned(), self.file.display().to_string()),
            ("FAKETIME_NO_CACHE".to_owned(), "1".to_owned()),
            // Timers go on running; only the time of day is another.
            ("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()),
        ])
    }
}

/// The library that `faketime` loads into a program, in its variant for programs with threads.
fn library() -> &'static str {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let asked = Command::new("faketime")
            .args(["-m", "-f", "+0", "sh", "-c", "printf %s \"$LD_PRELOAD\""])
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .output()
            .unwrap_or_else(|error| panic!("faketime does not start: {error}; tests/run installs it"));
        let library = String::from_utf8(asked.stdout).unwrap();
        assert!(Path::new(&library).is_absolute(), "faketime loads {library:?}");
        library
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn l11_a_clock_that_jumps_forwards_and_back_lets_no_token_in_and_keeps_none_out() {
    let world = World::new().await;
    let from_before = world.token("sign", "a.example").sign(&world.provisioner);
    assert_eq!(world.sign("a.example").await.status, 201);

    for hours in [2, 1] {
        world.set_clock(SignedDuration::from_hours(hours));
        let certificate = world.sign("a.example").await.certificate();
        assert!(certificate.is_valid_at(world.now()), "{hours}");
        world.sign_with("a.example", &from_before).await.0.error(401);
    }
    let from_ahead = world.token("sign", "a.example").sign(&world.provisioner);
    world.set_clock(SignedDuration::ZERO);
    world.sign_with("a.example", &from_ahead).await.0.error(401);
    assert_eq!(world.sign("a.example").await.status, 201);
    assert_eq!(world.function("sign").cold_starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l11_a_process_that_was_frozen_for_two_hours_has_the_configuration_of_now() {
    let world = World::new().await;
    assert_eq!(world.get("/provisioners").await.body["provisioners"].as_array().unwrap().len(), 1);
    let mut changed = world.configuration.clone();
    let more = json!({"type": "ACME", "name": "a-second-one"});
    changed["authority"]["provisioners"].as_array_mut().unwrap().push(more);
    let first = world.version().await;
    world.write(&changed.to_string(), Expected::Version(&first)).await;

    world.set_clock(SignedDuration::from_hours(2));

    assert_eq!(world.get("/provisioners").await.body["provisioners"][1]["name"], "a-second-one");
    assert_eq!(world.function("info").cold_starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_a_token_from_before_the_cold_start_is_good() {
    let world = World::new().await;
    assert_eq!(world.sign("a.example").await.status, 201);
    let token = world.token("sign", "a.example").sign(&world.provisioner);
    world.end_processes("sign").await;

    world.set_clock(SignedDuration::from_mins(2));

    assert_eq!(world.sign_with("a.example", &token).await.0.status, 201);
    assert_eq!(world.function("sign").cold_starts(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_a_token_from_before_the_authority_began_is_refused() {
    let world = World::new().await;
    assert_eq!(world.get("/health").await.status, 200);
    let an_hour_ago = world.now().as_second() - 3600;
    let token = world.token("sign", "a.example").with("iat", an_hour_ago).with("nbf", an_hour_ago);

    let (answer, _) = world.sign_with("a.example", &token.sign(&world.provisioner)).await;

    answer.error(401);
    assert!(world.log("sign").contains("before the authority"), "{}", world.log("sign"));
}
