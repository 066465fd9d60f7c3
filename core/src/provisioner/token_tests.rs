use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

#[test]
fn t4_the_mark_of_a_token_is_that_of_its_provisioner_and_its_id() {
    let mark = |provisioner, id, signed| spent_mark(provisioner, id, signed);

    assert_eq!(mark("p", Some("id"), "one"), mark("p", Some("id"), "two"));
    assert_ne!(mark("p", Some("id"), "one"), mark("q", Some("id"), "one"));
    assert_ne!(mark("p", Some("id"), "one"), mark("p", Some("ID"), "one"));
}

#[rstest]
#[case::good(json!({}), "until 1360")]
#[case::another_good_issuer(json!({ "iss": "b" }), "until 1360")]
#[case::end_of_the_calendar(json!({ "exp": 253_402_300_799_i64 }), "until 253402207200")]
#[case::no_issuer(json!({ "iss": null }), "issuer")]
#[case::other_issuer(json!({ "iss": "c" }), "issuer")]
#[case::no_audience(json!({ "aud": null }), "audience")]
#[case::other_operation(json!({ "aud": "https://ca.example/1.0/revoke" }), "audience")]
#[case::no_expiry(json!({ "exp": null }), "no expiry")]
#[case::over(json!({ "exp": 900 }), "time")]
#[case::not_yet(json!({ "nbf": 1100 }), "time")]
fn t11_t12_t13_a_token_is_for_one_issuer_one_operation_and_its_time(
    #[case] changes: Value,
    #[case] expected: &str,
) {
    let mut claims = json!({ "iss": "a", "aud": "https://ca.example/1.0/sign", "exp": 1300 });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    let claims = Claims::parse(claims.to_string().as_bytes()).unwrap();
    let now = Timestamp::from_second(1000).unwrap();

    let verdict =
        match check_claims(&claims, &["a", "b"], &Audiences::new(["ca.example"]), Operation::Sign, now) {
            Ok(end) => format!("until {}", end.as_second()),
            Err(TokenError::Issuer { .. }) => "issuer".to_owned(),
            Err(TokenError::Audience(_)) => "audience".to_owned(),
            Err(TokenError::NoExpiry) => "no expiry".to_owned(),
            Err(TokenError::Time(_)) => "time".to_owned(),
            Err(other) => panic!("{other:?}"),
        };

    assert_eq!(verdict, expected);
}

/// An id that is empty is none.
#[test]
fn t4_the_mark_of_a_token_without_an_id_is_that_of_what_is_signed() {
    assert_eq!(spent_mark("p", None, "signed"), spent_mark("p", Some(""), "signed"));
    assert_ne!(spent_mark("p", None, "signed"), spent_mark("p", None, "other"));
    // Whoever chooses an id does not meet a token without one.
    assert_ne!(spent_mark("p", None, "signed"), spent_mark("p", Some("signed"), "signed"));
}

proptest! {
    /// Whatever provisioner and id contain, different ones have different marks.
    #[test]
    fn d12_different_tokens_have_different_marks(
        one in ("[a#:\0]{0,4}", "[a#:\0]{1,4}"),
        other in ("[a#:\0]{0,4}", "[a#:\0]{1,4}"),
    ) {
        let mark = |(provisioner, id): &(String, String)| spent_mark(provisioner, Some(id), "signed");

        prop_assert_eq!(one == other, mark(&one) == mark(&other));
    }
}
