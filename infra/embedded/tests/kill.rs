//! A process that is killed while it commits loses nothing it had acknowledged, and leaves nothing half done.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use stepless_core::clock::{FixedClock, SignedDuration, Timestamp};
use stepless_core::store::{
    Condition, Index, IndexEntry, Key, Order, Query, Record, Source, Store, Write, key,
};
use stepless_embedded::EmbeddedStore;

/// The process that is killed is this test again, with its directory and round in these variables.
const DIRECTORY: &str = "STEPLESS_KILL_TEST_DIRECTORY";
const ROUND: &str = "STEPLESS_KILL_TEST_ROUND";

const ROUNDS: u64 = 200;

/// So many rounds share a database, so that kills hit young, growing and repaired files.
const ROUNDS_PER_DATABASE: u64 = 20;

/// Clients that commit at once, so that groups have several commits.
const CLIENTS: u64 = 4;

/// Before the kill come fewer acknowledgements than this; with none, the kill meets the opening of the database.
const MOST_ACKNOWLEDGED: u64 = 30;

#[test]
fn o13_a_process_killed_in_the_middle_of_commits_loses_nothing_and_leaves_no_half() {
    if let (Some(directory), Ok(round)) = (std::env::var_os(DIRECTORY), std::env::var(ROUND)) {
        commit_until_killed(Path::new(&directory), &round);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let random = RandomState::new();
    let mut directory = tempfile::tempdir().unwrap();
    let mut acknowledged_in_all = 0;
    let mut found_in_all = 0;
    for round in 0..ROUNDS {
        if round % ROUNDS_PER_DATABASE == 0 {
            directory = tempfile::tempdir().unwrap();
        }

        let acknowledged = run_and_kill(directory.path(), round, random.hash_one(round) % MOST_ACKNOWLEDGED);

        acknowledged_in_all += acknowledged.len();
        found_in_all += runtime.block_on(verify(directory.path(), round, &acknowledged));
    }
    assert!(acknowledged_in_all > 0);
    // A kill that never met a commit between writing and answering would have shown nothing.
    assert!(found_in_all > acknowledged_in_all, "{found_in_all} found, {acknowledged_in_all} acknowledged");
}

fn open(directory: &Path) -> EmbeddedStore {
    let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
    EmbeddedStore::open(&directory.join("stepless.redb"), clock).unwrap()
}

/// Commits pairs for ever, a line of output for each once it is acknowledged.
fn commit_until_killed(directory: &Path, round: &str) -> ! {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    say("opening");
    let store = Arc::new(open(directory));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (store, round) = (Arc::clone(&store), round.to_owned());
            runtime.spawn(async move {
                for number in 0.. {
                    store.commit(pair(&round, client, number)).await.unwrap();
                    say(&format!("done {client} {number}"));
                }
            })
        })
        .collect();
    for client in clients {
        runtime.block_on(client).unwrap();
    }
    unreachable!("the clients commit for ever")
}

fn say(line: &str) {
    // One write, so that the kill cannot tear the line.
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Two records and the client's counter, which counts its commits in its version.
fn pair(round: &str, client: u64, number: u64) -> Vec<Write> {
    let put = |key: Key, condition| Write::Put {
        indexes: vec![IndexEntry { index: Index::Name, key: key.clone() }],
        key,
        condition,
        value: number.to_string().into_bytes(),
        expires: Some(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)),
    };
    let before = if number == 0 { Condition::Absent } else { Condition::Version(number) };
    vec![
        put(half(round, "left", client, number), Condition::Absent),
        put(counter(round, client), before),
        put(half(round, "right", client, number), Condition::Absent),
    ]
}

fn half(round: &str, side: &str, client: u64, number: u64) -> Key {
    Key::new(&[side, round], &[&client.to_string(), &key::number(number)])
}

fn counter(round: &str, client: u64) -> Key {
    Key::new(&["counter", round, &client.to_string()], &[])
}

/// Which client's pairs were acknowledged before the process died.
fn run_and_kill(directory: &Path, round: u64, lines: u64) -> BTreeSet<(u64, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("o13_a_process_killed_in_the_middle_of_commits_loses_nothing_and_leaves_no_half")
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(output.any(|line| line.ends_with("opening")), "the child ended early");
    let mut acknowledged = BTreeSet::new();
    for _ in 0..lines {
        acknowledged.insert(parse(&output.next().unwrap()));
    }

    child.kill().unwrap();

    // What it said before it died counts, too.
    acknowledged.extend(output.map(|line| parse(&line)));
    child.wait().unwrap();
    acknowledged
}

fn parse(line: &str) -> (u64, u64) {
    let (client, number) = line.strip_prefix("done ").unwrap().split_once(' ').unwrap();
    (client.parse().unwrap(), number.parse().unwrap())
}

/// How many pairs there are.
async fn verify(directory: &Path, round: u64, acknowledged: &BTreeSet<(u64, u64)>) -> usize {
    let store = open(directory);
    let round = round.to_string();
    let left = all(&store, Source::Partition(key::join(&["left", &round]))).await;
    let right = all(&store, Source::Partition(key::join(&["right", &round]))).await;
    let pairs: BTreeSet<(u64, u64)> = left.iter().map(numbers).collect();

    assert!(acknowledged.is_subset(&pairs), "lost: {:?}", acknowledged.difference(&pairs));
    assert_eq!(pairs, right.iter().map(numbers).collect(), "halves");
    assert!(left.iter().chain(&right).all(|record| record.version == 1));
    for (side, records) in [("left", &left), ("right", &right)] {
        let source = Source::Index(Index::Name, key::join(&[side, &round]));
        assert_eq!(&all(&store, source).await, records, "the index and the table differ");
    }
    for client in 0..CLIENTS {
        let commits = pairs.iter().filter(|(of, _)| *of == client).count() as u64;
        let counter = store.get(&counter(&round, client)).await.unwrap();
        assert_eq!(counter.map_or(0, |counter| counter.version), commits);
    }
    pairs.len()
}

/// The client and the number in the sort key of a half.
fn numbers(record: &Record) -> (u64, u64) {
    let (client, number) = record.key.sort.split_once('#').unwrap();
    let number: u64 = number.parse().unwrap();
    assert_eq!(record.value, number.to_string().as_bytes());
    (client.parse().unwrap(), number)
}

async fn all(store: &EmbeddedStore, source: Source) -> Vec<Record> {
    let mut query =
        Query { source, prefix: String::new(), order: Order::Ascending, limit: 100, cursor: None };
    let mut records = Vec::new();
    loop {
        let page = store.query(&query).await.unwrap();
        records.extend(page.records);
        if page.next.is_none() {
            return records;
        }
        query.cursor = page.next;
    }
}
