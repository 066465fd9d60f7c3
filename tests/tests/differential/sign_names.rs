//! /sign: which names a request may ask for with which token, and how the subject and the names are written.

use serde_json::json;
use stepless_tests::{
    Csr, KeyKind,
    asn1::{COMMON_NAME, element, explicit, ia5, name, oid, printable, sequence, set, utf8},
    csr::{San, extension_request, san_value},
};

use crate::{
    cases::Cases,
    session::{Session, Stop},
    world::WorldKind,
};

pub(crate) fn add(cases: &mut Cases) {
    rules(cases);
    spellings(cases);
    subjects(cases);
    extensions(cases);
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

/// Subjects: the token's becomes the common name, the request's is not copied.
fn subjects(cases: &mut Cases) {
    let subjects = [
        "plain",
        "with space",
        "bücher",
        "日本",
        "🦀",
        "a,b+c=d;e",
        "quote\"s",
        "back\\slash",
        "#hash",
        " space",
        "space ",
        "new\nline",
        "tab\t",
        "nul\u{0}",
        "star*",
        "at@x",
        "under_score",
        "amp&",
        "{{ .Token }}",
        "x\"}",
        "<b>",
        "a'b",
        "(x)",
        "a/b:c?d",
    ];
    for subject in subjects {
        cases.add(format!("sign/subject/{subject:?}"), move |session| {
            with_token(session, subject, &["leaf.example.com"])
        });
    }
    for length in [64, 65, 300] {
        cases.add(format!("sign/subject/{length} letters"), move |session| {
            with_token(session, &"c".repeat(length), &["leaf.example.com"])
        });
    }
    cases.add(
        "sign/subject/many attributes",
        with_csr(|| {
            Csr::new("", &[San::Dns(NAME)]).subject(&[
                ("2.5.4.6", printable("DE")),
                ("2.5.4.10", utf8("Org, Inc.")),
                ("2.5.4.11", utf8("Unit")),
                ("2.5.4.5", printable("42")),
                (COMMON_NAME, utf8(NAME)),
                ("1.2.840.113549.1.9.1", ia5("a@x.y")),
            ])
        }),
    );
    cases.add(
        "sign/subject/common name printable",
        with_csr(|| Csr::new("", &[San::Dns(NAME)]).subject(&[(COMMON_NAME, printable(NAME))])),
    );
    cases.add(
        "sign/subject/common name bmp",
        with_csr(|| {
            let text: Vec<u8> = NAME.encode_utf16().flat_map(u16::to_be_bytes).collect();
            Csr::new("", &[San::Dns(NAME)]).subject(&[(COMMON_NAME, element(0x1e, &text))])
        }),
    );
    cases.add(
        "sign/subject/common name teletex",
        with_csr(|| {
            Csr::new("", &[San::Dns(NAME)]).subject(&[(COMMON_NAME, element(0x14, NAME.as_bytes()))])
        }),
    );
    cases.add(
        "sign/subject/common name not utf-8",
        with_csr(|| Csr::new("", &[San::Dns(NAME)]).subject(&[(COMMON_NAME, element(0x0c, b"\xff\xfe"))])),
    );
    cases.add(
        "sign/subject/common name printable with a star",
        with_csr(|| Csr::new("", &[San::Dns(NAME)]).subject(&[(COMMON_NAME, printable("le@f"))])),
    );
    cases.add(
        "sign/subject/common name empty",
        with_csr(|| Csr::new("", &[San::Dns(NAME)]).subject(&[(COMMON_NAME, utf8(""))])),
    );
    cases.add(
        "sign/subject/two common names, wrong first",
        with_csr(|| {
            Csr::new("", &[San::Dns(NAME)])
                .subject(&[(COMMON_NAME, utf8("other")), (COMMON_NAME, utf8(NAME))])
        }),
    );
    cases.add(
        "sign/subject/two common names, wrong last",
        with_csr(|| {
            Csr::new("", &[San::Dns(NAME)])
                .subject(&[(COMMON_NAME, utf8(NAME)), (COMMON_NAME, utf8("other"))])
        }),
    );
    cases.add(
        "sign/subject/attributes in one set",
        with_csr(|| {
            let mut csr = Csr::new("", &[San::Dns(NAME)]);
            let attribute = |kind: &str, value: Vec<u8>| sequence(&[&oid(kind), &value]);
            csr.subject = sequence(&[&set(&[
                &attribute(COMMON_NAME, utf8(NAME)),
                &attribute("2.5.4.10", utf8("Org")),
            ])]);
            csr
        }),
    );
    cases.add(
        "sign/subject/name is no sequence",
        with_csr(|| {
            let mut csr = Csr::new("", &[San::Dns(NAME)]);
            csr.subject = utf8("x");
            csr
        }),
    );
    cases.add(
        "sign/subject/unknown attribute",
        with_csr(|| {
            Csr::new("", &[San::Dns(NAME)]).subject(&[("1.2.3.4.5", utf8("x")), (COMMON_NAME, utf8(NAME))])
        }),
    );
}

/// What a request may ask for besides names, and mostly does not get.
fn extensions(cases: &mut Cases) {
    let add = |cases: &mut Cases, title: &str, id: &'static str, critical, value: Vec<u8>| {
        cases.add(
            format!("sign/extension/{title}"),
            with_csr(move || Csr::new(NAME, &[San::Dns(NAME)]).extension(id, critical, &value)),
        );
    };
    add(cases, "ca true", "2.5.29.19", true, vec![0x30, 0x03, 0x01, 0x01, 0xff]);
    add(cases, "ca false", "2.5.29.19", true, vec![0x30, 0x00]);
    add(cases, "key usage cert sign", "2.5.29.15", true, vec![0x03, 0x02, 0x01, 0x06]);
    add(cases, "any extended usage", "2.5.29.37", false, sequence(&[&oid("2.5.29.37.0")]));
    add(cases, "code signing", "2.5.29.37", false, sequence(&[&oid("1.3.6.1.5.5.7.3.3")]));
    add(
        cases,
        "name constraints",
        "2.5.29.30",
        true,
        sequence(&[&explicit(0, &sequence(&[&[0x82, 0x01, b'x']]))]),
    );
    add(cases, "authority information", "1.3.6.1.5.5.7.1.1", false, sequence(&[]));
    add(cases, "poison", "1.3.6.1.4.1.11129.2.4.3", true, vec![5, 0]);
    add(cases, "no revocation check", "1.3.6.1.5.5.7.48.1.5", false, vec![5, 0]);
    add(cases, "must staple", "1.3.6.1.5.5.7.1.24", false, vec![0x30, 0x03, 0x02, 0x01, 0x05]);
    add(
        cases,
        "step provisioner",
        "1.3.6.1.4.1.37476.9000.64.1",
        false,
        sequence(&[&[0x02, 0x01, 0x01], &[0x04, 0x01, b'x'], &[0x04, 0x01, b'y']]),
    );
    add(cases, "unknown critical", "1.2.3.4", true, b"anything".to_vec());
    add(cases, "key identifier", "2.5.29.14", false, vec![0x04, 0x02, 1, 2]);
    add(cases, "second names", "2.5.29.17", false, san_value(&[San::Dns("other.example.com")]));
    add(cases, "second names, the same", "2.5.29.17", false, san_value(&[San::Dns(NAME)]));
    let names = |critical, value: Vec<u8>| {
        with_csr(move || Csr::new(NAME, &[]).extension("2.5.29.17", critical, &value))
    };
    cases.add("sign/extension/names critical", names(true, san_value(&[San::Dns(NAME)])));
    cases.add("sign/extension/names empty", names(false, san_value(&[])));
    cases.add("sign/extension/names garbage", names(false, b"\xff\xff".to_vec()));
    cases.add(
        "sign/extension/names with a byte behind",
        names(false, [san_value(&[San::Dns(NAME)]), vec![0]].concat()),
    );
    cases.add("sign/extension/names dns not ascii", names(false, san_value(&[San::Dns("bücher.example")])));
    cases.add(
        "sign/extension/names with nul",
        names(false, san_value(&[San::Dns("leaf.example.com\u{0}.evil")])),
    );
    cases.add(
        "sign/extension/names directory",
        names(false, san_value(&[San::Dns(NAME), San::Raw(&explicit(4, &name(&[])))])),
    );
    cases.add(
        "sign/extension/two requests of extensions",
        with_csr(|| {
            let mut csr = Csr::new(NAME, &[San::Dns(NAME)]);
            let value = san_value(&[San::Dns("other.example.com")]);
            csr.attributes.push(extension_request(&[stepless_tests::asn1::extension(
                "2.5.29.17",
                false,
                &value,
            )]));
            csr
        }),
    );
    cases.add(
        "sign/extension/challenge password",
        with_csr(|| {
            let mut csr = Csr::new(NAME, &[San::Dns(NAME)]);
            csr.attributes.push(sequence(&[&oid("1.2.840.113549.1.9.7"), &set(&[&utf8("secret")])]));
            csr
        }),
    );
    cases.add(
        "sign/extension/attribute without a value",
        with_csr(|| {
            let mut csr = Csr::new(NAME, &[San::Dns(NAME)]);
            csr.attributes.push(sequence(&[&oid("1.2.3.4"), &set(&[])]));
            csr
        }),
    );
}

/// A token for names that the request does not repeat.
fn with_token(session: &mut Session<'_>, subject: &str, names: &[&str]) -> Result<(), Stop> {
    let ott = session.ott(subject, names);
    let csr = Csr::new("", &[]).pem(&session.key(KeyKind::P256));
    session.sign(&json!({"csr": csr, "ott": ott}))?;
    Ok(())
}

fn with_csr(csr: impl Fn() -> Csr + Sync) -> impl Fn(&mut Session<'_>) -> Result<(), Stop> + Sync {
    move |session| {
        let csr = csr().pem(&session.key(KeyKind::P256));
        session.sign(&json!({"csr": csr, "ott": session.ott(NAME, &[NAME])}))?;
        Ok(())
    }
}

const NAME: &str = "leaf.example.com";
