//! Several functions at work on one request: one certificate comes of it, and whoever gets an answer gets that one.

use std::{collections::BTreeSet, thread};

use stepless_localstack::proxy::{Fault, Gate, Rule};
use stepless_tests::{Response, serverless};

use crate::world::{Flow, Prepared, World, assert_step_json, chain};

/// One certificate is on record, and it is the one that left; whoever did not get it was told so in step's words.
#[track_caller]
fn assert_one(world: &World, asked: &Prepared, answers: &[Response]) {
    let issued = world.table().issued(&asked.name);
    assert_eq!(issued.len(), 1, "{answers:?}");
    let left: BTreeSet<_> =
        answers.iter().filter(|answer| answer.status == 201).map(|answer| chain(answer)[0].clone()).collect();
    assert_eq!(left, BTreeSet::from([issued[0].clone()]), "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert!([401, 503].contains(&answer.status), "{answer:?}");
        assert_step_json(answer, answer.status);
    }
    assert_step_json(&asked.send(), 401);
}

/// A function is stopped while the KMS signs, its lease ends, another one takes the request over; then it wakes up.
#[test]
fn d1_a_function_that_slept_past_its_lease_returns_the_certificate_that_has_the_record() {
    let world = World::with_clock(BEFORE);
    for (proxy, operation) in [(&world.kms, "Sign"), (&world.dynamodb, "UpdateItem")] {
        world.set_clock(BEFORE);
        let asked = world.prepare(Flow::Sign);
        let gate = Gate::closed();
        proxy.add(Rule::first(operation, Fault::HoldBefore(gate.clone())));

        let (slow, quick) = thread::scope(|scope| {
            let slow = scope.spawn(|| asked.send());
            serverless::wait_for(gate.arrived(1), operation);
            let asleep = world.authority.server.stop_functions();
            world.set_clock(AFTER);
            let quick = asked.send();
            gate.open();
            asleep.wake();
            (slow.join().expect("the client gets an answer"), quick)
        });
        world.clear();

        assert_eq!(quick.status, 201, "{operation}: {quick:?}");
        assert_one(&world, &asked, &[slow, quick]);
    }
}

/// The first function died, and its client is impatient.
#[test]
fn d1_of_many_functions_that_finish_the_same_request_at_once_one_wins() {
    let world = World::with_clock(BEFORE);
    let asked = world.prepare(Flow::Sign);
    let gate = Gate::closed();
    world.kms.add(Rule::first("Sign", Fault::HoldBefore(gate.clone())));
    thread::scope(|scope| {
        let dying = scope.spawn(|| asked.send());
        serverless::wait_for(gate.arrived(1), "Sign");
        world.authority.server.kill_functions();
        dying.join().expect("the client gets an answer")
    });
    world.set_clock(AFTER);

    let answers: Vec<Response> = thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(|| asked.send())).collect();
        hands.into_iter().map(|hand| hand.join().expect("the client gets an answer")).collect()
    });

    assert_one(&world, &asked, &answers);
}

/// More than there are cores, so that they get in each other's way.
const HANDS: usize = 6;

/// The functions' clock when a lease begins, in seconds from now. Tokens tolerate a minute.
const BEFORE: i64 = -40;
/// When it is over.
const AFTER: i64 = 0;
