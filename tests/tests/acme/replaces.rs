//! Orders that replace a certificate: [RFC 9773 §5](https://www.rfc-editor.org/rfc/rfc9773#section-5).

use std::thread;

use rstest::rstest;
use serde_json::json;
use stepless_tests::acme::{
    Account, Answer,
    account::{Order, dns_identifiers},
    renewal_id::{self, renewal_id},
};

use crate::{
    orders_list::all_orders,
    world::{fresh_name, world},
};

fn replace(account: &Account, name: &str, id: &str) -> Answer {
    let payload = json!({"identifiers": dns_identifiers(&[name]), "replaces": id});
    account.post(&account.acme.directory().new_order, &payload)
}

#[test]
fn rfc9773_5_an_order_says_which_certificate_it_replaces() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let old = world.issue(&account, &[&name]);
    let id = renewal_id(&old.chain[0]);

    let answer = replace(&account, &name, &id);

    answer.assert_status(201);
    assert_eq!(answer.text("replaces"), id, "{answer}");
    let order = Order::of(&answer);
    world.prove_all(&account, &order);
    world.finish(&account, order, &[&name]);
}

/// [RFC 9773 §5](https://www.rfc-editor.org/rfc/rfc9773#section-5): 409, and the type that says so.
#[test]
fn a18_rfc9773_5_a_certificate_is_replaced_once() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let old = world.issue(&account, &[&name]);
    let id = renewal_id(&old.chain[0]);
    let order = Order::of(&replace(&account, &name, &id));
    world.prove_all(&account, &order);
    world.finish(&account, order, &[&name]);
    let before = all_orders(&account);

    let answer = replace(&account, &name, &id);

    world.refused(&account.acme, &answer, 409, "alreadyReplaced");
    assert_eq!(all_orders(&account), before);
}

/// An order that came to nothing replaces nothing.
#[test]
fn a18_rfc9773_5_after_a_failed_order_another_one_may_replace() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let old = world.issue(&account, &[&name]);
    let id = renewal_id(&old.chain[0]);
    let failed = Order::of(&replace(&account, &name, &id));
    let challenge = account.challenge(&failed.authorizations[0], "http-01");
    world.http.show(&name, &challenge.token, "another answer");
    account.ready(&challenge);
    assert_eq!(account.settle(&failed.url)["status"], "invalid");

    let order = Order::of(&replace(&account, &name, &id));

    world.prove_all(&account, &order);
    world.finish(&account, order, &[&name]);
}

#[test]
fn a18_rfc9773_5_the_certificate_of_another_account_is_not_replaced() {
    let world = world();
    let (owner, stranger) = (world.account(), world.account());
    let name = fresh_name();
    let old = world.issue(&owner, &[&name]);
    let id = renewal_id(&old.chain[0]);

    let answer = replace(&stranger, &name, &id);

    assert!((400..500).contains(&answer.status()), "{answer}");
    world.refused(&stranger.acme, &answer, answer.status(), &answer.problem());
    assert_eq!(all_orders(&stranger), Vec::<String>::new());
    replace(&owner, &name, &id).assert_status(201);
}

/// [RFC 9773 §5](https://www.rfc-editor.org/rfc/rfc9773#section-5): the two share at least one name.
#[test]
fn a18_rfc9773_5_an_order_for_other_names_replaces_nothing() {
    let world = world();
    let account = world.account();
    let old = world.issue(&account, &[&fresh_name()]);
    let before = all_orders(&account);

    let answer = replace(&account, &fresh_name(), &renewal_id(&old.chain[0]));

    assert!((400..500).contains(&answer.status()), "{answer}");
    world.refused(&account.acme, &answer, answer.status(), &answer.problem());
    assert_eq!(all_orders(&account), before);
}

#[rstest]
#[case::nothing(|_: &[u8], _: &[u8]| String::new())]
#[case::no_id(|_: &[u8], _: &[u8]| "the old one".into())]
#[case::another_issuer(|key_id: &[u8], serial: &[u8]| renewal_id::of(&vec![7; key_id.len()], serial))]
#[case::another_serial(|key_id: &[u8], _: &[u8]| renewal_id::of(key_id, &[1; 16]))]
#[case::a_zero_before_the_serial(|key_id: &[u8], serial: &[u8]| renewal_id::of(key_id, &[&[0, 0], serial].concat()))]
fn a18_rfc9773_5_an_id_of_no_certificate_of_ours_is_refused(#[case] id: fn(&[u8], &[u8]) -> String) {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let old = world.issue(&account, &[&name]);
    let (key_id, serial) = renewal_id::parts(&old.chain[0]);
    let before = all_orders(&account);

    let answer = replace(&account, &name, &id(&key_id, &serial));

    assert!((400..500).contains(&answer.status()), "{answer}");
    world.refused(&account.acme, &answer, answer.status(), &answer.problem());
    assert_eq!(all_orders(&account), before);
}

#[test]
fn a18_rfc9773_5_of_two_orders_at_once_at_most_one_replaces() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let old = world.issue(&account, &[&name]);
    let id = renewal_id(&old.chain[0]);

    let answers: Vec<Answer> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let account = account.again();
                let (name, id) = (&name, &id);
                scope.spawn(move || replace(&account, name, id))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no client panics")).collect()
    });

    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status() == 201).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let lost = answers.iter().find(|answer| answer.status() != 201).expect("there were two");
    assert_eq!((lost.status(), lost.problem()), (409, "alreadyReplaced".into()), "{lost}");
}
