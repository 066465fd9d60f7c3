//! /sign: how subjects are written, and what a request asks for besides names.

use serde_json::json;
use stepless_tests::{
    Csr, KeyKind,
    asn1::{COMMON_NAME, element, explicit, ia5, name, oid, printable, sequence, set, utf8},
    csr::{San, extension_request, san_value},
};

use crate::{
    cases::Cases,
    session::{Session, Stop},
    sign_names::with_token,
};

pub(crate) fn add(cases: &mut Cases) {
    subjects(cases);
    extensions(cases);
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

fn with_csr(csr: impl Fn() -> Csr + Sync) -> impl Fn(&mut Session<'_>) -> Result<(), Stop> + Sync {
    move |session| {
        let csr = csr().pem(&session.key(KeyKind::P256));
        session.sign(&json!({"csr": csr, "ott": session.ott(NAME, &[NAME])}))?;
        Ok(())
    }
}

const NAME: &str = "leaf.example.com";
