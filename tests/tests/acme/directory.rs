//! The directory ([RFC 8555 §7.1.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1)), and what every answer has.

use rstest::rstest;
use serde_json::json;
use stepless_tests::{Request, acme::client::target};

use crate::{
    expect::assert_problem,
    provisioners::{BOUND, CAA_NAME, OTHER, PLAIN, PROFILES, TERMS, TERMS_URL},
    world::world,
};

#[test]
fn rfc8555_7_1_1_the_directory_names_every_resource() {
    let world = world();
    let url = world.directory_url(PLAIN);

    let answer = world.acme(PLAIN).get(&url);

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer}");
    let base = url.strip_suffix("directory").expect("the URL ends so");
    for (member, path) in [
        ("newNonce", "new-nonce"),
        ("newAccount", "new-account"),
        ("newOrder", "new-order"),
        ("newAuthz", "new-authz"),
        ("revokeCert", "revoke-cert"),
        ("keyChange", "key-change"),
        // RFC 9773 §4.1.
        ("renewalInfo", "renewal-info"),
    ] {
        assert_eq!(answer.text(member), format!("{base}{path}"), "{member}");
    }
}

#[test]
fn rfc8555_7_1_1_meta_is_there_only_where_something_is_set() {
    let world = world();

    assert!(world.acme(PLAIN).get(&world.directory_url(PLAIN)).json().get("meta").is_none());
    assert_eq!(
        world.acme(TERMS).directory().meta,
        json!({"termsOfService": TERMS_URL, "website": "https://ca.example", "caaIdentities": [CAA_NAME]})
    );
    assert_eq!(world.acme(BOUND).directory().meta, json!({"externalAccountRequired": true}));
}

#[test]
fn acme_profiles_3_the_directory_names_the_profiles() {
    let world = world();

    assert_eq!(
        world.acme(PROFILES).directory().meta,
        json!({"profiles": {"classic": "As ever.", "brief": "https://ca.example/profiles/brief"}})
    );
}

#[rstest]
#[case::an_unknown_provisioner("/acme/nobody/directory")]
#[case::a_provisioner_of_another_kind("/acme/admin/directory")]
#[case::an_unknown_resource("/acme/acme/nothing")]
#[case::no_provisioner("/acme/directory")]
fn what_is_no_acme_resource_is_not_found(#[case] path: &str) {
    let world = world();
    let url = format!("{}{path}", world.server.url());

    world.acme(PLAIN).get(&url).assert_status(404);
}

#[test]
fn the_older_path_of_step_ca_is_the_same_directory() {
    let world = world();
    let acme = world.acme(PLAIN);

    let older = acme.get(&format!("{}/2.0/acme/{PLAIN}/directory", world.server.url()));

    older.assert_status(200);
    assert_eq!(older.json(), acme.get(acme.directory_url()).json());
}

#[test]
fn rfc8555_6_3_directory_and_new_nonce_take_get_and_post_as_get() {
    let world = world();
    let account = world.account();
    let acme = &account.acme;

    let directory = account.get(acme.directory_url());
    assert_eq!(directory.json(), acme.get(acme.directory_url()).json());
    directory.assert_status(200);

    let nonce = account.get(&acme.directory().new_nonce);
    assert!(matches!(nonce.status(), 200 | 204), "{nonce}");
    account.get_with_nonce(&account.url, &nonce.nonce()).assert_status(200);
}

/// 405 is what [RFC 8555 §6.3](https://www.rfc-editor.org/rfc/rfc8555#section-6.3) asks for.
#[test]
fn rfc8555_6_3_a_plain_get_of_any_other_resource_is_refused() {
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&crate::world::fresh_name()]);
    let authorization = issued.order.authorizations[0].clone();
    let challenge = account.challenge(&authorization, "http-01").url;
    let directory = account.acme.directory().clone();

    for url in [
        directory.new_account,
        directory.new_order,
        directory.new_authz,
        directory.revoke_cert,
        directory.key_change,
        account.url.clone(),
        format!("{}/orders", account.url),
        issued.order.url,
        issued.order.finalize,
        authorization,
        challenge,
        issued.url,
    ] {
        let answer = account.acme.get(&url);
        assert_problem(&answer, 405, "malformed");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("POST")), "{url}: {answer}");
    }
}

#[test]
fn rfc8555_7_1_every_answer_but_the_directory_links_to_the_index() {
    let world = world();
    let account = world.account();
    let index = vec![account.acme.directory_url().to_owned()];
    let order = account.order(&[&crate::world::fresh_name()]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    let directory = account.acme.directory();

    let answers = [
        account.acme.get(&directory.new_nonce),
        account.acme.send(&directory.new_nonce, Request::new("HEAD", &target(&directory.new_nonce))),
        account.get(&account.url),
        account.get(&order.url),
        account.get(&order.authorizations[0]),
        account.get(&challenge.url),
        account.get(&format!("{}/orders", account.url)),
        account.try_order(&["not a name"]),
        account.finalize(&order, b"no request"),
    ];

    for answer in answers {
        assert_eq!(answer.links("index"), index, "{answer}");
    }
}

#[test]
fn rfc8555_6_5_every_answer_to_a_post_brings_a_new_nonce_that_no_cache_keeps() {
    let world = world();
    let account = world.account();
    let order = account.order(&[&crate::world::fresh_name()]);

    let answers = [account.get(&account.url), account.get(&order.url), account.get(&order.authorizations[0])];

    let mut nonces: Vec<String> = answers.iter().map(|answer| answer.nonce()).collect();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), answers.len());
    for answer in answers {
        assert_eq!(answer.headers("replay-nonce").len(), 1, "{answer}");
        assert!(
            answer.header("cache-control").is_some_and(|caching| caching.contains("no-store")),
            "{answer}"
        );
    }
}

/// The same words in every provisioner: a client that guesses URLs finds nothing of another one.
#[test]
fn a3_the_directory_of_a_provisioner_names_its_own_urls_only() {
    let world = world();
    let directory = world.acme(OTHER).get(&world.directory_url(OTHER)).json();

    for (member, url) in directory.as_object().expect("a directory is an object") {
        if member != "meta" {
            let url = url.as_str().expect("a resource is a URL");
            assert!(url.starts_with(&format!("{}/acme/{OTHER}/", world.server.url())), "{member}: {url}");
        }
    }
}
