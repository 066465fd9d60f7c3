//! /revoke: by token and by client certificate.

mod by_certificate;

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use stepless_tests::{Key, KeyKind, Request, Token, certificate::serial_of};

use crate::{
    cases::Cases,
    session::{Session, Stop, fresh_id},
    world::WorldKind,
};

pub(crate) fn add(cases: &mut Cases) {
    bodies(cases);
    members(cases);
    by_token(cases);
    token_faults(cases);
    by_certificate::add(cases);
    cases.add_in(WorldKind::Rsa, "revoke/rsa/token", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        revoke(session, &serial_of(&identity.chain[0]), &json!({}))
    });
}

fn bodies(cases: &mut Cases) {
    for (name, body) in [
        ("empty", ""),
        ("text", "text"),
        ("list", "[]"),
        ("null", "null"),
        ("empty object", "{}"),
        ("cut", "{\"serial\":"),
        ("serial only", "{\"serial\":\"1\"}"),
        ("serial and passive", "{\"serial\":\"1\",\"passive\":true}"),
        ("serial number", "{\"serial\":1}"),
        ("serial empty", "{\"serial\":\"\",\"passive\":true}"),
        ("serial null", "{\"serial\":null}"),
        ("passive text", "{\"serial\":\"1\",\"passive\":\"true\"}"),
        ("reason code text", "{\"serial\":\"1\",\"reasonCode\":\"1\",\"passive\":true}"),
        ("reason code fraction", "{\"serial\":\"1\",\"reasonCode\":1.5,\"passive\":true}"),
        ("reason code huge", "{\"serial\":\"1\",\"reasonCode\":99999999999999999999,\"passive\":true}"),
        ("reason number", "{\"serial\":\"1\",\"reason\":1,\"passive\":true}"),
        ("ott number", "{\"serial\":\"1\",\"ott\":1,\"passive\":true}"),
        ("ott null", "{\"serial\":\"1\",\"ott\":null,\"passive\":true}"),
    ] {
        cases.add(format!("revoke/body {name}"), move |session| {
            let request =
                Request::new("POST", "/revoke").header("Content-Type", "application/json").body(body);
            session.send(&request)?;
            Ok(())
        });
    }
    cases.add("revoke/1.0", |session| {
        let token = token(session, "admin", "4242").sign(&session.provisioner("admin"));
        session
            .send(&Request::post("/1.0/revoke", &json!({"serial": "4242", "ott": token, "passive": true})))?;
        Ok(())
    });
}

/// One member of a good request changed; the token's subject stays the serial in decimal.
fn members(cases: &mut Cases) {
    for serial in [
        "0",
        "-1",
        "x",
        "1.5",
        " 1",
        "1 ",
        "+7",
        "1e5",
        "0x",
        "0xg",
        "0X1F",
        "0x1f",
        "0b101",
        "0o17",
        "017",
        "08",
        "1_000",
        "_1",
        "",
        "deadbeef",
        "٣",
        "123456789012345678901234567890123456789012345678901234567890",
        "0x00ff",
    ] {
        cases.add(format!("revoke/serial {serial:?}"), move |session| {
            // A digit of the subject keeps the requests of different cases apart where the serial is refused.
            let token = token(session, "admin", serial).sign(&session.provisioner("admin"));
            session
                .send(&Request::post("/revoke", &json!({"serial": serial, "ott": token, "passive": true})))?;
            Ok(())
        });
    }
    for (serial, decimal) in [
        ("0xabc123", "11256099"),
        ("0XABC124", "11256100"),
        ("0b1111000011110000", "61680"),
        ("0o7654321", "2054353"),
        ("07654322", "2054354"),
        ("77_77_01", "777701"),
        ("+900001", "900001"),
    ] {
        cases.add(format!("revoke/serial {serial:?} with its decimal in the token"), move |session| {
            let token = token(session, "admin", decimal).sign(&session.provisioner("admin"));
            session
                .send(&Request::post("/revoke", &json!({"serial": serial, "ott": token, "passive": true})))?;
            Ok(())
        });
    }
    for code in -1..=11 {
        let key = own_key();
        cases.add(format!("revoke/reason code {code}"), move |session| {
            let identity = session.issue_for("admin", NAME, Arc::clone(&key), &json!({}))?;
            revoke(session, &serial_of(&identity.chain[0]), &json!({"reasonCode": code, "reason": "lost"}))
        });
    }
    cases.add("revoke/passive false", |session| revoke(session, "880001", &json!({"passive": false})));
    cases.add("revoke/passive missing", |session| revoke(session, "880002", &json!({"passive": null})));
    cases.add("revoke/reason long", |session| {
        revoke(session, "880003", &json!({"reason": "r".repeat(10_000)}))
    });
    cases.add("revoke/reason odd", |session| revoke(session, "880004", &json!({"reason": "a\u{0}b\n\"<é>"})));
    cases.add("revoke/unknown members", |session| revoke(session, "880005", &json!({"force": true})));
    cases.add("revoke/bad code before bad passive", |session| {
        revoke(session, "880006", &json!({"passive": false, "reasonCode": 99}))
    });
}

