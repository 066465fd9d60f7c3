//! tls-alpn-01: [RFC 8737 §3](https://www.rfc-editor.org/rfc/rfc8737#section-3).

use std::sync::Arc;

use rstest::rstest;
use serde_json::Value;
use stepless_tests::{
    Key, KeyKind,
    acme::{
        Account, TlsAnswer, ValidationCertificate,
        account::{Challenge, Order, fresh_key},
        answer::problem_of,
        tls_alpn::ACME_TLS,
        validation_certificate::{ACME_IDENTIFIER, Criticality, digest},
    },
    asn1::octets,
    csr::San,
};

use crate::world::{fresh_name, unreachable, world};

struct Trial {
    name: String,
    order: Order,
    challenge: Challenge,
    key_authorization: String,
    key: Arc<Key>,
}

fn trial(account: &Account) -> Trial {
    let name = fresh_name();
    let order = account.order(&[&name]);
    let challenge = account.challenge(&order.authorizations[0], "tls-alpn-01");
    let key_authorization = account.key_authorization(&challenge.token);
    Trial { name, order, challenge, key_authorization, key: Arc::new(fresh_key()) }
}

impl Trial {
    /// What RFC 8737 asks for.
    fn good(&self) -> TlsAnswer {
        self.show(&ValidationCertificate::new(San::Dns(&self.name), &self.key_authorization))
    }

    fn show(&self, certificate: &ValidationCertificate) -> TlsAnswer {
        TlsAnswer::new(certificate.sign(&self.key), Arc::clone(&self.key))
    }

    /// The names alone, and the extension of ACME with this value.
    fn with(&self, sans: &[San<'_>], id: &str, criticality: Criticality, value: &[u8]) -> TlsAnswer {
        self.show(&ValidationCertificate::of(sans).acme(id, criticality, value))
    }

    /// How the challenge ended.
    #[track_caller]
    fn end(&self, account: &Account) -> Value {
        account.ready(&self.challenge);
        account.settle(&self.challenge.url)
    }
}

#[test]
fn rfc8737_3_the_validation_certificate_proves_the_name() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    world.tls.set(&trial.name, trial.good());

    let end = trial.end(&account);

    assert_eq!(end["status"], "valid", "{end}");
    assert_eq!(account.get(&trial.order.url).text("status"), "ready");
}

#[test]
fn rfc8737_3_the_server_name_is_the_identifier_and_the_only_protocol_is_acme() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    world.tls.set(&trial.name, trial.good());

    trial.end(&account);

    let greeted = world.tls.greeted(&trial.name);
    assert!(!greeted.is_empty() && greeted.iter().all(|one| one.protocols == [ACME_TLS]), "{greeted:?}");
}

#[rstest]
#[case(KeyKind::P384)]
#[case(KeyKind::Ed25519)]
#[case(KeyKind::Rsa2048)]
fn rfc8737_3_the_validation_certificate_may_have_any_usual_key(#[case] kind: KeyKind) {
    let world = world();
    let account = world.account();
    let trial = Trial { key: Arc::new(Key::generate(kind)), ..trial(&account) };
    world.tls.set(&trial.name, trial.good());

    let end = trial.end(&account);

    assert_eq!(end["status"], "valid", "{end}");
}

/// What a server shows instead.
type Shown = fn(&Trial) -> TlsAnswer;

