//! IP addresses: [RFC 8738](https://www.rfc-editor.org/rfc/rfc8738).

use std::{net::IpAddr, sync::Arc};

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{
    Csr,
    acme::{
        Account, TlsAnswer, ValidationCertificate,
        account::{Order, fresh_key},
        tls_alpn::{ACME_TLS, reverse_name},
    },
    csr::San,
};

use crate::{
    orders_list::all_orders,
    provisioners::EVERY,
    world::{fresh_name, world},
};

fn identifier(address: &str) -> Value {
    json!({"identifiers": [{"type": "ip", "value": address}]})
}

fn octets(address: &str) -> Vec<u8> {
    match address.parse().expect("an address") {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

#[track_caller]
fn finish(account: &Account, order: &Order, address: &str) {
    let csr = Csr::new("", &[San::Ip(&octets(address))]).sign(&fresh_key());
    let answer = account.finalize(order, &csr);
    assert_eq!(answer.status(), 200, "{answer}");
    assert_eq!(account.settle(&order.url)["status"], "valid");
}

#[rstest]
#[case("127.0.0.2", "127.0.0.2")]
#[case("::1", "[::1]")]
fn rfc8738_4_an_address_is_proved_by_http(#[case] address: &str, #[case] host: &str) {
    let world = world();
    let account = world.account();
    let order = account.order_with(&identifier(address));
    let authorization = account.authorization(&order.authorizations[0]);
    assert_eq!(authorization["identifier"], json!({"type": "ip", "value": address}));
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.http.show(address, &challenge.token, &account.key_authorization(&challenge.token));

    account.ready(&challenge).assert_status(200);

    assert_eq!(account.settle(&order.url)["status"], "ready");
    let got = world.http.got(address);
    let asked = got.iter().find(|got| got.target.ends_with(&challenge.token)).expect("it was asked");
    assert_eq!(asked.local, address.parse::<IpAddr>().expect("an address"));
    // RFC 8738 §4: the Host header is the address.
    let header = asked.headers.iter().find(|(name, _)| name == "host").map(|(_, value)| value.as_str());
    assert_eq!(header, Some(format!("{host}:{}", world.http.port()).as_str()));
    finish(&account, &order, address);
}

#[rstest]
#[case("127.0.0.3")]
#[case("::1")]
fn n11_rfc8738_6_an_address_is_proved_by_tls_under_its_reverse_name(#[case] address: &str) {
    let world = world();
    let account = world.account();
    let parsed: IpAddr = address.parse().expect("an address");
    let order = account.order_with(&identifier(address));
    let challenge = account.challenge(&order.authorizations[0], "tls-alpn-01");
    let key = Arc::new(fresh_key());
    let octets = octets(address);
    let shown = ValidationCertificate::new(San::Ip(&octets), &account.key_authorization(&challenge.token));
    world.tls.set(&reverse_name(parsed), TlsAnswer::new(shown.sign(&key), key));

    account.ready(&challenge).assert_status(200);

    assert_eq!(account.settle(&order.url)["status"], "ready");
    let greeted = world.tls.greeted(&reverse_name(parsed));
    assert!(greeted.iter().any(|one| one.local == parsed && one.protocols == [ACME_TLS]), "{greeted:?}");
    finish(&account, &order, address);
}

#[test]
fn rfc8738_7_an_address_is_never_proved_in_the_dns() {
    let world = world();
    let account = world.account_at(EVERY);
    let order = account.order_with(&identifier("127.0.0.4"));

    let authorization = account.authorization(&order.authorizations[0]);

    let mut kinds: Vec<&str> = authorization["challenges"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|challenge| challenge["type"].as_str())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["http-01", "tls-alpn-01"]);
}

/// [RFC 8738 §3](https://www.rfc-editor.org/rfc/rfc8738#section-3): IPv6 is written as RFC 5952 §4 has it.
#[rstest]
#[case::capital_letters("2001:DB8::1")]
#[case::not_shortened("2001:db8:0:0:0:0:0:1")]
#[case::leading_zeros("2001:0db8::1")]
#[case::brackets("[::1]")]
#[case::a_zone("fe80::1%eth0")]
#[case::mapped("::ffff:127.0.0.1")]
#[case::mapped_in_hex("::ffff:7f00:1")]
#[case::octal("0177.0.0.1")]
#[case::hexadecimal("0x7f.0.0.1")]
#[case::a_number("2130706433")]
#[case::short("127.1")]
#[case::too_large("127.0.0.256")]
#[case::leading_zero("127.0.0.01")]
#[case::a_prefix("127.0.0.1/32")]
#[case::a_port("127.0.0.1:80")]
#[case::a_name("a.example")]
#[case::a_space("127.0.0.1 ")]
#[case::empty("")]
fn n5_rfc8738_3_another_spelling_of_an_address_is_refused(#[case] address: &str) {
    let world = world();
    let account = world.account();

    let answer = account.post(&account.acme.directory().new_order, &identifier(address));

    assert!(matches!(&answer.problem()[..], "malformed" | "rejectedIdentifier"), "{answer}");
    world.refused(&account.acme, &answer, 400, &answer.problem());
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

#[rstest]
#[case::unspecified("0.0.0.0")]
#[case::unspecified_ipv6("::")]
#[case::broadcast("255.255.255.255")]
#[case::multicast("224.0.0.1")]
#[case::multicast_ipv6("ff02::1")]
fn n1_rfc8738_an_address_of_no_host_is_rejected(#[case] address: &str) {
    let world = world();
    let account = world.account();

    let answer = account.post(&account.acme.directory().new_order, &identifier(address));

    world.refused(&account.acme, &answer, 400, "rejectedIdentifier");
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

#[test]
fn a9_rfc8738_an_address_and_its_text_are_different_names() {
    let world = world();
    let account = world.account();
    let order = account.order_with(&identifier("127.0.0.4"));
    world.prove_all(&account, &order);

    let as_dns = Csr::new("", &[San::Dns("127.0.0.4")]).sign(&fresh_key());
    let both = Csr::new("", &[San::Ip(&[127, 0, 0, 4]), San::Dns(&fresh_name())]).sign(&fresh_key());
    let other = Csr::new("", &[San::Ip(&[127, 0, 0, 5])]).sign(&fresh_key());
    for csr in [as_dns, both, other] {
        let answer = account.finalize(&order, &csr);
        world.refused(&account.acme, &answer, 400, "badCSR");
    }

    finish(&account, &order, "127.0.0.4");
}
