//! /rekey: the same certificate for another key.

use serde_json::{Value, json};
use stepless_tests::{
    Csr, KeyKind, Request,
    csr::{San, to_pem},
};

use crate::{
    cases::Cases,
    renew::{bearer, forge, renew_token},
    session::Session,
    world::WorldKind,
};

pub(crate) fn add(cases: &mut Cases) {
    let kinds = [
        ("P-256", KeyKind::P256),
        ("P-384", KeyKind::P384),
        ("P-521", KeyKind::P521),
        ("Ed25519", KeyKind::Ed25519),
        ("RSA", KeyKind::Rsa2048),
    ];
    for (name, kind) in kinds {
        cases.add(format!("rekey/to {name}"), move |session| {
            let identity = session.issue("admin", NAME, &json!({"notAfter": "1h"}))?;
            let csr = Csr::new("", &[]).pem(&session.key(kind));
            session.send_as(&identity, &Request::post("/rekey", &json!({"csr": csr})))?;
            Ok(())
        });
    }
    cases.add("rekey/1.0", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
        session.send_as(&identity, &Request::post("/1.0/rekey", &json!({"csr": csr})))?;
        Ok(())
    });
    cases.add("rekey/the request's names do not count", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let csr = Csr::new("evil", &[San::Dns("evil.example")]).pem(&session.key(KeyKind::P384));
        session.send_as(&identity, &Request::post("/rekey", &json!({"csr": csr})))?;
        Ok(())
    });
    for provisioner in ["no-renewal", "no-extension", "after-expiry"] {
        cases.add(format!("rekey/provisioner {provisioner}"), move |session| {
            let identity = session.issue(provisioner, NAME, &json!({}))?;
            let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
            session.send_as(&identity, &Request::post("/rekey", &json!({"csr": csr})))?;
            Ok(())
        });
    }
    cases.add("rekey/then renew the new one", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
        let response = session.send_as(&identity, &Request::post("/rekey", &json!({"csr": csr})))?;
        let rekeyed = session.identity(&response, session.key(KeyKind::P384))?;
        session.send_as(&rekeyed, &Request::new("POST", "/renew").body(""))?;
        session.send_as(&identity, &Request::new("POST", "/renew").body(""))?;
        Ok(())
    });
    cases.add("rekey/revoked", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let serial = stepless_tests::certificate::serial_of(&identity.chain[0]);
        session.send_as(&identity, &Request::post("/revoke", &json!({"serial": serial, "passive": true})))?;
        let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
        session.send_as(&identity, &Request::post("/rekey", &json!({"csr": csr})))?;
        Ok(())
    });
    cases.add("rekey/weak key", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let csr = weak_csr();
        session.send_as(&identity, &Request::post("/rekey", &json!({"csr": csr})))?;
        Ok(())
    });
    cases.add_in(WorldKind::Rsa, "rekey/rsa", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let csr = Csr::new("", &[]).pem(&session.key(KeyKind::Ed25519));
        session.send_as(&identity, &Request::post("/rekey", &json!({"csr": csr})))?;
        Ok(())
    });
    bodies(cases);
    without_certificate(cases);
    cases.add("rekey/stranger", |session| {
        let identity = forge(session, |leaf, session| {
            leaf.provisioner("admin", &session.provisioner("admin").thumbprint())
        });
        let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
        session.send_as(&identity, &Request::post("/rekey", &json!({"csr": csr})))?;
        Ok(())
    });
}

fn bodies(cases: &mut Cases) {
    let bodies: [(&str, Body); 13] = [
        ("empty", |_| String::new()),
        ("text", |_| "text".into()),
        ("list", |_| "[]".into()),
        ("null", |_| "null".into()),
        ("empty object", |_| "{}".into()),
        ("csr null", |_| "{\"csr\":null}".into()),
        ("csr empty", |_| "{\"csr\":\"\"}".into()),
        ("csr number", |_| "{\"csr\":1}".into()),
        ("csr text", |_| "{\"csr\":\"x\"}".into()),
        ("csr garbage", |_| body(&to_pem(&[0x30, 0x03, 2, 1]))),
        ("bad signature", |session| {
            body(&to_pem(&Csr::new("", &[]).sign_badly(&session.key(KeyKind::P384))))
        }),
        ("unknown members", |session| {
            let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
            json!({"csr": csr, "ott": "x", "notAfter": "1h", "other": []}).to_string()
        }),
        ("the same key", |session| body(&Csr::new("", &[]).pem(&session.key(KeyKind::P256)))),
    ];
    for (name, body) in bodies {
        cases.add(format!("rekey/body {name}"), move |session| {
            let identity = session.issue("admin", NAME, &json!({}))?;
            let request =
                Request::new("POST", "/rekey").header("Content-Type", "application/json").body(body(session));
            session.send_as(&identity, &request)?;
            Ok(())
        });
    }
}

fn without_certificate(cases: &mut Cases) {
    cases.add("rekey/no certificate", |session| {
        let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
        session.send(&Request::post("/rekey", &json!({"csr": csr})))?;
        session.send(&Request::post("/1.0/rekey", &json!({})))?;
        session.send(&Request::new("POST", "/rekey").body("garbage"))?;
        Ok(())
    });
    cases.add("rekey/no certificate and a garbage token", |session| {
        let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
        let request = Request::post("/rekey", &json!({"csr": csr})).header("Authorization", "Bearer garbage");
        session.send(&request)?;
        Ok(())
    });
    for operation in ["renew", "rekey"] {
        cases.add(format!("rekey/token for {operation}"), move |session| {
            let identity = session.issue("admin", NAME, &json!({}))?;
            let token = renew_token(session, &identity, operation).sign(&identity.key);
            let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P384));
            let mut request = bearer("/rekey", &token);
            request.body = Some(json!({"csr": csr}).to_string().into_bytes());
            session.send(&request)?;
            Ok(())
        });
    }
}

fn body(csr: &str) -> String {
    Value::from_iter([("csr", csr)]).to_string()
}

/// The same on both servers.
fn weak_csr() -> &'static str {
    static CSR: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let out = stepless_tests::programs::output(std::process::Command::new("openssl").args([
            "req",
            "-new",
            "-nodes",
            "-keyout",
            "/dev/null",
            "-newkey",
            "rsa:1024",
            "-subj",
            "/CN=weak",
        ]));
        String::from_utf8(out).expect("openssl writes PEM")
    });
    &CSR
}

const NAME: &str = "leaf.example.com";

/// A body, made for one server.
type Body = fn(&Session<'_>) -> String;
