use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;

const DATE: &str = "a date in seconds since 1970";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[rstest]
fn t10_a_claim_of_the_wrong_type_is_refused(
    #[values("exp", "nbf", "iat", "iss", "sub", "jti", "aud", "sha")] claim: &'static str,
    #[values("null", "true", "{}", "[1]", "[null]", "[[\"a\"]]", "-1", "-0.5", "1e300", "253402300800")]
    value: &str,
) {
    let refused = Claims::parse(format!(r#"{{"{claim}":{value}}}"#).as_bytes());

    let expected = match claim {
        "exp" | "nbf" | "iat" => DATE,
        "aud" => "a string or an array of strings",
        _ => "a string",
    };
    assert_eq!(refused, Err(ClaimsError::WrongType { claim, expected }));
}

#[rstest]
#[case::date_as_text(r#"{"exp":"1"}"#, "exp", DATE)]
#[case::date_as_list(r#"{"exp":[1]}"#, "exp", DATE)]
#[case::text_as_list(r#"{"sub":["a"]}"#, "sub", "a string")]
#[case::text_as_number(r#"{"jti":1}"#, "jti", "a string")]
#[case::sans_as_text(r#"{"sans":"a"}"#, "sans", "an array of strings")]
#[case::sans_of_null(r#"{"sans":[null]}"#, "sans", "an array of strings")]
#[case::sans_as_object(r#"{"sans":{}}"#, "sans", "an array of strings")]
#[case::step_as_list(r#"{"step":[]}"#, "step", "an object")]
#[case::user_as_text(r#"{"user":"a"}"#, "user", "an object")]
#[case::cnf_as_text(r#"{"cnf":"a"}"#, "cnf", "an object")]
#[case::fingerprint_empty(r#"{"cnf":{"x5rt#S256":""}}"#, "x5rt#S256", "a SHA-256 in base64url")]
#[case::fingerprint_null(r#"{"cnf":{"x5rt#S256":null}}"#, "x5rt#S256", "a SHA-256 in base64url")]
#[case::fingerprint_hex(r#"{"cnf":{"x5rt#S256":"e3b0c44298fc1c14"}}"#, "x5rt#S256", "a SHA-256 in base64url")]
#[case::ra_as_list(r#"{"step":{"ra":[]}}"#, "step.ra", "an object of strings")]
#[case::ra_of_numbers(r#"{"step":{"ra":{"authorityId":1}}}"#, "step.ra", "an object of strings")]
#[case::ssh_as_list(
    r#"{"step":{"ssh":["user"]}}"#,
    "step.ssh",
    "an object with certType, keyID, principals, validAfter, validBefore"
)]
#[case::ssh_principals(
    r#"{"step":{"ssh":{"principals":"root"}}}"#,
    "step.ssh",
    "an object with certType, keyID, principals, validAfter, validBefore"
)]
fn t10_the_other_claims_are_as_strict(
    #[case] json: &str,
    #[case] claim: &'static str,
    #[case] expected: &'static str,
) {
    assert_eq!(Claims::parse(json.as_bytes()), Err(ClaimsError::WrongType { claim, expected }));
}

