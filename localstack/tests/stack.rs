//! A stack out of template.yaml itself, with shell scripts in place of the functions' programs.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use rstest::rstest;
use serde_json::json;
use stepless_localstack::Endpoint;
use stepless_localstack::emulator::{DynamoDbLocal, Ministack};
use stepless_localstack::gateway::Shape;
use stepless_localstack::runtime::{Between, Overload};
use stepless_localstack::stack::{Stack, StackError, StackSettings};
use tower::ServiceExt as _;

#[rstest]
#[tokio::test]
async fn a_stack_has_the_table_the_keys_and_the_routes_of_the_template(
    #[values("ministack", "dynamodb-local")] engine: &str,
) {
    let kms = Ministack::shared().unwrap().endpoint();
    let dynamodb = match engine {
        "ministack" => kms,
        _ => DynamoDbLocal::shared().unwrap().endpoint(),
    };
    let folder = tempfile::tempdir().unwrap();
    for function in FUNCTIONS {
        program(folder.path(), function);
    }

    let began = Instant::now();
    let stack = Stack::create(&settings(engine, folder.path(), kms, dynamodb)).unwrap();
    let created = began.elapsed();
    assert_eq!(answer(&stack, "GET", "/health").await, (StatusCode::OK, "stepless-info GET /health".into()));
    eprintln!("{engine}: created in {created:?}, first answer after {:?}", began.elapsed());

    for (method, path, said) in [
        ("GET", "/1.0/roots", "stepless-info"),
        ("GET", "/nothing", "stepless-info"),
        ("POST", "/sign", "stepless-sign"),
        ("POST", "/1.0/renew", "stepless-renew"),
        ("POST", "/rekey", "stepless-renew"),
        ("POST", "/revoke", "stepless-revoke"),
        ("GET", "/acme", "stepless-acme"),
        ("GET", "/acme/x/directory", "stepless-acme"),
        ("POST", "/2.0/acme/x/order/1", "stepless-acme"),
        ("POST", "/acme/x/order/1/nothing", "stepless-acme"),
        ("POST", "/acme/x/order/1/finalize", "stepless-acme-finalize"),
        ("POST", "/2.0/acme/x/order/1/finalize", "stepless-acme-finalize"),
    ] {
        assert_eq!(answer(&stack, method, path).await, (StatusCode::OK, format!("{said} {method} {path}")));
    }
    assert!(stack.function("stepless-endpoint-certificate").is_some(), "it is behind no route");
    assert!(fs::metadata(folder.path().join("stepless-sign.log")).unwrap().len() > 0);

    let resources = stack.resources();
    assert_eq!(resources.table, format!("{engine}-Table"));
    let table = json!({"TableName": resources.table});
    let described = dynamodb.call("DynamoDB_20120810.DescribeTable", &table).unwrap();
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE");
    let expiry = dynamodb.call("DynamoDB_20120810.DescribeTimeToLive", &table).unwrap();
    assert_eq!(expiry["TimeToLiveDescription"]["AttributeName"], "expires");
    for key in ["root", "issuer"] {
        let alias = json!({"KeyId": format!("alias/{engine}-{key}")});
        let described = kms.call("TrentService.DescribeKey", &alias).unwrap();
        assert_eq!(described["KeyMetadata"]["KeyUsage"], "SIGN_VERIFY", "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_the_queue_calls_its_function_and_is_gone_then() {
    let emulators = Ministack::shared().unwrap().endpoint();
    let folder = tempfile::tempdir().unwrap();
    for function in FUNCTIONS {
        program(folder.path(), function);
    }
    let stack = Stack::create(&settings("queue", folder.path(), emulators, emulators)).unwrap();
    let url = stack.resources().queues.values().find(|url| url.ends_with("queue-RetryQueue")).unwrap();
    let function = stack.function("stepless-acme-retry").unwrap();

    let message = json!({"QueueUrl": url, "MessageBody": "{}"});
    emulators.call("AmazonSQS.SendMessage", &message).unwrap();

    let asked = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    let left = || {
        let attributes = emulators.call("AmazonSQS.GetQueueAttributes", &asked).unwrap();
        let count = |name: &str| attributes["Attributes"][name].as_str().unwrap().parse::<u32>().unwrap();
        count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible")
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while function.invocations() == 0 || left() > 0 {
        assert!(Instant::now() < deadline, "{} calls, {} messages", function.invocations(), left());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(function.invocations(), 1);
}

#[tokio::test]
async fn a_function_that_was_not_built_is_named() {
    let emulators = Ministack::shared().unwrap().endpoint();
    let folder = tempfile::tempdir().unwrap();
    for function in FUNCTIONS.iter().filter(|function| **function != "stepless-revoke") {
        program(folder.path(), function);
    }

    let refused = Stack::create(&settings("incomplete", folder.path(), emulators, emulators)).unwrap_err();

    assert!(
        matches!(&refused, StackError::NoProgram { path } if path.ends_with("stepless-revoke")),
        "{refused}"
    );
}

fn settings(name: &str, folder: &Path, kms: Endpoint, dynamodb: Endpoint) -> StackSettings {
    StackSettings {
        name: name.to_owned(),
        template: fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml")).unwrap(),
        parameters: Vec::new(),
        programs: folder.to_owned(),
        logs: folder.to_owned(),
        kms,
        dynamodb,
        sqs: Ministack::shared().unwrap().endpoint(),
        environment: BTreeMap::from([("PATH".into(), std::env::var("PATH").unwrap())]),
        shape: Shape::HttpApi,
        concurrency: 2,
        overload: Overload::Wait,
        between: Between::Frozen,
    }
}

async fn answer(stack: &Stack, method: &str, path: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = stack.gateway().router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// A function that answers with its name, the method and the path, and says in its log what it was asked.
fn program(folder: &Path, name: &str) {
    let path = folder.join(name);
    fs::write(&path, FUNCTION).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

const FUNCTION: &str = r#"#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  event=$(curl -s -D "$0.$$" "$api/invocation/next") || exit 1
  id=$(sed -n 's/\r$//; s/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p' "$0.$$")
  method=$(printf '%s' "$event" | sed 's/.*"method":"\([^"]*\)".*/\1/')
  path=$(printf '%s' "$event" | sed 's/.*"rawPath":"\([^"]*\)".*/\1/')
  echo "$method $path"
  answer="{\"statusCode\":200,\"body\":\"$AWS_LAMBDA_FUNCTION_NAME $method $path\"}"
  case $event in *'"Records"'*) answer='{"batchItemFailures":[]}' ;; esac
  curl -s -o "$0.answer.$$" -d "$answer" "$api/invocation/$id/response"
done
"#;

const FUNCTIONS: [&str; 8] = [
    "stepless-info",
    "stepless-sign",
    "stepless-renew",
    "stepless-revoke",
    "stepless-endpoint-certificate",
    "stepless-acme",
    "stepless-acme-finalize",
    "stepless-acme-retry",
];
