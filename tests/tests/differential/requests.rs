//! A request as a reader of the records wants it: tokens opened, long texts cut.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use stepless_tests::Request;

/// The request for the record.
pub(crate) fn to_json(request: &Request) -> Value {
    let mut shown = json!({"line": format!("{} {}", request.method, request.target)});
    if !request.headers.is_empty() {
        let headers: Vec<Value> = request
            .headers
            .iter()
            .map(|(name, value)| match value.strip_prefix("Bearer ").and_then(open_token) {
                Some(token) => json!([name, {"Bearer": token}]),
                None => json!([name, cut(value)]),
            })
            .collect();
        shown["headers"] = headers.into();
    }
    if let Some(body) = &request.body {
        shown["body"] = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(members)) => members
                .into_iter()
                .map(|(name, value)| {
                    let value = match value.as_str() {
                        Some(text) => open_token(text).unwrap_or_else(|| cut(text).into()),
                        None => value,
                    };
                    (name, value)
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            _ => cut(&String::from_utf8_lossy(body)).into(),
        };
    }
    shown
}

fn open_token(text: &str) -> Option<Value> {
    let mut parts = text.split('.');
    let mut json = || serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
    let (mut header, claims): (Value, Value) = (json()?, json()?);
    if header.get("x5cInsecure").is_some() {
        header["x5cInsecure"] = "<chain>".into();
    }
    Some(json!({"header": header, "claims": claims, "signature": cut(parts.next().unwrap_or_default())}))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
