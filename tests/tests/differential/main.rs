//! step-ca and stepless serve copies of one folder, get the same requests, and must give the same answers.
//!
//! Compared are, answer by answer: whether the connection was refused, the status, the names and values of the headers
//! (but `Date` and those that frame the body), the keys of the JSON and their types, the message of an error, every
//! other value, and of a certificate everything but serial, times and signature, with the times compared relative to the
//! request. What differs on purpose stands in `docs/differences.md`; any other difference fails the suite, and so does a
//! row of that file that no longer holds.
//!
//! `target/differential/{step-ca,stepless}.json` keeps every request and answer for a reader.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod acme;
mod cases;
mod compare;
mod differences;
mod info;
mod objects;
mod rekey;
mod renew;
mod renew_token;
mod requests;
mod revoke;
mod session;
mod sign_body;
mod sign_claims;
mod sign_keys;
mod sign_names;
mod sign_subject;
mod sign_times;
mod sign_token;
mod transport;
mod world;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::PathBuf,
    thread,
    time::Instant,
};

use serde_json::Value;
use stepless_tests::{Program, Server};

use crate::{
    cases::Cases,
    compare::{Difference, compare},
    differences::Documented,
    session::{CaseRecord, run_cases},
    world::World,
};

#[test]
fn step_ca_answers_like_another_step_ca() {
    let run = Run::of(Program::StepCa, Program::StepCa);
    run.record("step-ca", 0);
    let differences: Vec<String> = run.differences().iter().map(ToString::to_string).collect();
    assert!(differences.is_empty(), "the comparison is not repeatable:\n{}", differences.join("\n"));
}

#[test]
fn stepless_answers_like_step_ca_but_for_the_documented_differences() {
    let run = Run::of(Program::StepCa, Program::Stepless);
    run.record("stepless", 1);
    let documented = Documented::read();
    let complaints = documented.judge(&run.differences(), &run.names());
    assert!(
        complaints.is_empty(),
        "{} complaints; docs/differences.md has the rules:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// Every case of every world, answered by two servers.
struct Run {
    pairs: Vec<[CaseRecord; 2]>,
}

impl Run {
    fn of(reference: Program, tested: Program) -> Self {
        let start = Instant::now();
        let mut cases = Cases::default();
        info::add(&mut cases);
        transport::add(&mut cases);
        sign_body::add(&mut cases);
        sign_token::add(&mut cases);
        sign_claims::add(&mut cases);
        sign_names::add(&mut cases);
        sign_subject::add(&mut cases);
        sign_keys::add(&mut cases);
        sign_times::add(&mut cases);
        renew::add(&mut cases);
        renew_token::add(&mut cases);
        rekey::add(&mut cases);
        revoke::add(&mut cases);
        acme::add(&mut cases);

        let mut pairs = Vec::new();
        for (kind, cases) in cases.by_world() {
            let world = World::make(kind);
            let sides = [reference, tested].map(|program| (program, world.folder().copy()));
            let [left, right] = thread::scope(|scope| {
                sides
                    .each_ref()
                    .map(|(program, folder)| {
                        let (world, cases) = (&world, &cases);
                        scope.spawn(move || {
                            let flags = world.flags();
                            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                            let server = Server::start_with(*program, folder, &flags);
                            run_cases(world, &server, cases)
                        })
                    })
                    .map(|thread| thread.join().expect("the cases run to their end"))
            });
            pairs.extend(left.into_iter().zip(right).map(|(left, right)| [left, right]));
        }
        let run = Self { pairs };
        // Not `println!`, which a passing test keeps to itself.
        let _ = writeln!(
            io::stderr(),
            "{} cases, {} requests to each of {reference:?} and {tested:?}, {:.1} s",
            run.pairs.len(),
            run.pairs.iter().map(|[left, _]| left.exchanges.len()).sum::<usize>(),
            start.elapsed().as_secs_f64(),
        );
        run
    }

    fn differences(&self) -> Vec<Difference> {
        self.pairs.iter().flat_map(|[left, right]| compare(left, right)).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.pairs.iter().map(|[left, _]| left.name.as_str()).collect()
    }

    fn record(&self, name: &str, side: usize) {
        let answers: BTreeMap<&str, Value> =
            self.pairs.iter().map(|pair| (pair[side].name.as_str(), pair[side].to_json())).collect();
        let folder = target_folder().join("differential");
        fs::create_dir_all(&folder).expect("the target folder is ours");
        let text = serde_json::to_string_pretty(&answers).expect("a JSON value has a text");
        fs::write(folder.join(format!("{name}.json")), text).expect("the target folder is ours");
    }
}

fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    test.ancestors().nth(3).expect("a test lies in target/<profile>/deps").to_path_buf()
}
