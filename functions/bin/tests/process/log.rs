//! What stands in the log: one line of JSON an event.

use serde_json::{Value, json};

use crate::world::{World, event};

#[tokio::test(flavor = "multi_thread")]
async fn o7_nobody_forges_a_line_with_names_agents_ids_or_paths() {
    let forged = "a\n{\"level\":\"INFO\",\"message\":\"forged\"}\r\n\u{1b}[2J\u{2028}\"}";
    let world = World::new().await;
    let token = world.token("sign", forged).with("jti", forged).sign(&world.provisioner);
    let mut events = vec![
        event("GET", &format!("/root/{forged}"), None),
        event("POST", "/1.0/sign", Some(&json!({"csr": forged, "ott": token}))),
        event(forged, "/health", None),
    ];
    for header in ["user-agent", "x-request-id", "x-forwarded-for", "host", forged] {
        let mut event = event("GET", "/health", None);
        event["headers"][header] = forged.into();
        events.push(event);
    }
    for member in ["requestId", "domainName", "stage"] {
        let mut event = event("GET", "/health", None);
        event["requestContext"][member] = forged.into();
        events.push(event);
    }

    for event in &events {
        for name in ["info", "sign"] {
            let before = world.log(name).lines().count();
            let answer = world.send(name, event).await;
            let log = world.log(name);
            let lines: Vec<&str> = log.lines().skip(before).collect();
            let about = lines.iter().filter(|line| line.contains("\"status\":"));
            assert_eq!(about.count(), 1, "{event}: {answer:?}: {log}");
        }
    }

    let log = world.logs();
    for line in log.split('\n').filter(|line| !line.is_empty()) {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_ne!(entry["message"], "forged", "{line}");
    }
    assert!(!log.contains(['\u{1b}', '\r', '\u{2028}']), "{log}");
}
