//! Every kind of challenge, each at the port and the record where it belongs.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::site::{CA, NAME_SERVER, Site};

#[test]
fn certbot_answers_on_port_80() {
    let network = Site::network();
    let site = Site::new(&network, &Value::Null);

    // A name of its own, an alias, and one that has an IPv6 address alone.
    let names = ["web.corp.example", "www.corp.example", "six.corp.example"];
    let wanted: Vec<&str> = names.iter().flat_map(|name| ["-d", name]).collect();
    let said = site.certbot(&site.web, &[&["--standalone"], &wanted[..]].concat());

    assert!(said.succeeded, "{said:?}\n{}", site.log());
    let chain = "certbot/config/live/web.corp.example/fullchain.pem";
    for name in names {
        site.accept(&site.web, chain, name);
    }
}

#[test]
fn certbot_gets_a_certificate_for_an_address() {
    let network = Site::network();
    let site = Site::new(&network, &Value::Null);

    let said = site.certbot(&site.far, &["--standalone", "--ip-address", "192.168.77.22"]);

    assert!(said.succeeded, "{said:?}\n{}", site.log());
    site.accept(&site.far, "certbot/config/live/192.168.77.22/fullchain.pem", "192.168.77.22");
}

#[test]
fn lego_answers_on_port_443() {
    let network = Site::network();
    let site = Site::new(&network, &Value::Null);

    let said = site.lego(&site.far, &["--tls", "--domains", "far.corp.example", "run"]);

    assert!(said.succeeded, "{said:?}\n{}", site.log());
    site.accept(&site.far, "lego/certificates/far.corp.example.crt", "far.corp.example");
}

#[test]
fn certbot_gets_a_wildcard_by_a_dynamic_update() {
    let network = Site::network();
    let site = Site::new(&network, &Value::Null);
    let hook = site.web.home().join("hook");
    fs::write(&hook, HOOK).expect("the folder is ours");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700)).expect("the folder is ours");

    let said = site.certbot(
        &site.web,
        &[
            &["--manual", "--preferred-challenges", "dns", "--manual-auth-hook"][..],
            &[hook.to_str().expect("a path of ours is text")],
            &["-d", "*.web.corp.example", "-d", "web.corp.example"],
        ]
        .concat(),
    );

    assert!(said.succeeded, "{said:?}\n{}", site.log());
    let chain = "certbot/config/live/web.corp.example/fullchain.pem";
    for name in ["web.corp.example", "one.web.corp.example"] {
        site.accept(&site.web, chain, name);
    }
}

#[test]
fn lego_gets_a_wildcard_by_a_dynamic_update() {
    let network = Site::network();
    let site = Site::new(&network, &Value::Null);

    let said = site.lego(&site.far, &["--dns", "rfc2136", "--domains", "*.far.corp.example", "run"]);

    assert!(said.succeeded, "{said:?}\n{}", site.log());
    site.accept(&site.far, "lego/certificates/_.far.corp.example.crt", "one.far.corp.example");
}

/// The challenges that certbot and lego do not know, by certbot's library: a record that stays, and a record of the
/// account.
#[test]
fn records_that_outlive_an_order_prove_a_wildcard() {
    let network = Site::network();
    let options = json!({"challenges": ["dns-account-01", "dns-persist-01"], "caaIdentities": [CA]});
    let site = Site::new(&network, &options);
    fs::write(site.web.home().join("order.py"), include_str!("order.py")).expect("the folder is ours");

    for kind in ["dns-account-01", "dns-persist-01"] {
        let file = format!("{kind}.crt");
        let python = stepless_tests::programs::certbot_python();
        let arguments = ["order.py", crate::site::DIRECTORY, kind, "*.web.corp.example", NAME_SERVER, &file];
        let said = site.client(&site.web, &python, &arguments);

        assert!(said.succeeded, "{kind}: {said:?}\n{}", site.log());
        site.accept(&site.web, &file, "one.web.corp.example");
    }
}

/// Adds the record that certbot wants to be found; two of them may stand side by side.
const HOOK: &str = r#"#!/bin/sh
set -e
knsupdate <<UPDATE
server 10.77.0.53
zone corp.example.
add _acme-challenge.$CERTBOT_DOMAIN. 1 TXT "$CERTBOT_VALIDATION"
send
UPDATE
"#;