#[rstest]
#[case::no_extension(|trial: &Trial| trial.show(&ValidationCertificate::of(&[San::Dns(&trial.name)])))]
#[case::not_critical(|trial: &Trial| {
    trial.with(&[San::Dns(&trial.name)], ACME_IDENTIFIER, Criticality::NotCritical, &digest(&trial.key_authorization))
})]
#[case::the_number_of_a_draft(|trial: &Trial| {
    trial.with(&[San::Dns(&trial.name)], "1.3.6.1.5.5.7.1.30.1", Criticality::Critical, &digest(&trial.key_authorization))
})]
#[case::another_digest(|trial: &Trial| trial.with(&[San::Dns(&trial.name)], ACME_IDENTIFIER, Criticality::Critical, &digest("x")))]
#[case::a_short_digest(|trial: &Trial| {
    trial.with(&[San::Dns(&trial.name)], ACME_IDENTIFIER, Criticality::Critical, &octets(&[1; 20]))
})]
#[case::no_octet_string(|trial: &Trial| {
    let inside = digest(&trial.key_authorization)[2..].to_vec();
    trial.with(&[San::Dns(&trial.name)], ACME_IDENTIFIER, Criticality::Critical, &inside)
})]
#[case::bytes_behind_the_digest(|trial: &Trial| {
    let longer = [digest(&trial.key_authorization), vec![0]].concat();
    trial.with(&[San::Dns(&trial.name)], ACME_IDENTIFIER, Criticality::Critical, &longer)
})]
#[case::the_extension_twice(|trial: &Trial| {
    let value = digest(&trial.key_authorization);
    let certificate = ValidationCertificate::new(San::Dns(&trial.name), &trial.key_authorization);
    trial.show(&certificate.acme(ACME_IDENTIFIER, Criticality::Critical, &value))
})]
#[case::two_names(|trial: &Trial| {
    let names = [San::Dns(&trial.name), San::Dns("other.example")];
    trial.with(&names, ACME_IDENTIFIER, Criticality::Critical, &digest(&trial.key_authorization))
})]
#[case::the_name_twice(|trial: &Trial| {
    let names = [San::Dns(&trial.name), San::Dns(&trial.name)];
    trial.with(&names, ACME_IDENTIFIER, Criticality::Critical, &digest(&trial.key_authorization))
})]
#[case::a_name_of_another_kind_besides(|trial: &Trial| {
    let names = [San::Dns(&trial.name), San::Email("a@b.example")];
    trial.with(&names, ACME_IDENTIFIER, Criticality::Critical, &digest(&trial.key_authorization))
})]
#[case::another_name(|trial: &Trial| {
    trial.with(&[San::Dns("other.example")], ACME_IDENTIFIER, Criticality::Critical, &digest(&trial.key_authorization))
})]
#[case::the_wildcard(|trial: &Trial| {
    let wildcard = format!("*.{}", trial.name.split_once('.').unwrap().1);
    trial.with(&[San::Dns(&wildcard)], ACME_IDENTIFIER, Criticality::Critical, &digest(&trial.key_authorization))
})]
#[case::no_names(|trial: &Trial| {
    let bare = ValidationCertificate::bare();
    trial.show(&bare.acme(ACME_IDENTIFIER, Criticality::Critical, &digest(&trial.key_authorization)))
})]
#[case::no_extensions(|trial: &Trial| trial.show(&ValidationCertificate::bare()))]
#[case::without_alpn(|trial: &Trial| trial.good().protocols(&[]))]
fn n10_rfc8737_3_any_other_certificate_proves_nothing(#[case] shown: Shown) {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    world.tls.set(&trial.name, shown(&trial));

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    let kind = problem_of(&end["error"]);
    assert!(matches!(&kind[..], "unauthorized" | "incorrectResponse" | "tls"), "{end}");
    assert!(end["error"]["detail"].as_str().is_some_and(|detail| detail.contains(&trial.name)), "{end}");
    assert_eq!(account.get(&trial.order.url).text("status"), "invalid");
}

/// [RFC 8737 §3](https://www.rfc-editor.org/rfc/rfc8737#section-3): the certificate is self-signed.
#[test]
fn n10_rfc8737_3_a_certificate_signed_by_somebody_else_proves_nothing() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    let certificate = ValidationCertificate::new(San::Dns(&trial.name), &trial.key_authorization);
    let signed = certificate.sign_by(&trial.key, &fresh_key(), "authority");
    world.tls.set(&trial.name, TlsAnswer::new(signed, Arc::clone(&trial.key)));

    assert_eq!(trial.end(&account)["status"], "invalid");
}

/// A default virtual host that shows its one certificate to everybody, and speaks its own protocols.
#[test]
fn n10_n11_rfc8737_3_a_server_of_another_protocol_proves_nothing() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    world.tls.set(&trial.name, trial.good().protocols(&[b"h2", b"http/1.1"]));

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    assert_eq!(problem_of(&end["error"]), "tls", "{end}");
}

#[test]
fn a13_rfc8737_3_the_key_authorization_of_another_account_proves_nothing() {
    let world = world();
    let (account, other) = (world.account(), world.account());
    let trial = trial(&account);
    let theirs = other.key_authorization(&trial.challenge.token);
    world.tls.set(&trial.name, trial.show(&ValidationCertificate::new(San::Dns(&trial.name), &theirs)));

    assert_eq!(trial.end(&account)["status"], "invalid");
}

#[test]
fn rfc8555_8_2_a_tls_server_out_of_reach_is_a_problem_of_the_connection() {
    let world = world();
    let account = world.account();
    let trial = trial(&account);
    unreachable(&world, &trial.name);

    let end = trial.end(&account);

    assert_eq!(end["status"], "invalid", "{end}");
    assert_eq!(problem_of(&end["error"]), "connection", "{end}");
}
