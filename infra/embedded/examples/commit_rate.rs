//! How many certificates a second the embedded store records: two commits each, as on `/sign`, with 1, 16 and 64
//! clients at once. `cargo run --release -p stepless-embedded --example commit_rate [directory] [seconds]`

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first error")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_core::store::{Condition, Index, IndexEntry, Key, Store, Write, key};
use stepless_embedded::EmbeddedStore;

#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let directory = arguments.next().map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let seconds = arguments.next().map_or(5, |seconds| seconds.to_string_lossy().parse().unwrap());
    let directory = tempfile::tempdir_in(directory).unwrap();
    let path = directory.path().join("stepless.redb");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();

    let mut report = format!("an fsync of 4 KiB: {:?}\n", fsync(directory.path()));
    for clients in [1, 16, 64] {
        let store = Arc::new(EmbeddedStore::open(&path, Arc::new(SystemClock)).unwrap());
        let (cpu, begin) = (cpu(), Instant::now());
        let certificates = runtime.block_on(run(&store, clients, Duration::from_secs(seconds)));
        let (cpu, elapsed) = (self::cpu() - cpu, begin.elapsed());

        writeln!(
            report,
            "{clients:2} clients: {:6.0} certificates/s, {:6.0} commits/s, {:5.1} us of CPU a commit, RSS {}, file {} MiB",
            certificates as f64 / elapsed.as_secs_f64(),
            2.0 * certificates as f64 / elapsed.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / (2.0 * certificates as f64),
            rss(),
            path.metadata().unwrap().len() >> 20,
        )
        .unwrap();
        if clients == 64 {
            writeln!(report, "opening that file after a crash: {:?}", open_after_crash(&path)).unwrap();
        }
    }
    print(&report);
}

async fn run(store: &Arc<EmbeddedStore>, clients: u64, time: Duration) -> u64 {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let until = Instant::now() + time;
    let clients: Vec<_> = (0..clients)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut certificates = 0;
                while Instant::now() < until {
                    issue(&store, SERIAL.fetch_add(1, Ordering::Relaxed)).await;
                    certificates += 1;
                }
                certificates
            })
        })
        .collect();
    let mut certificates = 0;
    for client in clients {
        certificates += client.await.unwrap();
    }
    certificates
}

/// The commits of one certificate: its token spent together with the intent, then the certificate with its places.
async fn issue(store: &EmbeddedStore, number: u64) {
    let now = Timestamp::now();
    // Serials are random, so they fall all over the tree.
    let serial =
        (u128::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes();
    let serial = key::serial(&serial);
    let certificate = Key::new(&["cert", &serial], &["record"]);
    let put = |key: &Key, condition, octets: usize| Write::Put {
        key: key.clone(),
        condition,
        value: vec![b'x'; octets],
        expires: None,
        indexes: Vec::new(),
    };

    let mut token = put(&Key::new(&["once", "token", &serial], &["mark"]), Condition::Absent, 80);
    if let Write::Put { expires, .. } = &mut token {
        *expires = Some(now + SignedDuration::from_mins(5));
    }
    store.commit(vec![token, put(&certificate, Condition::Absent, 900)]).await.unwrap();

    let time = key::time(now);
    let place = |index, partition: &[&str]| IndexEntry { index, key: Key::new(partition, &[&time, &serial]) };
    let mut signed = put(&certificate, Condition::Version(1), 2500);
    if let Write::Put { indexes, .. } = &mut signed {
        *indexes = vec![
            place(Index::History, &[time.get(..10).unwrap(), "3"]),
            place(Index::Name, &[&format!("host-{number}.example.internal")]),
            place(Index::Provisioner, &["jwk"]),
        ];
    }
    store.commit(vec![signed]).await.unwrap();
}

/// How long the check of a file takes that was not closed: a copy of the open one is like what a crash leaves.
fn open_after_crash(path: &Path) -> Duration {
    let copy = path.with_extension("copy");
    std::fs::copy(path, &copy).unwrap();
    let begin = Instant::now();
    EmbeddedStore::open(&copy, Arc::new(SystemClock)).unwrap();
    begin.elapsed()
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().into_iter().flat_map(str::split_whitespace).skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn rss() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim().to_owned())
}

/// What the disk allows: the mean of some syncs.
fn fsync(directory: &Path) -> Duration {
    let file = std::fs::File::create(directory.join("fsync")).unwrap();
    let rounds = 200;
    let begin = Instant::now();
    for _ in 0..rounds {
        std::io::Write::write_all(&mut &file, &[0; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    begin.elapsed() / rounds
}

#[allow(clippy::print_stdout, reason = "the report of a benchmark")]
fn print(report: &str) {
    print!("{report}");
}
