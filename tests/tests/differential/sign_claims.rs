//! /sign: what a well-formed, well-signed token says: who, to whom, when, and for which request.

use serde_json::{Value, json};
use stepless_tests::{asn1::unpem, token::encode};

use crate::{
    cases::Cases,
    session::{Session, fresh_id},
    sign_token::{NAME, base, changed, sign_with, with_text},
    world::{ODD_NAME, WorldKind},
};

pub(crate) fn add(cases: &mut Cases) {
    who(cases);
    audience(cases);
    times(cases);
    wrong_types(cases);
    confirmation(cases);
}

fn who(cases: &mut Cases) {
    cases.add("sign/token/good", with_text(|session| session.ott(NAME, &[NAME])));
    cases.add(
        "sign/token/key of another provisioner",
        with_text(|session| base(session).sign(&session.provisioner("short"))),
    );
    cases.add("sign/token/iss missing", changed(|token| token.without("iss")));
    cases.add("sign/token/iss empty", changed(|token| token.with("iss", "")));
    cases.add("sign/token/iss unknown", changed(|token| token.with("iss", "nobody")));
    cases.add("sign/token/iss other case", changed(|token| token.with("iss", "Admin")));
    cases.add("sign/token/iss of another provisioner", changed(|token| token.with("iss", "short")));
    cases
        .add("sign/token/iss of kubernetes", changed(|token| token.with("iss", "kubernetes/serviceaccount")));
    cases.add(
        "sign/token/iss with the key id",
        with_text(|session| {
            let kid = session.provisioner("admin").thumbprint();
            base(session)
                .with("iss", format!("admin:{kid}"))
                .without_header("kid")
                .sign(&session.provisioner("admin"))
        }),
    );
    cases.add("sign/token/azp", changed(|token| token.with("azp", "admin")));
    cases.add(
        "sign/token/azp and unknown audience",
        changed(|token| token.with("azp", "short").with("aud", "x")),
    );
    cases.add(
        "sign/token/tid",
        changed(|token| token.with("tid", "tenant").with("email", "a@b.c").with("aud", "x")),
    );
    cases.add("sign/token/sub missing", changed(|token| token.without("sub")));
    cases.add("sign/token/sub empty", changed(|token| token.with("sub", "")));
    cases.add("sign/token/sub missing and no sans", changed(|token| token.without("sub").without("sans")));
    cases.add("sign/token/odd provisioner name", |session| {
        session.issue(ODD_NAME, NAME, &json!({}))?;
        Ok(())
    });
    cases.add("sign/token/ra information", changed(|token| {
        token.with("step", json!({"ra": {"authorityId": "a", "provisionerId": "p", "provisionerType": "JWK", "provisionerName": "n"}}))
    }));
    cases.add(
        "sign/token/ssh information",
        changed(|token| {
            token.with("step", json!({"ssh": {"certType": "user", "keyID": "x", "principals": ["root"]}}))
        }),
    );
}

