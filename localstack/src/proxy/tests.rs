use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;

use super::*;

/// A server that numbers its answers: what they say is how many calls were applied.
struct Upstream {
    applied: Arc<AtomicUsize>,
    proxy: Proxy,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Upstream {
    async fn start() -> Self {
        let applied = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&applied);
        let app = axum::Router::new()
            .fallback(async move || (counter.fetch_add(1, Ordering::SeqCst) + 1).to_string());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let proxy = Proxy::start(&url).await.unwrap();
        let client = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
        Self { applied, proxy, client }
    }

    async fn call(&self, operation: &str) -> Option<(u16, String)> {
        let request = Request::post(self.proxy.url())
            .header("x-amz-target", format!("Service_2026.{operation}"))
            .body(Full::new(Bytes::from_static(br#"{"same":true}"#)))
            .unwrap();
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some((head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap()))
    }
}

fn ok(body: &str) -> Option<(u16, String)> {
    Some((200, body.to_owned()))
}

#[tokio::test]
async fn without_rules_calls_pass_and_are_noted_in_order() {
    let upstream = Upstream::start().await;

    assert_eq!(upstream.call("GetItem").await, ok("1"));
    assert_eq!(upstream.call("PutItem").await, ok("2"));
    assert_eq!(upstream.call("GetItem").await, ok("3"));

    assert_eq!(upstream.proxy.operations(), ["GetItem", "PutItem", "GetItem"]);
    assert_eq!(upstream.proxy.count("GetItem"), 2);
    assert_eq!(upstream.proxy.calls()[0].json()["same"], true);
    upstream.proxy.forget_calls();
    assert_eq!(upstream.proxy.calls(), []);
}

#[rstest]
#[case::dropped_before(Fault::DropBefore, None, 0)]
#[case::dropped_after(Fault::DropAfter, None, 1)]
#[case::replaced(Fault::Replace(Arc::new(|_| Bytes::from_static(b"other"))), ok("other"), 1)]
#[tokio::test]
async fn a_fault_strikes_the_named_call_alone(
    #[case] fault: Fault,
    #[case] answer: Option<(u16, String)>,
    #[case] applied: usize,
) {
    let upstream = Upstream::start().await;
    upstream.proxy.add(Rule::new("Sign", When::Nth(2), fault));

    assert_eq!(upstream.call("Other").await, ok("1"));
    assert_eq!(upstream.call("Sign").await, ok("2"));
    assert_eq!(upstream.call("Sign").await, answer);

    assert_eq!(upstream.applied.load(Ordering::SeqCst), 2 + applied);
    assert_eq!(upstream.call("Sign").await, ok(&(3 + applied).to_string()));
}

#[tokio::test]
async fn an_error_is_written_as_aws_writes_it() {
    let upstream = Upstream::start().await;
    let error = AwsError::transaction_canceled(&["None", "TransactionConflict"]);
    upstream.proxy.add(Rule::first("TransactWriteItems", Fault::Answer(error)));

    let (status, body) = upstream.call("TransactWriteItems").await.unwrap();

    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 400);
    assert!(body["__type"].as_str().unwrap().ends_with("#TransactionCanceledException"), "{body}");
    assert_eq!(body["CancellationReasons"][1]["Code"], "TransactionConflict");
    assert_eq!(upstream.applied.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_gate_holds_calls_until_it_opens() {
    for (fault, applied) in
        [(Fault::HoldBefore as fn(Gate) -> Fault, 0), (Fault::HoldAfter as fn(Gate) -> Fault, 1)]
    {
        let upstream = Arc::new(Upstream::start().await);
        let gate = Gate::closed();
        upstream.proxy.add(Rule::every("Query", fault(gate.clone())));

        let caller = Arc::clone(&upstream);
        let held = tokio::spawn(async move { caller.call("Query").await });
        gate.arrived(1).await;
        assert_eq!(upstream.applied.load(Ordering::SeqCst), applied);
        gate.open();

        assert_eq!(held.await.unwrap(), ok("1"));
    }
}

#[tokio::test]
async fn a_stale_answer_is_the_one_before() {
    let upstream = Upstream::start().await;
    upstream.proxy.add(Rule::every("Query", Fault::Stale).only_if(|call| call.json()["same"] == true));

    let answers = [upstream.call("Query").await, upstream.call("Query").await, upstream.call("Query").await];

    assert_eq!(answers, [ok("1"), ok("1"), ok("2")]);
    upstream.proxy.clear_rules();
    assert_eq!(upstream.call("Query").await, ok("4"));
}

#[rstest]
#[case::nth(When::Nth(2), &[2])]
#[case::first(When::First(3), &[1, 2, 3])]
#[case::share(When::Percent(30), &[4, 7, 10])]
#[case::none(When::Percent(0), &[])]
#[case::all(When::Every, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])]
fn calls_are_struck_in_a_pattern_without_chance(#[case] when: When, #[case] expected: &[usize]) {
    let rule = Rule::of_any(when, Fault::DropBefore);

    let struck: Vec<usize> = (1..=10).filter(|nth| rule.strikes(*nth)).collect();

    assert_eq!(struck, expected);
}
