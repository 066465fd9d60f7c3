//! Which names can be ordered: [RFC 8555 §7.1.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.3),
//! [§6.7.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.7.1).

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::acme::answer::problem_of;

use crate::{
    orders_list::all_orders,
    world::{fresh_name, world},
};

#[rstest]
#[case::empty("")]
#[case::a_dot(".")]
#[case::a_star("*")]
#[case::a_port("a.example:8080")]
#[case::a_path("a.example/x?")]
#[case::a_user("u@a.example")]
#[case::a_fragment("a#b")]
#[case::a_space("a b.example")]
#[case::a_space_behind("a.example ")]
#[case::a_line_break("a.example\n")]
#[case::a_nul("a\0.example")]
#[case::a_dot_behind("a.example.")]
#[case::a_dot_before(".a.example")]
#[case::an_empty_label("a..example")]
#[case::a_hyphen_first("-a.example")]
#[case::not_ascii("bücher.example")]
#[case::bad_punycode("xn--a")]
#[case::a_long_label("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example")]
#[case::two_stars("*.*.example")]
#[case::a_star_inside("a.*.example")]
#[case::a_star_in_a_label("f*.example")]
#[case::an_address("127.0.0.1")]
#[case::an_address_in_octal("0177.0.0.1")]
#[case::an_address_as_number("2130706433")]
#[case::an_address_of_ipv6("::1")]
#[case::an_address_in_brackets("[::1]")]
#[case::a_mailbox("a@b.example")]
#[case::a_url("https://a.example/")]
#[case::a_template("{{ .Token }}")]
#[case::a_shell_word("$(id).example")]
fn n5_rfc8555_7_4_what_is_no_name_is_refused_and_makes_no_order(#[case] name: &str) {
    let world = world();
    let account = world.account();

    let answer = account.try_order(&[name]);

    assert!(matches!(&answer.problem()[..], "malformed" | "rejectedIdentifier"), "{answer}");
    world.refused(&account.acme, &answer, 400, &answer.problem());
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

#[rstest]
#[case::of_devices("permanent-identifier")]
#[case::of_mail("email")]
#[case::in_capitals("DNS")]
#[case::empty("")]
#[case::made_up("favourite-colour")]
fn rfc8555_6_7_an_unknown_kind_of_identifier_is_unsupported(#[case] kind: &str) {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();

    let answer = account.post(&url, &json!({"identifiers": [{"type": kind, "value": "a.example"}]}));

    world.refused(&account.acme, &answer, 400, "unsupportedIdentifier");
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

/// One bad name among good ones refuses the order; the problem says which.
#[test]
fn a10_rfc8555_7_4_a_bad_name_at_any_place_refuses_the_order() {
    let world = world();
    let account = world.account();
    let good: Vec<String> = (0..4).map(|_| fresh_name()).collect();
    for place in 0..=good.len() {
        let mut names: Vec<&str> = good.iter().map(String::as_str).collect();
        names.insert(place, "bad name.example");

        let answer = account.try_order(&names);

        assert!((400..500).contains(&answer.status()), "{answer}");
        assert!(String::from_utf8_lossy(&answer.0.body).contains("bad name.example"), "{answer}");
    }
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

#[test]
fn rfc8555_6_7_1_several_refused_names_come_as_subproblems() {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();
    let good = fresh_name();
    let payload = json!({"identifiers": [
        {"type": "dns", "value": good},
        {"type": "dns", "value": "bad name.example"},
        {"type": "favourite-colour", "value": "green"},
        {"type": "dns", "value": "a..example"},
    ]});

    let answer = account.post(&url, &payload);

    assert!((400..500).contains(&answer.status()), "{answer}");
    world.refused(&account.acme, &answer, answer.status(), &answer.problem());
    let subproblems = answer.json()["subproblems"].as_array().cloned().unwrap_or_default();
    let found: Vec<Value> = subproblems.iter().map(|one| one["identifier"].clone()).collect();
    assert_eq!(
        found,
        [
            json!({"type": "dns", "value": "bad name.example"}),
            json!({"type": "favourite-colour", "value": "green"}),
            json!({"type": "dns", "value": "a..example"}),
        ],
        "{answer}"
    );
    assert_eq!(problem_of(&subproblems[1]), "unsupportedIdentifier", "{answer}");
    for one in subproblems {
        assert!(!problem_of(&one).is_empty() && one["detail"].is_string(), "{answer}");
        assert!(one.get("subproblems").is_none(), "{answer}");
    }
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

/// Names are compared without regard to case, and shown in small letters.
#[test]
fn rfc8555_7_1_4_a_name_in_capital_letters_is_the_name_in_small_ones() {
    let world = world();
    let account = world.account();
    let name = fresh_name();

    let order = account.order(&[&name.to_uppercase()]);

    assert_eq!(order.object["identifiers"], json!([{"type": "dns", "value": name}]));
    world.prove_all(&account, &order);
    world.finish(&account, order, &[&name]);
}

/// Internationalized names come in their ASCII form: [RFC 8555 §7.1.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.4).
#[test]
fn rfc8555_7_1_4_an_internationalized_name_in_ascii_form_can_be_ordered() {
    let world = world();
    let account = world.account();
    let name = format!("xn--bcher-kva.{}", fresh_name());

    world.issue(&account, &[&name]);
}
