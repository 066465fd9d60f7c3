//! Orders and authorizations.

use serde_json::{Value, json};

use super::conversation::Conversation;
use crate::{cases::Cases, world::WorldKind::Acme};

pub(super) fn add(cases: &mut Cases) {
    asked(cases);
    dates(cases);
    looked_at(cases);
}

fn asked(cases: &mut Cases) {
    for name in NAMES {
        cases.add_in(Acme, format!("acme/order/of {name:?}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let url = talk.url_of("new-order");
            talk.post(&url, &json!({"identifiers": [{"type": "dns", "value": name}]}))?;
            Ok(())
        });
    }
    for address in ADDRESSES {
        cases.add_in(Acme, format!("acme/order/of address {address:?}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let url = talk.url_of("new-order");
            talk.post(&url, &json!({"identifiers": [{"type": "ip", "value": address}]}))?;
            Ok(())
        });
    }
    let payloads = [
        ("no identifiers", json!({})),
        ("an empty list", json!({"identifiers": []})),
        ("an unknown type", json!({"identifiers": [{"type": "colour", "value": "green"}]})),
        ("no type", json!({"identifiers": [{"value": "a.example"}]})),
        (
            "two names",
            json!({"identifiers": [{"type": "dns", "value": "a.example"}, {"type": "dns", "value": "b.example"}]}),
        ),
        (
            "a name twice",
            json!({"identifiers": [{"type": "dns", "value": "a.example"}, {"type": "dns", "value": "a.example"}]}),
        ),
        (
            "a name and an address",
            json!({"identifiers": [{"type": "dns", "value": "a.example"}, {"type": "ip", "value": "127.0.0.1"}]}),
        ),
        (
            "two bad names",
            json!({"identifiers": [{"type": "dns", "value": "a b"}, {"type": "dns", "value": "c d"}]}),
        ),
        (
            "an unknown profile",
            json!({"identifiers": [{"type": "dns", "value": "a.example"}], "profile": "fancy"}),
        ),
        ("null", Value::Null),
    ];
    for (title, payload) in payloads {
        cases.add_in(Acme, format!("acme/order/of {title}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let url = talk.url_of("new-order");
            talk.post(&url, &payload)?;
            Ok(())
        });
    }
    cases.add_in(Acme, "acme/order/of a wildcard where http-01 alone is offered", |session| {
        let mut talk = Conversation::with_account(session, "http-only")?;
        let url = talk.url_of("new-order");
        talk.post(&url, &json!({"identifiers": [{"type": "dns", "value": "*.a.example"}]}))?;
        Ok(())
    });
}

fn dates(cases: &mut Cases) {
    let spans: [(&str, Option<i64>, Option<i64>); 6] = [
        ("an end", None, Some(1800)),
        ("a beginning and an end", Some(60), Some(1800)),
        ("an end before the beginning", Some(1800), Some(60)),
        ("too late an end", None, Some(7200)),
        ("too early an end", None, Some(10)),
        ("an end in the past", None, Some(-3600)),
    ];
    for (title, begin, end) in spans {
        cases.add_in(Acme, format!("acme/order/with {title}"), move |session| {
            let mut talk = Conversation::with_account(session, "short")?;
            let name = talk.fresh_name();
            let mut payload = json!({"identifiers": [{"type": "dns", "value": name}]});
            for (member, seconds) in [("notBefore", begin), ("notAfter", end)] {
                if let Some(seconds) = seconds {
                    payload[member] = talk.moment(seconds).into();
                }
            }
            let order = talk.order_with(&payload)?;
            talk.prove(&order, "http-01")?;
            let csr = talk.csr(&[&name]);
            talk.finalize(&order, &csr)?;
            Ok(())
        });
    }
    for text in ["tomorrow", "24h", "", "2099-01-01T00:00:00"] {
        cases.add_in(Acme, format!("acme/order/until {text:?}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let url = talk.url_of("new-order");
            let identifiers = json!([{"type": "dns", "value": "a.example"}]);
            talk.post(&url, &json!({"identifiers": identifiers, "notAfter": text}))?;
            Ok(())
        });
    }
}

fn looked_at(cases: &mut Cases) {
    cases.add_in(Acme, "acme/order/read", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&name])?;
        talk.read(&order.url)?;
        talk.read(&order.authorizations[0])?;
        Ok(())
    });
    cases.add_in(Acme, "acme/order/read as JSON", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&name])?;
        talk.post(&order.url, &json!({}))?;
        talk.post(&order.authorizations[0], &json!({}))?;
        Ok(())
    });
    cases.add_in(Acme, "acme/order/authorization of a wildcard", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&format!("*.{name}")])?;
        talk.read(&order.authorizations[0])?;
        Ok(())
    });
    cases.add_in(Acme, "acme/order/authorization of an address", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let order = talk.order_with(&json!({"identifiers": [{"type": "ip", "value": "127.0.0.2"}]}))?;
        talk.read(&order.authorizations[0])?;
        Ok(())
    });
    cases.add_in(Acme, "acme/order/authorization deactivated", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&name])?;
        talk.post(&order.authorizations[0], &json!({"status": "deactivated"}))?;
        talk.read(&order.authorizations[0])?;
        talk.read(&order.url)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/order/of another account", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let name = talk.fresh_name();
        let order = talk.order(&[&name])?;
        let challenge = talk.challenge(&order.authorizations[0], "http-01")?;
        talk.become_another()?;
        talk.read(&order.url)?;
        talk.read(&order.authorizations[0])?;
        talk.read(&challenge.url)?;
        talk.ready(&challenge)?;
        let csr = talk.csr(&[&name]);
        talk.finalize(&order, &csr)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/order/that is none", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        for resource in
            ["order/x", "authz/x", "challenge/x/y", "certificate/x", "order/x/finalize", "account/x"]
        {
            let url = talk.url_of(resource);
            talk.read(&url)?;
        }
        Ok(())
    });
    cases.add_in(Acme, "acme/order/before it", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        let url = talk.url_of("new-authz");
        talk.post(&url, &json!({"identifier": {"type": "dns", "value": "a.example"}}))?;
        Ok(())
    });
}

const NAMES: [&str; 18] = [
    "a.example",
    "A.Example",
    "*.a.example",
    "xn--bcher-kva.example",
    "a",
    "a.example.",
    "a..example",
    "-a.example",
    "a_b.example",
    "a b.example",
    "*.*.example",
    "a.*.example",
    "bücher.example",
    "a.example:80",
    "a.example/x",
    "127.0.0.1",
    "",
    "*",
];

const ADDRESSES: [&str; 8] =
    ["127.0.0.1", "::1", "2001:DB8::1", "2001:db8:0:0::1", "[::1]", "127.1", "a.example", "0.0.0.0"];
