//! http-01: [RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3).

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;
use stepless_tests::acme::{
    Account, HttpAnswer,
    account::{Challenge, Order},
    answer::problem_of,
    http01::{Got, well_known},
};

use crate::world::{World, fresh_name, world};

struct Trial {
    name: String,
    order: Order,
    challenge: Challenge,
    good: HttpAnswer,
}

fn trial(account: &Account) -> Trial {
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "http-01");
    let good = HttpAnswer::Body(account.key_authorization(&challenge.token).into());
    Trial { name, order, challenge, good }
}

impl Trial {
    fn answer(&self, world: &World, answer: HttpAnswer) {
        world.http.set(&self.name, &well_known(&self.challenge.token), answer);
    }

    /// How the challenge ended.
    #[track_caller]
    fn end(&self, account: &Account) -> Value {
        account.ready(&self.challenge);
        account.settle(&self.challenge.url)
    }
}

#[test]
fn rfc8555_8_3_the_server_asks_the_well_known_path_of_the_name_over_http() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, trial.good.clone());

    assert_eq!(trial.end(&account)["status"], "valid");

    let got = world.http.got(&trial.name);
    let Got { method, target, headers, .. } = &got[0];
    assert_eq!((&method[..], target), ("GET", &well_known(&trial.challenge.token)));
    let host = headers.iter().find(|(name, _)| name == "host").map(|(_, value)| value.as_str());
    assert_eq!(host, Some(format!("{}:{}", trial.name, world.http.port()).as_str()));
    assert_eq!(account.get(&trial.order.url).text("status"), "ready");
}

/// [RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3): whitespace behind the key authorization is ignored.
#[rstest]
#[case::a_line_break("\n")]
#[case::of_windows("\r\n")]
#[case::spaces_and_tabs(" \t \n\n")]
fn rfc8555_8_3_whitespace_at_the_end_of_the_body_is_ignored(#[case] end: &str) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let body = format!("{}{end}", account.key_authorization(&trial.challenge.token));
    trial.answer(&world, HttpAnswer::Body(body.into()));

    assert_eq!(trial.end(&account)["status"], "valid");
}

#[rstest]
#[case(301)]
#[case(302)]
#[case(307)]
#[case(308)]
fn n4_rfc8555_8_3_redirects_are_followed(#[case] status: u16) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let elsewhere = fresh_name();
    let location = format!("http://{elsewhere}:{}/somewhere/else?token=x", world.http.port());
    trial.answer(&world, HttpAnswer::Redirect(status, location));
    world.http.set(&elsewhere, "/somewhere/else?token=x", trial.good.clone());

    assert_eq!(trial.end(&account)["status"], "valid");
}

#[test]
fn n4_rfc8555_8_3_a_redirect_may_be_relative() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, HttpAnswer::Redirect(302, "/other".into()));
    world.http.set(&trial.name, "/other", trial.good.clone());

    assert_eq!(trial.end(&account)["status"], "valid");
}

fn chain_of_redirects(world: &World, trial: &Trial, count: usize) {
    trial.answer(world, HttpAnswer::Redirect(302, "/hop1".into()));
    for hop in 1..count {
        let next = HttpAnswer::Redirect(302, format!("/hop{}", hop + 1));
        world.http.set(&trial.name, &format!("/hop{hop}"), next);
    }
    world.http.set(&trial.name, &format!("/hop{count}"), trial.good.clone());
}

#[test]
fn n4_ten_redirects_are_followed_and_eleven_are_not() {
    let world = world();
    let account = world.account();
    let (ten, eleven) = (trial(&account), trial(&account));
    chain_of_redirects(&world, &ten, 10);
    chain_of_redirects(&world, &eleven, 11);

    assert_eq!(ten.end(&account)["status"], "valid");
    let end = eleven.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    assert_eq!(world.http.got(&eleven.name).iter().filter(|got| got.target == "/hop11").count(), 0);
}

#[rstest]
#[case::another_scheme("ftp://a.example/")]
#[case::a_file("file:///etc/passwd")]
#[case::another_port("http://{name}:1/")]
#[case::a_user("http://user:word@{name}:{port}/good")]
#[case::metadata("http://169.254.169.254/latest/meta-data/")]
#[case::metadata_in_ipv6("http://[fd00:ec2::254]/latest/meta-data/")]
#[case::metadata_as_number("http://2852039166/latest/meta-data/")]
#[case::metadata_in_octal("http://0251.0376.0251.0376/")]
#[case::metadata_mapped("http://[::ffff:169.254.169.254]/")]
#[case::metadata_by_nat64("http://[64:ff9b::a9fe:a9fe]/")]
#[case::link_local("http://[fe80::1]/")]
#[case::a_zone("http://[fe80::1%25eth0]/")]
#[case::unspecified("http://0.0.0.0:{port}/good")]
#[case::no_url("http://")]
#[case::a_loop("http://{name}:{port}/loop")]
fn n1_n4_a_redirect_that_may_not_be_followed_ends_the_challenge(#[case] location: &str) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let location = location.replace("{name}", &trial.name).replace("{port}", &world.http.port().to_string());
    trial.answer(&world, HttpAnswer::Redirect(302, location.clone()));
    world.http.set(&trial.name, "/loop", HttpAnswer::Redirect(302, location));
    world.http.set(&trial.name, "/good", trial.good.clone());
    world.http.set("0.0.0.0", "/good", trial.good.clone());

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    assert!(world.http.got(&trial.name).iter().all(|got| got.target != "/good"), "it was followed");
    assert_eq!(account.get(&trial.order.url).text("status"), "invalid");
}

