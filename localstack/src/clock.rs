//! A clock that a test sets, for programs that it starts: libfaketime, loaded into them.
//!
//! The library is loaded directly. Its wrapper, `faketime`, fails where a killed program had the wrapper's process id
//! and left its semaphore behind; the library goes on without one.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::scratch::Folder;

/// The time of day of programs that run with [`FakeClock::environment`]; their timers are not touched.
///
/// It is to be dropped after its programs: then nothing of them is left in shared memory, however they ended.
#[derive(Debug)]
pub struct FakeClock {
    library: String,
    folder: Folder,
    ahead: AtomicI64,
}

impl FakeClock {
    /// A clock that is so many seconds ahead of ours, or behind it.
    ///
    /// # Errors
    /// [`FakeClockError`] if the library is not installed, or there is no folder for temporary files.
    pub fn new(ahead: i64) -> Result<Self, FakeClockError> {
        let library = library()?;
        remove_leftovers();
        let folder = Folder::own().map_err(FakeClockError::Folder)?;
        let clock = Self { library, folder, ahead: AtomicI64::new(ahead) };
        clock.set(ahead)?;
        Ok(clock)
    }

    /// Sets it to so many seconds ahead of ours, for every program that runs with it.
    ///
    /// # Errors
    /// [`FakeClockError::Folder`].
    pub fn set(&self, ahead: i64) -> Result<(), FakeClockError> {
        // Renamed, so that no program reads half of it.
        let unfinished = self.file().with_extension("unfinished");
        fs::write(&unfinished, format!("{ahead:+}\n")).map_err(FakeClockError::Folder)?;
        fs::rename(&unfinished, self.file()).map_err(FakeClockError::Folder)?;
        self.ahead.store(ahead, Ordering::SeqCst);
        Ok(())
    }

