//! How requests are signed, and how they are not.

use serde_json::json;
use stepless_tests::{
    Key, KeyKind,
    acme::{Jws, Signed},
};

use super::conversation::Conversation;
use crate::{cases::Cases, world::WorldKind::Acme};

/// Makes a signed message of a good one.
type Sign = fn(Jws, &Key) -> Signed;

pub(super) fn add(cases: &mut Cases) {
    for kind in
        ["application/json", "application/jose", "text/plain", "", "application/jose+json; charset=utf-8"]
    {
        cases.add_in(Acme, format!("acme/message/content type {kind:?}"), move |session| {
            let mut talk = Conversation::new(session, "acme");
            let url = talk.url_of("new-account");
            let message = talk.by_key(&url, "{}")?.sign(&talk.key);
            talk.deliver_as(&url, kind, &message.body())?;
            Ok(())
        });
    }
    for body in ["", "not JSON", "[]", "null", "{}", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"] {
        cases.add_in(Acme, format!("acme/message/body {body:?}"), move |session| {
            let mut talk = Conversation::new(session, "acme");
            let url = talk.url_of("new-account");
            talk.deliver_as(&url, "application/jose+json", body)?;
            Ok(())
        });
    }
    for (title, sign) in MESSAGES {
        cases.add_in(Acme, format!("acme/message/{title}"), move |session| {
            let mut talk = Conversation::new(session, "acme");
            let url = talk.url_of("new-account");
            let message = talk.by_key(&url, "{}")?;
            let message = sign(message, &talk.key);
            talk.deliver(&url, &message)?;
            Ok(())
        });
    }
    for (title, sign) in OF_ACCOUNTS {
        cases.add_in(Acme, format!("acme/message/of an account {title}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let url = talk.kid.clone();
            let message = talk.by_account(&url, "")?;
            let message = sign(message, &talk.key);
            talk.deliver(&url, &message)?;
            talk.read(&url)?;
            Ok(())
        });
    }
    cases.add_in(Acme, "acme/message/nonce twice", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let url = talk.kid.clone();
        let message = talk.by_account(&url, "")?.sign(&talk.key);
        talk.deliver(&url, &message)?;
        talk.deliver(&url, &message)?;
        talk.read(&url)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/message/nonce after a bad signature", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let url = talk.kid.clone();
        let message = talk.by_account(&url, "")?;
        let bad = message.with_signature(&[7; 64]);
        talk.deliver(&url, &bad)?;
        let good = message.sign(&talk.key);
        talk.deliver(&url, &good)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/message/account of another provisioner", |session| {
        let kid = Conversation::with_account(session, "acme")?.kid;
        let mut talk = Conversation::new(session, "short");
        talk.kid = kid;
        let url = talk.url_of("new-order");
        talk.post(&url, &json!({"identifiers": [{"type": "dns", "value": "a.example"}]}))?;
        Ok(())
    });
}

const MESSAGES: [(&str, Sign); 22] = [
    ("good", |jws, key| jws.sign(key)),
    ("bad signature", |jws, _| jws.sign(&Key::generate(KeyKind::P256))),
    ("empty signature", |jws, _| jws.with_signature(b"")),
    ("signature of zeros", |jws, _| jws.with_signature(&[0; 64])),
    ("no signature", |jws, key| jws.sign(key).without("signature")),
    ("alg none", |jws, _| jws.header("alg", "none").with_signature(b"")),
    ("alg HS256", |jws, key| jws.header("alg", "HS256").mac(&key.spki())),
    ("alg of another key", |jws, key| jws.header("alg", "RS256").sign(key)),
    ("alg unknown", |jws, key| jws.header("alg", "XS256").sign(key)),
    ("no alg", |jws, key| jws.without_header("alg").sign(key)),
    ("no url", |jws, key| jws.without_header("url").sign(key)),
    ("another url", |jws, key| jws.header("url", "https://localhost/acme/acme/new-order").sign(key)),
    ("no nonce", |jws, key| jws.without_header("nonce").sign(key)),
    ("unknown nonce", |jws, key| jws.header("nonce", "AAAAAAAAAAAAAAAAAAAAAA").sign(key)),
    ("nonce that is no base64url", |jws, key| jws.header("nonce", "AAAA+/==").sign(key)),
    ("jwk and kid", |jws, key| jws.header("kid", "https://localhost/acme/acme/account/x").sign(key)),
    ("neither jwk nor kid", |jws, key| jws.without_header("jwk").sign(key)),
    ("unprotected header", |jws, key| jws.sign(key).with("header", json!({"colour": "green"}))),
    ("general serialisation", |jws, key| {
        let signed = jws.sign(key);
        let one = json!({"protected": signed.members["protected"], "signature": signed.members["signature"]});
        signed.without("protected").without("signature").with("signatures", json!([one]))
    }),
    ("padded payload", |jws, key| jws.sign(key).padded("payload")),
    ("unknown critical member", |jws, key| jws.header("crit", json!(["x"])).header("x", 1).sign(key)),
    ("private key", |jws, key| {
        let mut jwk = key.bare_jwk();
        jwk["d"] = "AQ".into();
        jws.header("jwk", jwk).sign(key)
    }),
];

const OF_ACCOUNTS: [(&str, Sign); 5] = [
    ("with jwk", |jws, key| jws.without_header("kid").header("jwk", key.bare_jwk()).sign(key)),
    ("with both", |jws, key| jws.header("jwk", key.bare_jwk()).sign(key)),
    ("with an unknown kid", |jws, key| {
        jws.header("kid", "https://localhost/acme/acme/account/AAAAAAAAAAAAAAAAAAAAAA").sign(key)
    }),
    ("with a kid that is no URL", |jws, key| jws.header("kid", "x").sign(key)),
    ("by another key", |jws, _| jws.sign(&Key::generate(KeyKind::P256))),
];
