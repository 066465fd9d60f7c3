//! /sign: which names a request may ask for with which token, and how the names are written.

use serde_json::json;
use stepless_tests::{Csr, KeyKind, csr::San};

use crate::{
    cases::Cases,
    session::{Session, Stop},
    world::WorldKind,
};

pub(crate) fn add(cases: &mut Cases) {
    rules(cases);
    spellings(cases);
    for (name, token) in
        [("dns", "a.example.com"), ("ip", "10.1.2.3"), ("email", "a@example.com"), ("uri", "spiffe://x/y")]
    {
        cases.add_in(WorldKind::Rsa, format!("sign/rsa/names/{name}"), move |session| {
            let ott = session.ott(token, &[token]);
            let csr = Csr::new(token, &[]).pem(&session.key(KeyKind::P256));
            session.sign(&json!({"csr": csr, "ott": ott}))?;
            Ok(())
        });
    }
}

type Names = &'static [San<'static>];

/// Request against token: name, token subject, token names, common name and names of the request.
fn rules(cases: &mut Cases) {
    use San::{Dns, Email, Ip, Uri};
    const V4: &[u8] = &[10, 1, 2, 3];
    const V6: &[u8] = &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    const MAPPED: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3];
    let table: [(&str, &str, &[&str], &str, Names); 40] = [
        ("equal", "a.x", &["a.x"], "a.x", &[Dns("a.x")]),
        ("no common name", "a.x", &["a.x"], "", &[Dns("a.x")]),
        ("no names", "a.x", &["a.x"], "a.x", &[]),
        ("nothing at all", "a.x", &["a.x"], "", &[]),
        ("common name not in the token", "a.x", &["a.x"], "b.x", &[Dns("a.x")]),
        ("common name is a name of the token", "a.x", &["b.x"], "b.x", &[Dns("b.x")]),
        ("common name is the subject, not a name", "a.x", &["b.x"], "a.x", &[Dns("b.x")]),
        ("common name in another case", "a.x", &["a.x"], "A.X", &[Dns("a.x")]),
        ("dns not in the token", "a.x", &["a.x"], "a.x", &[Dns("b.x")]),
        ("dns too many", "a.x", &["a.x"], "a.x", &[Dns("a.x"), Dns("b.x")]),
        ("dns too few", "a.x", &["a.x", "b.x"], "a.x", &[Dns("a.x")]),
        ("dns in another order", "a.x", &["a.x", "b.x"], "a.x", &[Dns("b.x"), Dns("a.x")]),
        ("dns twice in the request", "a.x", &["a.x"], "a.x", &[Dns("a.x"), Dns("a.x")]),
        ("dns twice in the token", "a.x", &["a.x", "a.x"], "a.x", &[Dns("a.x")]),
        ("dns in another case", "a.x", &["a.x"], "a.x", &[Dns("A.X")]),
        ("upper case on both sides", "A.X", &["A.X"], "A.X", &[Dns("A.X")]),
        ("ip", "10.1.2.3", &["10.1.2.3"], "10.1.2.3", &[Ip(V4)]),
        ("ip v6", "2001:db8::1", &["2001:db8::1"], "", &[Ip(V6)]),
        ("ip v6 written out", "x", &["2001:0db8:0:0:0:0:0:1"], "", &[Ip(V6)]),
        ("ip v6 in brackets", "x", &["[2001:db8::1]"], "", &[Ip(V6)]),
        ("ip v4 mapped", "10.1.2.3", &["10.1.2.3"], "", &[Ip(MAPPED)]),
        ("ip v4 mapped in the token", "x", &["::ffff:10.1.2.3"], "", &[Ip(V4)]),
        ("ip too short", "x", &["10.1.2.3"], "", &[Ip(&[10, 1, 2])]),
        ("ip not in the token", "a.x", &["a.x"], "a.x", &[Ip(V4)]),
        ("ip other", "10.1.2.3", &["10.1.2.3"], "", &[Ip(&[10, 1, 2, 4])]),
        ("ip as dns", "10.1.2.3", &["10.1.2.3"], "", &[Dns("10.1.2.3")]),
        ("email", "a@x.y", &["a@x.y"], "a@x.y", &[Email("a@x.y")]),
        ("email not in the token", "a.x", &["a.x"], "", &[Email("a@x.y")]),
        ("email as dns", "a@x.y", &["a@x.y"], "", &[Dns("a@x.y")]),
        ("email in another case", "a@x.y", &["a@x.y"], "", &[Email("A@x.y")]),
        ("uri", "spiffe://x/y", &["spiffe://x/y"], "", &[Uri("spiffe://x/y")]),
        ("uri escaped otherwise", "u", &["https://x/a%20b"], "", &[Uri("https://x/a%20b")]),
        ("uri not in the token", "a.x", &["a.x"], "", &[Uri("https://x")]),
        ("uri without a host", "u", &["urn:uuid:0"], "", &[Uri("urn:uuid:0")]),
        ("uri that is none", "u", &["a.x"], "", &[Uri("::not a uri")]),
        (
            "mixed",
            "a.x",
            &["a.x", "10.1.2.3", "a@x.y", "https://x/y"],
            "a.x",
            &[Dns("a.x"), Ip(V4), Email("a@x.y"), Uri("https://x/y")],
        ),
        (
            "mixed, kinds missing",
            "a.x",
            &["a.x", "10.1.2.3", "a@x.y", "https://x/y"],
            "a.x",
            &[Email("a@x.y")],
        ),
        (
            "mixed, in another order",
            "a.x",
            &["https://x/y", "a@x.y", "10.1.2.3", "a.x"],
            "a.x",
            &[Dns("a.x"), Ip(V4), Email("a@x.y"), Uri("https://x/y")],
        ),
        (
            "other kinds of names",
            "a.x",
            &["a.x"],
            "a.x",
            &[Dns("a.x"), San::Raw(&[0x88, 0x03, 0x2a, 0x03, 0x04])],
        ),
        ("no sans in the token", "a.x", &[], "a.x", &[Dns("a.x")]),
    ];
    for (name, subject, sans, common_name, names) in table {
        cases.add(format!("sign/names/{name}"), move |session| {
            let ott = session.ott(subject, sans);
            let csr = Csr::new(common_name, names).pem(&session.key(KeyKind::P256));
            session.sign(&json!({"csr": csr, "ott": ott}))?;
            Ok(())
        });
    }
    cases.add("sign/names/token without the claim sans", |session| {
        let ott = session.token_of("admin", "a.x", &[]).without("sans").sign(&session.provisioner("admin"));
        session.sign(&json!({"csr": session.csr("a.x"), "ott": ott}))?;
        Ok(())
    });
    cases.add("sign/names/hundred", |session| {
        let names: Vec<String> = (0..100).map(|number| format!("host-{number}.example.com")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        with_token(session, names[0], &names)
    });
}

