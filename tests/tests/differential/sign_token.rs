//! /sign: the form, the algorithm, the header and the single use of a one-time token.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use stepless_tests::{KeyKind, Request, Token, token::encode};

use crate::{
    cases::Cases,
    session::{Session, Stop, fresh_id},
    world::WorldKind,
};

pub(crate) fn add(cases: &mut Cases) {
    form(cases);
    algorithm(cases);
    header(cases);
    reuse(cases);
    key_kinds(cases);
}

fn form(cases: &mut Cases) {
    let texts = [
        ("word", "garbage"),
        ("two dots", ".."),
        ("one dot", "a.b"),
        ("three dots", "a.b.c.d"),
        ("five parts", "a.b.c.d.e"),
        ("spaces", "  "),
        ("json", "{\"payload\":\"\"}"),
        ("newline", "\n"),
        ("not base64", "!.!.!"),
        ("not json", "aGVsbG8.aGVsbG8.aGVsbG8"),
    ];
    for (name, text) in texts {
        cases.add(format!("sign/token/form {name}"), with_text(move |_| text.to_owned()));
    }
    cases.add("sign/token/form many dots", with_text(|_| ".".repeat(10_000)));
    cases.add(
        "sign/token/form padded",
        with_text(|session| {
            let token = session.ott(NAME, &[NAME]);
            let (head, signature) = token.rsplit_once('.').expect("a token has dots");
            format!("{head}.{signature}==")
        }),
    );
    cases.add(
        "sign/token/form spaces around",
        with_text(|session| format!(" {}\n", session.ott(NAME, &[NAME]))),
    );
    cases.add(
        "sign/token/form standard alphabet",
        with_text(|session| {
            let (token, key) = (base(session), session.provisioner("admin"));
            let input = format!(
                "{}.{}",
                BASE64_STANDARD.encode(token.header.to_string()),
                encode(token.claims.to_string().as_bytes())
            );
            format!("{input}.{}", encode(&key.sign_jws(input.as_bytes())))
        }),
    );
    cases.add(
        "sign/token/form json serialisation",
        with_text(|session| {
            let token = session.ott(NAME, &[NAME]);
            let parts: Vec<&str> = token.split('.').collect();
            json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string()
        }),
    );
    cases.add(
        "sign/token/form claims are a list",
        with_text(|session| {
            let mut token = base(session);
            token.claims = json!([1]);
            token.sign(&session.provisioner("admin"))
        }),
    );
    cases.add(
        "sign/token/form claims are empty",
        with_text(|session| {
            let mut token = base(session);
            token.claims = json!({});
            token.sign(&session.provisioner("admin"))
        }),
    );
    cases.add(
        "sign/token/form unknown claims",
        changed(|token| {
            token.with("extra", json!({"a": [1, null]})).with("user", json!({"x": 1})).with("step", json!({}))
        }),
    );
    cases.add(
        "sign/token/bad signature",
        with_text(|session| {
            base(session).with_signature(&session.provisioner("admin").sign_jws(b"another message"))
        }),
    );
    cases.add("sign/token/empty signature", with_text(|session| base(session).with_signature(&[])));
    cases.add("sign/token/short signature", with_text(|session| base(session).with_signature(&[1; 63])));
    cases.add("sign/token/zero signature", with_text(|session| base(session).with_signature(&[0; 64])));
    cases.add(
        "sign/token/der signature",
        with_text(|session| {
            let key = session.provisioner("admin");
            let token = base(session).sign(&key);
            let (input, _) = token.rsplit_once('.').expect("a token has dots");
            format!("{input}.{}", encode(&key.sign(input.as_bytes())))
        }),
    );
}

fn algorithm(cases: &mut Cases) {
    for none in ["none", "None", "NONE", ""] {
        cases.add(
            format!("sign/token/alg {none:?} unsigned"),
            with_text(move |session| base(session).with_header("alg", none).with_signature(&[])),
        );
    }
    for alg in ["ES384", "RS256", "PS256", "EdDSA", "ES256K", "HS256", "nonsense"] {
        cases.add(
            format!("sign/token/alg {alg} signed with ES256"),
            changed(move |token| token.with_header("alg", alg)),
        );
    }
    cases.add(
        "sign/token/alg HS256 keyed with the public PEM",
        with_text(|session| {
            base(session)
                .with_header("alg", "HS256")
                .mac(session.provisioner("admin").public_pem().as_bytes())
        }),
    );
    cases.add(
        "sign/token/alg HS256 keyed with the public DER",
        with_text(|session| {
            base(session).with_header("alg", "HS256").mac(&session.provisioner("admin").spki())
        }),
    );
    cases.add(
        "sign/token/alg HS256 keyed with the public JWK",
        with_text(|session| {
            base(session)
                .with_header("alg", "HS256")
                .mac(session.provisioner("admin").jwk().to_string().as_bytes())
        }),
    );
    cases.add("sign/token/alg missing", changed(|token| token.without_header("alg")));
    cases.add("sign/token/alg number", changed(|token| token.with_header("alg", 256)));
}