    /// How many seconds it is ahead of ours.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::SeqCst)
    }

    /// What a program needs in its environment.
    pub fn environment(&self) -> [(String, String); 4] {
        [
            ("LD_PRELOAD", self.library.clone()),
            (FILE_VARIABLE, self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }

    /// Whether a program runs with it.
    fn is_used(&self) -> bool {
        let variable = format!("{FILE_VARIABLE}={}\0", self.file().display());
        let has_it = |environment: &[u8]| {
            environment.windows(variable.len()).any(|window| window == variable.as_bytes())
        };
        // What may not be read, or is gone, is none of our programs.
        let environment = |pid: u32| fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        names_in("/proc").iter().filter_map(|name| name.parse().ok()).any(|pid| has_it(&environment(pid)))
    }
}

impl Drop for FakeClock {
    fn drop(&mut self) {
        // A killed process takes a moment to end, and its files are not removed before.
        let deadline = Instant::now() + END_LIMIT;
        while self.is_used() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        remove_leftovers();
    }
}

/// There is no clock.
#[derive(Debug, Error)]
pub enum FakeClockError {
    /// The library is in none of the folders where distributions put it.
    #[error("{LIBRARY} is not in {}: tests/run installs it", folders.join(", "))]
    NotInstalled {
        /// Where it was looked for.
        folders: Vec<String>,
    },
    /// There is no folder for the file that holds the time.
    #[error("the folder of a clock cannot be used")]
    Folder(#[source] io::Error),
}

fn library() -> Result<String, FakeClockError> {
    let folders = [
        format!("/usr/lib/{ARCH}-linux-gnu/faketime"),
        "/usr/lib64/faketime".to_owned(),
        "/usr/lib/faketime".to_owned(),
        "/usr/local/lib/faketime".to_owned(),
    ];
    let mut paths = folders.iter().map(|folder| format!("{folder}/{LIBRARY}"));
    let found = paths.find(|path| Path::new(path).exists());
    found.ok_or_else(|| FakeClockError::NotInstalled { folders: folders.into() })
}

/// Removes the shared memory of programs that were killed and are gone. Half of it would end the next program with the
/// same process id.
fn remove_leftovers() {
    let names = names_in(SHARED_MEMORY);
    let owner =
        |name: &String| [MEMORY, SEMAPHORE].iter().find_map(|prefix| name.strip_prefix(prefix)?.parse().ok());
    let owners: BTreeSet<u32> = names.iter().filter_map(owner).collect();
    for pid in owners.into_iter().filter(|pid| is_gone(*pid)) {
        // In this order: memory without a semaphore is what the library takes for an error.
        for prefix in [MEMORY, SEMAPHORE] {
            // Another user's stays; somebody else may have removed it.
            let _ = fs::remove_file(format!("{SHARED_MEMORY}/{prefix}{pid}"));
        }
    }
}

/// Whether a process has ended, even if its parent has not asked how.
fn is_gone(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// In its variant for programs with threads.
const LIBRARY: &str = "libfaketimeMT.so.1";

/// Names the file that holds the time.
const FILE_VARIABLE: &str = "FAKETIME_TIMESTAMP_FILE";

/// Where the C library keeps POSIX shared memory and semaphores.
const SHARED_MEMORY: &str = "/dev/shm";

/// Before the process id, as the library names its memory.
const MEMORY: &str = "faketime_shm_";

/// Before the process id, as the C library names the library's semaphore.
const SEMAPHORE: &str = "sem.faketime_sem_";

/// Longest wait for programs that were killed. One that was not is left alone.
const END_LIMIT: Duration = Duration::from_secs(5);

/// Between two looks at them.
const POLL: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio, id};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_program_tells_the_time_that_was_set() {
        let _alone = alone();
        let clock = FakeClock::new(-3600).unwrap();
        assert_is_ahead(&clock, -3600);

        clock.set(86_400).unwrap();

        assert_is_ahead(&clock, 86_400);
        assert_eq!(clock.ahead(), 86_400);
    }

    #[test]
    fn a_killed_program_leaves_nothing_behind() {
        let _alone = alone();
        let clock = FakeClock::new(0).unwrap();
        let mut program = start(&clock, "sleep", "600");
        let files = files_of(program.id());
        let deadline = Instant::now() + Duration::from_secs(20);
        while !files.iter().all(|file| file.exists()) {
            assert!(Instant::now() < deadline, "{files:?} are not there");
            thread::sleep(POLL);
        }

        program.kill().unwrap();
        drop(clock);

        assert!(!files.iter().any(|file| file.exists()), "{files:?}");
        program.wait().unwrap();
    }

    #[test]
    fn a_program_runs_where_a_killed_one_of_its_process_id_left_its_semaphore() {
        let _alone = alone();
        let clock = FakeClock::new(86_400).unwrap();
        let (mut met, mut prepared) = (0, BTreeSet::new());

        // A run elsewhere may remove them, and other programs take process ids.
        for _ in 0..20 {
            let next = finished(start(&clock, "date", "+%s")).1 + 1;
            for file in (next..next + 50).flat_map(files_of).filter(|file| !file.exists()) {
                // A semaphore that nobody may pass, as of a program that was killed in between.
                fs::write(&file, [0; 32]).unwrap();
                prepared.insert(file);
            }

            let (seconds, pid) = finished(start(&clock, "date", "+%s"));

            assert_eq!((seconds - Timestamp::now().as_second() + 10) / 100, 864, "{seconds}");
            met += usize::from(files_of(pid).iter().all(|file| prepared.contains(file) && file.exists()));
        }

        assert_ne!(met, 0, "no program had the process id of one that left its files");
        drop(clock);
        // Programs that run have taken some of the process ids.
        prepared.retain(|file| file.exists());
        assert!(prepared.len() < 100, "{prepared:?}");
        prepared.iter().for_each(|file| fs::remove_file(file).unwrap());
    }

    #[test]
    fn what_killed_runs_left_is_removed_before_a_program_starts() {
        let _alone = alone();
        // No process has such an id; half of the files is what the library cannot bear.
        let [memory, _] = files_of(1_000_000_000 + id());
        fs::write(&memory, [0; 8]).unwrap();

        let _clock = FakeClock::new(0).unwrap();

        assert!(!memory.exists());
    }

    #[test]
    fn what_a_running_program_has_stays() {
        let _alone = alone();
        let files = files_of(id());
        for file in &files {
            fs::write(file, "").unwrap();
        }

        remove_leftovers();

        assert!(files.iter().all(|file| file.exists()));
        for file in &files {
            fs::remove_file(file).unwrap();
        }
    }

    /// These tests look at what is shared by all of them.
    fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[track_caller]
    fn assert_is_ahead(clock: &FakeClock, seconds: i64) {
        let (found, _) = finished(start(clock, "date", "+%s"));
        let expected = Timestamp::now().as_second() + seconds;
        assert!((expected - 10..=expected + 1).contains(&found), "{found}, and not {expected}");
    }

    fn start(clock: &FakeClock, program: &str, argument: &str) -> Child {
        let mut command = Command::new(program);
        command.arg(argument).envs(clock.environment()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// The number that a program said, and its process id.
    fn finished(program: Child) -> (i64, u32) {
        let pid = program.id();
        let output = program.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        (String::from_utf8(output.stdout).unwrap().trim().parse().unwrap(), pid)
    }

    fn files_of(pid: u32) -> [PathBuf; 2] {
        [MEMORY, SEMAPHORE].map(|prefix| Path::new(SHARED_MEMORY).join(format!("{prefix}{pid}")))
    }
}