/// Names only the token has, in every spelling: what kind does each become, or is it refused?
fn spellings(cases: &mut Cases) {
    let names = [
        "localhost",
        "a",
        "a.example.com.",
        ".example.com",
        "a..b",
        "-a.b",
        "a-.b",
        "a_b.example.com",
        "_acme.example.com",
        "*.example.com",
        "*",
        "a.*.com",
        "*.*.com",
        "f*.x",
        "xn--bcher-kva.example",
        "xn--a",
        "bücher.example",
        "ａ.example",
        "a b.example",
        " a.x",
        "a.x ",
        "a.x\n",
        "a\u{0}.x",
        "a,b.x",
        "a\"b.x",
        "a\\b.x",
        "a<b>.x",
        "{{ .Token }}",
        "x\",\"isCA\":true,\"y\":\"",
        "10.0.0.1",
        "010.0.0.5",
        "10.0.0.5/32",
        "0x0a000001",
        "127.1",
        "10.0.0.256",
        "167772161",
        "::1",
        "[::1]",
        "fe80::1%eth0",
        "1.2.3.4.5",
        "a@b",
        "a@b@c",
        "@b",
        "a@",
        "\"a b\"@x.y",
        "Name <a@x.y>",
        "a+b@x.y",
        "é@x.y",
        "https://x.y/z",
        "https://x.y:99/a?b=c#d",
        "https:x",
        "urn:a:b",
        "spiffe://td/w l",
        "mailto:a@b.c",
        "://x",
        "a:b",
        "a:80",
        "c:/x",
        "/x",
        "x/y",
        "https://",
        "https://x y/",
        "ldap://[::1]/c=GB",
        "1.2.840.113549",
        "tag:x,2020:y",
    ];
    for name in names {
        cases.add(format!("sign/spelling/{name:?}"), move |session| with_token(session, "leaf", &[name]));
    }
    let label = "a".repeat(64);
    let long = ["b".repeat(60).as_str(); 5].join(".");
    for (title, name) in [("label of 64", label), ("name of 304", long)] {
        cases.add(format!("sign/spelling/{title}"), move |session| {
            with_token(session, "leaf", &[name.as_str()])
        });
    }
    cases.add("sign/spelling/empty name", |session| with_token(session, "leaf", &[""]));
    cases.add("sign/spelling/empty name besides", |session| with_token(session, "leaf", &["a.x", ""]));
}

/// A token for names that the request does not repeat.
pub(crate) fn with_token(session: &mut Session<'_>, subject: &str, names: &[&str]) -> Result<(), Stop> {
    let ott = session.ott(subject, names);
    let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P256));
    session.sign(&json!({"csr": csr, "ott": ott}))?;
    Ok(())
}