fn header(cases: &mut Cases) {
    cases.add("sign/token/kid missing", changed(|token| token.without_header("kid")));
    cases.add("sign/token/kid empty", changed(|token| token.with_header("kid", "")));
    cases.add("sign/token/kid number", changed(|token| token.with_header("kid", 1)));
    cases.add("sign/token/kid unknown", changed(|token| token.with_header("kid", "unknown")));
    cases.add("sign/token/kid path", changed(|token| token.with_header("kid", "../../x\"'\u{0}")));
    cases.add("sign/token/kid long", changed(|token| token.with_header("kid", "k".repeat(65_536))));
    cases.add(
        "sign/token/kid of another provisioner",
        with_text(|session| {
            let kid = session.provisioner("short").thumbprint();
            base(session).with_header("kid", kid).sign(&session.provisioner("admin"))
        }),
    );
    cases.add(
        "sign/token/kid of another provisioner and its key",
        with_text(|session| {
            let other = session.provisioner("short");
            base(session).with_header("kid", other.thumbprint()).sign(&other)
        }),
    );
    for kind in ["jwt", "JOSE", "nonsense", ""] {
        cases.add(format!("sign/token/typ {kind:?}"), changed(move |token| token.with_header("typ", kind)));
    }
    cases.add("sign/token/typ missing", changed(|token| token.without_header("typ")));
    cases.add("sign/token/crit", changed(|token| token.with_header("crit", json!(["exp"]))));
    cases.add(
        "sign/token/crit unknown",
        changed(|token| token.with_header("crit", json!(["new"])).with_header("new", 1)),
    );
    cases.add("sign/token/crit empty", changed(|token| token.with_header("crit", json!([]))));
    cases.add("sign/token/b64 false", changed(|token| token.with_header("b64", false)));
    cases.add(
        "sign/token/own jwk",
        with_text(|session| {
            let key = session.key(KeyKind::P256);
            base(session).with_header("jwk", key.jwk()).sign(&key)
        }),
    );
    cases.add(
        "sign/token/jwk of the provisioner",
        with_text(|session| {
            let key = session.provisioner("admin");
            base(session).with_header("jwk", key.jwk()).sign(&key)
        }),
    );
    cases.add(
        "sign/token/private jwk in the header",
        with_text(|session| {
            let key = session.provisioner("admin");
            let mut jwk = key.jwk();
            jwk["d"] = jwk["x"].clone();
            base(session).with_header("jwk", jwk).sign(&key)
        }),
    );
    cases.add(
        "sign/token/jku and x5u",
        changed(|token| {
            token
                .with_header("jku", "https://127.0.0.1:1/keys")
                .with_header("x5u", "https://127.0.0.1:1/chain")
        }),
    );
    cases.add(
        "sign/token/x5c",
        with_text(|session| {
            let chain: Vec<String> =
                session.world.intermediates().iter().map(|der| BASE64_STANDARD.encode(der)).collect();
            base(session).with_header("x5c", chain).sign(&session.provisioner("admin"))
        }),
    );
    cases.add("sign/token/x5c garbage", changed(|token| token.with_header("x5c", json!(["AAAA"]))));
    cases.add("sign/token/nonce", changed(|token| token.with_header("nonce", "n")));
}

