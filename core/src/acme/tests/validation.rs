//! What proves control of a name, and what does not.

use aws_lc_rs::digest;
use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Client, Server, challenge_of, urls};
use super::orders::identifiers;
use super::wire::base64url;
use crate::acme::fake::Reply as Scripted;
use crate::acme::{
    ACME_TLS_ALPN, CaaRecord, HttpAnswer, ProbeError, ProbeErrorKind, ProbeHost, ProblemType, TlsAnswer,
    TlsVersion,
};
use crate::authority::tests::bench::{P256, World, octets, validity, value};
use crate::config::ChallengeType;
use crate::key::{PrivateKey, SignatureAlgorithm};
use crate::x509::{
    Certificate, CertificateBody, DistinguishedName, DnsName, Extension, Profile, SubjectAltName,
};

/// An order for one identifier, and its challenge of one kind.
struct Scene {
    world: World,
    server: Server,
    client: Client,
    authorization: String,
    challenge: Value,
}

impl Scene {
    async fn new(name: &str, kind: &str) -> Self {
        Self::of(World::new(), name, kind).await
    }

    async fn of(mut world: World, name: &str, kind: &str) -> Self {
        world.acme.challenges = ChallengeType::ALL.to_vec();
        let server = Server::new(&world).await;
        let client = Client::registered(&server).await;
        let order = client.new_order(&server, &identifiers(&[name])).await.unwrap();
        let authorization = urls(&order.resource["authorizations"])[0].clone();
        let shown = client.authorization(&server, &authorization).await.unwrap().resource;
        let challenge = challenge_of(&shown, kind);
        Self { world, server, client, authorization, challenge }
    }

    fn key_authorization(&self) -> String {
        self.client.key_authorization(self.challenge["token"].as_str().unwrap())
    }

    fn digest(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.key_authorization().as_bytes()).as_ref().to_vec()
    }

    fn path(&self) -> String {
        format!("/.well-known/acme-challenge/{}", self.challenge["token"].as_str().unwrap())
    }

    /// The status after the first try, and the type and text of its error.
    async fn respond(&self) -> (String, Value, String) {
        let url = self.challenge["url"].as_str().unwrap();
        let shown = self.client.respond(&self.server, url).await.unwrap().resource;
        let error = &shown["error"];
        let status = shown["status"].as_str().unwrap().to_owned();
        (status, error["type"].clone(), error["detail"].as_str().unwrap_or_default().to_owned())
    }

    /// The status after the retry that is due.
    async fn retry(&self) -> String {
        let (task, wait) = self.server.queue.take().pop().expect("a retry");
        self.world.clock.advance(i64::try_from(wait.as_secs()).unwrap());
        self.server.acme.retry(&self.server.validator, &task).await.unwrap();
        let shown = self.client.authorization(&self.server, &self.authorization).await.unwrap().resource;
        shown["status"].as_str().unwrap().to_owned()
    }
}

fn host(name: &str) -> ProbeHost {
    name.parse().map_or_else(|_| ProbeHost::Dns(name.parse().unwrap()), ProbeHost::Ip)
}

#[rstest]
#[case::exact("KEY", 200, "valid", None)]
#[case::line_end("KEY\r\n\n", 200, "valid", None)]
#[case::space_before(" KEY", 200, "invalid", Some(ProblemType::IncorrectResponse))]
#[case::more_behind("KEY x", 200, "invalid", Some(ProblemType::IncorrectResponse))]
#[case::nothing("", 200, "invalid", Some(ProblemType::IncorrectResponse))]
#[case::not_found("KEY", 404, "processing", Some(ProblemType::Unauthorized))]
#[case::a_status_without_content("KEY", 204, "processing", Some(ProblemType::Unauthorized))]
#[tokio::test]
async fn a_file_has_the_key_authorization_and_nothing_else(
    #[case] body: &str,
    #[case] status: u16,
    #[case] expected: &str,
    #[case] problem: Option<ProblemType>,
) {
    let scene = Scene::new("a.example", "http-01").await;
    let answer = HttpAnswer {
        status,
        body: body.replace("KEY", &scene.key_authorization()).into_bytes(),
        url: "http://a.example/".to_owned(),
        address: "192.0.2.1:80".parse().unwrap(),
    };
    scene.server.prober.on_http(&host("a.example"), &scene.path(), [Scripted::Answer(answer)]);

    let (found, error, _) = scene.respond().await;

    assert_eq!((found.as_str(), error), (expected, problem.map_or(Value::Null, |problem| json!(problem))));
}

