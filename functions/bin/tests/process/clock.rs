//! Functions whose clock jumps.

use serde_json::json;
use stepless_aws::configuration::Expected;
use stepless_core::clock::SignedDuration;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn l11_a_clock_that_jumps_forwards_and_back_lets_no_token_in_and_keeps_none_out() {
    let world = World::new().await;
    let from_before = world.token("sign", "a.example").sign(&world.provisioner);
    assert_eq!(world.sign("a.example").await.status, 201);

    for hours in [2, 1] {
        world.set_clock(SignedDuration::from_hours(hours));
        let certificate = world.sign("a.example").await.certificate();
        assert!(certificate.is_valid_at(world.now()), "{hours}");
        world.sign_with("a.example", &from_before).await.0.error(401);
    }
    let from_ahead = world.token("sign", "a.example").sign(&world.provisioner);
    world.set_clock(SignedDuration::ZERO);
    world.sign_with("a.example", &from_ahead).await.0.error(401);
    assert_eq!(world.sign("a.example").await.status, 201);
    assert_eq!(world.function("sign").cold_starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l11_a_process_that_was_frozen_for_two_hours_has_the_configuration_of_now() {
    let world = World::new().await;
    assert_eq!(world.get("/provisioners").await.body["provisioners"].as_array().unwrap().len(), 1);
    let mut changed = world.configuration.clone();
    let more = json!({"type": "ACME", "name": "a-second-one"});
    changed["authority"]["provisioners"].as_array_mut().unwrap().push(more);
    let first = world.version().await;
    world.write(&changed.to_string(), Expected::Version(&first)).await;

    world.set_clock(SignedDuration::from_hours(2));

    assert_eq!(world.get("/provisioners").await.body["provisioners"][1]["name"], "a-second-one");
    assert_eq!(world.function("info").cold_starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_a_token_from_before_the_cold_start_is_good() {
    let world = World::new().await;
    assert_eq!(world.sign("a.example").await.status, 201);
    let token = world.token("sign", "a.example").sign(&world.provisioner);
    world.end_processes("sign").await;

    world.set_clock(SignedDuration::from_mins(2));

    assert_eq!(world.sign_with("a.example", &token).await.0.status, 201);
    assert_eq!(world.function("sign").cold_starts(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_a_token_from_before_the_authority_began_is_refused() {
    let world = World::new().await;
    assert_eq!(world.get("/health").await.status, 200);
    let an_hour_ago = world.now().as_second() - 3600;
    let token = world.token("sign", "a.example").with("iat", an_hour_ago).with("nbf", an_hour_ago);

    let (answer, _) = world.sign_with("a.example", &token.sign(&world.provisioner)).await;

    answer.error(401);
    assert!(world.log("sign").contains("before the authority"), "{}", world.log("sign"));
}
