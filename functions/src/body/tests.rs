use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
struct Body {
    #[expect(dead_code, reason = "only its kind is looked at")]
    ott: Option<String>,
    #[expect(dead_code, reason = "only its kind is looked at")]
    count: Option<u8>,
}

#[rstest::rstest]
#[case::empty("", NotTheJson::NoObject)]
#[case::text("\"s3cret\"", NotTheJson::NoObject)]
#[case::list("[\"s3cret\", 1]", NotTheJson::NoObject)]
#[case::null("null", NotTheJson::NoObject)]
#[case::other_kind("{\"count\": \"s3cret\"}", NotTheJson::Member { line: 1, column: 18 })]
#[case::twice("{\"ott\": \"s3cret\",\n\"ott\": \"\"}", NotTheJson::Member { line: 2, column: 5 })]
#[case::cut_short("{\"ott\": \"s3cret", NotTheJson::Syntax { line: 1, column: 15 })]
#[case::text_behind("{\"ott\": \"\"} s3cret", NotTheJson::Syntax { line: 1, column: 13 })]
fn l16_what_is_wrong_with_a_body_is_said_without_the_body(#[case] body: &str, #[case] expected: NotTheJson) {
    let refused = parse::<Body>(body.as_bytes()).unwrap_err();

    assert_eq!(refused, expected);
    assert!(!refused.to_string().contains("s3cret"));
}

#[test]
fn members_that_are_not_known_are_passed_over() {
    parse::<Body>(b" \n{\"templateData\": {\"a\": [1, null]}, \"count\": 3}\n").unwrap();
}

#[tokio::test]
async fn bodies_that_find_no_room_are_told_to_come_back() {
    let budget = BodyBudget::new(10);
    let request = || {
        let mut request = Request::new(axum::body::Body::from("{\"a\": 1}"));
        request.extensions_mut().insert(budget.clone());
        request
    };

    let first = receive(request(), MAX_BODY_BYTES).await.unwrap();
    let second = receive(request(), MAX_BODY_BYTES).await.unwrap_err();
    drop(first);

    assert_eq!(ApiError::from(second).into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(receive(request(), MAX_BODY_BYTES).await.is_ok(), "the room of the first is free again");
}
