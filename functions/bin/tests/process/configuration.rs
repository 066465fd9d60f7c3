//! A configuration that is not there yet, changes, or is wrong.

use serde_json::json;
use stepless_aws::configuration::Expected;
use stepless_core::clock::SignedDuration;
use stepless_localstack::emulator::Ministack;

use crate::world::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configuration_a_function_answers_503_until_there_is_one() {
    let world = World::unconfigured().await;
    for name in ["info", "sign", "renew", "revoke"] {
        let answer = world.send(name, &crate::world::event("GET", "/health", None)).await;
        answer.error(503);
        assert!(answer.headers["retry-after"].is_string(), "{answer:?}");
    }

    world.configure().await;

    eventually("the configuration is found", async || world.get("/health").await.status == 200).await;
    eventually("the configuration is found", async || world.sign("a.example").await.status == 201).await;
    assert_eq!(world.function("info").cold_starts(), 1);
    assert_eq!(world.function("sign").cold_starts(), 1);
    assert!(world.log("info").contains("there is no configuration at dynamodb:"), "{}", world.log("info"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_changed_is_in_use_within_a_minute() {
    let world = World::new().await;
    assert_eq!(world.get("/provisioners").await.body["provisioners"].as_array().unwrap().len(), 1);
    let first = world.version().await;
    let mut changed = world.configuration.clone();
    let more = json!({"type": "ACME", "name": "a-second-one"});
    changed["authority"]["provisioners"].as_array_mut().unwrap().push(more);

    world.write(&changed.to_string(), Expected::Version(&first)).await;
    world.set_clock(SignedDuration::from_secs(60));

    assert_eq!(world.get("/provisioners").await.body["provisioners"][1]["name"], "a-second-one");
    assert_eq!(world.function("info").cold_starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_configuration_that_is_wrong_keeps_the_old_one_and_is_logged_once_a_look() {
    let world = World::new().await;
    assert_eq!(world.sign("a.example").await.status, 201);
    let first = world.version().await;
    let mut wrong = world.configuration.clone();
    wrong["authority"]["claims"]["maxTLSCertDuration"] = "long".into();
    world.write(&wrong.to_string(), Expected::Version(&first)).await;
    world.set_clock(SignedDuration::from_secs(60));

    for _ in 0..5 {
        assert_eq!(world.sign("a.example").await.status, 201);
    }

    let log = world.log("sign");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("the one in use stays")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("authority.claims.maxTLSCertDuration"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn k9_a_key_that_refuses_at_the_cold_start_is_tried_again() {
    use stepless_localstack::proxy::{AwsError, Fault, Rule};
    let world = World::new().await;
    world.kms.add(Rule::every("GetPublicKey", Fault::Answer(AwsError::new(400, "AccessDeniedException"))));
    let answer = world.sign("a.example").await;
    answer.error(503);
    assert!(answer.headers["retry-after"].is_string(), "{answer:?}");

    world.kms.clear_rules();

    eventually("the key is opened", async || world.sign("a.example").await.status == 201).await;
    assert_eq!(world.function("sign").cold_starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_in_a_parameter_is_read_and_its_change_is_noticed() {
    let world = World::unconfigured().await;
    let ministack = Ministack::shared().unwrap_or_else(|error| panic!("{error}"));
    let put = |text: String| {
        let input =
            json!({"Name": "/process/ca.json", "Type": "SecureString", "Value": text, "Overwrite": true});
        ministack.endpoint().call("AmazonSSM.PutParameter", &input).unwrap();
    };
    let info = world.function("info");
    info.set_environment("AWS_ENDPOINT_URL_SSM", &ministack.url());
    info.set_environment("STEPLESS_CONFIG", "ssm:/process/ca.json");
    world.get("/health").await.error(503);

    put(world.configuration.to_string());
    eventually("the configuration is found", async || world.get("/health").await.status == 200).await;
    let mut changed = world.configuration.clone();
    changed["authority"]["provisioners"][0]["name"] = "another name".into();
    put(changed.to_string());
    world.set_clock(SignedDuration::from_secs(60));

    assert_eq!(world.get("/provisioners").await.body["provisioners"][0]["name"], "another name");
    assert_eq!(info.cold_starts(), 1);
}
