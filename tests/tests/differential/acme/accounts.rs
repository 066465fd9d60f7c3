//! Directories, nonces, accounts.

use serde_json::{Value, json};
use stepless_tests::{Key, KeyKind, Request, acme::client::target};

use super::conversation::Conversation;
use crate::{
    cases::Cases,
    session::{Session, Stop},
    world::WorldKind::Acme,
};

pub(super) fn add(cases: &mut Cases) {
    directories(cases);
    new_accounts(cases);
    changes(cases);
}

fn directories(cases: &mut Cases) {
    for (title, path) in [
        ("plain", "/acme/acme/directory"),
        ("older path", "/2.0/acme/acme/directory"),
        ("with everything", "/acme/terms/directory"),
        ("bound", "/acme/bound/directory"),
        ("of a name with a space", "/acme/my%20acme/directory"),
        ("of nobody", "/acme/nobody/directory"),
        ("of another kind of provisioner", "/acme/admin/directory"),
        ("nothing", "/acme/acme/nothing"),
        ("nonce", "/acme/acme/new-nonce"),
    ] {
        for method in ["GET", "HEAD"] {
            cases.add_in(Acme, format!("acme/directory/{method} {title}"), move |session| {
                Conversation::new(session, "acme").send(&Request::new(method, path))?;
                Ok(())
            });
        }
    }
    for resource in ["directory", "new-nonce"] {
        cases.add_in(Acme, format!("acme/directory/POST-as-GET {resource}"), move |session| {
            let mut talk = Conversation::with_account(session, "acme")?;
            let url = talk.url_of(resource);
            talk.read(&url)?;
            Ok(())
        });
    }
    for resource in ["new-account", "new-order", "revoke-cert", "order/x", "account/x"] {
        cases.add_in(Acme, format!("acme/directory/plain GET {resource}"), move |session| {
            let mut talk = Conversation::new(session, "acme");
            let url = talk.url_of(resource);
            talk.send(&Request::get(&target(&url)))?;
            Ok(())
        });
    }
}

fn new_accounts(cases: &mut Cases) {
    let payloads = [
        ("plain", json!({})),
        ("with terms", json!({"termsOfServiceAgreed": true})),
        ("with a contact", json!({"contact": ["mailto:one@example.org"]})),
        ("with two contacts", json!({"contact": ["mailto:one@example.org", "mailto:two@example.org"]})),
        ("with an empty contact", json!({"contact": [""]})),
        ("with contacts of one URL", json!({"contact": ["mailto:one@example.org,two@example.org"]})),
        ("with a telephone", json!({"contact": ["tel:+12025551212"]})),
        ("with a contact that is none", json!({"contact": ["one"]})),
        ("with contact as text", json!({"contact": "mailto:one@example.org"})),
        ("with unknown members", json!({"colour": "green", "orders": "https://evil.example/"})),
        ("only existing", json!({"onlyReturnExisting": true})),
        (
            "only existing, with a contact",
            json!({"onlyReturnExisting": true, "contact": ["mailto:one@example.org"]}),
        ),
        ("list", json!([])),
        ("null", Value::Null),
    ];
    for (title, payload) in payloads {
        cases.add_in(Acme, format!("acme/account/new {title}"), move |session| {
            Conversation::new(session, "acme").post_by_key("new-account", &payload)?;
            Ok(())
        });
    }
    cases.add_in(Acme, "acme/account/new without agreement", |session| {
        Conversation::new(session, "terms").post_by_key("new-account", &json!({}))?;
        Ok(())
    });
    cases.add_in(Acme, "acme/account/new with agreement", |session| {
        Conversation::with_account(session, "terms")?;
        Ok(())
    });
    cases.add_in(Acme, "acme/account/new without a binding", |session| {
        Conversation::new(session, "bound").post_by_key("new-account", &json!({}))?;
        Ok(())
    });
    cases.add_in(Acme, "acme/account/new with an unknown binding", |session| {
        let mut talk = Conversation::new(session, "bound");
        let url = talk.url_of("new-account");
        let binding = stepless_tests::acme::Jws {
            protected: json!({"alg": "HS256", "kid": "nobody", "url": url}),
            payload: talk.key.bare_jwk().to_string(),
        };
        let payload = json!({"externalAccountBinding": binding.mac(b"secret").members});
        talk.post_by_key("new-account", &payload)?;
        Ok(())
    });
    cases.add_in(Acme, "acme/account/new again", |session| {
        let mut talk = Conversation::with_account(session, "acme")?;
        talk.post_by_key("new-account", &json!({}))?;
        talk.post_by_key("new-account", &json!({"onlyReturnExisting": true}))?;
        talk.post_by_key("new-account", &json!({"contact": ["mailto:one@example.org"]}))?;
        Ok(())
    });
    for kind in [KeyKind::P384, KeyKind::P521, KeyKind::Ed25519, KeyKind::Rsa2048, KeyKind::Rsa4096] {
        cases.add_in(Acme, format!("acme/account/new of {kind:?}"), move |session| {
            let mut talk = Conversation::new(session, "acme");
            talk.key = Key::generate(kind).into();
            talk.new_account(&json!({}))?;
            let url = talk.kid.clone();
            talk.read(&url)?;
            Ok(())
        });
    }
}

