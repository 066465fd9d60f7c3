//! Profiles: [draft-ietf-acme-profiles](https://datatracker.ietf.org/doc/draft-ietf-acme-profiles/).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{
    acme::account::{Order, dns_identifiers},
    certificate::Parts,
};

use crate::{
    orders_list::all_orders,
    provisioners::{PLAIN, PROFILES},
    world::{fresh_name, world},
};

fn with_profile(name: &str, profile: &Value) -> Value {
    json!({"identifiers": dns_identifiers(&[name]), "profile": profile})
}

#[test]
fn acme_profiles_4_an_order_says_its_profile_and_the_certificate_is_of_it() {
    let world = world();
    let account = world.account_at(PROFILES);
    let name = fresh_name();

    let order = account.order_with(&with_profile(&name, &json!("brief")));

    assert_eq!(order.object["profile"], "brief", "{:?}", order.object);
    world.prove_all(&account, &order);
    let issued = world.finish(&account, order, &[&name]);
    let parts = Parts::of(&issued.chain[0]);
    // Ten minutes, and the minute by which certificates begin early.
    assert_eq!(parts.not_after - parts.not_before, 11 * 60);
    let usages = format!("{:?}", parts.fixed);
    let server_auth = "300a06082b06010505070301";
    assert!(usages.contains(&format!("2.5.29.37 {server_auth}")), "{usages}");
}

/// [The draft, section 4](https://datatracker.ietf.org/doc/draft-ietf-acme-profiles/): the server chooses where the client does not.
#[test]
fn acme_profiles_4_an_order_without_a_profile_has_the_default_one() {
    let world = world();
    let account = world.account_at(PROFILES);

    let order = account.order(&[&fresh_name()]);

    assert_eq!(order.object["profile"], "classic", "{:?}", order.object);
}

#[rstest]
#[case::unknown(json!("fancy"))]
#[case::in_capitals(json!("BRIEF"))]
#[case::empty(json!(""))]
fn acme_profiles_5_an_unknown_profile_makes_no_order(#[case] profile: Value) {
    let world = world();
    let account = world.account_at(PROFILES);
    let url = account.acme.directory().new_order.clone();

    let answer = account.post(&url, &with_profile(&fresh_name(), &profile));

    world.refused(&account.acme, &answer, 400, "invalidProfile");
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

#[test]
fn acme_profiles_4_where_there_are_no_profiles_none_can_be_chosen() {
    let world = world();
    let account = world.account_at(PLAIN);
    let url = account.acme.directory().new_order.clone();

    let answer = account.post(&url, &with_profile(&fresh_name(), &json!("classic")));

    world.refused(&account.acme, &answer, 400, "invalidProfile");
    assert_eq!(all_orders(&account), Vec::<String>::new());
    assert!(account.order(&[&fresh_name()]).object.get("profile").is_none());
}

#[test]
fn acme_profiles_times_beyond_the_profile_are_refused_at_new_order() {
    let world = world();
    let account = world.account_at(PROFILES);
    let url = account.acme.directory().new_order.clone();
    let now = jiff::Timestamp::now().as_second();
    let late = jiff::Timestamp::from_second(now + 2 * 3600).expect("a moment of this era").to_string();
    let mut payload = with_profile(&fresh_name(), &json!("brief"));
    payload["notAfter"] = late.into();

    let answer = account.post(&url, &payload);

    assert!((400..500).contains(&answer.status()), "{answer}");
    world.refused(&account.acme, &answer, answer.status(), &answer.problem());
    payload["profile"] = "classic".into();
    let order = Order::of(&account.post(&url, &payload));
    assert_eq!(all_orders(&account), [order.url]);
}
