//! A clock that a test sets, for programs that it starts: Debian's faketime.

use std::{fs, path::Path, process::Command, sync::LazyLock};

use tempfile::TempDir;

use crate::programs;

/// The time of day of programs that run with [`FakeClock::environment`]; their timers are not touched.
#[derive(Debug)]
pub struct FakeClock {
    dir: TempDir,
}

impl FakeClock {
    /// A clock that is so many seconds off.
    pub fn new(seconds: i64) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("stepless-clock-")
            .tempdir()
            .expect("a temporary folder can be made");
        let clock = Self { dir };
        clock.set(seconds);
        clock
    }

    /// Sets it, for every program that runs with it.
    pub fn set(&self, seconds: i64) {
        // Renamed, so that nobody reads half of it.
        let new = self.dir.path().join("new");
        fs::write(&new, format!("{seconds:+}\n")).expect("the folder is ours");
        fs::rename(&new, self.dir.path().join("offset")).expect("the folder is ours");
    }

    /// What a program needs in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let offset = self.dir.path().join("offset").display().to_string();
        [
            ("LD_PRELOAD", library()),
            ("FAKETIME_TIMESTAMP_FILE", &offset),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

/// The library that `faketime` loads into a program, in its variant for programs with threads.
fn library() -> &'static str {
    static LIBRARY: LazyLock<String> = LazyLock::new(|| {
        let mut asked = Command::new("faketime");
        asked.args(["-m", "-f", "+0", "sh", "-c", "printf %s \"$LD_PRELOAD\""]);
        let library = String::from_utf8(programs::output(&mut asked)).expect("a path is text");
        assert!(Path::new(&library).is_absolute(), "faketime loads {library:?}");
        library
    });
    &LIBRARY
}
