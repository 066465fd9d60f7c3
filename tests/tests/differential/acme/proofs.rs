//! Challenges, answered well and badly.

use serde_json::json;

use super::conversation::Conversation;
use crate::{cases::Cases, world::WorldKind::Acme};

pub(super) fn add(cases: &mut Cases) {
    for kind in KINDS {
        cases.add_in(Acme, format!("acme/challenge/{kind} right"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let name = talk.fresh_name();
            let order = talk.order(&[&name])?;
            talk.prove(&order, kind)?;
            talk.read(&order.authorizations[0])?;
            talk.read(&order.url)?;
            Ok(())
        });
        cases.add_in(Acme, format!("acme/challenge/{kind} wrong"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let name = talk.fresh_name();
            let order = talk.order(&[&name])?;
            let challenge = talk.challenge(&order.authorizations[0], kind)?;
            talk.show_this(&name, kind, &challenge, "another answer");
            talk.ready(&challenge)?;
            talk.read(&order.authorizations[0])?;
            talk.read(&order.url)?;
            Ok(())
        });
        cases.add_in(Acme, format!("acme/challenge/{kind} of another account"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let name = talk.fresh_name();
            let order = talk.order(&[&name])?;
            let challenge = talk.challenge(&order.authorizations[0], kind)?;
            let theirs = format!("{}.{}", challenge.token, "A".repeat(43));
            talk.show_this(&name, kind, &challenge, &theirs);
            talk.ready(&challenge)?;
            talk.read(&order.url)?;
            Ok(())
        });
    }
    for kind in ["http-01", "tls-alpn-01"] {
        cases.add_in(Acme, format!("acme/challenge/{kind} out of reach"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let name = talk.fresh_name();
            talk.resolve(&name, stepless_tests::acme::loopback::NOBODY);
            let order = talk.order(&[&name])?;
            let challenge = talk.challenge(&order.authorizations[0], kind)?;
            talk.ready(&challenge)?;
            talk.read(&order.authorizations[0])?;
            Ok(())
        });
    }
    cases.add_in(Acme, "acme/challenge/dns-01 missing", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&name])?;
        let challenge = talk.challenge(&order.authorizations[0], "dns-01")?;
        talk.ready(&challenge)?;
        talk.read(&order.authorizations[0])?;
        Ok(())
    });
    cases.add_in(Acme, "acme/challenge/http-01 not found", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&name])?;
        let challenge = talk.challenge(&order.authorizations[0], "http-01")?;
        talk.ready(&challenge)?;
        talk.read(&order.authorizations[0])?;
        Ok(())
    });
    cases.add_in(Acme, "acme/challenge/http-01 without an address", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        talk.unresolvable(&name);
        let order = talk.order(&[&name])?;
        let challenge = talk.challenge(&order.authorizations[0], "http-01")?;
        talk.ready(&challenge)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/challenge/a wildcard", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&format!("*.{name}")])?;
        talk.prove(&order, "dns-01")?;
        talk.read(&order.url)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/challenge/an address", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let order = talk.order_with(&json!({"identifiers": [{"type": "ip", "value": "127.0.0.2"}]}))?;
        talk.prove(&order, "http-01")?;
        talk.read(&order.url)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/challenge/answered twice", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&name])?;
        let challenge = talk.challenge(&order.authorizations[0], "http-01")?;
        talk.show(&name, "http-01", &challenge);
        talk.ready(&challenge)?;
        talk.ready(&challenge)?;
        Ok(())
    });
    let payloads =
        [("nothing", None), ("a list", Some(json!([]))), ("members", Some(json!({"keyAuthorization": "x"})))];
    for (title, payload) in payloads {
        cases.add_in(Acme, format!("acme/challenge/answered with {title}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let name = talk.fresh_name();
            let order = talk.order(&[&name])?;
            let challenge = talk.challenge(&order.authorizations[0], "http-01")?;
            talk.show(&name, "http-01", &challenge);
            match &payload {
                Some(payload) => talk.post(&challenge.url, payload)?,
                None => talk.read(&challenge.url)?,
            };
            talk.read(&order.authorizations[0])?;
            Ok(())
        });
    }
}

const KINDS: [&str; 3] = ["http-01", "dns-01", "tls-alpn-01"];
