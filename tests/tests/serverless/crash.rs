//! A function dies between any two calls: the client gets an error of the gateway's, and its retry the one certificate
//! that its credential is good for, or a clean refusal.
//!
//! Each test names the calls of a flow in their order, and kills the function when a call is on its way (the emulator
//! never sees it) and when its answer is (the emulator has carried it out).

use std::thread;

use stepless_localstack::proxy::{Fault, Gate, Proxy, Rule};
use stepless_tests::{Response, serverless};

use crate::world::{Flow, Prepared, World, assert_step_json};

/// How far a call got before its function died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Died {
    BeforeItArrived,
    AfterItWasCarriedOut,
}

const POINTS: [Died; 2] = [Died::BeforeItArrived, Died::AfterItWasCarriedOut];

/// Sends a request, and kills its function in the first call of `operation`.
#[track_caller]
fn send_and_die(world: &World, asked: &Prepared, proxy: &Proxy, operation: &str, died: Died) -> Response {
    let gate = Gate::closed();
    proxy.add(Rule::first(
        operation,
        match died {
            Died::BeforeItArrived => Fault::HoldBefore(gate.clone()),
            Died::AfterItWasCarriedOut => Fault::HoldAfter(gate.clone()),
        },
    ));
    let answer = thread::scope(|scope| {
        let sent = scope.spawn(|| asked.send());
        serverless::wait_for(gate.arrived(1), operation);
        world.authority.server.kill_functions();
        sent.join().expect("the client gets an answer")
    });
    world.clear();
    assert!(answer.status >= 500, "{operation} {died:?}: {answer:?}");
    answer
}

/// Before the lease ends the credential is taken; after it, the same request gets its certificate.
#[track_caller]
fn assert_lease(world: &World, asked: &Prepared, context: &str) {
    world.assert_not_done(asked);
    assert_step_json(&asked.send(), 401);
    world.assert_not_done(asked);

    world.set_clock(AFTER);
    let answer = asked.send();
    assert_eq!(answer.status, 201, "{context}: {answer:?}");
    world.assert_done_once(asked, &answer);
    assert_step_json(&asked.send(), 401);
}

fn dies_in_the_commit_of_the_intent(flow: Flow) {
    let world = World::with_clock(BEFORE);
    for died in POINTS {
        world.set_clock(BEFORE);
        let asked = world.prepare(flow);

        send_and_die(&world, &asked, &world.dynamodb, "TransactWriteItems", died);

        match died {
            // Nothing has happened, so the retry need not wait.
            Died::BeforeItArrived => {
                let answer = asked.send();
                world.assert_done_once(&asked, &answer);
            }
            Died::AfterItWasCarriedOut => assert_lease(&world, &asked, "the intent was committed"),
        }
    }
}

fn dies_in_the_signature(flow: Flow) {
    let world = World::with_clock(BEFORE);
    for died in POINTS {
        world.set_clock(BEFORE);
        let asked = world.prepare(flow);

        send_and_die(&world, &asked, &world.kms, "Sign", died);

        assert_lease(&world, &asked, &format!("the KMS was asked, {died:?}"));
    }
    let messages: Vec<_> = world
        .kms
        .calls()
        .iter()
        .filter(|call| call.operation == "Sign")
        .map(|call| call.json()["Message"].clone())
        .collect();
    let [.., first, second] = messages.as_slice() else { panic!("the KMS was asked twice: {messages:?}") };
    assert_eq!(first, second, "what is signed in the end is what was stored at the beginning");
}

fn dies_in_the_commit_of_the_certificate(flow: Flow) {
    let world = World::with_clock(BEFORE);
    for died in POINTS {
        world.set_clock(BEFORE);
        let asked = world.prepare(flow);

        send_and_die(&world, &asked, &world.dynamodb, "UpdateItem", died);

        match died {
            Died::BeforeItArrived => assert_lease(&world, &asked, "the certificate was not stored"),
            // It is on record, and its credential has bought it: nothing is issued for it a second time.
            Died::AfterItWasCarriedOut => {
                for clock in [BEFORE, AFTER] {
                    world.set_clock(clock);
                    assert_step_json(&asked.send(), 401);
                    assert_eq!(world.table().issued(&asked.name).len(), asked_once(flow));
                }
            }
        }
    }
}