#[tokio::test]
async fn n2_a_foreign_body_is_shown_in_a_short_printable_cut() {
    let scene = Scene::new("a.example", "http-01").await;
    let body = format!("<script>\u{1b}[31m\n{}", "secret".repeat(2000));
    scene.server.prober.put_file(&host("a.example"), &scene.path(), body);

    let (status, _, detail) = scene.respond().await;

    assert_eq!(status, "invalid");
    assert!(detail.len() < 400 && detail.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{detail}");
    assert!(detail.contains("192.0.2.1:80"), "{detail}");
}

#[tokio::test]
async fn an_address_is_proven_by_a_file_on_it() {
    let scene = Scene::new("192.0.2.7", "http-01").await;
    scene.server.prober.put_file(&host("192.0.2.7"), &scene.path(), scene.key_authorization());

    assert_eq!(scene.respond().await.0, "valid");
}

#[tokio::test]
async fn a_text_record_stands_beside_foreign_ones_and_may_come_late() {
    let scene = Scene::new("*.a.example", "dns-01").await;
    let name: DnsName = "_acme-challenge.a.example".parse().unwrap();
    scene.server.prober.put_txt(&name, &["v=spf1 -all", &scene.key_authorization()]);
    let (status, problem, _) = scene.respond().await;
    assert_eq!((status.as_str(), problem), ("processing", json!(ProblemType::IncorrectResponse)));

    scene.server.prober.put_txt(&name, &["old", &base64url(scene.digest()), "other"]);

    assert_eq!(scene.retry().await, "valid");
}

#[tokio::test]
async fn n8_a_name_server_that_fails_is_asked_again() {
    let scene = Scene::new("a.example", "dns-01").await;
    let name: DnsName = "_acme-challenge.a.example".parse().unwrap();
    let error = ProbeError::new(ProbeErrorKind::Dns, "SERVFAIL").that_may_heal();
    scene.server.prober.on_txt(&name, [Scripted::Fail(error)]);
    assert_eq!(scene.respond().await.1, json!(ProblemType::Dns));

    scene.server.prober.put_txt(&name, &[&base64url(scene.digest())]);

    assert_eq!(scene.retry().await, "valid");
}

#[tokio::test]
async fn the_label_of_an_account_is_made_of_its_url() {
    let scene = Scene::new("a.example", "dns-account-01").await;
    let account = scene.client.account.as_ref().unwrap();
    let hash = digest::digest(&digest::SHA256, account.as_bytes());
    let label = data_encoding::BASE32_NOPAD.encode(&hash.as_ref()[..10]).to_lowercase();
    let name: DnsName = format!("_{label}._acme-challenge.a.example").parse().unwrap();
    scene.server.prober.put_txt(&name, &[&base64url(scene.digest())]);

    assert_eq!(scene.respond().await.0, "valid");
}

#[rstest]
#[case::for_the_account("ca.example; accounturi=ACCOUNT", "a.example", "valid")]
#[case::for_the_wildcard("ca.example; accounturi=ACCOUNT; policy=wildcard", "*.a.example", "valid")]
#[case::not_for_the_wildcard("ca.example; accounturi=ACCOUNT", "*.a.example", "processing")]
#[case::over("ca.example; accounturi=ACCOUNT; persistUntil=1000", "a.example", "processing")]
#[case::of_another_authority("other.example; accounturi=ACCOUNT", "a.example", "processing")]
#[case::of_nobody("ca.example", "a.example", "processing")]
#[tokio::test]
async fn a_lasting_record_names_authority_and_account(
    #[case] record: &str,
    #[case] name: &str,
    #[case] expected: &str,
) {
    let scene = Scene::new(name, "dns-persist-01").await;
    let account = scene.client.account.as_ref().unwrap();
    assert_eq!(scene.challenge["issuer-domain-names"], json!(["ca.example"]));
    assert_eq!(scene.challenge["accounturi"], json!(account));
    assert!(scene.challenge.get("token").is_none());
    let place: DnsName = "_validation-persist.a.example".parse().unwrap();
    scene.server.prober.put_txt(&place, &["noise", &record.replace("ACCOUNT", account)]);

    assert_eq!(scene.respond().await.0, expected);
}

/// What is different from a right answer to tls-alpn-01.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    NotCritical,
    OldIdentifier,
    NoExtension,
    TrailingOctets,
    ShortDigest,
    AnotherDigest,
    AnotherName,
    TwoNames,
    NameAndMail,
    SignedByAnother,
    IssuedByAnother,
    NoProtocol,
    AnotherProtocol,
    NoCertificate,
}

