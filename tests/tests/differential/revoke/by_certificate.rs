//! By client certificate.

use std::sync::Arc;

use serde_json::{Value, json};
use stepless_tests::{Csr, Identity, Request, certificate::serial_of};

use super::{NAME, own_key, revoke, to_hex, token};
use crate::{
    cases::Cases,
    session::{Session, Stop},
};

pub(super) fn add(cases: &mut Cases) {
    let with = |change: fn(&str) -> Value| {
        let key = own_key();
        move |session: &mut Session<'_>| -> Result<(), Stop> {
            let identity = session.issue_for("admin", NAME, Arc::clone(&key), &json!({}))?;
            let serial = serial_of(&identity.chain[0]);
            session.hide(&to_hex(&serial), "<serial in hex>");
            let body = change(&serial);
            session.send_as(&identity, &Request::post("/revoke", &body))?;
            session.send_as(&identity, &Request::new("POST", "/renew").body(""))?;
            Ok(())
        }
    };
    cases.add("revoke/mtls good", with(|serial| json!({"serial": serial, "passive": true})));
    cases.add(
        "revoke/mtls with a reason",
        with(|serial| json!({"serial": serial, "passive": true, "reasonCode": 1, "reason": "lost"})),
    );
    cases.add(
        "revoke/mtls hex serial",
        with(|serial| json!({"serial": format!("0x{}", to_hex(serial)), "passive": true})),
    );
    cases.add(
        "revoke/mtls hex serial without its mark",
        with(|serial| json!({"serial": to_hex(serial), "passive": true})),
    );
    cases.add("revoke/mtls other serial", with(|_| json!({"serial": "1", "passive": true})));
    cases.add("revoke/mtls no serial", with(|_| json!({"passive": true})));
    cases.add("revoke/mtls not passive", with(|serial| json!({"serial": serial})));
    cases.add(
        "revoke/mtls bad reason code",
        with(|serial| json!({"serial": serial, "passive": true, "reasonCode": 11})),
    );
    cases
        .add("revoke/mtls empty token", with(|serial| json!({"serial": serial, "passive": true, "ott": ""})));
    cases.add(
        "revoke/mtls and a garbage token",
        with(|serial| json!({"serial": serial, "passive": true, "ott": "garbage"})),
    );
    let key = own_key();
    cases.add("revoke/key compromise, then the same key", move |session| {
        let first = session.issue_for("admin", NAME, Arc::clone(&key), &json!({}))?;
        let second = session.issue_for("admin", NAME, Arc::clone(&key), &json!({}))?;
        revoke(session, &serial_of(&first.chain[0]), &json!({"reasonCode": 1}))?;
        session.send_as(&second, &Request::new("POST", "/renew").body(""))?;
        let csr = Csr::new("", &[]).pem(&key);
        let other = session.issue("admin", NAME, &json!({}))?;
        session.send_as(&other, &Request::post("/rekey", &json!({"csr": csr})))?;
        session.sign(&json!({"csr": csr, "ott": session.ott(NAME, &[NAME])}))?;
        Ok(())
    });
    cases.add("revoke/mtls twice", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        for _ in 0..2 {
            mtls(session, &identity, &identity)?;
        }
        Ok(())
    });
    cases.add("revoke/mtls after a token", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        revoke(session, &serial_of(&identity.chain[0]), &json!({}))?;
        mtls(session, &identity, &identity)
    });
    cases.add("revoke/mtls of another's certificate", |session| {
        let mine = session.issue("admin", NAME, &json!({}))?;
        let other = session.issue("admin", NAME, &json!({}))?;
        mtls(session, &mine, &other)?;
        session.send_as(&other, &Request::new("POST", "/renew").body(""))?;
        Ok(())
    });
    cases.add("revoke/mtls and a token for another's", |session| {
        let mine = session.issue("admin", NAME, &json!({}))?;
        let other = session.issue("admin", NAME, &json!({}))?;
        let serial = serial_of(&other.chain[0]);
        let token = token(session, "admin", &serial).sign(&session.provisioner("admin"));
        session.send_as(
            &mine,
            &Request::post("/revoke", &json!({"serial": serial, "ott": token, "passive": true})),
        )?;
        session.send_as(&other, &Request::new("POST", "/renew").body(""))?;
        session.send_as(&mine, &Request::new("POST", "/renew").body(""))?;
        Ok(())
    });
    cases.add("revoke/mtls the renewed leaves the old", |session| {
        let old = session.issue("admin", NAME, &json!({}))?;
        let response = session.send_as(&old, &Request::new("POST", "/renew").body(""))?;
        let new = session.identity(&response, old.key.clone())?;
        mtls(session, &new, &new)?;
        session.send_as(&old, &Request::new("POST", "/renew").body(""))?;
        session.send_as(&new, &Request::new("POST", "/renew").body(""))?;
        Ok(())
    });
    cases.add("revoke/mtls without renewal allowed", |session| {
        let identity = session.issue("no-renewal", NAME, &json!({}))?;
        mtls(session, &identity, &identity)
    });
    cases.add("revoke/mtls stranger", |session| {
        let identity = crate::renew::forge(session, |leaf, _| leaf);
        mtls(session, &identity, &identity)
    });
}

fn mtls(session: &mut Session<'_>, shown: &Identity, revoked: &Identity) -> Result<(), Stop> {
    let serial = serial_of(&revoked.chain[0]);
    session.send_as(shown, &Request::post("/revoke", &json!({"serial": serial, "passive": true})))?;
    Ok(())
}
