//! /renew and /re-sign: by client certificate and by bearer token.

use std::{sync::Arc, thread, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use stepless_tests::{Csr, Identity, Key, KeyKind, Request, Token, asn1::extension, leaf::Leaf};

use crate::{
    cases::Cases,
    session::{Session, fresh_id},
    world::{ODD_NAME, WorldKind},
};

pub(crate) fn add(cases: &mut Cases) {
    by_certificate(cases);
    strangers(cases);
    expired(cases);
}

fn by_certificate(cases: &mut Cases) {
    for path in ["/renew", "/1.0/renew", "/re-sign", "/1.0/re-sign"] {
        cases.add(format!("renew/mtls{path}"), move |session| {
            let identity = session.issue("admin", NAME, &json!({}))?;
            let response = session.send_as(&identity, &renew(path))?;
            session.identity(&response, identity.key)?;
            Ok(())
        });
    }
    let kinds = [
        ("P-384", KeyKind::P384),
        ("P-521", KeyKind::P521),
        ("Ed25519", KeyKind::Ed25519),
        ("RSA", KeyKind::Rsa2048),
    ];
    for (name, kind) in kinds {
        cases.add(format!("renew/mtls key {name}"), move |session| {
            let identity = session.issue_with("admin", NAME, kind, &json!({}))?;
            session.send_as(&identity, &renew("/renew"))?;
            Ok(())
        });
    }
    for provisioner in ["no-renewal", "after-expiry", "no-extension", "short", "long", "ed25519", ODD_NAME] {
        cases.add(format!("renew/mtls provisioner {provisioner}"), move |session| {
            let identity = session.issue(provisioner, NAME, &json!({}))?;
            session.send_as(&identity, &renew("/renew"))?;
            Ok(())
        });
    }
    for (title, names) in [
        ("mixed", &["a.x", "10.1.2.3", "a@x.y", "https://x/y"][..]),
        ("ipv6", &["2001:db8::1"]),
        ("many", &["a.x", "b.x", "c.x", "*.d.x", "10.0.0.1", "10.0.0.2"]),
    ] {
        cases.add(format!("renew/mtls names {title}"), move |session| {
            let ott = session.ott("sub, ject \"x\"", names);
            let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P256));
            let response = session.sign(&json!({"csr": csr, "ott": ott}))?;
            let identity = session.identity(&response, session.key(KeyKind::P256))?;
            session.send_as(&identity, &renew("/renew"))?;
            Ok(())
        });
    }
    cases.add("renew/mtls twice", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        for _ in 0..2 {
            session.send_as(&identity, &renew("/renew"))?;
        }
        Ok(())
    });
    cases.add("renew/mtls the renewed", |session| {
        let mut identity = session.issue("admin", NAME, &json!({"notAfter": "1h"}))?;
        for _ in 0..3 {
            let response = session.send_as(&identity, &renew("/renew"))?;
            identity = session.identity(&response, identity.key)?;
        }
        Ok(())
    });
    for after in ["5m", "4m", "1h23m45s", "24h"] {
        cases.add(format!("renew/mtls duration {after}"), move |session| {
            let identity = session.issue("admin", NAME, &json!({"notAfter": after}))?;
            session.send_as(&identity, &renew("/renew"))?;
            Ok(())
        });
    }
    for (title, body) in [("json", "{\"csr\":\"x\"}"), ("garbage", "garbage"), ("empty object", "{}")] {
        cases.add(format!("renew/mtls body {title}"), move |session| {
            let identity = session.issue("admin", NAME, &json!({}))?;
            session.send_as(&identity, &renew("/renew").body(body))?;
            Ok(())
        });
    }
    cases.add("renew/mtls and a bad bearer token", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        session.send_as(&identity, &renew("/renew").header("Authorization", "Bearer garbage"))?;
        Ok(())
    });
    cases.add("renew/mtls not yet valid", |session| {
        let identity = session.issue("admin", NAME, &json!({"notBefore": "1h"}))?;
        session.send_as(&identity, &renew("/renew"))?;
        Ok(())
    });
    cases.add("renew/mtls leaf only", |session| {
        let mut identity = session.issue("admin", NAME, &json!({}))?;
        identity.chain.truncate(1);
        session.send_as(&identity, &renew("/renew"))?;
        Ok(())
    });
    cases.add("renew/mtls with the root behind", |session| {
        let mut identity = session.issue("admin", NAME, &json!({}))?;
        identity.chain.push(session.world.root());
        session.send_as(&identity, &renew("/renew"))?;
        Ok(())
    });
    cases.add("renew/mtls revoked", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        session.send_as(&identity, &revoke(&identity))?;
        session.send_as(&identity, &renew("/renew"))?;
        Ok(())
    });
    cases.add_in(WorldKind::Rsa, "renew/rsa/mtls", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        session.send_as(&identity, &renew("/renew"))?;
        Ok(())
    });
    cases.add_in(WorldKind::Ssh, "renew/ssh/mtls", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        session.send_as(&identity, &renew("/renew"))?;
        Ok(())
    });
}