fn certificate(scene: &Scene, name: &str, flaw: Flaw) -> Vec<u8> {
    let key = PrivateKey::generate(P256).unwrap();
    let mut digest = scene.digest();
    match flaw {
        Flaw::AnotherDigest => digest[0] ^= 1,
        Flaw::ShortDigest => digest.truncate(31),
        _ => {}
    }
    let named = |name: &str| SubjectAltName::classify(name).unwrap();
    let names = match flaw {
        Flaw::AnotherName => vec![named("b.example")],
        Flaw::TwoNames => vec![named(name), named("b.example")],
        Flaw::NameAndMail => vec![named(name), named("root@a.example")],
        _ => vec![named(name)],
    };
    let mut profile = Profile::leaf(key.public_key(), names.into());
    let mut content = octets(&digest);
    if flaw == Flaw::TrailingOctets {
        content.push(0);
    }
    let oid = if flaw == Flaw::OldIdentifier { "1.3.6.1.5.5.7.1.30.1" } else { "1.3.6.1.5.5.7.1.31" };
    if flaw != Flaw::NoExtension {
        let critical = flaw != Flaw::NotCritical;
        profile.extra.push(Extension {
            oid: spki::ObjectIdentifier::new_unwrap(oid),
            critical,
            value: content,
        });
    }
    let algorithm = SignatureAlgorithm::default_for(key.public_key().kind());
    let subject = DistinguishedName::from_common_name("ACME challenge").unwrap();
    let until = validity("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let serial = "1".parse().unwrap();
    let mut body =
        CertificateBody::root(serial, algorithm, until, subject, key.public_key().clone(), profile).unwrap();
    if flaw == Flaw::IssuedByAnother {
        body.issuer = DistinguishedName::from_common_name("Another").unwrap();
    }
    let signer = if flaw == Flaw::SignedByAnother { PrivateKey::generate(P256).unwrap() } else { key };
    let tbs = body.to_be_signed();
    let signed = Certificate::assemble(&tbs, algorithm, &signer.sign(algorithm, &tbs).unwrap()).unwrap();
    match flaw {
        Flaw::NoCertificate => value(0x30, &[]),
        _ => signed.as_der().to_vec(),
    }
}

#[rstest]
#[case::right(Flaw::None)]
#[case::not_critical(Flaw::NotCritical)]
#[case::old_identifier(Flaw::OldIdentifier)]
#[case::no_extension(Flaw::NoExtension)]
#[case::trailing_octets(Flaw::TrailingOctets)]
#[case::short_digest(Flaw::ShortDigest)]
#[case::another_digest(Flaw::AnotherDigest)]
#[case::another_name(Flaw::AnotherName)]
#[case::two_names(Flaw::TwoNames)]
#[case::name_and_mail(Flaw::NameAndMail)]
#[case::signed_by_another(Flaw::SignedByAnother)]
#[case::issued_by_another(Flaw::IssuedByAnother)]
#[case::no_protocol(Flaw::NoProtocol)]
#[case::another_protocol(Flaw::AnotherProtocol)]
#[case::no_certificate(Flaw::NoCertificate)]
#[tokio::test]
async fn n10_a_certificate_answers_without_a_flaw_or_not_at_all(#[case] flaw: Flaw) {
    for name in ["a.example", "192.0.2.7", "2001:db8::7"] {
        let scene = Scene::new(name, "tls-alpn-01").await;
        let alpn = match flaw {
            Flaw::NoProtocol => None,
            Flaw::AnotherProtocol => Some(b"h2".to_vec()),
            _ => Some(ACME_TLS_ALPN.to_vec()),
        };
        let answer = TlsAnswer {
            certificate: certificate(&scene, name, flaw),
            alpn,
            version: TlsVersion::Tls12,
            address: "192.0.2.1:443".parse().unwrap(),
        };
        scene.server.prober.on_tls_alpn(&host(name), [Scripted::Answer(answer)]);

        let (status, _, detail) = scene.respond().await;

        assert_eq!(status, if flaw == Flaw::None { "valid" } else { "invalid" }, "{name}: {detail}");
    }
}

fn caa_world() -> World {
    let mut world = World::new();
    world.acme.check_caa = true;
    world.acme.caa_identities = vec!["ca.example".parse().unwrap()];
    world
}

#[rstest]
#[case::none("a.b.example", &[], "valid")]
#[case::us("a.b.example", &[("a.b.example", "issue", "CA.example")], "valid")]
#[case::nobody("a.b.example", &[("a.b.example", "issue", ";")], "invalid")]
#[case::nonsense("a.b.example", &[("a.b.example", "issue", "%%%")], "invalid")]
#[case::another("a.b.example", &[("a.b.example", "issue", "other.example")], "invalid")]
#[case::above("a.b.example", &[("b.example", "issue", "other.example")], "invalid")]
#[case::at_the_top("a.b.example", &[("example", "issue", "other.example")], "invalid")]
#[case::nearer("a.b.example", &[("a.b.example", "issue", "ca.example"), ("b.example", "issue", ";")], "valid")]
#[case::only_mail("a.b.example", &[("a.b.example", "iodef", "mailto:x@b.example")], "valid")]
#[case::wild_for_base("a.b.example", &[("a.b.example", "issuewild", ";")], "valid")]
#[case::wild("*.b.example", &[("b.example", "issuewild", ";")], "invalid")]
#[case::wild_by_issue("*.b.example", &[("b.example", "issue", "ca.example")], "valid")]
#[case::this_method("a.b.example", &[("b.example", "issue", "ca.example; validationmethods=http-01,METHOD")], "valid")]
#[case::another_method("a.b.example", &[("b.example", "issue", "ca.example; validationmethods=tls-alpn-01")], "invalid")]
#[case::this_account("a.b.example", &[("b.example", "issue", "ca.example; accounturi=ACCOUNT")], "valid")]
#[case::another_account("a.b.example", &[("b.example", "issue", "ca.example; accounturi=ACCOUNTx")], "invalid")]
#[case::two_accounts("a.b.example", &[("b.example", "issue", "ca.example; accounturi=ACCOUNT; accounturi=ACCOUNT")], "invalid")]
#[tokio::test]
async fn a10_caa_records_of_a_name_and_above_it_are_obeyed(
    #[case] name: &str,
    #[case] records: &[(&str, &str, &str)],
    #[case] expected: &str,
) {
    let scene = Scene::of(caa_world(), name, "dns-01").await;
    let account = scene.client.account.as_ref().unwrap();
    for (at, tag, text) in records {
        let text = text.replace("ACCOUNT", account).replace("METHOD", "dns-01");
        scene.server.prober.put_caa(&at.parse().unwrap(), &[(tag, &text)]);
    }
    let place: DnsName = format!("_acme-challenge.{}", name.trim_start_matches("*.")).parse().unwrap();
    scene.server.prober.put_txt(&place, &[&base64url(scene.digest())]);

    let (status, problem, detail) = scene.respond().await;

    assert_eq!(status, expected, "{detail}");
    if expected == "invalid" {
        assert_eq!(problem, json!(ProblemType::Caa));
    }
}

#[rstest]
#[case::critical(true, "invalid")]
#[case::not_critical(false, "valid")]
#[tokio::test]
async fn a10_a_critical_property_that_is_not_known_forbids(#[case] critical: bool, #[case] expected: &str) {
    let scene = Scene::of(caa_world(), "a.example", "http-01").await;
    let record = CaaRecord { critical, tag: "future".to_owned(), value: b"x".to_vec() };
    scene.server.prober.on_caa(&"a.example".parse().unwrap(), [Scripted::Answer(vec![record])]);
    scene.server.prober.put_file(&host("a.example"), &scene.path(), scene.key_authorization());

    assert_eq!(scene.respond().await.0, expected);
}

#[tokio::test]
async fn n8_caa_records_that_cannot_be_looked_up_are_no_permission() {
    let scene = Scene::of(caa_world(), "a.example", "http-01").await;
    let error = ProbeError::new(ProbeErrorKind::Dns, "SERVFAIL");
    scene.server.prober.on_caa(&"a.example".parse().unwrap(), [Scripted::Fail(error)]);
    scene.server.prober.put_file(&host("a.example"), &scene.path(), scene.key_authorization());

    let (status, problem, _) = scene.respond().await;
    assert_eq!((status.as_str(), problem), ("processing", json!(ProblemType::Dns)));
    scene.server.prober.put_caa(&"a.example".parse().unwrap(), &[("issue", "ca.example")]);

    assert_eq!(scene.retry().await, "valid");
    // The records were looked up now; that look counts for eight hours.
    let shown = scene.client.authorization(&scene.server, &scene.authorization).await.unwrap().resource;
    assert_eq!(shown["expires"], "2026-06-01T20:00:01Z");
}
