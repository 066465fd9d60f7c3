//! What a function answered as an HTTP response; and the gateways' own answers.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::event::Shape;
use crate::runtime::InvokeError;

/// The members that any of the shapes reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: Option<u16>,
    #[serde(default)]
    headers: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response that a client gets; `None` if the gateway does not understand what the function said.
pub(super) fn response(shape: Shape, answer: &Bytes) -> Option<Response> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    let format_2 = matches!(shape, Shape::HttpApi | Shape::FunctionUrl);
    // Format 2.0 takes JSON without a status as the body of a 200.
    if format_2 && value.get("statusCode").is_none() {
        return Some(([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response());
    }
    let answer: Answer = serde_json::from_value(value).ok()?;
    let body = match (answer.body, answer.is_base64_encoded) {
        (Some(text), true) => STANDARD.decode(text).ok()?,
        (Some(text), false) => text.into_bytes(),
        (None, _) => Vec::new(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code?).ok()?;
    let fields = response.headers_mut();
    let mut add = |name: &str, value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // The gateway says itself how long the body is.
        if name != header::CONTENT_LENGTH {
            fields.append(name, HeaderValue::from_str(&text).ok()?);
        }
        Some(())
    };
    let several = answer.multi_value_headers.unwrap_or_default();
    for (name, value) in answer.headers.unwrap_or_default() {
        // A field in both is taken from the several.
        if !several.contains_key(&name) {
            add(&name, &value)?;
        }
    }
    if !format_2 {
        for (name, values) in &several {
            for value in values.as_array()? {
                add(name, value)?;
            }
        }
    }
    for cookie in answer.cookies.filter(|_| format_2).unwrap_or_default() {
        add(header::SET_COOKIE.as_str(), &cookie.into())?;
    }
    if shape != Shape::LoadBalancer && !fields.contains_key(header::CONTENT_TYPE) {
        let default = if format_2 { "text/plain;charset=UTF-8" } else { "application/json" };
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(default));
    }
    Some(response)
}

/// What a gateway says when a function did not answer.
pub(super) fn failure(shape: Shape, error: &InvokeError) -> Response {
    let status = match (shape, error) {
        (_, InvokeError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
        (Shape::HttpApi, InvokeError::Throttled | InvokeError::TimedOut) => StatusCode::SERVICE_UNAVAILABLE,
        (Shape::RestApi | Shape::LoadBalancer, InvokeError::TimedOut) => StatusCode::GATEWAY_TIMEOUT,
        (Shape::FunctionUrl, InvokeError::Throttled) => StatusCode::TOO_MANY_REQUESTS,
        (Shape::HttpApi, _) => StatusCode::INTERNAL_SERVER_ERROR,
        (Shape::RestApi | Shape::LoadBalancer | Shape::FunctionUrl, _) => StatusCode::BAD_GATEWAY,
    };
    own(shape, status)
}

/// An answer of the gateway itself, in its own words.
pub(super) fn own(shape: Shape, status: StatusCode) -> Response {
    let message = match (shape, status) {
        (Shape::RestApi, StatusCode::NOT_FOUND) => "Missing Authentication Token",
        (Shape::RestApi, StatusCode::GATEWAY_TIMEOUT) => "Endpoint request timed out",
        (Shape::RestApi, StatusCode::BAD_GATEWAY) => "Internal server error",
        (_, StatusCode::PAYLOAD_TOO_LARGE) => "Request Entity Too Large",
        (_, status) => status.canonical_reason().unwrap_or_default(),
    };
    // A REST API answers an unknown path as one that it may not tell about.
    let status = if (shape, status) == (Shape::RestApi, StatusCode::NOT_FOUND) {
        StatusCode::FORBIDDEN
    } else {
        status
    };
    if shape == Shape::LoadBalancer {
        let page = format!(
            "<html><head><title>{0} {message}</title></head><body>{0} {message}</body></html>",
            status.as_u16()
        );
        return (status, [(header::CONTENT_TYPE, "text/html")], page).into_response();
    }
    (status, [(header::CONTENT_TYPE, "application/json")], json!({"message": message}).to_string())
        .into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn text(response: Response) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_function_decides_status_fields_and_cookies() {
        let answer = br#"{"statusCode":201,"headers":{"X-A":"1","Content-Length":"9"},"cookies":["a=1","b=2"],"body":"aGk=","isBase64Encoded":true}"#;
        let response = response(Shape::HttpApi, &Bytes::from_static(answer)).unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["x-a"], "1");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(text(response).await, "hi");
    }

    #[test]
    fn what_is_no_answer_is_not_passed_on() {
        for answer in ["", "[]x", r#"{"statusCode":"x"}"#, r#"{"statusCode":7}"#] {
            assert!(response(Shape::RestApi, &Bytes::from(answer)).is_none(), "{answer}");
        }
    }

    #[tokio::test]
    async fn each_gateway_fails_in_its_own_words() {
        let failed = |shape| failure(shape, &InvokeError::Exited);
        assert_eq!(failed(Shape::HttpApi).status(), 500);
        assert_eq!(text(failed(Shape::HttpApi)).await, r#"{"message":"Internal Server Error"}"#);
        assert_eq!(failed(Shape::RestApi).status(), 502);
        assert_eq!(failure(Shape::HttpApi, &InvokeError::TimedOut).status(), 503);
        assert_eq!(text(own(Shape::HttpApi, StatusCode::NOT_FOUND)).await, r#"{"message":"Not Found"}"#);
    }
}
