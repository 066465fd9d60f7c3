//! Links are built from the host that the client asked for, if it is one of ours.

use rstest::rstest;
use serde_json::json;
use stepless_tests::{
    Request,
    acme::{Answer, Jws, account::fresh_key, client::target},
};

use crate::{
    provisioners::PLAIN,
    world::{World, world},
};

fn with_host(world: &World, host: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(&target(&world.directory_url(PLAIN)));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    Answer(world.client().send_bytes(&request.to_bytes(host)).expect("every request has an answer"))
}

#[rstest]
#[case::a_name("localhost")]
#[case::an_address("127.0.0.1")]
#[case::a_name_with_any_port("localhost:1234")]
#[case::in_capitals("LOCALHOST")]
fn a24_links_carry_the_host_that_was_asked_for(#[case] host: &str) {
    let world = world();

    let answer = with_host(&world, host, &[]);

    answer.assert_status(200);
    let base = format!("https://{}/acme/{PLAIN}/", host.to_lowercase());
    assert!(answer.text("newNonce").to_lowercase().starts_with(&base), "{answer}");
}

#[rstest]
#[case::a_stranger("evil.example")]
#[case::a_longer_name("localhost.evil.example")]
#[case::a_user("localhost@evil.example")]
#[case::another_address("127.0.0.2")]
#[case::a_path("evil.example/localhost")]
#[case::nothing("")]
#[case::a_port_alone(":443")]
#[case::a_port_that_is_none("localhost:evil.example")]
fn a24_a_request_for_another_host_is_refused(#[case] host: &str) {
    let world = world();

    let answer = with_host(&world, host, &[]);

    assert!((400..500).contains(&answer.status()), "{answer}");
    assert!(answer.text("newNonce").is_empty(), "{answer}");
    assert!(!answer.headers("link").iter().any(|link| link.contains("evil")), "{answer}");
}

#[test]
fn a24_no_header_of_a_proxy_changes_the_links() {
    let world = world();
    let host = format!("localhost:{}", world.server.address().port());

    let answer = with_host(
        &world,
        &host,
        &[
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Proto", "http"),
            ("Forwarded", "host=evil.example;proto=http"),
            ("X-Original-URL", "/acme/other/directory"),
            ("X-Forwarded-Prefix", "/evil"),
        ],
    );

    answer.assert_status(200);
    assert_eq!(answer.text("newNonce"), format!("https://{host}/acme/{PLAIN}/new-nonce"));
}

/// An account made under one name of the authority acts under another one too: its key id is an account, not a spelling.
#[test]
fn a24_an_account_goes_on_under_another_name_of_the_authority() {
    let world = world();
    let account = world.account();
    let key = fresh_key();
    let other = world.acme(PLAIN).account_with(key, &json!({}));
    let by_address = |url: &str| url.replace("localhost", "127.0.0.1");

    for kid in [by_address(&account.url), account.url.clone()] {
        let url = by_address(&account.url);
        let nonce = account.acme.new_nonce();
        let message = Jws::with_kid(&account.key, &kid, &nonce, &url, "").sign(&account.key);
        account.acme.post(&url, &message).assert_status(200);
    }
    assert_ne!(other.url, account.url);
}
