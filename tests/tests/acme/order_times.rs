//! When a certificate is to begin and end: [RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4). Decided when the order is
//! made, not when somebody has worked for it.

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{acme::account::dns_identifiers, certificate::Parts};

use crate::{
    orders_list::all_orders,
    provisioners::{PLAIN, SHORT},
    world::{fresh_name, world},
};

/// So many seconds from now, in RFC 3339 and whole seconds.
fn moment(seconds: i64) -> String {
    let now = jiff::Timestamp::now().as_second();
    jiff::Timestamp::from_second(now + seconds).expect("a moment of this era").to_string()
}

fn seconds(text: &Value) -> i64 {
    text.as_str().expect("a moment is text").parse::<jiff::Timestamp>().expect("of RFC 3339").as_second()
}

#[test]
fn a16_rfc8555_7_4_the_certificate_has_the_times_that_were_asked_for() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let (begin, end) = (moment(60), moment(7200));
    let order = account
        .order_with(&json!({"identifiers": dns_identifiers(&[&name]), "notBefore": begin, "notAfter": end}));
    assert_eq!(seconds(&order.object["notBefore"]), seconds(&json!(begin)), "{:?}", order.object);
    assert_eq!(seconds(&order.object["notAfter"]), seconds(&json!(end)), "{:?}", order.object);
    world.prove_all(&account, &order);

    let issued = world.finish(&account, order, &[&name]);

    let parts = Parts::of(&issued.chain[0]);
    assert_eq!((parts.not_before, parts.not_after), (seconds(&json!(begin)), seconds(&json!(end))));
}

#[rstest]
#[case::the_end_before_the_beginning(json!({"notBefore": moment(7200), "notAfter": moment(3600)}))]
#[case::the_end_at_the_beginning(json!({"notBefore": moment(7200), "notAfter": moment(7200)}))]
#[case::an_end_in_the_past(json!({"notAfter": moment(-3600)}))]
#[case::too_long(json!({"notAfter": moment(7 * 86_400)}))]
#[case::too_long_from_a_late_beginning(json!({"notBefore": moment(86_400), "notAfter": moment(9 * 86_400)}))]
#[case::too_short(json!({"notAfter": moment(30)}))]
#[case::no_moment(json!({"notAfter": "tomorrow"}))]
#[case::a_duration(json!({"notAfter": "24h"}))]
#[case::a_number(json!({"notAfter": 1_900_000_000}))]
#[case::empty(json!({"notAfter": ""}))]
#[case::no_zone(json!({"notAfter": "2099-01-01T00:00:00"}))]
#[case::the_year_9999(json!({"notAfter": "9999-12-31T23:59:59Z"}))]
#[case::before_there_were_certificates(json!({"notBefore": "1800-01-01T00:00:00Z"}))]
fn a16_rfc8555_7_4_times_that_cannot_be_kept_make_no_order(#[case] times: Value) {
    let world = world();
    let account = world.account();
    let mut payload = times;
    payload["identifiers"] = dns_identifiers(&[&fresh_name()]);

    let answer = account.post(&account.acme.directory().new_order, &payload);

    assert!(matches!(&answer.problem()[..], "malformed" | "unauthorized"), "{answer}");
    world.refused_as(&account.acme, &answer, &answer.problem());
    assert_eq!(all_orders(&account), Vec::<String>::new());
}

/// The claims are the provisioner's: what one allows, another refuses.
#[test]
fn a16_rfc8555_7_4_an_end_beyond_the_claims_is_refused_at_new_order() {
    let world = world();
    let payload = json!({"identifiers": dns_identifiers(&[&fresh_name()]), "notAfter": moment(2 * 3600)});
    let (long, short) = (world.account_at(PLAIN), world.account_at(SHORT));
    long.order_with(&payload);

    let answer = short.post(&short.acme.directory().new_order, &payload);

    world.refused_as(&short.acme, &answer, &answer.problem());
    assert_eq!(all_orders(&short), Vec::<String>::new());
}

#[test]
fn rfc8555_7_4_without_times_a_certificate_has_the_provisioners_usual_ones() {
    let world = world();
    let account = world.account_at(SHORT);
    let issued = world.issue(&account, &[&fresh_name()]);

    let parts = Parts::of(&issued.chain[0]);

    let now = jiff::Timestamp::now().as_second();
    assert!(parts.not_before <= now && parts.not_after > now, "{parts:?}");
    // Half an hour, and the minute by which certificates begin early.
    assert_eq!(parts.not_after - parts.not_before, 30 * 60 + 60);
}
