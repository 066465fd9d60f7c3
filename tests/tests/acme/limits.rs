//! How much one client may ask for.

use serde_json::{Value, json};
use stepless_tests::{
    Request,
    acme::client::{host, target},
};

use crate::{
    orders_list::all_orders,
    provisioners::{A_FEW, FEW},
    world::{fresh_name, world},
};

#[test]
fn a24_an_order_holds_as_many_names_as_are_allowed_and_not_one_more() {
    let world = world();
    let account = world.account_at(FEW);
    let names: Vec<String> = (0..=A_FEW).map(|_| fresh_name()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();

    let answer = account.try_order(&names);
    assert!(matches!(&answer.problem()[..], "malformed" | "rejectedIdentifier" | "rateLimited"), "{answer}");
    world.refused_as(&account.acme, &answer, &answer.problem());

    let order = account.order(&names[..A_FEW]);
    assert_eq!(all_orders(&account), [order.url]);
}

#[test]
fn a24_a_thousand_names_are_refused() {
    let world = world();
    let account = world.account();
    let names: Value = (0..1_000).map(|n| json!({"type": "dns", "value": format!("n{n}.example")})).collect();

    let answer = account.post(&account.acme.directory().new_order, &json!({"identifiers": names}));

    assert!((400..500).contains(&answer.status()), "{answer}");
    assert!(answer.0.body.len() < 100_000, "the answer repeats {} bytes", answer.0.body.len());
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

#[test]
fn a24_rfc8555_6_6_a_limit_of_orders_admits_exactly_so_many_and_says_when_to_come_again() {
    let world = world();
    let account = world.account_at(FEW);
    for _ in 0..A_FEW {
        account.order(&[&fresh_name()]);
    }

    let answer = account.try_order(&[&fresh_name()]);

    world.refused(&account.acme, &answer, 429, "rateLimited");
    let after: u64 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("Retry-After");
    assert!((1..=3600).contains(&after), "{answer}");
    assert_eq!(all_orders(&account).len(), A_FEW);
    // One account's limit is not another's.
    world.account_at(FEW).order(&[&fresh_name()]);
}

/// A body that nobody needs is not read.
#[test]
fn l17_a_request_of_many_kilobytes_or_levels_is_refused() {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));

    for body in ["x".repeat(100_000), deep.clone(), format!(r#"{{"protected":{deep}}}"#)] {
        let request =
            Request::new("POST", &target(&url)).header("Content-Type", "application/jose+json").body(body);
        // Who goes on sending after the refusal may find the connection closed before it has read it.
        if let Ok(answer) = world.client().send_bytes(&request.to_bytes(host(&url))) {
            assert!(matches!(answer.status, 400 | 413), "{answer:?}");
        }
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let answer = account.acme.post(&url, &account.message(&url, &deep).sign(&account.key));
    world.refused(&account.acme, &answer, 400, "malformed");
}

#[test]
fn a24_an_order_of_a_hundred_names_can_be_finished() {
    let world = world();
    let account = world.account();
    let names: Vec<String> = (0..100).map(|_| fresh_name()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();

    let issued = world.issue(&account, &names);

    assert_eq!(issued.order.authorizations.len(), 100);
}
