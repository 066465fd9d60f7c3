use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::jose::testing::fastest;
use crate::jose::{AcmeJwsError, AcmeJwsProblem};

fn parse(json: &str) -> Result<JsonJws, JwsFormError> {
    JsonJws::parse(json.as_bytes())
}

#[track_caller]
fn refusal(json: &str) -> JwsFormError {
    parse(json).err().unwrap()
}

#[rstest]
#[case::flattened(r#"{"payload":"e30","protected":"eyJhIjoxfQ","signature":"AAAA"}"#)]
#[case::general(r#"{"signatures":[{"signature":"AAAA","protected":"eyJhIjoxfQ"}],"payload":"e30"}"#)]
#[case::further_members(r#"{"x":1,"payload":"e30","protected":"eyJhIjoxfQ","signature":"AAAA","signed":{}}"#)]
fn a4_a_jws_is_read_in_both_forms(#[case] json: &str) {
    let jws = parse(json).unwrap();

    assert_eq!(jws.header.get("a"), Some(&1.into()));
    assert_eq!(jws.signed_part, "eyJhIjoxfQ.e30");
    assert_eq!(jws.payload, b"{}");
    assert_eq!(jws.signature, [0, 0, 0]);
}

/// [RFC 7515 §A.6.4](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.6.4),
/// [§A.7](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.7), signatures shortened.
#[rstest]
#[case::two_signatures(
    r#"{"payload":"eyJpc3MiOiJqb2UifQ","signatures":[
        {"protected":"eyJhbGciOiJSUzI1NiJ9","header":{"kid":"2010-12-29"},"signature":"cC4h"},
        {"protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"DtEh"}]}"#,
    JwsFormError::SignatureCount { found: 2 }
)]
#[case::unprotected_header(
    r#"{"payload":"eyJpc3MiOiJqb2UifQ","protected":"eyJhbGciOiJFUzI1NiJ9",
        "header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"DtEh"}"#,
    JwsFormError::UnprotectedHeader
)]
fn a4_the_examples_of_rfc_7515_are_no_requests_of_acme(#[case] json: &str, #[case] expected: JwsFormError) {
    assert_eq!(refusal(json), expected);
}

#[rstest]
#[case::empty("", JwsFormError::Json(JsonError::Malformed { line: 1, column: 0 }))]
#[case::compact("eyJhbGciOiJFUzI1NiJ9.e30.AAAA", JwsFormError::Json(JsonError::Malformed { line: 1, column: 1 }))]
#[case::array("[]", JwsFormError::Json(JsonError::NotAnObject))]
#[case::twice(r#"{"payload":"","payload":"e30","protected":"e30","signature":""}"#,
    JwsFormError::Json(JsonError::DuplicateMember { name: "payload".into() }))]
#[case::no_payload(r#"{"protected":"e30","signature":""}"#, JwsFormError::MissingMember { member: "payload" })]
#[case::no_protected(r#"{"payload":"","signature":""}"#, JwsFormError::MissingMember { member: "protected" })]
#[case::no_signature(r#"{"payload":"","protected":"e30"}"#, JwsFormError::MissingMember { member: "signature" })]
#[case::null_payload(r#"{"payload":null,"protected":"e30","signature":""}"#,
    JwsFormError::WrongType { member: "payload", expected: "a string" })]
#[case::object_payload(r#"{"payload":{},"protected":"e30","signature":""}"#,
    JwsFormError::WrongType { member: "payload", expected: "a string" })]
#[case::null_header(
    r#"{"payload":"","protected":"e30","signature":"","header":null}"#,
    JwsFormError::UnprotectedHeader
)]
#[case::empty_header(
    r#"{"payload":"","protected":"e30","signature":"","header":{}}"#,
    JwsFormError::UnprotectedHeader
)]
#[case::header_in_the_general_form(
    r#"{"payload":"","signatures":[{"protected":"e30","signature":"","header":{}}]}"#,
    JwsFormError::UnprotectedHeader
)]
#[case::no_signatures(r#"{"payload":"","signatures":[]}"#, JwsFormError::SignatureCount { found: 0 })]
#[case::three_signatures(r#"{"payload":"","signatures":[{},{},{}]}"#, JwsFormError::SignatureCount { found: 3 })]
#[case::signatures_object(r#"{"payload":"","signatures":{}}"#,
    JwsFormError::WrongType { member: "signatures", expected: "an array of one object" })]
#[case::signatures_of_text(r#"{"payload":"","signatures":["e30"]}"#,
    JwsFormError::WrongType { member: "signatures", expected: "an array of one object" })]
#[case::both_forms(
    r#"{"payload":"","protected":"e30","signature":"","signatures":[{"protected":"e30","signature":""}]}"#,
    JwsFormError::BothForms
)]
#[case::header_beside_signatures(
    r#"{"payload":"","header":{},"signatures":[{"protected":"e30","signature":""}]}"#,
    JwsFormError::BothForms
)]
#[case::padding(r#"{"payload":"e30=","protected":"e30","signature":""}"#, JwsFormError::NotBase64url { member: "payload" })]
#[case::bits_left_over(r#"{"payload":"","protected":"e31","signature":""}"#, JwsFormError::NotBase64url { member: "protected" })]
#[case::standard_alphabet(r#"{"payload":"","protected":"e30","signature":"+/+/"}"#,
    JwsFormError::NotBase64url { member: "signature" })]
#[case::empty_protected(r#"{"payload":"","protected":"","signature":""}"#,
    JwsFormError::Header(JsonError::Malformed { line: 1, column: 0 }))]
fn a4_what_is_no_jws_with_one_signature_is_malformed(#[case] json: &str, #[case] expected: JwsFormError) {
    assert_eq!(refusal(json), expected);
    assert_eq!(AcmeJwsError::from(refusal(json)).problem(), AcmeJwsProblem::Malformed);
}

#[test]
fn a4_an_endless_request_is_refused_before_it_is_read() {
    let text = "[".repeat(50_000_000);

    let taken = fastest(|| {
        assert_eq!(refusal(&text), JwsFormError::TooLarge { octets: text.len() });
    });

    assert!(taken < Duration::from_millis(1), "{taken:?}");
    assert!(matches!(refusal(&"[".repeat(MAX_JWS_OCTETS)), JwsFormError::Json(JsonError::Malformed { .. })));
}

proptest! {
    #[test]
    fn a4_any_json_is_read_or_refused(
        text in r#"\{("(payload|protected|signature|signatures|header)":("(e30)?"|null|\[?\{"(protected|signature)":"e30"\}\]?),?){0,5}\}"#,
    ) {
        if let Ok(jws) = parse(&text) {
            prop_assert!(!text.contains("header"));
            prop_assert!(jws.signed_part.starts_with("e30."));
        }
    }
}
