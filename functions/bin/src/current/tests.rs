//! What is in use, while the configuration comes, changes and goes wrong.

use stepless_aws::configuration::Expected;
use stepless_core::clock::FixedClock;

use super::*;
use crate::function::Web;
use crate::world::{TestOpener, Weather, clock, configuration};

fn current() -> (Arc<FixedClock>, Arc<TestOpener>, Current<Web>) {
    let clock = clock();
    let opener = Arc::new(TestOpener::new(clock.clone()));
    let current = Current::new(Web::Step(stepless_functions::info::routes()), opener.clone(), clock.clone());
    (clock, opener, current)
}

#[tokio::test]
async fn a_configuration_that_comes_later_is_found_at_a_later_request() {
    let (clock, opener, current) = current();
    current.open_early().await;
    assert!(matches!(current.serving().await, Err(NotOpen::Recently)));
    assert_eq!(opener.looks(), 1);

    opener.write(&configuration("one"), Expected::Absent).await;
    clock.advance(1);

    current.serving().await.unwrap();
    assert_eq!(opener.looks(), 2);
}

#[tokio::test]
async fn k9_a_key_that_refuses_at_first_is_tried_again() {
    let (clock, opener, current) = current();
    opener.write(&configuration("one"), Expected::Absent).await;
    *opener.weather.lock().unwrap() = Weather::KeyRefuses;
    for _ in 0..30 {
        assert!(current.serving().await.is_err());
        clock.advance(1);
    }

    *opener.weather.lock().unwrap() = Weather::Fair;

    current.serving().await.unwrap();
}

#[tokio::test]
async fn the_configuration_is_not_looked_at_by_every_request() {
    let (clock, opener, current) = current();
    opener.write(&configuration("one"), Expected::Absent).await;
    for _ in 0..29 {
        current.serving().await.unwrap();
        clock.advance(1);
    }

    // The first look opened it, the second one saw that nothing changed.
    assert!(opener.looks() <= 2, "{}", opener.looks());
}

#[tokio::test]
async fn a_new_configuration_is_in_use_within_a_minute() {
    let (clock, opener, current) = current();
    let first = opener.write(&configuration("one"), Expected::Absent).await;
    let before = current.serving().await.unwrap();
    let second = opener.write(&configuration("two"), Expected::Version(&first)).await;

    clock.advance(59);

    let after = current.serving().await.unwrap();
    assert_eq!((&before.version, &after.version), (&first, &second));
}

#[tokio::test]
async fn a_new_configuration_that_is_wrong_leaves_the_old_one_in_use() {
    let (clock, opener, current) = current();
    let first = opener.write(&configuration("one"), Expected::Absent).await;
    current.serving().await.unwrap();
    let second = opener.write("{\"root\": 1}", Expected::Version(&first)).await;

    clock.advance(60);
    assert_eq!(current.serving().await.unwrap().version, first);

    let third = opener.write(&configuration("three"), Expected::Version(&second)).await;
    clock.advance(60);
    assert_eq!(current.serving().await.unwrap().version, third);
}

#[tokio::test]
async fn l11_a_configuration_is_looked_at_again_after_a_freeze_and_after_the_clock_went_back() {
    for jump in [2 * 3600, -3600] {
        let (clock, opener, current) = current();
        let first = opener.write(&configuration("one"), Expected::Absent).await;
        current.serving().await.unwrap();
        // This look sets the time of the last one.
        clock.advance(30);
        current.serving().await.unwrap();
        let second = opener.write(&configuration("two"), Expected::Version(&first)).await;

        clock.advance(jump);

        assert_eq!(current.serving().await.unwrap().version, second, "{jump}");
    }
}