fn audience(cases: &mut Cases) {
    let forms: [(&str, Audience); 42] = [
        ("missing port", |_| json!("https://localhost/1.0/sign")),
        ("other port", |_| json!("https://localhost:1/1.0/sign")),
        ("without version", |session| json!(format!("https://localhost:{}/sign", session.port()))),
        ("ssh sign", |session| json!(session.audience("ssh/sign"))),
        ("ip", |_| json!("https://127.0.0.1/1.0/sign")),
        ("other ip", |_| json!("https://127.0.0.2/1.0/sign")),
        ("ipv6", |_| json!("https://[::1]/1.0/sign")),
        ("literal", |_| json!("step-certificate-authority")),
        ("list", |session| json!([session.audience("sign")])),
        ("list with strangers", |session| json!(["https://other.example", session.audience("sign"), "x"])),
        ("list of strangers", |_| json!(["https://other.example", "x"])),
        ("empty list", |_| json!([])),
        ("empty", |_| json!("")),
        ("null", |_| json!(null)),
        ("number", |_| json!(1)),
        ("list of numbers", |_| json!([1])),
        ("object", |_| json!({})),
        ("revoke", |session| json!(session.audience("revoke"))),
        ("renew", |session| json!(session.audience("renew"))),
        ("rekey", |session| json!(session.audience("rekey"))),
        ("ssh revoke", |session| json!(session.audience("ssh/revoke"))),
        ("host only", |_| json!("https://localhost")),
        ("other host", |_| json!("https://evil.example/1.0/sign")),
        ("host suffix", |_| json!("https://localhost.evil.example/1.0/sign")),
        ("host prefix", |_| json!("https://xlocalhost/1.0/sign")),
        ("user information", |_| json!("https://localhost@evil.example/1.0/sign")),
        ("user before the host", |_| json!("https://evil@localhost/1.0/sign")),
        ("http", |_| json!("http://localhost/1.0/sign")),
        ("no scheme", |_| json!("localhost/1.0/sign")),
        ("upper-case host", |_| json!("https://LOCALHOST/1.0/sign")),
        ("upper-case scheme", |_| json!("HTTPS://localhost/1.0/sign")),
        ("upper-case path", |_| json!("https://localhost/1.0/SIGN")),
        ("trailing slash", |_| json!("https://localhost/1.0/sign/")),
        ("trailing dot", |_| json!("https://localhost./1.0/sign")),
        ("escaped path", |_| json!("https://localhost/1.0/%73ign")),
        ("dots in the path", |_| json!("https://localhost/x/../1.0/sign")),
        ("query", |_| json!("https://localhost/1.0/sign?x=1")),
        ("fragment of the provisioner", |session| {
            let kid = session.provisioner("admin").thumbprint();
            json!(format!("https://localhost/1.0/sign#admin:{kid}"))
        }),
        ("fragment with the name", |_| json!("https://localhost/1.0/sign#admin")),
        ("fragment of another provisioner", |session| {
            let kid = session.provisioner("short").thumbprint();
            json!(format!("https://localhost/1.0/sign#short:{kid}"))
        }),
        ("fragment unknown", |_| json!("https://localhost/1.0/sign#x5c/none")),
        ("empty fragment", |_| json!("https://localhost/1.0/sign#")),
    ];
    for (name, form) in forms {
        cases.add(
            format!("sign/token/aud {name}"),
            with_text(move |session| {
                base(session).with("aud", form(session)).sign(&session.provisioner("admin"))
            }),
        );
    }
    cases.add("sign/token/aud missing", changed(|token| token.without("aud")));
    cases.add("sign/token/aud missing and azp", changed(|token| token.without("aud").with("azp", "admin")));
    for (name, unsigned) in [("signed", false), ("unsigned", true)] {
        cases.add_in(
            WorldKind::Ssh,
            format!("sign/ssh/token/aud fragment of acme, {name}"),
            with_text(move |session| {
                let token = base(session).with("aud", "https://localhost/1.0/sign#acme/acme");
                match unsigned {
                    true => token.with_header("alg", "none").with_signature(&[]),
                    false => token.sign(&session.provisioner("admin")),
                }
            }),
        );
    }
    for host in ["ca.example.com", "[::1]", "::1", "CA.example.com"] {
        cases.add_in(
            WorldKind::Rsa,
            format!("sign/rsa/token/aud {host}"),
            with_text(move |session| {
                base(session)
                    .with("aud", format!("https://{host}/1.0/sign"))
                    .sign(&session.provisioner("admin"))
            }),
        );
    }
}

fn times(cases: &mut Cases) {
    for (claim, offset) in [
        ("exp", -3600),
        ("exp", -62),
        ("exp", -57),
        ("exp", 5),
        ("exp", 86_400),
        ("exp", 315_360_000),
        ("nbf", -86_400),
        ("nbf", 56),
        ("nbf", 65),
        ("nbf", 3600),
        ("iat", 56),
        ("iat", 65),
        ("iat", 3600),
        ("iat", -3600),
        ("iat", -86_400),
    ] {
        cases.add(
            format!("sign/token/{claim} {offset:+} s"),
            with_text(move |session| {
                base(session).with(claim, session.now() + offset).sign(&session.provisioner("admin"))
            }),
        );
    }
    for claim in ["exp", "nbf", "iat", "jti"] {
        cases.add(format!("sign/token/{claim} missing"), changed(move |token| token.without(claim)));
    }
    cases.add("sign/token/no times", changed(|token| token.without("exp").without("nbf").without("iat")));
    cases.add(
        "sign/token/nbf after exp",
        with_text(|session| {
            base(session)
                .with("nbf", session.now() + 30)
                .with("exp", session.now() - 30)
                .sign(&session.provisioner("admin"))
        }),
    );
    cases.add(
        "sign/token/fractions",
        with_text(|session| {
            base(session).with("exp", session.now() as f64 + 100.75).sign(&session.provisioner("admin"))
        }),
    );
    cases.add_in(
        WorldKind::Rsa,
        "sign/rsa/token/iat before the start, unchecked",
        with_text(|session| {
            base(session).with("iat", session.now() - 3600).sign(&session.provisioner("admin"))
        }),
    );
}

