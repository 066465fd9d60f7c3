//! The same authority for those who have curl and openssl only.

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    authority::{Authority, Made},
    issue::request_by_openssl,
    judge,
    step::Person,
};

#[rstest]
fn curl_trusts_the_endpoint_by_the_root_alone(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::new();

    for host in ["localhost", "127.0.0.1"] {
        for version in [&["--tlsv1.2", "--tls-max", "1.2"][..], &["--tlsv1.3"][..]] {
            let url = format!("https://{host}:{}/health", authority.server.address().port());
            let body = person.program(
                "curl",
                &[&["-sS", "--fail", "--cacert", &authority.root_file()], version, &[&url]].concat(),
            );
            assert_eq!(body, "{\"status\":\"ok\"}\n", "{host} {version:?}");
        }
    }
}

#[rstest]
fn curl_refuses_the_endpoint_without_the_root(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::new();

    let said = person.run("curl".as_ref(), &["-sS", &format!("{}/health", authority.server.url())]);

    assert!(!said.succeeded, "{said:?}");
}

#[rstest]
fn curl_gets_a_certificate_and_renews_it(#[values(Made::SteplessInit, Made::StepCaInit)] made: Made) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let root = authority.root_file();
    request_by_openssl(&person, "P-256", "c.example", "DNS:c.example");
    let body = json!({"csr": person.read("r.csr"), "ott": person.token(&["c.example"])});
    person.write("sign.json", body.to_string());

    let url = format!("{}/1.0/sign", authority.server.url());
    let json = ["-sS", "--fail", "--cacert", &root, "-H", "Content-Type: application/json"];
    let signed = person.program("curl", &[&json[..], &["-d", "@sign.json", &url]].concat());
    person.write("c.crt", chain(&signed));
    judge::accept(&authority, &person, "c.crt", "c.example");

    let url = format!("{}/1.0/renew", authority.server.url());
    let identity = ["--cert", "c.crt", "--key", "r.key", "-X", "POST", &url];
    let renewed = person.program("curl", &[&json[..], &identity[..]].concat());
    person.write("renewed.crt", chain(&renewed));
    judge::accept(&authority, &person, "renewed.crt", "c.example");
    assert_ne!(person.serial("renewed.crt"), person.serial("c.crt"));
}

/// A root that was issued for the same name by somebody else is not ours to accept.
#[rstest]
fn a_certificate_of_another_authority_proves_nothing(
    #[values(Made::SteplessInit, Made::StepCaInit)] made: Made,
) {
    let authority = Authority::start(made);
    let person = Person::of(&authority);
    let root = authority.root_file();
    person.program(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "x.key",
            "-out",
            "x.crt",
            "-subj",
            "/CN=a.example",
        ],
    );

    let url = format!("{}/renew", authority.server.url());
    let said = person.run(
        "curl".as_ref(),
        &[
            "-sS",
            "-o",
            "answer",
            "-w",
            "%{http_code}",
            "--cacert",
            &root,
            "--cert",
            "x.crt",
            "--key",
            "x.key",
            "-X",
            "POST",
            &url,
        ],
    );

    assert!(!said.succeeded || said.stdout == "401", "the handshake or the route refuses: {said:?}");
    assert_ne!(said.stdout, "201");
}

/// The chain of a `/sign` or `/renew` answer as one PEM file.
fn chain(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).expect("the answer is JSON");
    let chain = answer["certChain"].as_array().expect("the answer has a chain");
    assert_eq!(chain.first(), Some(&answer["crt"]));
    assert_eq!(chain.get(1), Some(&answer["ca"]));
    chain.iter().map(|certificate| certificate.as_str().expect("a certificate is PEM")).collect()
}
