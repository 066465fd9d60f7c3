//! From a ready order to a certificate: [RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4).

use std::thread;

use stepless_tests::{
    acme::account::{csr, fresh_key},
    certificate::serial_of,
};

use crate::{
    expect::assert_problem,
    world::{fresh_name, world},
};

#[test]
fn rfc8555_7_4_finalize_answers_with_the_valid_order_and_its_certificate() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    let answer = account.finalize(&order, &csr(&[&name], &fresh_key()));

    answer.assert_status(200);
    assert_eq!(answer.location(), order.url);
    assert_eq!(answer.text("status"), "valid", "{answer}");
    assert_eq!(account.get(&order.url).json(), answer.json());
    assert_eq!(account.chain(&answer.text("certificate")).len(), 2);
}

/// 403 is what [RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4) asks for.
#[test]
fn rfc8555_7_4_an_order_that_is_not_ready_is_not_finalized() {
    let world = world();
    let account = world.account();
    let names = [fresh_name(), fresh_name()];
    let order = account.order(&[&names[0], &names[1]]);
    world.prove(&account, &order.authorizations[0]);

    let answer = account.finalize(&order, &csr(&[&names[0], &names[1]], &fresh_key()));

    world.refused(&account.acme, &answer, 403, "orderNotReady");
    assert_eq!(account.get(&order.url).text("status"), "pending");
}

#[test]
fn a8_rfc8555_7_4_a_second_finalize_makes_no_second_certificate() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);
    let request = csr(&[&name], &fresh_key());
    let first = account.finalize(&order, &request);
    first.assert_status(200);

    let same = account.finalize(&order, &request);
    let other = account.finalize(&order, &csr(&[&name], &fresh_key()));

    // The same request may be answered as before, for the client may not have heard it.
    match same.status() {
        200 => assert_eq!(same.text("certificate"), first.text("certificate")),
        _ => assert_problem(&same, 403, "orderNotReady"),
    }
    assert_problem(&other, 403, "orderNotReady");
    assert_eq!(account.get(&order.url).json(), first.json());
}

#[test]
fn a8_rfc8555_7_4_of_twenty_finalizes_at_once_comes_one_certificate() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = world.ready_order(&account, &[&name]);

    let answers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|_| {
                let (account, order, request) = (account.again(), &order, csr(&[&name], &fresh_key()));
                scope.spawn(move || account.finalize(order, &request))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no client panics")).collect()
    });

    for answer in &answers {
        assert!(answer.status() < 500, "{answer}");
    }
    let object = account.settle(&order.url);
    assert_eq!(object["status"], "valid", "{object}");
    let serials: std::collections::BTreeSet<String> = answers
        .iter()
        .filter(|answer| answer.text("status") == "valid")
        .map(|answer| serial_of(&account.chain(&answer.text("certificate"))[0]))
        .collect();
    assert_eq!(serials.len(), 1, "{serials:?}");
    let url = object["certificate"].as_str().expect("a valid order has a certificate");
    assert!(serials.contains(&serial_of(&account.chain(url)[0])), "{serials:?}");
}

/// Somebody polls while somebody finalizes: nobody sees half an order.
#[test]
fn a22_rfc8555_7_1_6_a_reader_never_sees_a_valid_order_without_its_certificate() {
    let world = world();
    let account = world.account();
    for _ in 0..5 {
        let name = fresh_name();
        let order = world.ready_order(&account, &[&name]);
        thread::scope(|scope| {
            let readers: Vec<_> = (0..4)
                .map(|_| {
                    let (reader, order) = (account.again(), &order);
                    scope.spawn(move || {
                        let mut farthest = 0;
                        loop {
                            let answer = reader.get(&order.url);
                            answer.assert_status(200);
                            let object = answer.json();
                            let status = object["status"].as_str().unwrap_or_default();
                            let rank = ["pending", "ready", "processing", "valid"]
                                .iter()
                                .position(|known| *known == status)
                                .unwrap_or_else(|| panic!("{object}"));
                            assert!(rank >= farthest, "it went back to {object}");
                            farthest = rank;
                            assert_eq!(status == "valid", object.get("certificate").is_some(), "{object}");
                            if status == "valid" {
                                break;
                            }
                        }
                    })
                })
                .collect();
            account.finalize(&order, &csr(&[&name], &fresh_key())).assert_status(200);
            readers.into_iter().for_each(|reader| reader.join().expect("no reader saw half an order"));
        });
    }
}

#[test]
fn a10_rfc8555_7_4_of_three_names_each_has_to_be_proved() {
    let world = world();
    let account = world.account();
    for failing in 0..3 {
        let names = [fresh_name(), fresh_name(), fresh_name()];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let order = account.order(&names);
        for (place, authorization) in order.authorizations.iter().enumerate() {
            let challenge = account.challenge(authorization, "http-01");
            match place == failing {
                true => world.http.show(names[place], &challenge.token, "another answer"),
                false => world.show(&account, names[place], &challenge),
            }
            account.ready(&challenge);
            account.settle(authorization);
        }

        let answer = account.finalize(&order, &csr(&names, &fresh_key()));

        world.refused(&account.acme, &answer, 403, "orderNotReady");
        assert!(account.get(&order.url).json().get("certificate").is_none());
    }
}