fn wrong_types(cases: &mut Cases) {
    let values = [
        ("text", json!("1")),
        ("null", Value::Null),
        ("negative", json!(-1)),
        ("zero", json!(0)),
        ("huge", json!(1e300)),
        ("list", json!([1])),
        ("object", json!({})),
        ("true", json!(true)),
    ];
    for claim in ["exp", "nbf", "iat"] {
        for (name, value) in values.clone() {
            cases.add(
                format!("sign/token/{claim} is {name}"),
                changed(move |token| token.with(claim, value.clone())),
            );
        }
    }
    for claim in ["sub", "iss", "jti"] {
        for (name, value) in
            [("number", json!(1)), ("null", Value::Null), ("list", json!(["x"])), ("object", json!({}))]
        {
            cases.add(
                format!("sign/token/{claim} is {name}"),
                changed(move |token| token.with(claim, value.clone())),
            );
        }
    }
    for (name, value) in [
        ("text", json!(NAME)),
        ("null", Value::Null),
        ("numbers", json!([1])),
        ("object", json!({})),
        ("empty", json!([])),
    ] {
        cases.add(
            format!("sign/token/sans is {name}"),
            changed(move |token| token.with("sans", value.clone())),
        );
    }
    cases.add(
        "sign/token/exp is 1e400",
        with_text(|session| {
            let key = session.provisioner("admin");
            let token = base(session);
            let claims = token.claims.to_string();
            let exp = token.claims["exp"].to_string();
            let input = format!(
                "{}.{}",
                encode(token.header.to_string().as_bytes()),
                encode(claims.replacen(&exp, "1e400", 1).as_bytes())
            );
            format!("{input}.{}", encode(&key.sign_jws(input.as_bytes())))
        }),
    );
    cases.add(
        "sign/token/claim twice",
        with_text(|session| {
            let key = session.provisioner("admin");
            let token = base(session);
            let claims = token.claims.to_string().replacen('{', "{\"iss\":\"nobody\",", 1);
            let input =
                format!("{}.{}", encode(token.header.to_string().as_bytes()), encode(claims.as_bytes()));
            format!("{input}.{}", encode(&key.sign_jws(input.as_bytes())))
        }),
    );
    cases.add("sign/token/step is text", changed(|token| token.with("step", "x")));
    cases.add("sign/token/jti is empty", changed(|token| token.with("jti", "")));
    cases.add("sign/token/jti is long", |session| {
        let id = format!("{}{}", fresh_id(), "j".repeat(5000));
        sign_with(session, |session| {
            base(session).with("jti", id.as_str()).sign(&session.provisioner("admin"))
        })
    });
}

fn confirmation(cases: &mut Cases) {
    let values: [(&str, Confirmation); 9] = [
        ("right", |sum| json!({"x5rt#S256": encode(sum)})),
        ("wrong", |_| json!({"x5rt#S256": encode(&[0; 32])})),
        ("padded", |sum| json!({"x5rt#S256": format!("{}=", encode(sum))})),
        ("hex", |sum| json!({"x5rt#S256": hex::encode(sum)})),
        ("empty", |_| json!({"x5rt#S256": ""})),
        ("nothing", |_| json!({})),
        ("null", |_| Value::Null),
        ("text", |_| json!("x")),
        ("other member", |_| json!({"jkt": "x"})),
    ];
    for (name, value) in values {
        cases.add(format!("sign/token/cnf {name}"), move |session| {
            let csr = session.csr(NAME);
            let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &unpem(&csr)[0]);
            session.hide(&hex::encode(sum.as_ref()), "<fingerprint>");
            let ott = base(session).with("cnf", value(sum.as_ref())).sign(&session.provisioner("admin"));
            session.sign(&json!({"csr": csr, "ott": ott}))?;
            Ok(())
        });
    }
}

/// An audience, made for one server.
type Audience = fn(&Session<'_>) -> Value;

/// A confirmation claim for the hash of a request.
type Confirmation = fn(&[u8]) -> Value;
