use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

/// A function in shell: `$BODY` sees the event's request id in `$id` and its text in `$event`.
fn function(folder: &Path, body: &str, concurrency: usize, overload: Overload) -> Function {
    let program = folder.join("bootstrap");
    let script = format!(
        r#"#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  event=$(curl -s -D "$0.$$" "$api/invocation/next") || exit 1
  id=$(sed -n 's/\r$//; s/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p' "$0.$$")
  {body}
done
"#
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = FunctionSettings {
        name: "echo".into(),
        program,
        environment: BTreeMap::from([("GREETING".into(), "hello".into())]),
        timeout: Duration::from_secs(20),
        memory: 128,
        concurrency,
        overload,
        between: Between::Frozen,
        log: folder.join("echo.log"),
    };
    Function::new(settings, Reaper::start().unwrap())
}

const ECHO: &str = r#"curl -s -o "$0.answer.$$" -d "$GREETING $event $AWS_LAMBDA_FUNCTION_NAME" "$api/invocation/$id/response""#;

fn state_of(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

async fn eventually(mut condition: impl FnMut() -> bool) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("it came true");
}

#[tokio::test]
async fn an_event_comes_back_as_the_answer_and_the_process_is_frozen_and_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let echo = function(folder.path(), ECHO, 4, Overload::Wait);

    assert_eq!(echo.invoke("1".into()).await.unwrap(), "hello 1 echo");
    let pid = echo.processes()[0].pid;
    eventually(|| state_of(pid) == Some('T')).await;
    eventually(|| !echo.processes()[0].busy).await;
    assert_eq!(echo.invoke("2".into()).await.unwrap(), "hello 2 echo");

    assert_eq!((echo.cold_starts(), echo.invocations()), (1, 2));
    eventually(|| state_of(pid) == Some('T')).await;
    drop(echo);
    eventually(|| state_of(pid).is_none_or(|state| state == 'Z')).await;
}

#[tokio::test]
async fn several_run_at_once_up_to_the_limit_and_the_rest_waits() {
    let folder = tempfile::tempdir().unwrap();
    let echo = function(folder.path(), ECHO, 2, Overload::Wait);

    let calls: Vec<_> = (0..6)
        .map(|number: u32| {
            let echo = echo.clone();
            tokio::spawn(async move { echo.invoke(number.to_string().into()).await.unwrap() })
        })
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), format!("hello {number} echo"));
    }

    assert_eq!(echo.invocations(), 6);
    assert!(echo.cold_starts() <= 2, "{}", echo.cold_starts());
}

#[tokio::test]
async fn one_above_the_limit_is_refused_if_so_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let slow = function(folder.path(), "sleep 600", 1, Overload::Refuse);

    let first = tokio::spawn({
        let slow = slow.clone();
        async move { slow.invoke("1".into()).await }
    });
    eventually(|| slow.processes().iter().any(|process| process.busy)).await;
    assert!(matches!(slow.invoke("2".into()).await, Err(InvokeError::Throttled)));

    assert_eq!(slow.kill_busy(), 1);
    assert!(matches!(first.await.unwrap(), Err(InvokeError::Exited)));
    eventually(|| slow.processes().is_empty()).await;
}

#[tokio::test]
async fn a_reported_error_reaches_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"curl -s -o "$0.answer" -d '{"errorMessage":"no"}' "$api/invocation/$id/error""#;
    let failing = function(folder.path(), body, 1, Overload::Wait);

    let error = failing.invoke("{}".into()).await.unwrap_err();

    assert!(matches!(error, InvokeError::Function { payload } if payload == r#"{"errorMessage":"no"}"#));
}

#[tokio::test]
async fn an_event_over_six_megabytes_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let echo = function(folder.path(), ECHO, 1, Overload::Wait);
    let error = echo.invoke(vec![b' '; MAX_PAYLOAD + 1].into()).await.unwrap_err();
    assert!(matches!(error, InvokeError::TooLarge { octets } if octets == MAX_PAYLOAD + 1));
    assert_eq!(echo.cold_starts(), 0);
}
