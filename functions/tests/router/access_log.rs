//! The access log: one line a request, forged by nobody, and without secrets.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{Answer, World, csr, new_key, request};

/// What was logged.
#[derive(Clone)]
pub(crate) struct Log {
    written: Arc<Mutex<Vec<u8>>>,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Json,
    Text,
}

impl Log {
    pub(crate) fn json() -> Self {
        Self::new(Form::Json)
    }

    fn text() -> Self {
        Self::new(Form::Text)
    }

    fn new(form: Form) -> Self {
        // While there is only one subscriber, tracing takes it for that of every thread, and a test that runs beside
        // this one and has none would switch the log off.
        static OTHERS: LazyLock<[Dispatch; 2]> =
            LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));
        LazyLock::force(&OTHERS);
        Self { written: Arc::default(), form }
    }

    /// As `stepless serve` logs.
    pub(crate) fn subscriber(&self) -> Dispatch {
        let builder =
            tracing_subscriber::fmt().with_writer(self.clone()).with_max_level(tracing::Level::TRACE);
        match self.form {
            Form::Json => builder.json().flatten_event(true).finish().into(),
            Form::Text => builder.with_ansi(false).finish().into(),
        }
    }

    fn written(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }

    /// The lines, each of which must be JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.written().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn send(&self, world: &World, request: axum::http::Request<Body>) -> Answer {
        world.send(request).with_subscriber(self.subscriber()).await
    }

    async fn post(&self, world: &World, path: &str, body: &Value) -> Answer {
        self.send(world, request(Method::POST, path, Body::from(body.to_string()))).await
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for Log {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.written.lock().unwrap().extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_line_says_who_asked_for_what_and_what_came_of_it() {
    let world = World::new().await;
    let log = Log::json();
    let (body, _) = world.sign_body("a.example");
    let mut request = request(Method::POST, "/1.0/sign?x=1", Body::from(body.to_string()));
    request.headers_mut().insert(header::USER_AGENT, "step-http-client/1.0".parse().unwrap());
    request.headers_mut().insert("x-request-id", "abc".parse().unwrap());
    let remote: SocketAddr = "[2001:db8::1]:4711".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(remote));

    let certificate = log.send(&world, request).await.certificate();

    let [line] = &log.lines()[..] else { panic!("one line: {}", log.written()) };
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], "stepless::access");
    assert_eq!(line["request_id"], "abc");
    assert_eq!(line["remote"], "[2001:db8::1]:4711");
    assert_eq!((&line["method"], &line["path"]), (&json!("POST"), &json!("/1.0/sign")));
    assert_eq!(line["status"], 201);
    assert!(line["duration_us"].is_u64());
    assert_eq!(line["user_agent"], "step-http-client/1.0");
    assert_eq!(line["serial"], certificate.serial().to_string());
    assert_eq!(line["subject"], "a.example");
    assert_eq!(line["provisioner"], "admin");
    assert_eq!(line["error"], Value::Null);
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_causes_and_its_level() {
    let world = World::new().await;
    let identity = world.identity("a.example").await;
    let serial = identity.certificate.serial().to_string();
    let log = Log::json();
    let mut expired = world.claims("a.example", "/sign");
    expired["exp"] = 0.into();
    let expired = json!({ "csr": csr("a.example", &new_key()), "ott": world.mint(&expired) });
    let revocation = json!({ "serial": serial, "passive": true }).to_string();

    log.post(&world, "/sign", &expired).await.error(401);
    log.send(&world, request(Method::GET, "/panic", Body::empty())).await.error(500);
    log.send(&world, request(Method::GET, "/nothing", Body::empty())).await.error(404);
    log.send(&world, identity.request("/revoke", revocation)).await;

    let lines = log.lines();
    let level_and_error: Vec<_> =
        lines.iter().map(|line| (line["level"].as_str().unwrap(), line["error"].as_str())).collect();
    let [(_, Some(refusal)), ..] = level_and_error[..] else { panic!("{lines:?}") };
    assert!(refusal.starts_with("the token was refused: the token is not valid at this time: "), "{refusal}");
    assert_eq!(
        level_and_error,
        [("WARN", Some(refusal)), ("ERROR", Some("the handler panicked")), ("WARN", None), ("INFO", None)]
    );
    assert_eq!(lines[3]["serial"], serial);
}

