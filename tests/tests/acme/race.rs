//! Several clients at once.

use std::{collections::BTreeSet, sync::Arc, thread};

use serde_json::json;
use stepless_tests::acme::account::fresh_key;

use crate::{
    provisioners::PLAIN,
    world::{fresh_name, world},
};

#[test]
fn a19_rfc8555_7_3_1_of_twenty_accounts_with_one_key_there_is_one() {
    let world = world();
    let key = Arc::new(fresh_key());

    let answers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|_| {
                let (world, key) = (&world, Arc::clone(&key));
                scope.spawn(move || {
                    let acme = world.acme(PLAIN);
                    acme.post_as_key(&key, &acme.directory().new_account, &json!({}))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no client panics")).collect()
    });

    assert!(answers.iter().all(|answer| matches!(answer.status(), 200 | 201)), "{answers:?}");
    let urls: BTreeSet<String> = answers.iter().map(stepless_tests::acme::Answer::location).collect();
    assert_eq!(urls.len(), 1, "{urls:?}");
    assert_eq!(answers.iter().filter(|answer| answer.status() == 201).count(), 1);
}

#[test]
fn a8_rfc8555_7_5_1_twenty_answers_to_a_challenge_and_twenty_readers_do_no_harm() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.show(&account, &name, &challenge);

    let statuses: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = (0..40)
            .map(|number| {
                let (account, challenge, order) = (account.again(), &challenge, &order);
                scope.spawn(move || match number % 2 {
                    0 => account.ready(challenge).status(),
                    _ => account.get(&order.url).status(),
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no client panics")).collect()
    });

    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(account.settle(&order.url)["status"], "ready");
}

#[test]
fn a8_parallel_orders_of_one_account_all_end_in_certificates() {
    let world = world();
    let account = world.account();

    thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                let (world, account) = (&world, account.again());
                scope.spawn(move || world.issue(&account, &[&fresh_name()]).chain.len())
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().expect("every order ends in a certificate"), 2);
        }
    });

    assert_eq!(crate::orders_list::all_orders(&account).len(), 16);
}

/// The account ends while its order is finalized: there is a certificate or a refusal, and nothing between.
#[test]
fn a2_a8_an_account_that_ends_while_its_order_is_finalized_leaves_no_half_order() {
    let world = world();
    for _ in 0..5 {
        let account = world.account();
        let name = fresh_name();
        let order = world.ready_order(&account, &[&name]);
        let request = stepless_tests::acme::account::csr(&[&name], &fresh_key());
        let (finalizer, ender) = (account.again(), account.again());

        let (finalized, ended) = thread::scope(|scope| {
            let finalized = scope.spawn(|| finalizer.finalize(&order, &request));
            let ended = scope.spawn(|| ender.post(&ender.url, &json!({"status": "deactivated"})));
            (finalized.join().expect("no panic"), ended.join().expect("no panic"))
        });

        assert_eq!(ended.status(), 200, "{ended}");
        match finalized.status() {
            200 => assert_eq!(finalized.text("status"), "valid", "{finalized}"),
            _ => crate::expect::assert_problem(&finalized, 401, "unauthorized"),
        }
        world.refused(&account.acme, &account.get(&order.url), 401, "unauthorized");
    }
}
