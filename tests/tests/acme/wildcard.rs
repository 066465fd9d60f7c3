//! Wildcards: [RFC 8555 §7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3), [§7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4).

use serde_json::json;
use stepless_tests::acme::account::{Challenge, csr, dns_identifiers, fresh_key};

use crate::{
    provisioners::{EVERY, HTTP_ONLY, REUSE},
    world::{fresh_name, world},
};

#[test]
fn a12_rfc8555_7_1_4_the_authorization_of_a_wildcard_names_its_base_and_says_so() {
    let world = world();
    let account = world.account();
    let name = fresh_name();

    let order = account.order(&[&format!("*.{name}")]);

    assert_eq!(order.object["identifiers"], dns_identifiers(&[&format!("*.{name}")]));
    let authorization = account.authorization(&order.authorizations[0]);
    assert_eq!(authorization["identifier"], json!({"type": "dns", "value": name}));
    assert_eq!(authorization["wildcard"], true);
}

#[test]
fn a12_rfc8555_7_1_4_another_authorization_does_not_say_that_it_is_a_wildcards() {
    let world = world();
    let account = world.account();
    let order = account.order(&[&fresh_name()]);

    let authorization = account.authorization(&order.authorizations[0]);

    assert_ne!(authorization.get("wildcard"), Some(&json!(true)));
}

/// Who controls a web server does not control every name below it.
#[test]
fn a12_a_wildcard_is_proved_in_the_dns_only() {
    let world = world();
    let account = world.account_at(EVERY);
    let order = account.order(&[&format!("*.{}", fresh_name())]);

    let authorization = account.authorization(&order.authorizations[0]);

    let kinds: Vec<&str> = authorization["challenges"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|challenge| challenge["type"].as_str())
        .collect();
    assert!(kinds.contains(&"dns-01"), "{kinds:?}");
    assert!(kinds.iter().all(|kind| kind.starts_with("dns-")), "{kinds:?}");
}

#[test]
fn a12_a_wildcard_is_refused_where_nothing_could_prove_it() {
    let world = world();
    let account = world.account_at(HTTP_ONLY);

    let answer = account.try_order(&[&format!("*.{}", fresh_name())]);

    world.refused(&account.acme, &answer, 400, "rejectedIdentifier");
    assert_eq!(crate::orders_list::all_orders(&account), Vec::<String>::new());
}

#[test]
fn a12_rfc8555_7_4_2_a_wildcard_certificate_is_issued() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let wildcard = format!("*.{name}");

    world.issue(&account, &[&wildcard]);
}

/// The base name and the wildcard are two identifiers, each to be proved.
#[test]
fn a12_n12_the_proof_of_a_name_does_not_open_its_wildcard_or_the_reverse() {
    let world = world();
    let account = world.account_at(REUSE);
    let (name, other) = (fresh_name(), fresh_name());
    world.issue(&account, &[&name]);
    world.issue(&account, &[&format!("*.{other}")]);

    let wildcard = account.order(&[&format!("*.{name}")]);
    let base = account.order(&[&other]);

    assert_eq!(wildcard.object["status"], "pending", "{:?}", wildcard.object);
    assert_eq!(base.object["status"], "pending", "{:?}", base.object);
}

#[test]
fn a9_a12_a_request_for_the_base_name_does_not_fit_the_order_of_its_wildcard() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let wildcard = format!("*.{name}");
    let order = world.ready_order(&account, &[&wildcard]);

    for names in [&[name.as_str()][..], &[&wildcard, &name], &[&format!("a.{name}")]] {
        let answer = account.finalize(&order, &csr(names, &fresh_key()));
        world.refused(&account.acme, &answer, 400, "badCSR");
    }

    world.finish(&account, order, &[&wildcard]);
}

#[test]
fn a12_rfc8555_8_4_base_and_wildcard_in_one_order_share_the_place_in_the_dns() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let wildcard = format!("*.{name}");
    let order = account.order(&[&name, &wildcard]);
    assert_eq!(order.authorizations.len(), 2);
    let challenges: Vec<Challenge> =
        order.authorizations.iter().map(|url| account.challenge(url, "dns-01")).collect();
    let values: Vec<String> = challenges
        .iter()
        .map(|challenge| {
            use stepless_tests::acme::jws::{base64url, sha256};
            base64url(&sha256(account.key_authorization(&challenge.token).as_bytes()))
        })
        .collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    world.dns.set_txt(&format!("_acme-challenge.{name}"), &values);

    for challenge in &challenges {
        account.ready(challenge).assert_status(200);
    }

    assert_eq!(account.settle(&order.url)["status"], "ready");
    world.finish(&account, order, &[&name, &wildcard]);
}
