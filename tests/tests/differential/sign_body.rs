//! /sign: what is wrong with the body before anything is authorised.

use serde_json::{Value, json};
use stepless_tests::{
    Csr, KeyKind, Request,
    asn1::{explicit, integer, name, null, pem, sequence},
    csr::{San, to_pem},
};

use crate::{
    cases::Cases,
    session::{Session, Stop},
};

pub(crate) fn add(cases: &mut Cases) {
    raw(cases);
    members(cases);
    requests(cases);
    more_members(cases);
    cases.add("sign/body/1.0", |session| {
        let body = good(session);
        session.send(&Request::post("/1.0/sign", &body))?;
        Ok(())
    });
    cases.add("sign/body/content types", |session| {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "nonsense",
            "application/json; charset=utf-16",
        ] {
            let body = good(session);
            let request = Request::new("POST", "/sign").header("Content-Type", kind).body(body.to_string());
            session.send(&request)?;
        }
        let body = good(session);
        session.send(&Request::new("POST", "/sign").body(body.to_string()))?;
        Ok(())
    });
    cases.add("sign/body/chunked", |session| {
        let body = good(session).to_string();
        let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let mut request = Request::new("POST", "/sign").header("Transfer-Encoding", "chunked");
        request.headers.push(("X-Body".into(), format!("follows\r\n\r\n{chunked}")));
        // The body rides behind the last header, for a request with a length would not be chunked.
        session.send(&request)?;
        Ok(())
    });
}

