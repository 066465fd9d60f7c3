//! One event after another, through the whole handler.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::get;
use lambda_runtime::Context;
use serde_json::{Value, json};
use stepless_aws::configuration::Expected;
use stepless_core::authority::{LEASE, START_WITHIN};
use stepless_core::clock::FixedClock;
use tokio::sync::Notify;

use super::*;
use crate::current::LOOK_WITHIN;
use crate::environment::Events;
use crate::world::{TestOpener, clock, configuration};

struct Scene {
    handler: Arc<Handler>,
    opener: Arc<TestOpener>,
    clock: Arc<FixedClock>,
    release: Arc<Notify>,
    finished: Arc<AtomicBool>,
}

impl Scene {
    fn new(events: Events) -> Self {
        let clock = clock();
        let opener = Arc::new(TestOpener::new(clock.clone()));
        let (release, finished) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let slow = {
            let (release, finished) = (release.clone(), finished.clone());
            move || {
                let (release, finished) = (release.clone(), finished.clone());
                async move {
                    release.notified().await;
                    finished.store(true, Ordering::SeqCst);
                }
            }
        };
        let routes = stepless_functions::info::routes()
            .merge(stepless_functions::sign::routes())
            .route("/panic", get(|| async { panic!("this handler was made to panic") as () }))
            .route("/slow", get(slow))
            .route("/long", get(|| async { "a".repeat(7 * 1024 * 1024) }))
            .route("/links", get(|| async { [("link", "<a>"), ("link2", "<b>")] }));
        let routes: Router<_> = routes;
        let current = Current::new(Web::Step(routes), opener.clone(), clock.clone());
        let gateway = Gateway { events, hosts: vec!["ca.example".into()], base_path: String::new() };
        let handler = Arc::new(Handler::new(gateway, current, clock.clone()));
        Self { handler, opener, clock, release, finished }
    }

    async fn open(events: Events) -> Self {
        let scene = Self::new(events);
        scene.opener.write(&configuration("one"), Expected::Absent).await;
        scene
    }

    async fn send(&self, event: &Value) -> Value {
        self.send_with(event, 29_000).await
    }

    async fn send_with(&self, event: &Value, milliseconds: i64) -> Value {
        let mut context = Context::default();
        let deadline = self.clock.now().as_millisecond() + milliseconds;
        context.deadline = u64::try_from(deadline).unwrap();
        context.request_id = "invocation-1".to_owned();
        let payload = serde_json::value::to_raw_value(event).unwrap();
        let answer = Arc::clone(&self.handler).answer(LambdaEvent::new(payload, context)).await;
        serde_json::from_str(answer.get()).unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.send(&event("GET", path)).await
    }
}

fn event(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {},
        "requestContext": {
            "domainName": "ca.example", "stage": "$default", "requestId": "gateway-1",
            "http": { "method": method, "path": path, "sourceIp": "192.0.2.1" },
        },
        "isBase64Encoded": false,
    })
}

#[track_caller]
fn assert_refused(answer: &Value, status: u16) {
    assert_eq!(answer["statusCode"], status, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["status"], status);
    assert!(body["message"].is_string());
    assert_eq!(answer["headers"]["cache-control"], "no-store");
    assert!(answer["headers"]["x-request-id"].is_string());
}

#[tokio::test]
async fn an_event_is_answered() {
    let answer = Scene::open(Events::HttpApi).await.get("/health").await;

    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["body"], "{\"status\":\"ok\"}\n");
    assert_eq!(answer["isBase64Encoded"], false);
    assert_eq!(answer["headers"]["content-type"], "application/json");
}

#[tokio::test]
async fn a_path_that_no_function_has_is_404_in_json() {
    assert_refused(&Scene::open(Events::HttpApi).await.get("/nowhere").await, 404);
}

#[tokio::test]
async fn a_missing_configuration_is_503_until_it_is_there() {
    let scene = Scene::new(Events::HttpApi);
    let answer = scene.get("/health").await;
    assert_refused(&answer, 503);
    assert!(answer["headers"]["retry-after"].is_string());

    scene.opener.write(&configuration("one"), Expected::Absent).await;
    scene.clock.advance(1);

    assert_eq!(scene.get("/health").await["statusCode"], 200);
}

#[tokio::test]
async fn l10_a_panic_is_500_in_json_and_the_next_request_is_fine() {
    let scene = Scene::open(Events::HttpApi).await;

    assert_refused(&scene.get("/panic").await, 500);

    assert_eq!(scene.get("/health").await["statusCode"], 200);
}

