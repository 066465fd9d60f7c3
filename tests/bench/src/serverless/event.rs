//! Requests as an HTTP API sends them to a function, and the function's answers.

use serde_json::{Value, json};

use crate::authority::HOST;
use crate::error::BenchError;

/// An event of payload format 2.0, with a body of JSON.
pub(crate) fn http_api(method: &str, path: &str, body: Option<&Value>, client: Option<&str>) -> Vec<u8> {
    let body = body.map(Value::to_string);
    http_api_of(method, path, "application/json", body.as_deref(), client)
}

/// An event of payload format 2.0, with a body of any type.
///
/// [Payload format](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html)
pub(crate) fn http_api_of(
    method: &str,
    path: &str,
    content_type: &str,
    body: Option<&str>,
    client: Option<&str>,
) -> Vec<u8> {
    let mut context = json!({
        "accountId": "111122223333",
        "apiId": "bench",
        "domainName": HOST,
        "domainPrefix": HOST,
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "stepless-bench",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": format!("{method} {path}"),
        "stage": "$default",
        "time": "10/Mar/2026:05:16:23 +0000",
        "timeEpoch": 1_773_119_783_000_u64,
    });
    if let (Some(certificate), Some(context)) = (client, context.as_object_mut()) {
        let certificate = json!({
            "clientCertPem": certificate,
            "subjectDN": "CN=bench",
            "issuerDN": "CN=bench",
            "serialNumber": "1",
            "validity": { "notBefore": "Mar 10 05:16:23 2026 GMT", "notAfter": "Mar 11 05:16:23 2026 GMT" },
        });
        context.insert("authentication".to_owned(), json!({ "clientCert": certificate }));
    }
    let length = body.map_or(0, str::len).to_string();
    let mut event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": HOST, "content-type": content_type, "content-length": length },
        "requestContext": context,
        "isBase64Encoded": false,
    });
    if let (Some(body), Some(event)) = (body, event.as_object_mut()) {
        event.insert("body".to_owned(), body.into());
    }
    event.to_string().into_bytes()
}

/// The body of an answer that has the wanted status.
pub(crate) fn body(answer: &[u8], wanted: u16) -> Result<Value, BenchError> {
    let read = |octets: &[u8]| {
        serde_json::from_slice::<Value>(octets)
            .map_err(|source| BenchError::Json { what: "a function's answer", source })
    };
    let answer = read(answer)?;
    let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or_default();
    let text = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    if status != u64::from(wanted) {
        let status = u16::try_from(status).unwrap_or_default();
        return Err(BenchError::Refused { status, body: text.trim().to_owned() });
    }
    read(text.as_bytes())
}
