//! Certificates: asked for, downloaded, revoked.

use serde_json::{Value, json};
use stepless_tests::{
    Csr, Key, KeyKind, Request,
    acme::{client::target, jws::base64url},
    csr::San,
};

use super::conversation::Conversation;
use crate::{cases::Cases, session::Stop, world::WorldKind::Acme};

pub(super) fn add(cases: &mut Cases) {
    finalized(cases);
    downloaded(cases);
    revoked(cases);
}

/// A request for an order of `name`.
type ForOrder = fn(&Conversation<'_, '_>, &str) -> Vec<u8>;

fn finalized(cases: &mut Cases) {
    for (title, request) in REQUESTS {
        cases.add_in(Acme, format!("acme/finalize/{title}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let name = talk.fresh_name();
            let order = talk.ready_order(&[&name])?;
            let request = request(&talk, &name);
            let answer = talk.finalize(&order, &request)?;
            download(&mut talk, &answer.json().unwrap_or_default())?;
            Ok(())
        });
    }
    for kind in [KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa2048] {
        cases.add_in(Acme, format!("acme/finalize/{kind:?}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let name = talk.fresh_name();
            let order = talk.ready_order(&[&name])?;
            let request = Csr::new("", &[San::Dns(&name)]).sign(&talk.key(kind));
            let answer = talk.finalize(&order, &request)?;
            download(&mut talk, &answer.json().unwrap_or_default())?;
            Ok(())
        });
    }
    cases.add_in(Acme, "acme/finalize/three names", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let names = [talk.fresh_name(), talk.fresh_name(), talk.fresh_name()];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let order = talk.ready_order(&names)?;
        for asked in [&names[..1], &names[..2], &[names[2], names[0], names[1]]] {
            let request = talk.csr(asked);
            let answer = talk.finalize(&order, &request)?;
            download(&mut talk, &answer.json().unwrap_or_default())?;
        }
        Ok(())
    });
    cases.add_in(Acme, "acme/finalize/common name forced", |session| {
        let mut talk = Conversation::with_account(session, "common-name")?;
        let name = talk.fresh_name();
        talk.issue(&[&name])?;
        Ok(())
    });
    cases.add_in(Acme, "acme/finalize/the account's key", |session| {
        let mut talk = Conversation::new(session, "acme");
        // One that both sides have, for it is in the certificate.
        talk.key = talk.key(KeyKind::P521);
        talk.new_account(&json!({}))?;
        let name = talk.fresh_name();
        let order = talk.ready_order(&[&name])?;
        let request = Csr::new("", &[San::Dns(&name)]).sign(&talk.key);
        let answer = talk.finalize(&order, &request)?;
        download(&mut talk, &answer.json().unwrap_or_default())?;
        Ok(())
    });
    cases.add_in(Acme, "acme/finalize/not ready", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&name])?;
        let request = talk.csr(&[&name]);
        talk.finalize(&order, &request)?;
        talk.read(&order.url)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/finalize/twice", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.ready_order(&[&name])?;
        let request = talk.csr(&[&name]);
        talk.finalize(&order, &request)?;
        talk.finalize(&order, &request)?;
        let other = Csr::new("", &[San::Dns(&name)]).sign(&Key::generate(KeyKind::P256));
        talk.finalize(&order, &other)?;
        Ok(())
    });
    let payloads = [
        ("without a request", json!({})),
        ("with a number", json!({"csr": 7})),
        ("with nothing", json!({"csr": ""})),
        ("with garbage", json!({"csr": "AAAA"})),
        ("as a list", json!([])),
    ];
    for (title, payload) in payloads {
        cases.add_in(Acme, format!("acme/finalize/{title}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let name = talk.fresh_name();
            let order = talk.ready_order(&[&name])?;
            talk.post(&order.finalize, &payload)?;
            talk.read(&order.url)?;
            Ok(())
        });
    }
}

fn downloaded(cases: &mut Cases) {
    cases.add_in(Acme, "acme/certificate/again", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let (url, _) = talk.issue(&[&name])?;
        talk.read(&url)?;
        talk.post(&url, &json!({}))?;
        talk.send(&Request::get(&target(&url)))?;
        talk.become_another()?;
        talk.read(&url)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/certificate/when to renew", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let (_, leaf) = talk.issue(&[&name])?;
        let id = stepless_tests::acme::renewal_id(&leaf);
        talk.hide(&id, "<certificate>");
        let url = talk.url_of(&format!("renewal-info/{id}"));
        talk.send(&Request::get(&target(&url)))?;
        Ok(())
    });
}

