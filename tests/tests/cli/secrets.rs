//! What must never be in a log.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rstest::rstest;
use serde_json::json;
use stepless_tests::{CaFolder, Request, ca_folder::PASSWORD};

use crate::{
    authority::Authority,
    issue::{request_by_openssl, sign},
    revoke::revoke_by_token,
    step::Person,
};

#[rstest]
fn l16_no_secret_reaches_the_log(#[values("text", "json")] format: &str) {
    let folder = CaFolder::init(&[]);
    folder.edit(|config| config["logger"] = json!({"format": format}));
    let authority = Authority::start_on(folder);
    let person = Person::of(&authority);

    let tokens = use_every_route(&authority, &person);

    let log = authority.server.log();
    assert!(
        log.contains("/sign") && log.contains("/renew") && log.contains("/revoke"),
        "the requests are logged:\n{log}"
    );
    assert!(!log.contains(PASSWORD), "the password is in the log");
    for token in tokens {
        for part in token.split('.') {
            assert!(!log.contains(part), "{part} of a token is in the log:\n{log}");
        }
    }
    // Renewal tokens are made inside the CLI; like every JWT they begin with the base64 of `{"`.
    let beginning = BASE64_URL_SAFE_NO_PAD.encode("{\"alg");
    assert!(!log.contains(&beginning), "a token is in the log:\n{log}");
    assert!(!log.contains("Bearer ey"), "a bearer token is in the log:\n{log}");
    for line in private_lines(&authority, &person) {
        assert!(!log.contains(&line), "a private key is in the log:\n{log}");
    }
}

/// Good and bad requests with a secret in each; gives the one-time tokens among them.
fn use_every_route(authority: &Authority, person: &Person) -> Vec<String> {
    let good = person.token(&["a.example"]);
    let for_another = person.token(&["b.example"]);
    let broken = format!("{}AAAA", person.token(&["a.example"]));
    let in_a_header = person.token(&["c.example"]);
    let in_the_path = person.token(&["d.example"]);
    request_by_openssl(person, "P-256", "a.example", "DNS:a.example");
    let csr = person.read("r.csr");
    for token in [&good, &good, &for_another, &broken] {
        sign(authority, &csr, token);
    }
    let client = authority.client();
    for request in [
        Request::post("/renew", &json!({})).header("Authorization", &format!("Bearer {in_a_header}")),
        Request::post("/1.0/revoke", &json!({"serial": "1", "ott": for_another, "passive": true})),
        Request::post("/sign", &json!({"csr": person.read("r.key"), "ott": good})),
        Request::get(&format!("/provisioners?cursor={in_the_path}")),
        Request::new("POST", "/sign").body(format!("{{\"ott\":\"{good}\",")),
    ] {
        client.send(&request).expect("the server answers");
    }
    let (certificate, key) = person.certificate("e.example");
    person.step(&["ca", "renew", "--force", &certificate, &key]);
    person.step(&["ca", "renew", "--force", "--mtls=false", &certificate, &key]);
    person.step(&["ca", "rekey", "--force", &certificate, &key]);
    revoke_by_token(person, &person.serial(&certificate));
    person.step_is_refused(&["ca", "renew", "--force", "--mtls=false", &certificate, &key]);
    vec![good, for_another, broken, in_a_header, in_the_path]
}

/// Lines that only a private key file has, clear or encrypted.
fn private_lines(authority: &Authority, person: &Person) -> Vec<String> {
    let mut texts = vec![person.read("r.key")];
    for name in ["secrets/intermediate_ca_key", "secrets/root_ca_key"] {
        let file = authority.folder.path().join(name);
        // An issuer whose key lies in a KMS has no file of it.
        if file.exists() {
            let file = file.display().to_string();
            texts.push(authority.folder.read(name));
            texts.push(person.program("openssl", &["pkey", "-in", &file, "-passin", "file:password"]));
        }
    }
    texts.push(authority.folder.config()["authority"]["provisioners"][0]["encryptedKey"].to_string());
    texts
        .iter()
        .flat_map(|text| text.lines().map(|line| line.trim_matches('"').to_owned()).collect::<Vec<_>>())
        .filter(|line| line.len() > 20 && !line.contains("KEY") && !line.contains("Proc-Type"))
        .collect()
}
