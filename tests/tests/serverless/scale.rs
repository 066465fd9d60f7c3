//! One, eight and 32 functions at once: they share the table, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use rstest::rstest;
use stepless_tests::{Key, KeyKind, Response, serverless::Options};

use crate::world::{Flow, World, chain, text};

#[rstest]
fn functions_at_once_share_no_state_but_the_table(#[values(1, 8, 32)] functions: usize) {
    let world = World::with(Options { concurrency: functions, ..Options::default() });
    let asked: Vec<_> = (0..functions * ROUNDS).map(|_| world.prepare(Flow::Sign)).collect();

    let answers: Vec<(usize, Response)> = thread::scope(|scope| {
        let hands: Vec<_> = (0..functions)
            .map(|hand| {
                let asked = &asked;
                scope.spawn(move || {
                    (hand..asked.len())
                        .step_by(functions)
                        .map(|at| (at, asked[at].send()))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        hands.into_iter().flat_map(|hand| hand.join().expect("a hand does not panic")).collect()
    });

    for (at, answer) in &answers {
        assert_eq!(answer.status, 201, "{}", text(answer));
        world.assert_done_once(&asked[*at], answer);
    }
    let serials: BTreeSet<_> = answers.iter().map(|(_, answer)| chain(answer)[0].clone()).collect();
    assert_eq!(serials.len(), functions * ROUNDS);
    let processes = world.authority.server.processes("sign");
    assert_eq!(processes.iter().collect::<BTreeSet<_>>().len(), functions, "{processes:?}");
}

/// The same token, put into 32 processes at once.
#[test]
fn d3_a_token_that_races_through_32_functions_wins_once() {
    let world = World::with(Options { concurrency: 32, ..Options::default() });
    let asked = world.prepare(Flow::Sign);

    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    thread::scope(|scope| {
        let hands: Vec<_> = (0..32).map(|_| scope.spawn(|| asked.come_again().status)).collect();
        for hand in hands {
            *answers.entry(hand.join().expect("a hand does not panic")).or_default() += 1;
        }
    });

    assert_eq!(answers, BTreeMap::from([(201, 1), (401, 31)]));
    assert_eq!(world.table().issued(&asked.name).len(), 1);
}

/// Two processes of one program, started alike: their serial numbers have nothing in common.
#[test]
fn l13_functions_that_were_started_alike_draw_different_serial_numbers() {
    let world = World::with(Options { concurrency: 2, ..Options::default() });
    let mut serials = BTreeSet::new();
    for round in 0..4 {
        let key = Key::generate(KeyKind::P256);
        let request = world.sign_request(&format!("l13-{round}.example"), &key);
        let answer = world.authority.client().send(&request).expect("the gateway answers");
        world.authority.server.kill_functions();
        serials.insert(stepless_tests::certificate::serial_of(&chain(&answer)[0]));
    }

    assert_eq!(serials.len(), 4);
}

/// Requests of each function.
const ROUNDS: usize = 2;
