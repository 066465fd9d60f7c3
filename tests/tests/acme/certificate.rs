//! The certificate: [RFC 8555 §7.4.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.4.2).

use std::{fs, process::Command};

use stepless_tests::{
    acme::account::texts,
    asn1::{pem, unpem},
    programs,
};
use x509_cert::{
    Certificate,
    der::{Decode, Encode},
    ext::pkix::{SubjectAltName, name::GeneralName},
};

use crate::world::{fresh_name, world};

/// The DNS names of a certificate.
pub(crate) fn dns_names(der: &[u8]) -> Vec<String> {
    let certificate = Certificate::from_der(der).expect("a certificate");
    let extensions = certificate.tbs_certificate().extensions().cloned().unwrap_or_default();
    let names = extensions.iter().find(|one| one.extn_id.to_string() == "2.5.29.17").expect("it has names");
    let names = SubjectAltName::from_der(names.extn_value.as_bytes()).expect("they are DER");
    names
        .0
        .iter()
        .map(|name| match name {
            GeneralName::DnsName(name) => name.to_string(),
            other => panic!("{other:?} is no DNS name"),
        })
        .collect()
}

#[test]
fn rfc8555_7_4_2_the_chain_is_pem_leaf_first_and_nothing_else() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let issued = world.issue(&account, &[&name]);

    let answer = account.get(&issued.url);

    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/pem-certificate-chain"), "{answer}");
    let text = String::from_utf8(answer.0.body.clone()).expect("PEM is text");
    let whole: String = unpem(&text).iter().map(|der| pem("CERTIFICATE", der)).collect();
    assert_eq!(text, whole, "nothing stands between, before or behind the certificates");
    assert_eq!(issued.chain.len(), 2, "the leaf and its issuer, without the root");
    let subject =
        |der: &[u8]| Certificate::from_der(der).unwrap().tbs_certificate().subject().to_der().unwrap();
    let issuer =
        |der: &[u8]| Certificate::from_der(der).unwrap().tbs_certificate().issuer().to_der().unwrap();
    assert_eq!(issuer(&issued.chain[0]), subject(&issued.chain[1]));
    assert_eq!(dns_names(&issued.chain[0]), [name]);
}

#[test]
fn rfc8555_7_4_2_openssl_accepts_the_chain_for_the_name() {
    let world = world();
    let account = world.account();
    let name = fresh_name();
    let issued = world.issue(&account, &[&name]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write =
        |file: &str, text: &str| fs::write(folder.path().join(file), text).expect("the folder is ours");
    write("root.pem", &world.folder.root_pem());
    write("leaf.pem", &pem("CERTIFICATE", &issued.chain[0]));
    write("issuer.pem", &pem("CERTIFICATE", &issued.chain[1]));

    let said = programs::output(
        Command::new("openssl")
            .args(["verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "issuer.pem"])
            .args(["-purpose", "sslserver", "-verify_hostname", &name, "leaf.pem"])
            .current_dir(folder.path()),
    );

    assert_eq!(String::from_utf8_lossy(&said).trim(), "leaf.pem: OK");
}

#[test]
fn rfc8555_7_4_2_the_certificate_is_for_the_key_of_the_request() {
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);

    let leaf = Certificate::from_der(&issued.chain[0]).expect("a certificate");

    let spki = leaf.tbs_certificate().subject_public_key_info().to_der().expect("it can be written");
    assert_eq!(spki, issued.key.spki());
}

#[test]
fn rfc8555_7_4_2_the_certificate_can_be_had_again() {
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);

    assert_eq!(account.chain(&issued.url), issued.chain);
    assert_eq!(account.chain(&issued.url), issued.chain);
}

/// With one issuer and one root there is one chain, and no link to others.
#[test]
fn rfc8555_7_4_2_alternate_chains_are_linked_where_there_are_any() {
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);

    let answer = account.get(&issued.url);

    for url in answer.links("alternate") {
        let chain = account.chain(&url);
        assert_eq!(chain[0], issued.chain[0], "{url} has another leaf");
        assert_ne!(chain, issued.chain, "{url} is the same chain");
    }
    assert_eq!(texts(&account.get(&issued.order.url).json()["authorizations"]), issued.order.authorizations);
}

#[test]
fn rfc8555_7_4_2_a_certificate_that_is_none_is_not_found() {
    let world = world();
    let account = world.account();
    let issued = world.issue(&account, &[&fresh_name()]);
    let parent = issued.url.rsplit_once('/').expect("a URL has slashes").0;

    for id in ["0", "1", "ffffffffffffffffffffffffffffffff", "x", "..", "%2e%2e"] {
        let answer = account.get(&format!("{parent}/{id}"));
        assert!(matches!(answer.status(), 400 | 404), "{answer}");
    }
}