/// What a client chooses and a line shows: none of it ends the line or the JSON.
#[tokio::test]
async fn o7_nobody_forges_a_line() {
    const HOSTILE: &str = "a\n\u{1b}[2K\r\u{85}\u{2028}\"},{\"level\":\"INFO\"";
    let world = World::new().await;
    for log in [Log::json(), Log::text()] {
        let mut sent = 0;
        let csr = csr("a.example", &new_key());
        for member in ["sub", "iss", "aud", "jti", "sans"] {
            let mut claims = world.claims("a.example", "/sign");
            claims[member] = if member == "sans" { json!([HOSTILE]) } else { HOSTILE.into() };
            log.post(&world, "/sign", &json!({ "csr": csr, "ott": world.mint(&claims) })).await;
            sent += 1;
        }
        for serial in [HOSTILE, &"9\n".repeat(100_000)] {
            log.post(&world, "/revoke", &json!({ "serial": serial, "passive": true })).await.error(400);
            sent += 1;
        }
        let mut hostile = request(Method::GET, "/%0a%1b%22%7d/\"}", Body::empty());
        let agent = HeaderValue::from_bytes(b"x\"},{\"level\":\"INFO\"}\t\\n\x85\xff").unwrap();
        hostile.headers_mut().insert(header::USER_AGENT, agent.clone());
        hostile.headers_mut().insert("x-request-id", agent);
        log.send(&world, hostile).await.error(404);
        let mut long = request(Method::GET, &format!("/{}", "x".repeat(60_000)), Body::empty());
        long.headers_mut().insert(header::USER_AGENT, "\"".repeat(60_000).parse().unwrap());
        log.send(&world, long).await.error(404);
        sent += 2;

        let written = log.written();
        assert_eq!(written.lines().count(), sent);
        assert!(!written.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{2028}')), "{written:?}");
        assert!(written.lines().all(|line| line.len() < 8_000), "{written}");
        if let Form::Json = log.form {
            assert!(log.lines().iter().all(|line| line["target"] == "stepless::access"));
        }
    }
}

/// Tokens, keys and requests, in the places where they belong and in those where a confused client puts them.
#[tokio::test]
async fn l16_no_secret_is_logged() {
    let world = World::new().await;
    let identity = world.identity("a.example").await;
    let log = Log::text();
    let mut secrets = Vec::new();

    for round in 0..2 {
        let (body, key) = world.sign_body("a.example");
        let csr = body["csr"].as_str().unwrap().to_owned();
        let ott = body["ott"].as_str().unwrap().to_owned();
        let pem = String::from_utf8(key.to_pem().unwrap().expose().to_vec()).unwrap();
        let renew_token = world.renew_token(&identity);
        if round == 1 {
            // Granted, and then, with the same token, refused.
            assert_eq!(log.post(&world, "/sign", &body).await.status, 201);
        }
        log.post(&world, "/sign", &body).await;
        for secret in [&ott, &csr, &pem, &renew_token] {
            for member in ["csr", "ott", "notBefore", "notAfter", "serial", "reason", "reasonCode", "passive"]
            {
                for path in ["/sign", "/revoke"] {
                    let mut body = json!({ "csr": csr, "ott": ott, "serial": "1", "passive": true });
                    body[member] = secret.as_str().into();
                    log.post(&world, path, &body).await;
                    log.post(&world, path, &json!({ member: [secret] })).await;
                }
            }
            for body in [json!(secret), json!([secret]), json!({ secret: secret })] {
                log.post(&world, "/sign", &body).await;
                log.send(&world, identity.request("/rekey", body.to_string())).await;
            }
            log.send(&world, request(Method::POST, "/sign", Body::from(secret.clone()))).await;
            let mut bearer = request(Method::POST, "/renew", Body::empty());
            let one_line = secret.replace('\n', " ");
            bearer.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {one_line}").parse().unwrap());
            bearer.headers_mut().insert(header::COOKIE, one_line.parse().unwrap());
            bearer.headers_mut().insert(header::REFERER, one_line.parse().unwrap());
            log.send(&world, bearer).await;
            let query = format!("/roots?token={}", one_line.replace(' ', "+"));
            log.send(&world, request(Method::GET, &query, Body::empty())).await;
        }
        secrets.extend([ott, csr, pem, renew_token]);
    }

    let written = log.written();
    assert!(written.lines().count() > 200);
    for secret in secrets {
        // The parts that matter: lines of PEM, payload and signature of a token.
        for part in secret.split(['\n', '.']).skip(1).filter(|part| part.len() > 40) {
            assert!(!written.contains(part), "{part} in {written}");
        }
    }
}
