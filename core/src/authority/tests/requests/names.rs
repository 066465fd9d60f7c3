//! The names of requests and tokens: the token's are certified, and a request may only repeat them.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Scene, Token};
use crate::authority::tests::bench::{P256, request};
use crate::authority::{AuthorityError, Refusal};
use crate::key::PrivateKey;
use crate::x509::SanError;

const SANS: [&str; 5] =
    ["host.example", "*.wild.example", "10.0.0.5", "a@example.com", "https://host.example/x"];

/// What a request has, and whether it goes with a token for [`SANS`] whose subject is `subject`.
#[rstest]
#[case::nothing("", &[], true)]
#[case::all("host.example", &SANS, true)]
#[case::subject_of_the_token("subject", &[], true)]
#[case::name_of_another_kind_as_common_name("10.0.0.5", &[], true)]
#[case::one_kind_of_names("", &["10.0.0.5"], true)]
#[case::another_case("", &["HOST.example", "*.wild.EXAMPLE"], false)]
#[case::ip_address_in_ipv6("", &["::ffff:10.0.0.5"], true)]
#[case::foreign_common_name("evil.example", &[], false)]
#[case::common_name_under_the_wildcard("x.wild.example", &[], false)]
#[case::part_of_a_kind("", &["host.example"], false)]
#[case::more_of_a_kind("", &["host.example", "*.wild.example", "evil.example"], false)]
#[case::foreign_email("", &["b@example.com"], false)]
#[case::foreign_uri("", &["https://host.example/y"], false)]
#[case::foreign_ip_address("", &["10.0.0.6"], false)]
#[case::name_under_the_wildcard("", &["x.wild.example"], false)]
#[tokio::test]
async fn x17_a_request_may_only_repeat_the_names_of_the_token(
    #[case] common_name: &str,
    #[case] names: &[&str],
    #[case] good: bool,
) {
    let scene = Scene::new().await;
    let token = Token::new(&scene.world, "subject").with("sans", json!(SANS));

    let answer = scene.sign_with(&request(&scene.key, common_name, names), &token).await;

    match (answer, good) {
        (Ok(certificate), true) => {
            let mut certified: Vec<_> =
                certificate.sans().unwrap().names.iter().map(ToString::to_string).collect();
            certified.sort();
            let mut expected = SANS.to_vec();
            expected.sort_unstable();
            assert_eq!(certified, expected, "all names of the token, and no other");
            assert_eq!(certificate.subject().common_name(), Some("subject"));
        }
        (Err(AuthorityError::Refused(Refusal::CommonName { .. } | Refusal::Names { .. })), false) => {}
        (other, _) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_without_names_certifies_its_subject() {
    let scene = Scene::new().await;

    for token in [
        Token::new(&scene.world, "host.example").without("sans"),
        Token::new(&scene.world, "host.example").with("sans", json!([])),
        Token::new(&scene.world, "host.example").with("sans", Value::Null),
    ] {
        let certificate = scene.sign_with(&request(&scene.key, "", &[]), &token).await.unwrap();

        let names: Vec<_> = certificate.sans().unwrap().names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["host.example"]);
    }
}

#[tokio::test]
async fn a_request_for_one_of_the_names_but_no_token_for_it_stores_nothing() {
    let scene = Scene::new().await;
    let token = Token::new(&scene.world, "host.example");
    let before = scene.world.records().await;

    let csr = request(&scene.key, "", &["evil.example"]);
    let (answer, calls) = scene.world.calls_of(scene.sign_with(&csr, &token)).await;

    assert!(matches!(answer, Err(AuthorityError::Refused(Refusal::Names { kind: "DNS names", .. }))));
    assert_eq!(calls, []);
    assert_eq!(scene.world.records().await, before);
}

/// Whatever looks like an IP address is one or is refused; it is never a DNS name.
#[rstest]
#[case::plain("10.0.0.1", true)]
#[case::ipv6("::1", true)]
#[case::mapped("::ffff:10.0.0.1", true)]
#[case::leading_zero("010.0.0.5", false)]
#[case::network("10.0.0.5/32", false)]
#[case::hexadecimal("0x0a000001", false)]
#[case::short("127.1", false)]
#[case::one_number("2130706433", false)]
#[case::bracketed("[::1]", false)]
#[case::zone("fe80::1%eth0", false)]
#[tokio::test]
async fn x14_an_ip_address_is_never_certified_as_a_dns_name(#[case] name: &str, #[case] good: bool) {
    let scene = Scene::new().await;
    let csr = request(&scene.key, "", &[]);

    for token in [
        Token::new(&scene.world, "host.example").with("sans", json!([name])),
        Token::new(&scene.world, name).without("sans"),
    ] {
        match scene.sign_with(&csr, &token).await {
            Ok(certificate) => {
                assert!(good, "{name} was certified");
                let sans = certificate.sans().unwrap();
                assert_eq!((sans.dns_names().count(), sans.ip_addresses().count()), (0, 1));
            }
            Err(AuthorityError::Refused(Refusal::Name(_))) => assert!(!good),
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// One verdict for a name, whether it comes in `sans` or as the subject.
#[rstest]
#[case::empty("", false)]
#[case::dot(".", false)]
#[case::empty_label("a..example", false)]
#[case::leading_dot(".a.example", false)]
#[case::label_of_64(&format!("{}.example", "a".repeat(64)), false)]
#[case::label_of_63(&format!("{}.example", "a".repeat(63)), true)]
#[case::name_of_254(&format!("{}a.example", "a.".repeat(123)), false)]
#[case::star_alone("*", false)]
#[case::two_stars("*.*.example", false)]
#[case::star_inside("a.*.example", false)]
#[case::star_in_a_label("a*.example", false)]
#[case::star("*.example", true)]
#[case::broken_punycode("xn--a-.example", false)]
#[case::nul("a\0.example", false)]
#[case::new_line("a\n.example", false)]
#[case::space("a b.example", false)]
#[case::at("@", false)]
#[case::no_domain("a@", false)]
#[case::comma("a,b.example", false)]
#[tokio::test]
async fn x13_x15_x18_one_verdict_per_name(#[case] name: &str, #[case] good: bool) {
    let scene = Scene::new().await;
    let csr = request(&scene.key, "", &[]);

    let by_list =
        scene.sign_with(&csr, &Token::new(&scene.world, "x.example").with("sans", json!([name]))).await;
    let by_subject = scene.sign_with(&csr, &Token::new(&scene.world, name).without("sans")).await;

    assert_eq!(by_list.is_ok(), good, "{by_list:?}");
    assert_eq!(by_subject.is_ok(), good, "{by_subject:?}");
    for refusal in [by_list, by_subject].into_iter().filter_map(Result::err) {
        // An empty subject is no token of ours; every other bad name is a bad name.
        assert!(
            matches!(refusal, AuthorityError::Refused(Refusal::Name(_) | Refusal::Subject(_)))
                || name.is_empty() && matches!(refusal, AuthorityError::Token(_)),
            "{refusal:?}"
        );
    }
}

/// More names than one certificate carries are refused before they cost anything.
#[tokio::test]
async fn x27_d10_a_token_with_too_many_names_is_refused() {
    let scene = Scene::new().await;
    let names: Vec<String> = (0..1001).map(|number| format!("h{number}.example")).collect();
    let token = Token::new(&scene.world, "host.example").with("sans", names);
    let csr = request(&PrivateKey::generate(P256).unwrap(), "", &[]);

    let (answer, calls) = scene.world.calls_of(scene.sign_with(&csr, &token)).await;

    assert!(matches!(answer, Err(AuthorityError::Refused(Refusal::Name(SanError::TooMany)))), "{answer:?}");
    assert_eq!(calls, []);
}