#[rstest]
#[case("1e400")]
#[case("-1e400")]
#[case("NaN")]
#[case("01")]
#[case("+1")]
#[case("0x10")]
fn t10_a_number_that_is_none_is_refused(#[case] value: &str) {
    let refused = Claims::parse(format!(r#"{{"exp":{value}}}"#).as_bytes());

    assert!(matches!(refused, Err(ClaimsError::Json(JsonError::Malformed { .. }))), "{refused:?}");
}

#[rstest]
#[case::top(r#"{"sub":"a","sub":"b"}"#, "sub")]
#[case::unknown(r#"{"x":1,"x":1}"#, "x")]
#[case::nested(r#"{"step":{"ssh":{"keyID":"a","keyID":"b"}}}"#, "keyID")]
fn a_duplicate_claim_is_refused(#[case] json: &str, #[case] name: &str) {
    assert_eq!(
        Claims::parse(json.as_bytes()),
        Err(ClaimsError::Json(JsonError::DuplicateMember { name: name.into() }))
    );
}

#[rstest]
#[case("0", 0)]
#[case("-0", 0)]
#[case("0.0", 0)]
#[case("1.999", 1)]
#[case("1.5e9", 1_500_000_000)]
#[case("1700000000.25", 1_700_000_000)]
fn a_date_may_have_a_fraction_which_is_cut_off(#[case] value: &str, #[case] second: i64) {
    let claims = Claims::parse(format!(r#"{{"exp":{value}}}"#).as_bytes()).unwrap();

    assert_eq!(claims.expiry(), Some(at(second)));
}

#[test]
fn the_last_second_of_the_year_9999_is_a_date() {
    let claims = Claims::parse(br#"{"exp":253402300799,"nbf":253402300799.0}"#).unwrap();

    assert_eq!((claims.expiry(), claims.not_before()), (Some(Timestamp::MAX), Some(Timestamp::MAX)));
}

#[rstest]
#[case(r#""a""#, vec!["a"])]
#[case(r#"["a"]"#, vec!["a"])]
#[case(r#"["a","b"]"#, vec!["a", "b"])]
#[case("[]", vec![])]
fn the_audience_is_one_or_many(#[case] value: &str, #[case] audience: Vec<&str>) {
    let claims = Claims::parse(format!(r#"{{"aud":{value}}}"#).as_bytes()).unwrap();

    assert_eq!(claims.audience(), audience);
}

#[test]
fn what_go_writes_for_an_empty_value_is_absence() {
    let claims = Claims::parse(
        br#"{"sans":null,"user":null,"cnf":null,"step":{"ssh":{"certType":"","principals":null,"templateData":null},"ra":null}}"#,
    )
    .unwrap();

    assert_eq!((claims.sans(), claims.user(), claims.confirmation(), claims.ra()), (None, None, None, None));
    assert_eq!(claims.ssh().unwrap().principals, None);
    assert!(Claims::parse(br#"{"step":null}"#).unwrap().ssh().is_none());
}

#[test]
fn every_claim_stays_there_for_templates() {
    let claims = Claims::parse(
        br#"{"sub":"s","exp":1.5,"groups":["a",7],"user":{"team":"blue"},"step":{"ra":{"authorityId":"a"}}}"#,
    )
    .unwrap();

    assert_eq!(
        json!(claims.members()),
        json!({"sub":"s","exp":1.5,"groups":["a",7],"user":{"team":"blue"},"step":{"ra":{"authorityId":"a"}}})
    );
    assert_eq!(claims.user().unwrap()["team"], "blue");
    assert_eq!(claims.ra().unwrap().authority_id.as_deref(), Some("a"));
    assert_eq!(
        claims.strings("groups"),
        Err(ClaimsError::WrongType { claim: "groups", expected: "an array of strings" })
    );
    assert_eq!(claims.boolean("email_verified"), Ok(None));
}

#[rstest]
#[case::now(1000, 1000, 1300, 1000, Ok(()))]
#[case::our_clock_is_behind(1060, 1060, 1300, 1000, Ok(()))]
#[case::too_early(1061, 1000, 1300, 1000, Err(TimeError::NotYetValid { not_before: at(1061) }))]
#[case::from_the_future(1000, 1061, 1300, 1000, Err(TimeError::IssuedInFuture { issued_at: at(1061) }))]
#[case::our_clock_is_ahead(1000, 1000, 1300, 1359, Ok(()))]
#[case::expired(1000, 1000, 1300, 1360, Err(TimeError::Expired { expiry: at(1300) }))]
#[case::long_ago(0, 0, 0, 1_000_000_000, Err(TimeError::Expired { expiry: at(0) }))]
fn a_token_counts_from_nbf_to_exp_with_leeway(
    #[case] nbf: i64,
    #[case] iat: i64,
    #[case] exp: i64,
    #[case] now: i64,
    #[case] expected: Result<(), TimeError>,
) {
    let claims = Claims::parse(json!({"nbf":nbf,"iat":iat,"exp":exp}).to_string().as_bytes()).unwrap();

    assert_eq!(claims.validate_time(at(now), CLOCK_LEEWAY), expected);
}

#[test]
fn t11_a_token_without_expiry_is_refused_unless_the_caller_says_otherwise() {
    let claims = Claims::parse(br#"{"nbf":1000}"#).unwrap();

    assert_eq!(claims.validate_time(at(1000), CLOCK_LEEWAY), Err(TimeError::NoExpiry));
    // Whoever goes on from NoExpiry does not go on from a token that is too early.
    assert_eq!(
        claims.validate_time(at(0), CLOCK_LEEWAY),
        Err(TimeError::NotYetValid { not_before: at(1000) })
    );
}

proptest! {
    #[test]
    fn any_bytes_are_claims_or_refused(bytes: Vec<u8>) {
        let _ = Claims::parse(&bytes);
    }

    #[test]
    fn any_date_and_any_now_are_compared(exp: f64, nbf: u64, now in -377_705_023_201_i64..=253_402_207_200, leeway: i64) {
        if let Ok(claims) = Claims::parse(json!({"exp":exp,"nbf":nbf}).to_string().as_bytes()) {
            let _ = claims.validate_time(at(now), SignedDuration::from_secs(leeway));
        }
    }
}
