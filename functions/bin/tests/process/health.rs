//! What tells that the authority can work.

use stepless_localstack::proxy::{AwsError, Fault, Rule, When};

use crate::world::World;

/// `/health` is step-ca's: the process answers. That keys and table work is told by the alarms on 5xx and on what the
/// functions say of the signing key.
#[tokio::test(flavor = "multi_thread")]
async fn o11_while_kms_is_down_health_is_ok_and_signing_answers_503_in_the_words_that_the_alarm_counts() {
    let world = World::new().await;
    assert_eq!(world.get("/health").await.status, 200);
    assert_eq!(world.sign("a.example").await.status, 201);
    for operation in ["Sign", "GetPublicKey"] {
        world.kms.add(Rule::every(operation, Fault::Answer(AwsError::new(500, "KMSInternalException"))));
    }

    let answer = world.sign("a.example").await;

    assert_eq!(world.get("/health").await.status, 200);
    answer.error(503);
    assert!(answer.headers["retry-after"].is_string(), "{answer:?}");
    let pattern = "FilterPattern: '\": the signing key\"'";
    assert!(include_str!("../../../../template.yaml").contains(pattern), "the alarm counts other words");
    let log = world.log("sign");
    let line = log.lines().find(|line| line.contains(": the signing key")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("KMSInternalException") && line.contains("\"level\":\"ERROR\""), "{line}");

    // A function that has yet to start knows no authority whose health it could tell of.
    world.end_processes("info").await;
    world.get("/health").await.error(503);
}

#[tokio::test(flavor = "multi_thread")]
async fn o11_while_the_table_is_down_health_is_ok_and_signing_answers_503() {
    let world = World::new().await;
    assert_eq!(world.get("/health").await.status, 200);
    assert_eq!(world.sign("a.example").await.status, 201);
    let down = Fault::Answer(AwsError::new(500, "InternalServerError"));
    world.dynamodb.add(Rule::of_any(When::Every, down));

    let answer = world.sign("a.example").await;

    assert_eq!(world.get("/health").await.status, 200);
    answer.error(503);
    assert!(answer.headers["retry-after"].is_string(), "{answer:?}");
    let log = world.log("sign");
    assert!(
        log.lines().any(|line| line.contains("\"status\":503") && line.contains("\"level\":\"ERROR\"")),
        "{log}"
    );
    world.dynamodb.clear_rules();
    assert_eq!(world.sign("a.example").await.status, 201);
}