fn reuse(cases: &mut Cases) {
    cases.add("sign/token/replayed", |session| {
        let body = json!({"csr": session.csr(NAME), "ott": session.ott(NAME, &[NAME])});
        session.sign(&body)?;
        session.sign(&body)?;
        session.send(&Request::post("/1.0/sign", &body))?;
        Ok(())
    });
    cases.add("sign/token/same jti again", |session| {
        let id = fresh_id();
        for _ in 0..2 {
            let ott = base(session).with("jti", id.as_str()).sign(&session.provisioner("admin"));
            session.sign(&json!({"csr": session.csr(NAME), "ott": ott}))?;
        }
        Ok(())
    });
    cases.add("sign/token/same jti of two provisioners", |session| {
        let id = fresh_id();
        for provisioner in ["admin", "short"] {
            let ott = session
                .token_of(provisioner, NAME, &[NAME])
                .with("jti", id.as_str())
                .sign(&session.provisioner(provisioner));
            session.sign(&json!({"csr": session.csr(NAME), "ott": ott}))?;
        }
        Ok(())
    });
    cases.add("sign/token/without jti replayed", |session| {
        // Without a jti it is the claims that are spent: those of another case in the same second must be others.
        let token = base(session).without("jti").with("exp", session.now() + 200);
        let ott = token.sign(&session.provisioner("admin"));
        for _ in 0..2 {
            session.sign(&json!({"csr": session.csr(NAME), "ott": ott}))?;
        }
        Ok(())
    });
    cases.add("sign/token/spent after a bad signature", |session| {
        let token = base(session);
        let key = session.provisioner("admin");
        session.sign(&json!({"csr": session.csr(NAME), "ott": token.with_signature(&key.sign_jws(b"x"))}))?;
        session.sign(&json!({"csr": session.csr(NAME), "ott": token.sign(&key)}))?;
        Ok(())
    });
    cases.add("sign/token/spent after wrong names", |session| {
        let ott = session.ott(NAME, &[NAME]);
        session.sign(&json!({"csr": session.csr("other.example.com"), "ott": ott}))?;
        session.sign(&json!({"csr": session.csr(NAME), "ott": ott}))?;
        Ok(())
    });
    cases.add("sign/token/spent after a bad request", |session| {
        let ott = session.ott(NAME, &[NAME]);
        session.sign(&json!({"csr": "x", "ott": ott}))?;
        session.sign(&json!({"csr": session.csr(NAME), "ott": ott}))?;
        Ok(())
    });
    cases.add("sign/token/spent after too long a time", |session| {
        let ott = session.ott(NAME, &[NAME]);
        session.sign(&json!({"csr": session.csr(NAME), "ott": ott, "notAfter": "1000h"}))?;
        session.sign(&json!({"csr": session.csr(NAME), "ott": ott}))?;
        Ok(())
    });
    cases.add("sign/token/spent by /sign, used at /revoke", |session| {
        let ott = base(session).with("aud", json!([session.audience("sign"), session.audience("revoke")])).with("sub", "12345");
        let ott = ott.with("sans", json!([NAME])).sign(&session.provisioner("admin"));
        session.sign(&json!({"csr": stepless_tests::Csr::new("", &[stepless_tests::csr::San::Dns(NAME)]).pem(&session.key(KeyKind::P256)), "ott": ott}))?;
        session.send(&Request::post("/revoke", &json!({"serial": "12345", "ott": ott, "passive": true})))?;
        Ok(())
    });
}

fn key_kinds(cases: &mut Cases) {
    for provisioner in ["p384", "p521", "ed25519", "rsa"] {
        cases.add(format!("sign/token/provisioner key {provisioner}"), move |session| {
            session.issue(provisioner, NAME, &json!({}))?;
            Ok(())
        });
        cases.add(
            format!("sign/token/provisioner key {provisioner}, bad signature"),
            with_text(move |session| {
                let key = session.provisioner(provisioner);
                session.token_of(provisioner, NAME, &[NAME]).with_signature(&key.sign_jws(b"another message"))
            }),
        );
    }
    for provisioner in ["no-extension", "long", "short"] {
        cases.add(format!("sign/token/provisioner {provisioner}"), move |session| {
            session.issue(provisioner, NAME, &json!({}))?;
            Ok(())
        });
    }
    cases.add_in(WorldKind::Ssh, "sign/ssh/good", |session| {
        session.issue("admin", NAME, &json!({}))?;
        Ok(())
    });
    cases.add_in(WorldKind::Rsa, "sign/rsa/good", |session| {
        session.issue("admin", NAME, &json!({}))?;
        Ok(())
    });
}

/// A good token, changed and signed by its provisioner.
pub(crate) fn changed(
    change: impl Fn(Token) -> Token + Sync,
) -> impl Fn(&mut Session<'_>) -> Result<(), Stop> + Sync {
    with_text(move |session| change(base(session)).sign(&session.provisioner("admin")))
}

pub(crate) fn with_text(
    text: impl Fn(&Session<'_>) -> String + Sync,
) -> impl Fn(&mut Session<'_>) -> Result<(), Stop> + Sync {
    move |session| sign_with(session, &text)
}

pub(crate) fn sign_with(
    session: &mut Session<'_>,
    text: impl Fn(&Session<'_>) -> String,
) -> Result<(), Stop> {
    let body = json!({"csr": session.csr(NAME), "ott": text(session)});
    session.sign(&body)?;
    Ok(())
}

pub(crate) fn base(session: &Session<'_>) -> Token {
    session.token_of("admin", NAME, &[NAME])
}

pub(crate) const NAME: &str = "leaf.example.com";