/// Bodies that are no JSON object.
fn raw(cases: &mut Cases) {
    let bodies: [(&str, Vec<u8>); 24] = [
        ("empty", b"".to_vec()),
        ("space", b"  \n".to_vec()),
        ("text", b"hello".to_vec()),
        ("html", b"<html></html>".to_vec()),
        ("null", b"null".to_vec()),
        ("true", b"true".to_vec()),
        ("number", b"42".to_vec()),
        ("string", b"\"csr\"".to_vec()),
        ("list", b"[]".to_vec()),
        ("list of objects", b"[{}]".to_vec()),
        ("object", b"{}".to_vec()),
        ("cut short", b"{\"csr\": \"".to_vec()),
        ("cut after the colon", b"{\"csr\":".to_vec()),
        ("no closing brace", b"{\"csr\": \"\"".to_vec()),
        ("trailing comma", b"{\"csr\": \"\",}".to_vec()),
        ("single quotes", b"{'csr': ''}".to_vec()),
        ("comment", b"{/* */}".to_vec()),
        ("byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("utf-16", b"\xff\xfe{\0}\0".to_vec()),
        ("not utf-8", b"{\"ott\": \"\xff\xfe\"}".to_vec()),
        ("control character", b"{\"ott\": \"a\x01b\"}".to_vec()),
        ("bad escape", b"{\"ott\": \"\\q\"}".to_vec()),
        ("deep", [b"{\"templateData\":".as_slice(), &[b'['; 200], &[b']'; 200], b"}"].concat()),
        ("too deep", [b"{\"templateData\":".as_slice(), &[b'['; 10_001], &[b']'; 10_001], b"}"].concat()),
    ];
    for (name, body) in bodies {
        cases.add(format!("sign/body/{name}"), move |session| {
            let request =
                Request::new("POST", "/sign").header("Content-Type", "application/json").body(body.clone());
            session.send(&request)?;
            Ok(())
        });
    }
    cases.add("sign/body/no length", |session| {
        session.send(&Request::new("POST", "/sign"))?;
        Ok(())
    });
    cases.add("sign/body/over a mebibyte", |session| {
        let mut body = good(session);
        body["padding"] = "x".repeat(1 << 20).into();
        session.sign(&body)?;
        Ok(())
    });
    cases.add("sign/body/below a mebibyte", |session| {
        let mut body = good(session);
        body["padding"] = "x".repeat((1 << 20) - 4000).into();
        session.sign(&body)?;
        Ok(())
    });
    cases.add("sign/body/text after the object", |session| {
        let body = format!("{} and more", good(session));
        session.send(&Request::new("POST", "/sign").body(body))?;
        Ok(())
    });
    cases.add("sign/body/second object", |session| {
        let body = format!("{}{{\"ott\":\"\"}}", good(session));
        session.send(&Request::new("POST", "/sign").body(body))?;
        Ok(())
    });
    cases.add("sign/body/member twice", |session| {
        let good = good(session).to_string();
        let body = format!("{{\"ott\":\"first\",{}", &good[1..]);
        session.send(&Request::new("POST", "/sign").body(body))?;
        Ok(())
    });
}

/// Members that are missing or of the wrong kind.
fn members(cases: &mut Cases) {
    let wrong = [
        ("missing", None),
        ("null", Some(Value::Null)),
        ("number", Some(json!(1))),
        ("true", Some(json!(true))),
        ("list", Some(json!([]))),
        ("object", Some(json!({}))),
        ("empty", Some(json!(""))),
    ];
    for member in ["csr", "ott"] {
        for (name, value) in wrong.clone() {
            let value = value.clone();
            cases.add(format!("sign/body/{member} {name}"), move |session| {
                let mut body = good(session);
                match &value {
                    Some(value) => body[member] = value.clone(),
                    None => {
                        body.as_object_mut().expect("a body is an object").remove(member);
                    }
                }
                session.sign(&body)?;
                Ok(())
            });
        }
    }
    cases.add("sign/body/both missing but others there", |session| {
        session.sign(&json!({"notBefore": "", "notAfter": "", "unknown": 1}))?;
        Ok(())
    });
    cases.add("sign/body/csr is the word null", with_csr(|_| "null".into()));
    cases.add("sign/body/upper-case members", |session| {
        let good = good(session);
        session.sign(&json!({"CSR": good["csr"], "OTT": good["ott"]}))?;
        Ok(())
    });
}

/// Faults of the certificate request itself.
fn requests(cases: &mut Cases) {
    let key = KeyKind::P256;
    cases.add("sign/csr/text", with_csr(|_| "not PEM".into()));
    cases.add("sign/csr/header only", with_csr(|_| "-----BEGIN CERTIFICATE REQUEST-----\n".into()));
    cases.add(
        "sign/csr/bad base64",
        with_csr(|_| "-----BEGIN CERTIFICATE REQUEST-----\n!!!!\n-----END CERTIFICATE REQUEST-----\n".into()),
    );
    cases.add("sign/csr/empty block", with_csr(|_| pem("CERTIFICATE REQUEST", &[])));
    cases.add("sign/csr/garbage der", with_csr(|_| pem("CERTIFICATE REQUEST", &[0x30, 0x03, 0x02, 0x01])));
    cases.add("sign/csr/a certificate", with_csr(|session| pem("CERTIFICATE", &session.world.root())));
    cases.add(
        "sign/csr/a certificate labelled as a request",
        with_csr(|session| to_pem(&session.world.root())),
    );
    cases.add(
        "sign/csr/label of a certificate",
        with_csr(move |session| pem("CERTIFICATE", &der(session, key))),
    );
    cases.add(
        "sign/csr/label NEW CERTIFICATE REQUEST",
        with_csr(move |session| pem("NEW CERTIFICATE REQUEST", &der(session, key))),
    );
    cases
        .add("sign/csr/a private key", with_csr(move |session| pem("PRIVATE KEY", session.key(key).pkcs8())));
    cases.add(
        "sign/csr/two blocks",
        with_csr(|session| format!("{}{}", session.csr(NAME), session.csr(NAME))),
    );
    cases.add("sign/csr/text before", with_csr(|session| format!("hello\n{}", session.csr(NAME))));
    cases.add("sign/csr/text after", with_csr(|session| format!("{}hello", session.csr(NAME))));
    cases.add("sign/csr/carriage returns", with_csr(|session| session.csr(NAME).replace('\n', "\r\n")));
    cases.add(
        "sign/csr/one line",
        with_csr(|session| {
            use base64::{Engine, prelude::BASE64_STANDARD};
            format!(
                "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----",
                BASE64_STANDARD.encode(der(session, KeyKind::P256))
            )
        }),
    );
    cases.add(
        "sign/csr/pem headers",
        with_csr(|session| session.csr(NAME).replacen("REQUEST-----\n", "REQUEST-----\nProc-Type: 4\n\n", 1)),
    );
    cases.add(
        "sign/csr/bare base64",
        with_csr(|session| {
            use base64::{Engine, prelude::BASE64_STANDARD};
            BASE64_STANDARD.encode(der(session, KeyKind::P256))
        }),
    );
    cases.add(
        "sign/csr/byte after the der",
        with_csr(move |session| to_pem(&[der(session, key), vec![0]].concat())),
    );
    cases.add(
        "sign/csr/cut der",
        with_csr(move |session| {
            let der = der(session, key);
            to_pem(&der[..der.len() - 5])
        }),
    );
    cases.add(
        "sign/csr/bad signature",
        with_csr(move |session| to_pem(&Csr::new(NAME, &[San::Dns(NAME)]).sign_badly(&session.key(key)))),
    );
    cases.add(
        "sign/csr/bad signature rsa",
        with_csr(|session| {
            to_pem(&Csr::new(NAME, &[San::Dns(NAME)]).sign_badly(&session.key(KeyKind::Rsa2048)))
        }),
    );
    cases.add(
        "sign/csr/bad signature ed25519",
        with_csr(|session| {
            to_pem(&Csr::new(NAME, &[San::Dns(NAME)]).sign_badly(&session.key(KeyKind::Ed25519)))
        }),
    );
    cases.add(
        "sign/csr/key of another",
        with_csr(move |session| {
            let mut csr = Csr::new(NAME, &[San::Dns(NAME)]);
            csr.spki = Some(session.world.issuer_key().spki());
            csr.pem(&session.key(key))
        }),
    );
    cases.add(
        "sign/csr/empty signature",
        with_csr(move |session| {
            let key = session.key(key);
            let info = sequence(&[&integer(&[0]), &name(&[]), &key.spki(), &explicit(0, &[])]);
            to_pem(&sequence(&[&info, &key.signature_algorithm(), &stepless_tests::asn1::bits(&[])]))
        }),
    );
    cases.add(
        "sign/csr/version 2",
        with_csr(move |session| {
            let key = session.key(key);
            let info = sequence(&[&integer(&[1]), &name(&[]), &key.spki(), &explicit(0, &[])]);
            let signature = key.sign(&info);
            to_pem(&sequence(&[&info, &key.signature_algorithm(), &stepless_tests::asn1::bits(&signature)]))
        }),
    );
    cases.add(
        "sign/csr/no attributes field",
        with_csr(move |session| {
            let key = session.key(key);
            let info = sequence(&[&integer(&[0]), &name(&[]), &key.spki()]);
            let signature = key.sign(&info);
            to_pem(&sequence(&[&info, &key.signature_algorithm(), &stepless_tests::asn1::bits(&signature)]))
        }),
    );
    cases.add(
        "sign/csr/key is null",
        with_csr(move |session| {
            let mut csr = Csr::new(NAME, &[San::Dns(NAME)]);
            csr.spki = Some(sequence(&[
                &sequence(&[&stepless_tests::asn1::oid("1.2.3.4"), &null()]),
                &stepless_tests::asn1::bits(&[1]),
            ]));
            csr.pem(&session.key(key))
        }),
    );
}

/// Members a good request may have besides.
fn more_members(cases: &mut Cases) {
    let extra = [
        ("unknown member", json!({"unknown": {"a": [1]}})),
        ("template data object", json!({"templateData": {"a": "b"}})),
        (
            "template data naming a subject",
            json!({"templateData": {"Subject": {"commonName": "evil"}, "SANs": [{"type": "dns", "value": "evil"}]}}),
        ),
        ("template data null", json!({"templateData": null})),
        ("template data text", json!({"templateData": "text"})),
        ("template data list", json!({"templateData": [1]})),
        ("empty times", json!({"notBefore": "", "notAfter": ""})),
        ("null times", json!({"notBefore": null, "notAfter": null})),
        ("times as numbers", json!({"notBefore": 1, "notAfter": 2})),
        ("times as objects", json!({"notBefore": {}})),
        ("backdate", json!({"backdate": "24h", "Backdate": 1})),
    ];
    for (name, extra) in extra {
        cases.add(format!("sign/body/{name}"), move |session| {
            let mut body = good(session);
            for (member, value) in extra.as_object().expect("an object") {
                body[member] = value.clone();
            }
            session.sign(&body)?;
            Ok(())
        });
    }
}

/// A body that gets a certificate.
pub(crate) fn good(session: &Session<'_>) -> Value {
    json!({"csr": session.csr(NAME), "ott": session.ott(NAME, &[NAME])})
}

fn with_csr(
    csr: impl Fn(&Session<'_>) -> String + Sync,
) -> impl Fn(&mut Session<'_>) -> Result<(), Stop> + Sync {
    move |session| {
        let body = json!({"csr": csr(session), "ott": session.ott(NAME, &[NAME])});
        session.sign(&body)?;
        Ok(())
    }
}

fn der(session: &Session<'_>, kind: KeyKind) -> Vec<u8> {
    Csr::new(NAME, &[San::Dns(NAME)]).sign(&session.key(kind))
}

const NAME: &str = "leaf.example.com";
