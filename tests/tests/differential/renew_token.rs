//! /renew by bearer token: its forms, its faults, and the chain inside it.

use serde_json::json;
use stepless_tests::{Csr, KeyKind, Token, csr::San};

use crate::{
    cases::Cases,
    renew::{NAME, bearer, renew, renew_token, revoke},
    session::Session,
    world::{ODD_NAME, WorldKind},
};

pub(crate) fn add(cases: &mut Cases) {
    by_token(cases);
    token_faults(cases);
    chains(cases);
}

fn by_token(cases: &mut Cases) {
    for path in ["/renew", "/1.0/renew", "/re-sign"] {
        cases.add(format!("renew/token{path}"), move |session| {
            let identity = session.issue("admin", NAME, &json!({}))?;
            let token = renew_token(session, &identity, "renew").sign(&identity.key);
            session.send(&bearer(path, &token))?;
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
        cases.add(format!("renew/token key {name}"), move |session| {
            let identity = session.issue_with("admin", NAME, kind, &json!({}))?;
            let token = renew_token(session, &identity, "renew").sign(&identity.key);
            session.send(&bearer("/renew", &token))?;
            Ok(())
        });
    }
    for provisioner in ["no-renewal", "no-extension", "after-expiry", ODD_NAME] {
        cases.add(format!("renew/token provisioner {provisioner}"), move |session| {
            let identity = session.issue(provisioner, NAME, &json!({}))?;
            let token = renew_token(session, &identity, "renew").sign(&identity.key);
            session.send(&bearer("/renew", &token))?;
            Ok(())
        });
    }
    cases.add("renew/token replayed", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let token = renew_token(session, &identity, "renew").sign(&identity.key);
        session.send(&bearer("/renew", &token))?;
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
    cases.add("renew/token revoked", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        session.send_as(&identity, &revoke(&identity))?;
        let token = renew_token(session, &identity, "renew").sign(&identity.key);
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
    cases.add("renew/token not yet valid certificate", |session| {
        let identity = session.issue("admin", NAME, &json!({"notBefore": "1h"}))?;
        let token = renew_token(session, &identity, "renew").sign(&identity.key);
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
    cases.add("renew/token odd common name", |session| {
        let ott = session.ott("a \"b\", c", &[NAME]);
        let csr = Csr::new("", &[San::Dns(NAME)]).pem(&session.key(KeyKind::P256));
        let response = session.sign(&json!({"csr": csr, "ott": ott}))?;
        let identity = session.identity(&response, session.key(KeyKind::P256))?;
        let token = renew_token(session, &identity, "renew").with("sub", "a \"b\", c").sign(&identity.key);
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
    cases.add_in(WorldKind::Rsa, "renew/rsa/token", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let token = renew_token(session, &identity, "renew").sign(&identity.key);
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });

    let headers = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "bearer a.b.c",
        "Basic a.b.c",
        "Token a.b.c",
        "a.b.c",
        "Bearer  a.b.c",
        "Bearer\ta.b.c",
        "Something Bearer a.b.c",
    ];
    for header in headers {
        cases.add(format!("renew/header {header:?}"), move |session| {
            session.send(&renew("/renew").header("Authorization", header))?;
            Ok(())
        });
    }
    cases.add("renew/nothing", |session| {
        for path in ["/renew", "/1.0/renew", "/re-sign", "/1.0/re-sign"] {
            session.send(&renew(path))?;
        }
        session.send(&renew("/renew").body("{}"))?;
        Ok(())
    });
    cases.add("renew/header with a good token in other schemes", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        for scheme in ["bearer", "BEARER", "Basic", "xBearer", "Bearer "] {
            let token = renew_token(session, &identity, "renew").sign(&identity.key);
            session.send(&renew("/renew").header("Authorization", &format!("{scheme} {token}")))?;
        }
        Ok(())
    });
    cases.add("renew/a sign token as bearer", |session| {
        let token = session.ott(NAME, &[NAME]);
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
}

fn token_faults(cases: &mut Cases) {
    let changes: [(&str, Change); 43] = [
        ("aud missing", |token, _| token.without("aud")),
        ("aud empty", |token, _| token.with("aud", "")),
        ("aud of sign", |token, session| token.with("aud", session.audience("sign"))),
        ("aud of rekey", |token, session| token.with("aud", session.audience("rekey"))),
        ("aud of revoke", |token, session| token.with("aud", session.audience("revoke"))),
        ("aud of re-sign", |token, session| token.with("aud", session.audience("re-sign"))),
        ("aud of ssh renew", |token, session| token.with("aud", session.audience("ssh/renew"))),
        ("aud without version", |token, _| token.with("aud", "https://localhost/renew")),
        ("aud other port", |token, _| token.with("aud", "https://localhost:1/renew")),
        ("aud other host", |token, _| token.with("aud", "https://evil.example/renew")),
        ("aud literal", |token, _| token.with("aud", "step-certificate-authority")),
        ("aud list", |token, _| token.with("aud", json!(["x", "https://127.0.0.1/1.0/renew"]))),
        ("aud with a fragment", |token, _| token.with("aud", "https://localhost/renew#admin")),
        ("iss missing", |token, _| token.without("iss")),
        ("iss provisioner", |token, _| token.with("iss", "admin")),
        ("iss other provisioner", |token, _| token.with("iss", "short")),
        ("iss other client", |token, _| token.with("iss", "step-ca-client/2.0")),
        ("iss admin client", |token, _| token.with("iss", "step-admin-client/1.0")),
        ("sub missing", |token, _| token.without("sub")),
        ("sub empty", |token, _| token.with("sub", "")),
        ("sub other", |token, _| token.with("sub", "other.example.com")),
        ("sub other case", |token, _| token.with("sub", NAME.to_uppercase())),
        ("exp missing", |token, _| token.without("exp")),
        ("exp past", |token, session| token.with("exp", session.now() - 70)),
        ("exp in the leeway", |token, session| token.with("exp", session.now() - 50)),
        ("exp far", |token, session| token.with("exp", session.now() + 10_000_000)),
        ("nbf future", |token, session| token.with("nbf", session.now() + 70)),
        ("nbf in the leeway", |token, session| token.with("nbf", session.now() + 50)),
        ("nbf missing", |token, _| token.without("nbf")),
        ("iat future", |token, session| token.with("iat", session.now() + 70)),
        ("iat long past", |token, session| token.with("iat", session.now() - 7200)),
        ("iat missing", |token, _| token.without("iat")),
        ("no times", |token, _| token.without("iat").without("nbf").without("exp")),
        ("exp text", |token, _| token.with("exp", "x")),
        ("jti missing", |token, _| token.without("jti")),
        ("jti number", |token, _| token.with("jti", 7)),
        ("chain missing", |token, _| token.without_header("x5cInsecure")),
        ("chain empty", |token, _| token.with_header("x5cInsecure", json!([]))),
        ("chain text", |token, _| token.with_header("x5cInsecure", "x")),
        ("chain numbers", |token, _| token.with_header("x5cInsecure", json!([1]))),
        ("chain garbage", |token, _| token.with_header("x5cInsecure", json!(["AAAA"]))),
        ("chain not base64", |token, _| token.with_header("x5cInsecure", json!(["!!!!"]))),
        ("chain as x5c too", |token, _| {
            let chain = token.header["x5cInsecure"].clone();
            token.with_header("x5c", chain)
        }),
    ];
    for (name, change) in changes {
        cases.add(format!("renew/token {name}"), move |session| {
            let identity = session.issue("admin", NAME, &json!({}))?;
            let token = change(renew_token(session, &identity, "renew"), session).sign(&identity.key);
            session.send(&bearer("/renew", &token))?;
            Ok(())
        });
    }
    cases.add("renew/token signed by another key", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let token = renew_token(session, &identity, "renew").sign(&session.provisioner("admin"));
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
    cases.add("renew/token unsigned", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let token = renew_token(session, &identity, "renew").with_header("alg", "none").with_signature(&[]);
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
    cases.add("renew/token HS256 with the public key", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let token =
            renew_token(session, &identity, "renew").with_header("alg", "HS256").mac(&identity.key.spki());
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
    cases.add("renew/token alg of another key", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let token = renew_token(session, &identity, "renew").with_header("alg", "ES384").sign(&identity.key);
        session.send(&bearer("/renew", &token))?;
        Ok(())
    });
    cases.add("renew/token spent after a wrong audience", |session| {
        let identity = session.issue("admin", NAME, &json!({}))?;
        let token = renew_token(session, &identity, "renew");
        let wrong = token.clone().with("aud", "https://x/renew").sign(&identity.key);
        session.send(&bearer("/renew", &wrong))?;
        session.send(&bearer("/renew", &token.sign(&identity.key)))?;
        Ok(())
    });
}

/// The chain inside the token.
fn chains(cases: &mut Cases) {
    let changes: [(&str, ChainChange); 8] = [
        ("leaf only", |chain, _| chain.truncate(1)),
        ("with the root", |chain, session| chain.push(session.world.root())),
        ("reversed", |chain, _| chain.reverse()),
        ("intermediate only", |chain, _| {
            chain.remove(0);
        }),
        ("leaf twice", |chain, _| chain.insert(0, chain[0].clone())),
        ("garbage behind", |chain, _| chain.push(vec![1, 2, 3])),
        ("many", |chain, session| chain.extend(std::iter::repeat_n(session.world.root(), 20))),
        ("leaf with a byte behind", |chain, _| chain[0].push(0)),
    ];
    for (name, change) in changes {
        cases.add(format!("renew/chain {name}"), move |session| {
            let mut identity = session.issue("admin", NAME, &json!({}))?;
            change(&mut identity.chain, session);
            let token = renew_token(session, &identity, "renew").sign(&identity.key);
            session.send(&bearer("/renew", &token))?;
            Ok(())
        });
    }
}

/// A fault put into a good token.
type Change = fn(Token, &Session<'_>) -> Token;

/// A fault put into a good chain.
type ChainChange = fn(&mut Vec<Vec<u8>>, &Session<'_>);