#[tokio::test]
async fn l2_an_event_for_another_host_is_403() {
    let mut event = event("GET", "/health");
    event["requestContext"]["domainName"] = "id.execute-api.eu-west-1.amazonaws.com".into();
    let scene = Scene::open(Events::HttpApi).await;

    assert_refused(&scene.send(&event).await, 403);
    event["requestContext"].as_object_mut().unwrap().remove("domainName");
    assert_refused(&scene.send(&event).await, 403);
}

#[tokio::test]
async fn an_event_without_sense_is_400_in_json() {
    let scene = Scene::open(Events::HttpApi).await;
    let mut events = vec![json!(null), json!([]), json!("x"), json!({}), json!({ "Records": [] })];
    for member in ["rawPath", "requestContext"] {
        let mut event = event("GET", "/health");
        event.as_object_mut().unwrap().remove(member);
        events.push(event);
    }
    let mut without_method = event("GET", "/health");
    without_method["requestContext"]["http"] = json!({});
    events.push(without_method);

    for event in &events {
        assert_refused(&scene.send(event).await, 400);
    }
    assert_eq!(scene.get("/health").await["statusCode"], 200);
}

#[tokio::test]
async fn l5_a_body_of_6_mb_is_413_in_json() {
    let scene = Scene::open(Events::HttpApi).await;
    let mut event = event("POST", "/sign");
    event["body"] = "a".repeat(6 * 1024 * 1024).into();

    assert_refused(&scene.send(&event).await, 413);
}

#[tokio::test]
async fn l5_bad_base64_is_400_in_json() {
    let scene = Scene::open(Events::HttpApi).await;
    let mut event = event("POST", "/sign");
    event["body"] = "%%%".into();
    event["isBase64Encoded"] = true.into();

    assert_refused(&scene.send(&event).await, 400);
}

#[tokio::test]
async fn l17_deep_json_in_an_event_is_400_in_json() {
    let scene = Scene::open(Events::HttpApi).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut event = event("POST", "/sign");
    event["body"] = deep.into();

    assert_refused(&scene.send(&event).await, 400);
}

#[tokio::test]
async fn l8_an_answer_longer_than_the_platform_carries_is_500_in_json() {
    assert_refused(&Scene::open(Events::HttpApi).await.get("/long").await, 500);
}

#[tokio::test]
async fn l7_an_answer_that_is_late_is_503_and_the_work_goes_on() {
    let scene = Scene::open(Events::HttpApi).await;

    let answer = scene.send_with(&event("GET", "/slow"), 520).await;
    assert_refused(&answer, 503);
    assert_eq!(answer["headers"]["retry-after"], "31");
    assert!(!scene.finished.load(Ordering::SeqCst));

    scene.release.notify_one();
    while !scene.finished.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn l7_a_deadline_that_is_over_is_503() {
    let scene = Scene::open(Events::HttpApi).await;

    assert_refused(&scene.send_with(&event("GET", "/slow"), -1000).await, 503);
}

#[tokio::test]
async fn l18_only_public_certificates_may_be_cached() {
    let scene = Scene::open(Events::HttpApi).await;

    assert_eq!(scene.get("/roots").await["headers"]["cache-control"], "max-age=60");
    assert_eq!(scene.get("/provisioners").await["headers"]["cache-control"], "no-store");
}

/// What begins in time ends in time, and before anybody takes the intent over.
#[test]
fn l7_the_time_limits_of_a_request_fit_into_each_other() {
    use stepless_aws::dynamodb::TimeLimits;
    use stepless_aws::kms::OPERATION_TIMEOUT as SIGNATURE;

    let table = TimeLimits::OF_A_FUNCTION.operation;
    let before = LOOK_WITHIN + START_WITHIN.unsigned_abs();
    // A commit whose answer was lost is looked for with one read; a signature that failed is followed by one commit.
    let intent = table + table;
    let certificate = table + table;

    assert!(before + intent + SIGNATURE + certificate <= LONGEST - MARGIN.unsigned_abs());
    // Whoever takes an intent over has it read, and asks again whether there is time.
    assert!(before + table + SIGNATURE + certificate <= LONGEST - MARGIN.unsigned_abs());
    assert!(intent + SIGNATURE + certificate < LEASE.unsigned_abs());
}
