//! Whom validations contact, and by which way.

use std::{net::Ipv4Addr, net::TcpListener};

use stepless_tests::acme::{
    DnsAnswer,
    dns_message::{A, Record},
};

use crate::world::{World, fresh_name, world};

/// A proxy could send the question anywhere, and the answer be anybody's.
#[test]
fn n6_proxies_of_the_environment_are_not_used() {
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    proxy.set_nonblocking(true).expect("a listener can be asked without waiting");
    let address = format!("http://{}", proxy.local_addr().expect("a bound socket has an address"));
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let world = World::start(&names.map(|name| (name.to_owned(), address.clone())));
    let account = world.account();

    world.issue(&account, &[&fresh_name()]);

    let came = proxy.accept().map(|(_, peer)| peer);
    assert_eq!(came.map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
}

/// What was judged is what is dialled: a second answer of the DNS comes too late.
#[test]
fn n3_a_name_that_moves_between_two_questions_is_asked_at_its_first_address() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    world.show(&account, &name, &challenge);
    let at = |address: [u8; 4]| DnsAnswer::Records(vec![Record::A(address.into())]);
    world.dns.set(&name, A, DnsAnswer::InTurn(vec![at([127, 0, 0, 2]), at([127, 0, 0, 3])]));

    account.ready(&challenge).assert_status(200);

    assert_eq!(account.settle(&order.url)["status"], "ready");
    let first = world.http.got(&name).first().map(|got| got.local);
    assert_eq!(first, Some(Ipv4Addr::new(127, 0, 0, 2).into()));
}

/// Each hop is resolved and judged again: a name that led here may lead elsewhere.
#[test]
fn n3_a_redirect_to_a_name_with_a_forbidden_address_is_not_followed() {
    let world = world();
    let account = world.account();
    let (name, elsewhere) = (fresh_name(), fresh_name());
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    let path = stepless_tests::acme::http01::well_known(&challenge.token);
    let location = format!("http://{elsewhere}:{}{path}", world.http.port());
    world.http.set(&name, &path, stepless_tests::acme::HttpAnswer::Redirect(302, location));
    world.show(&account, &elsewhere, &challenge);
    world.dns.set_address(&elsewhere, Ipv4Addr::new(169, 254, 169, 254));

    account.ready(&challenge);

    assert_eq!(account.settle(&order.url)["status"], "invalid");
    assert_eq!(world.http.got(&elsewhere), []);
}
