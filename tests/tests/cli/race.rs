//! One token, many hands.

use std::{collections::BTreeMap, thread};

use rstest::rstest;
use serde_json::json;
use stepless_tests::Request;

use crate::{
    authority::{Authority, Made},
    issue::request_by_openssl,
    step::Person,
};

#[rstest]
fn d3_two_hundred_parallel_uses_of_one_token_give_one_certificate(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    request_by_openssl(&person, "P-256", "a.example", "DNS:a.example");
    let body = json!({"csr": person.read("r.csr"), "ott": person.token(&["a.example"])});
    let request = Request::post("/1.0/sign", &body);
    let client = authority.client();

    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS)
            .map(|_| {
                scope.spawn(|| {
                    (0..USES / HANDS)
                        .map(|_| client.send(&request).expect("the server answers").status)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        for status in hands.into_iter().flat_map(|hand| hand.join().expect("a hand does not panic")) {
            *answers.entry(status).or_default() += 1;
        }
    });

    assert_eq!(answers, BTreeMap::from([(201, 1), (401, USES - 1)]));
}

const USES: usize = 200;
const HANDS: usize = 50;
