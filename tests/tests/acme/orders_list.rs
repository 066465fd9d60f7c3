//! The list of an account's orders: [RFC 8555 §7.1.2.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2.1).

use std::thread;

use stepless_tests::acme::{Account, account::texts};

use crate::world::{fresh_name, world};

/// Every order in the list, all pages.
#[track_caller]
pub(crate) fn all_orders(account: &Account) -> Vec<String> {
    let mut found = Vec::new();
    let mut page = account.get(&account.url).text("orders");
    loop {
        let answer = account.get(&page);
        answer.assert_status(200);
        found.extend(texts(&answer.json()["orders"]));
        match &answer.links("next")[..] {
            [] => return found,
            [next] => page.clone_from(next),
            _ => panic!("more than one next page: {answer}"),
        }
        assert!(found.len() <= 10_000, "the pages have no end");
    }
}

#[test]
fn rfc8555_7_1_2_an_account_names_the_url_of_its_orders() {
    let world = world();
    let account = world.account();

    let orders = account.get(&account.url).text("orders");

    assert_eq!(orders, format!("{}/orders", account.url));
}

#[test]
fn rfc8555_7_1_2_1_the_list_is_an_object_with_the_urls_of_the_orders() {
    let world = world();
    let account = world.account();
    let mut made = vec![account.order(&[&fresh_name()]).url, account.order(&[&fresh_name()]).url];

    let answer = account.get(&format!("{}/orders", account.url));

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer}");
    let mut listed = texts(&answer.json()["orders"]);
    listed.sort();
    made.sort();
    assert_eq!(listed, made, "{answer}");
    for url in listed {
        account.get(&url).assert_status(200);
    }
}

#[test]
fn rfc8555_7_1_2_1_a_new_account_has_an_empty_list() {
    let world = world();
    let account = world.account();

    let answer = account.get(&format!("{}/orders", account.url));

    answer.assert_status(200);
    assert_eq!(answer.json()["orders"], serde_json::json!([]), "{answer}");
    assert!(answer.links("next").is_empty(), "{answer}");
}

#[test]
fn rfc8555_7_1_2_1_the_list_is_paged_by_links_to_the_next_page() {
    let world = world();
    let account = world.account();
    let mut made: Vec<String> = (0..120).map(|_| account.order(&[&fresh_name()]).url).collect();

    let first = account.get(&format!("{}/orders", account.url));
    assert!(texts(&first.json()["orders"]).len() < made.len(), "all on one page: {first}");
    assert_eq!(first.links("next").len(), 1, "{first}");
    let mut listed = all_orders(&account);

    made.sort();
    listed.sort();
    assert_eq!(listed, made);
}

#[test]
fn a20_orders_made_at_the_same_time_are_all_in_the_list() {
    let world = world();
    let account = world.account();

    let mut made: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..50)
            .map(|_| {
                let account = account.again();
                scope.spawn(move || account.order(&[&fresh_name()]).url)
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("every order is made")).collect()
    });

    let mut listed = all_orders(&account);
    made.sort();
    listed.sort();
    assert_eq!(listed, made);
}

#[test]
fn a1_nobody_reads_the_list_of_another_account() {
    let world = world();
    let (owner, stranger) = (world.account(), world.account());
    owner.order(&[&fresh_name()]);

    let answer = stranger.get(&format!("{}/orders", owner.url));

    world.refused_as(&stranger.acme, &answer, "unauthorized");
    assert!(answer.json().get("orders").is_none(), "{answer}");
}