/// Certificates for a name that was asked for once, the one to renew included.
fn asked_once(flow: Flow) -> usize {
    if flow == Flow::Sign { 1 } else { 2 }
}

#[test]
fn d1_a_function_that_dies_while_it_commits_the_intent_of_a_token() {
    dies_in_the_commit_of_the_intent(Flow::Sign);
}

#[test]
fn d1_a_function_that_dies_while_it_commits_the_intent_of_a_renewal() {
    dies_in_the_commit_of_the_intent(Flow::RenewByToken);
}

#[test]
fn d1_l7_a_function_that_dies_while_the_kms_signs_for_a_token() {
    dies_in_the_signature(Flow::Sign);
}

#[test]
fn d1_l7_a_function_that_dies_while_the_kms_signs_for_a_renewal() {
    dies_in_the_signature(Flow::RenewByToken);
}

#[test]
fn d1_l7_a_function_that_dies_while_it_stores_the_certificate_of_a_token() {
    dies_in_the_commit_of_the_certificate(Flow::Sign);
}

#[test]
fn d1_l7_a_function_that_dies_while_it_stores_the_certificate_of_a_renewal() {
    dies_in_the_commit_of_the_certificate(Flow::RenewByToken);
}

/// A client certificate is no one-time credential: its holder renews at once, wherever the function died.
#[test]
fn d1_a_function_that_dies_leaves_a_client_certificate_as_good_as_it_was() {
    let world = World::new();
    let calls =
        [(&world.dynamodb, "TransactWriteItems"), (&world.kms, "Sign"), (&world.dynamodb, "UpdateItem")];
    for (proxy, operation) in calls {
        for died in POINTS {
            let asked = world.prepare(Flow::Renew);

            send_and_die(&world, &asked, proxy, operation, died);
            let answer = asked.send();

            assert_eq!(answer.status, 201, "{operation} {died:?}: {answer:?}");
            let stored_before = operation == "UpdateItem" && died == Died::AfterItWasCarriedOut;
            assert_eq!(world.table().issued(&asked.name).len(), if stored_before { 3 } else { 2 });
        }
    }
}

#[test]
fn d1_a_function_that_dies_while_it_revokes() {
    let world = World::new();

    let asked = world.prepare(Flow::Revoke);
    send_and_die(&world, &asked, &world.dynamodb, "TransactWriteItems", Died::BeforeItArrived);
    let answer = asked.send();
    world.assert_done_once(&asked, &answer);

    let asked = world.prepare(Flow::Revoke);
    send_and_die(&world, &asked, &world.dynamodb, "TransactWriteItems", Died::AfterItWasCarriedOut);
    assert_step_json(&asked.send(), 401);
    let revoked = world.table().revoked();
    let serial = stepless_tests::certificate::serial_of(&world.table().issued(&asked.name)[0]);
    assert!(revoked.contains(&serial), "the revocation holds though nobody heard of it");
}

/// What the answer tells of is there when the answer is: nothing is left for after it.
#[test]
fn l12_a_function_that_is_killed_with_its_answer_has_stored_everything() {
    let world = World::new();
    for flow in [Flow::Sign, Flow::Renew, Flow::Revoke] {
        let asked = world.prepare(flow);
        let answer = asked.send();
        world.authority.server.kill_functions();
        world.assert_done_once(&asked, &answer);
    }
}

/// The functions' clock when a lease begins, in seconds from now. Tokens tolerate a minute.
const BEFORE: i64 = -40;
/// When it is over.
const AFTER: i64 = 0;