fn changes(cases: &mut Cases) {
    add_change(cases, "read", |talk| talk.read(&talk.kid.clone()).map(|_| ()));
    let updates = [
        ("contact", json!({"contact": ["mailto:new@example.org"]})),
        ("no contact", json!({"contact": []})),
        ("nothing", json!({})),
        ("unknown member", json!({"colour": "green"})),
        ("status valid", json!({"status": "valid"})),
        ("status revoked", json!({"status": "revoked"})),
        ("status and contact", json!({"status": "deactivated", "contact": ["mailto:new@example.org"]})),
        ("bad contact", json!({"contact": [""]})),
    ];
    for (title, payload) in updates {
        add_change(cases, &format!("update {title}"), move |talk| {
            let url = talk.kid.clone();
            talk.post(&url, &payload)?;
            talk.read(&url)?;
            Ok(())
        });
    }
    add_change(cases, "deactivated", |talk| {
        let (account, orders) = (talk.kid.clone(), talk.url_of("new-order"));
        talk.post(&account, &json!({"status": "deactivated"}))?;
        talk.read(&account)?;
        talk.post(&orders, &json!({"identifiers": [{"type": "dns", "value": "a.example"}]}))?;
        talk.post_by_key("new-account", &json!({}))?;
        Ok(())
    });
    add_change(cases, "of another", |talk| {
        let account = talk.kid.clone();
        talk.become_another()?;
        talk.read(&account)?;
        talk.post(&account, &json!({"contact": ["mailto:evil@example.org"]}))?;
        talk.read(&format!("{account}/orders"))?;
        Ok(())
    });
    add_change(cases, "orders", |talk| {
        let orders = format!("{}/orders", talk.kid);
        talk.read(&orders)?;
        let name = talk.fresh_name();
        talk.order(&[&name])?;
        talk.read(&orders)?;
        Ok(())
    });
    add_change(cases, "key change", |talk| {
        let url = talk.url_of("key-change");
        let new = Key::generate(KeyKind::P256);
        let inner = stepless_tests::acme::Jws {
            protected: json!({"alg": "ES256", "jwk": new.bare_jwk(), "url": url}),
            payload: json!({"account": talk.kid, "oldKey": talk.key.bare_jwk()}).to_string(),
        };
        talk.post(&url, &inner.sign(&new).members)?;
        Ok(())
    });
}

fn add_change(
    cases: &mut Cases,
    title: &str,
    steps: impl Fn(&mut Conversation<'_, '_>) -> Result<(), Stop> + Sync + 'static,
) {
    cases.add_in(Acme, format!("acme/account/{title}"), move |session: &mut Session<'_>| {
        steps(&mut Conversation::with_account(session, "acme")?)
    });
}