fn revoked(cases: &mut Cases) {
    add_revocation(cases, "by the account", |talk, leaf| {
        let url = talk.url_of("revoke-cert");
        talk.post(&url, &json!({"certificate": base64url(leaf)}))?;
        talk.post(&url, &json!({"certificate": base64url(leaf)}))?;
        Ok(())
    });
    add_revocation(cases, "by the certificate's key", |talk, leaf| {
        talk.key = talk.key(KeyKind::P256);
        talk.post_by_key("revoke-cert", &json!({"certificate": base64url(leaf)}))?;
        talk.post_by_key("revoke-cert", &json!({"certificate": base64url(leaf)}))?;
        Ok(())
    });
    add_revocation(cases, "by another key", |talk, leaf| {
        talk.key = Key::generate(KeyKind::P256).into();
        talk.post_by_key("revoke-cert", &json!({"certificate": base64url(leaf)}))?;
        Ok(())
    });
    add_revocation(cases, "by another account", |talk, leaf| {
        talk.become_another()?;
        let url = talk.url_of("revoke-cert");
        talk.post(&url, &json!({"certificate": base64url(leaf)}))?;
        Ok(())
    });
    let payloads = [
        ("of nothing", json!({})),
        ("of garbage", json!({"certificate": "AAAA"})),
        ("of a number", json!({"certificate": 7})),
    ];
    for (title, payload) in payloads {
        cases.add_in(Acme, format!("acme/revoke/{title}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let url = talk.url_of("revoke-cert");
            talk.post(&url, &payload)?;
            Ok(())
        });
    }
    // The last one spoils the key for every case behind it.
    for reason in [
        json!(0),
        json!(2),
        json!(6),
        json!(7),
        json!(8),
        json!(10),
        json!(11),
        json!(-1),
        json!("1"),
        json!(1),
    ] {
        add_revocation(cases, &format!("with reason {reason}"), move |talk, leaf| {
            let url = talk.url_of("revoke-cert");
            talk.post(&url, &json!({"certificate": base64url(leaf), "reason": reason}))?;
            Ok(())
        });
    }
}

fn add_revocation(
    cases: &mut Cases,
    title: &str,
    steps: impl Fn(&mut Conversation<'_, '_>, &[u8]) -> Result<(), Stop> + Sync + 'static,
) {
    cases.add_in(Acme, format!("acme/revoke/{title}"), move |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let (_, leaf) = talk.issue(&[&name])?;
        steps(&mut talk, &leaf)
    });
}

/// Downloads what a valid order names.
fn download(talk: &mut Conversation<'_, '_>, order: &Value) -> Result<(), Stop> {
    if let Some(url) = order["certificate"].as_str() {
        talk.read(url)?;
    }
    Ok(())
}

const REQUESTS: [(&str, ForOrder); 11] = [
    ("good", |talk, name| talk.csr(&[name])),
    ("common name too", |talk, name| Csr::new(name, &[San::Dns(name)]).sign(&talk.key(KeyKind::P256))),
    ("common name only", |talk, name| Csr::new(name, &[]).sign(&talk.key(KeyKind::P256))),
    ("in capitals", |talk, name| talk.csr(&[&name.to_uppercase()])),
    ("another name", |talk, _| talk.csr(&["other.example"])),
    ("one name more", |talk, name| talk.csr(&[name, "other.example"])),
    ("no name", |talk, _| Csr::new("", &[]).sign(&talk.key(KeyKind::P256))),
    ("a mail address", |talk, name| {
        Csr::new("", &[San::Dns(name), San::Email("a@b.example")]).sign(&talk.key(KeyKind::P256))
    }),
    ("an address", |talk, name| {
        Csr::new("", &[San::Dns(name), San::Ip(&[127, 0, 0, 1])]).sign(&talk.key(KeyKind::P256))
    }),
    ("a bad signature", |talk, name| Csr::new("", &[San::Dns(name)]).sign_badly(&talk.key(KeyKind::P256))),
    ("another common name", |talk, name| {
        Csr::new("other.example", &[San::Dns(name)]).sign(&talk.key(KeyKind::P256))
    }),
];