/// Certificates that no server issued, though the issuer's own key signed some of them.
fn strangers(cases: &mut Cases) {
    let add = |cases: &mut Cases, title: &str, leaf: fn(Leaf, &Session<'_>) -> Leaf| {
        for way in ["mtls", "token"] {
            cases.add(format!("renew/{way} stranger {title}"), move |session| {
                let identity = forge(session, leaf);
                if way == "mtls" {
                    session.send_as(&identity, &renew("/renew"))?;
                } else {
                    let token = renew_token(session, &identity, "renew").sign(&identity.key);
                    session.send(&bearer("/renew", &token))?;
                }
                Ok(())
            });
        }
    };
    add(cases, "with an extension", |leaf, session| {
        leaf.provisioner("admin", &session.provisioner("admin").thumbprint())
    });
    add(cases, "with the extension of no provisioner", |leaf, _| leaf.provisioner("gone", "kid"));
    add(cases, "with a renewal-disabled extension", |leaf, session| {
        leaf.provisioner("no-renewal", &session.provisioner("no-renewal").thumbprint())
    });
    add(cases, "with another credential", |leaf, _| leaf.provisioner("admin", "kid"));
    add(cases, "with a garbage extension", |mut leaf, _| {
        leaf.extensions.push(extension("1.3.6.1.4.1.37476.9000.64.1", false, b"\xff"));
        leaf
    });
    add(cases, "without an extension", |leaf, _| leaf);
    add(cases, "with a critical unknown extension", |mut leaf, session| {
        leaf.extensions.push(extension("1.2.3.4", true, b"x"));
        leaf.provisioner("admin", &session.provisioner("admin").thumbprint())
    });
    add(cases, "expired", |mut leaf, session| {
        (leaf.not_before, leaf.not_after) = (session.now() - 7200, session.now() - 3600);
        leaf.provisioner("admin", &session.provisioner("admin").thumbprint())
    });
    add(cases, "expired, renewal after expiry", |mut leaf, session| {
        (leaf.not_before, leaf.not_after) = (session.now() - 7200, session.now() - 3600);
        leaf.provisioner("after-expiry", &session.provisioner("after-expiry").thumbprint())
    });
    for way in ["mtls", "token"] {
        cases.add(format!("renew/{way} stranger of a foreign issuer"), move |session| {
            let key = session.key(KeyKind::P256);
            let foreign = Key::generate(KeyKind::P256);
            let now = session.now();
            let issuer = session.world.intermediates().remove(0);
            let der = Leaf::new(NAME, now - 60, now + 3600, &serial())
                .provisioner("admin", &session.provisioner("admin").thumbprint())
                .sign(&key, &issuer, &foreign);
            let identity = Identity { chain: vec![der, issuer], key };
            if way == "mtls" {
                session.send_as(&identity, &renew("/renew"))?;
            } else {
                let token = renew_token(session, &identity, "renew").sign(&identity.key);
                session.send(&bearer("/renew", &token))?;
            }
            Ok(())
        });
    }
    cases.add("renew/mtls the intermediate itself", |session| {
        let chain = session.world.intermediates();
        let key = Arc::new(Key::from_pkcs8(session.world.issuer_key().pkcs8()));
        session.send_as(&Identity { chain, key }, &renew("/renew"))?;
        Ok(())
    });
}

/// Certificates the server issued itself, after their end.
fn expired(cases: &mut Cases) {
    cases.add("renew/expired", |session| {
        session.moments_differ();
        let provisioners = ["short", "after-expiry"];
        let mut identities = Vec::new();
        for provisioner in provisioners {
            identities.push(session.issue(provisioner, NAME, &json!({"notAfter": "1s"}))?);
        }
        thread::sleep(Duration::from_millis(2100));
        for identity in &identities {
            let token = renew_token(session, identity, "renew").sign(&identity.key);
            session.send(&bearer("/renew", &token))?;
        }
        let refused = session.send_as(&identities[1], &revoke(&identities[1]));
        drop(refused);
        Ok(())
    });
    cases.add("renew/expired and revoked", |session| {
        session.moments_differ();
        let identity = session.issue("after-expiry", NAME, &json!({"notAfter": "1s"}))?;
        session.send_as(&identity, &revoke(&identity))?;
        thread::sleep(Duration::from_millis(2100));
        let token = renew_token(session, &identity, "renew").sign(&identity.key);
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
}

/// A certificate signed by the issuer's own key, unknown to every store.
pub(crate) fn forge(session: &mut Session<'_>, change: fn(Leaf, &Session<'_>) -> Leaf) -> Identity {
    let key = session.key(KeyKind::P256);
    let now = session.now();
    let issuer = session.world.intermediates().remove(0);
    let leaf = change(Leaf::new(NAME, now - 60, now + 3600, &serial()), session);
    let der = leaf.sign(&key, &issuer, session.world.issuer_key());
    session.hide(&stepless_tests::certificate::serial_of(&der), "<serial>");
    Identity { chain: vec![der, issuer], key }
}

/// The token `step ca renew --mtls=false` makes, before it is signed.
pub(crate) fn renew_token(session: &Session<'_>, identity: &Identity, operation: &str) -> Token {
    let chain: Vec<Value> = identity.chain.iter().map(|der| BASE64_STANDARD.encode(der).into()).collect();
    let audience = session.audience(operation).replace("/1.0/", "/");
    Token::new(&identity.key, "step-ca-client/1.0", &audience, NAME, &fresh_id(), session.now())
        .without_header("kid")
        .with_header("x5cInsecure", chain)
}

pub(crate) fn bearer(path: &str, token: &str) -> Request {
    renew(path).header("Authorization", &format!("Bearer {token}"))
}

pub(crate) fn renew(path: &str) -> Request {
    Request::new("POST", path).header("Content-Type", "application/json").body("")
}

pub(crate) fn revoke(identity: &Identity) -> Request {
    let serial = stepless_tests::certificate::serial_of(&identity.chain[0]);
    Request::post("/revoke", &json!({"serial": serial, "passive": true}))
}

fn serial() -> [u8; 16] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, fresh_id().as_bytes());
    let mut serial = [0; 16];
    serial.copy_from_slice(&digest.as_ref()[..16]);
    serial[0] |= 0x40;
    serial
}

pub(crate) const NAME: &str = "leaf.example.com";
