use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::endpoint::CallError;

#[test]
fn two_ministacks_run_beside_each_other_and_sign() {
    let first = Ministack::start().unwrap();
    let second = Ministack::start().unwrap();
    assert_ne!(first.url(), second.url());

    for stack in [&first, &second] {
        let key = stack
            .endpoint()
            .call("TrentService.CreateKey", &json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}))
            .unwrap();
        let signed = stack.endpoint().call(
            "TrentService.Sign",
            &json!({
                "KeyId": key["KeyMetadata"]["KeyId"],
                "Message": STANDARD.encode([7; 32]),
                "MessageType": "DIGEST",
                "SigningAlgorithm": "ECDSA_SHA_256",
            }),
        );
        assert!(
            STANDARD.decode(signed.unwrap()["Signature"].as_str().unwrap()).unwrap().starts_with(&[0x30])
        );
    }
}

#[test]
fn both_engines_answer_for_dynamodb_and_a_refusal_names_its_kind() {
    let ministack = Ministack::shared().unwrap();
    let local = DynamoDbLocal::shared().unwrap();

    for endpoint in [ministack.endpoint(), local.endpoint()] {
        let refused =
            endpoint.call("DynamoDB_20120810.DescribeTable", &json!({"TableName": "absent"})).unwrap_err();
        assert!(
            matches!(&refused, CallError::Refused { kind, .. } if kind == "ResourceNotFoundException"),
            "{refused}"
        );
    }
}

#[test]
fn an_emulator_that_ended_answers_no_more() {
    let stack = Ministack::start().unwrap();
    let endpoint = stack.endpoint();
    assert!(endpoint.answers("/_ministack/ready"));
    drop(stack);
    assert!(!endpoint.answers("/_ministack/ready"));
}

#[test]
fn an_emulator_leaves_its_log_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    drop(Ministack::start_in(folder.path()).unwrap());
    drop(DynamoDbLocal::start_in(folder.path()).unwrap());

    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["dynamodb-local.log", "ministack.log"]);
}