#[test]
fn n4_a_redirect_with_a_path_of_three_kilobytes_is_not_followed() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let path = format!("/{}", "x".repeat(3 * 1024));
    trial.answer(&world, HttpAnswer::Redirect(302, path.clone()));
    world.http.set(&trial.name, &path, trial.good.clone());

    assert_eq!(trial.end(&account)["status"], "invalid");
}

#[test]
fn n4_see_other_is_not_followed() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, HttpAnswer::Redirect(303, "/other".into()));
    world.http.set(&trial.name, "/other", trial.good.clone());

    assert_eq!(trial.end(&account)["status"], "invalid");
}

/// A name that points to metadata or link-local addresses is never contacted, whatever `--insecure` allows.
#[rstest]
#[case([169, 254, 169, 254])]
#[case([0, 0, 0, 0])]
#[case([224, 0, 0, 1])]
fn n1_a_name_with_a_forbidden_address_is_not_contacted(#[case] address: [u8; 4]) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, trial.good.clone());
    world.dns.set_address(&trial.name, address.into());

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    assert_eq!(world.http.got(&trial.name), []);
}

#[rstest]
#[case::without_end(HttpAnswer::Endless)]
#[case::a_byte_a_second(HttpAnswer::Drip)]
#[case::none(HttpAnswer::Silence)]
fn n2_a_body_without_end_costs_little(#[case] answer: HttpAnswer) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, answer);
    let begin = Instant::now();

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

#[test]
fn n2_a_large_body_is_refused_and_shown_only_in_part() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let body = format!("secret of somebody else\u{1b}[2J\r\nX-Header: 1{}", "x".repeat(100_000));
    trial.answer(&world, HttpAnswer::Body(body.into_bytes()));

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    let detail = end["error"]["detail"].as_str().unwrap_or_default();
    assert!(detail.len() < 1000 && !detail.chars().any(char::is_control), "{detail:?}");
}

#[test]
fn n2_a_wrong_body_is_shown_as_a_short_printable_cut() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let body = format!("\u{1b}[31m\0wrong\n{}", "y".repeat(4000));
    trial.answer(&world, HttpAnswer::Body(body.into_bytes()));

    let end = trial.end(&account);

    let detail = end["error"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("wrong"), "{detail:?}");
    assert!(!detail.contains(&"y".repeat(500)) && !detail.chars().any(char::is_control), "{detail:?}");
}

/// What it ends as, and why.
#[rstest]
#[case::not_found(HttpAnswer::Status(404, "no\n".into()), &["unauthorized", "incorrectResponse"])]
#[case::forbidden(HttpAnswer::Status(403, "no\n".into()), &["unauthorized", "incorrectResponse"])]
#[case::closed(HttpAnswer::Close, &["connection"])]
#[case::no_http(HttpAnswer::Garbage, &["connection", "incorrectResponse", "unauthorized"])]
fn rfc8555_8_2_a_server_without_the_answer_fails_the_challenge(
    #[case] answer: HttpAnswer,
    #[case] kinds: &[&str],
) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    trial.answer(&world, answer);

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    let kind = problem_of(&end["error"]);
    assert!(kinds.contains(&kind.as_str()), "{end}");
    assert!(end["error"]["detail"].as_str().is_some_and(|detail| detail.contains(&trial.name)), "{end}");
}

#[test]
fn rfc8555_6_7_a_name_that_does_not_exist_is_a_problem_of_the_dns() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    for kind in [stepless_tests::acme::dns_message::A, stepless_tests::acme::dns_message::AAAA] {
        world.dns.set(&trial.name, kind, stepless_tests::acme::DnsAnswer::NoName);
    }

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    assert_eq!(problem_of(&end["error"]), "dns", "{end}");
}

/// The proof is of one name, not of its neighbours or children.
#[test]
fn n12_the_answer_of_one_name_proves_no_other() {
    let world = world();
    let account = world.account();
    let first = trial(&account);
    first.answer(&world, first.good.clone());
    assert_eq!(first.end(&account)["status"], "valid");

    for other in [format!("b.{}", first.name), format!("x{}", first.name), "example".to_owned()] {
        let answer = account.try_order(&[&other]);
        if answer.status() == 201 {
            let order = Order::of(&answer);
            assert_eq!(order.object["status"], "pending", "{other}");
            let challenge = account.challenge(&order.authorizations[0], "http-01");
            assert_ne!(challenge.token, first.challenge.token);
        }
    }
}