fn by_token(cases: &mut Cases) {
    cases.add("revoke/token good", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        revoke(session, &serial_of(&identity.chain[0]), &json!({}))
    });
    cases.add("revoke/token then renew", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        revoke(session, &serial_of(&identity.chain[0]), &json!({}))?;
        session.send_as(&identity, &Request::new("POST", "/renew").body(""))?;
        Ok(())
    });
    cases.add("revoke/token twice", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let serial = serial_of(&identity.chain[0]);
        revoke(session, &serial, &json!({}))?;
        revoke(session, &serial, &json!({"reasonCode": 4}))
    });
    cases.add("revoke/token unknown serial", |session| revoke(session, "987654321", &json!({})));
    cases.add("revoke/token unknown serial twice", |session| {
        revoke(session, "987654322", &json!({}))?;
        revoke(session, "987654322", &json!({}))
    });
    cases.add("revoke/token other serial in the body", |session| {
        let token = token(session, "admin", "111").sign(&session.provisioner("admin"));
        session.send(&Request::post("/revoke", &json!({"serial": "112", "ott": token, "passive": true})))?;
        Ok(())
    });
    cases.add("revoke/token hex subject", |session| {
        let token = token(session, "admin", "0x70").sign(&session.provisioner("admin"));
        session.send(&Request::post("/revoke", &json!({"serial": "112", "ott": token, "passive": true})))?;
        Ok(())
    });
    cases.add("revoke/token of another provisioner", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let serial = serial_of(&identity.chain[0]);
        let token = token(session, "short", &serial).sign(&session.provisioner("short"));
        session.send(&Request::post("/revoke", &json!({"serial": serial, "ott": token, "passive": true})))?;
        Ok(())
    });
    cases.add("revoke/token of a provisioner without renewal", |session| {
        let identity = session.issue("no-renewal", NAME, &json!({}))?;
        let serial = serial_of(&identity.chain[0]);
        let token = token(session, "no-renewal", &serial).sign(&session.provisioner("no-renewal"));
        session.send(&Request::post("/revoke", &json!({"serial": serial, "ott": token, "passive": true})))?;
        Ok(())
    });
    cases.add("revoke/token replayed", |session| {
        let token = token(session, "admin", "333444").sign(&session.provisioner("admin"));
        let body = json!({"serial": "333444", "ott": token, "passive": true});
        session.send(&Request::post("/revoke", &body))?;
        session.send(&Request::post("/revoke", &body))?;
        Ok(())
    });
    cases.add("revoke/token spent after another serial", |session| {
        let token = token(session, "admin", "333555").sign(&session.provisioner("admin"));
        session
            .send(&Request::post("/revoke", &json!({"serial": "333556", "ott": token, "passive": true})))?;
        session
            .send(&Request::post("/revoke", &json!({"serial": "333555", "ott": token, "passive": true})))?;
        Ok(())
    });
    cases.add("revoke/token spent after a bad code", |session| {
        let token = token(session, "admin", "333666").sign(&session.provisioner("admin"));
        session.send(&Request::post(
            "/revoke",
            &json!({"serial": "333666", "ott": token, "passive": true, "reasonCode": 42}),
        ))?;
        session
            .send(&Request::post("/revoke", &json!({"serial": "333666", "ott": token, "passive": true})))?;
        Ok(())
    });
    cases.add("revoke/token at /sign", |session| {
        let token =
            token(session, "admin", NAME).with("sans", vec![NAME]).sign(&session.provisioner("admin"));
        let csr = session.csr(NAME);
        session.sign(&json!({"csr": csr, "ott": token}))?;
        Ok(())
    });
}

fn token_faults(cases: &mut Cases) {
    let changes: [(&str, Change); 13] = [
        ("aud of sign", |token, session| token.with("aud", session.audience("sign"))),
        ("aud of renew", |token, session| token.with("aud", session.audience("renew"))),
        ("aud of ssh revoke", |token, session| token.with("aud", session.audience("ssh/revoke"))),
        ("aud literal", |token, _| token.with("aud", "step-certificate-authority")),
        ("aud without version", |token, _| token.with("aud", "https://127.0.0.1/revoke")),
        ("aud missing", |token, _| token.without("aud")),
        ("sub missing", |token, _| token.without("sub")),
        ("sub empty", |token, _| token.with("sub", "")),
        ("iss unknown", |token, _| token.with("iss", "nobody")),
        ("exp past", |token, session| token.with("exp", session.now() - 70)),
        ("nbf future", |token, session| token.with("nbf", session.now() + 70)),
        ("iat before the start", |token, session| token.with("iat", session.now() - 7200)),
        ("kid missing", |token, _| token.without_header("kid")),
    ];
    for (index, (name, change)) in changes.into_iter().enumerate() {
        cases.add(format!("revoke/token {name}"), move |session| {
            let serial = format!("5550{index:02}");
            let token = change(token(session, "admin", &serial), session).sign(&session.provisioner("admin"));
            session
                .send(&Request::post("/revoke", &json!({"serial": serial, "ott": token, "passive": true})))?;
            Ok(())
        });
    }
    cases.add_in(WorldKind::Ssh, "revoke/ssh/token aud acme fragment", |session| {
        let token = token(session, "admin", "555104").with("aud", "https://localhost/revoke#acme/acme");
        let token = token.sign(&session.provisioner("admin"));
        session
            .send(&Request::post("/revoke", &json!({"serial": "555104", "ott": token, "passive": true})))?;
        Ok(())
    });
    for text in ["garbage", "a.b.c", "..", " "] {
        cases.add(format!("revoke/token text {text:?}"), move |session| {
            session.send(&Request::post(
                "/revoke",
                &json!({"serial": "555100", "ott": text, "passive": true}),
            ))?;
            Ok(())
        });
    }
    cases.add("revoke/token bad signature", |session| {
        let token =
            token(session, "admin", "555101").with_signature(&session.provisioner("admin").sign_jws(b"x"));
        session
            .send(&Request::post("/revoke", &json!({"serial": "555101", "ott": token, "passive": true})))?;
        Ok(())
    });
    cases.add("revoke/token alg none", |session| {
        let token = token(session, "admin", "555102").with_header("alg", "none").with_signature(&[]);
        session
            .send(&Request::post("/revoke", &json!({"serial": "555102", "ott": token, "passive": true})))?;
        Ok(())
    });
    cases.add("revoke/token key of another", |session| {
        let token = token(session, "admin", "555103").sign(&session.provisioner("short"));
        session
            .send(&Request::post("/revoke", &json!({"serial": "555103", "ott": token, "passive": true})))?;
        Ok(())
    });
}

/// A key that no other case uses, for one that may be reported as compromised; the same on both servers.
fn own_key() -> LazyLock<Arc<Key>> {
    LazyLock::new(|| Arc::new(Key::generate(KeyKind::P256)))
}

/// A good request with a fresh token, and some members changed.
fn revoke(session: &mut Session<'_>, serial: &str, changes: &Value) -> Result<(), Stop> {
    let token = token(session, "admin", serial).sign(&session.provisioner("admin"));
    let mut body = json!({"serial": serial, "ott": token, "passive": true});
    for (member, value) in changes.as_object().into_iter().flatten() {
        body[member] = value.clone();
    }
    session.send(&Request::post("/revoke", &body))?;
    Ok(())
}

fn token(session: &Session<'_>, provisioner: &str, subject: &str) -> Token {
    let key = session.provisioner(provisioner);
    Token::new(&key, provisioner, &session.audience("revoke"), subject, &fresh_id(), session.now())
}

/// A decimal number in hex.
fn to_hex(decimal: &str) -> String {
    let mut bytes = vec![0u8; 20];
    for digit in decimal.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in bytes.iter_mut().rev() {
            let value = u32::from(*byte) * 10 + carry;
            *byte = (value & 0xff) as u8;
            carry = value >> 8;
        }
    }
    hex::encode(bytes).trim_start_matches('0').to_owned()
}

const NAME: &str = "leaf.example.com";

/// A fault put into a good token.
type Change = fn(Token, &Session<'_>) -> Token;
