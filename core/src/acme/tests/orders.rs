//! Orders: names, dates, profiles, and what a certificate request may ask for.

use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Client, Reply, Server, challenge_of, csr, for_names, urls};
use super::wire::{NEW_ORDER, base64url, kind, problem};
use crate::acme::{Answer, ProblemType};
use crate::authority::tests::bench::{Ca, P256, World, request, validity};
use crate::clock::SignedDuration;
use crate::key::PrivateKey;
use crate::x509::{CertificateRequest, Constraint, DistinguishedName, NameConstraints, Profile};

async fn finalize_with(names: &[&str], common_name: &str, asked: &[&str]) -> (World, Reply, String) {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.new_order(&server, &identifiers(names)).await.unwrap();
    client.prove_all(&server, &order).await;
    let key = PrivateKey::generate(P256).unwrap();
    let csr = CertificateRequest::from_pem(&request(&key, common_name, asked)).unwrap().as_der().to_vec();
    let reply = client.finalize(&server, &order, &csr).await;
    let status = client.order(&server, order.location.as_ref().unwrap()).await.unwrap().resource;
    (world, reply, status["status"].as_str().unwrap().to_owned())
}

/// For DNS names and IP addresses.
pub(super) fn identifiers(names: &[&str]) -> Value {
    let identifier = |name: &&str| match name.parse::<std::net::IpAddr>() {
        Ok(_) => json!({ "type": "ip", "value": name }),
        Err(_) => json!({ "type": "dns", "value": name }),
    };
    json!({ "identifiers": names.iter().map(identifier).collect::<Vec<_>>() })
}

#[rstest]
#[case::exact(&["a.example", "b.example"], "", &["a.example", "b.example"])]
#[case::in_another_order_and_case(&["a.example", "b.example"], "", &["B.example", "A.Example"])]
#[case::common_name_as_well(&["a.example", "b.example"], "a.example", &["a.example", "b.example"])]
#[case::common_name_alone(&["a.example"], "a.example", &[])]
#[case::common_name_for_one(&["a.example", "b.example"], "a.example", &["b.example"])]
#[case::address(&["192.0.2.7", "a.example"], "", &["a.example", "192.0.2.7"])]
#[case::wildcard_and_base(&["*.a.example", "a.example"], "", &["a.example", "*.a.example"])]
#[tokio::test]
async fn a9_a_request_for_the_names_of_the_order_gets_them(
    #[case] names: &[&str],
    #[case] common_name: &str,
    #[case] asked: &[&str],
) {
    let (world, reply, _) = finalize_with(names, common_name, asked).await;

    assert_eq!(reply.unwrap().resource["status"], "valid");
    let certificate = world.issued().await.pop().unwrap();
    let mut found: Vec<_> = certificate.sans().unwrap().names.iter().map(ToString::to_string).collect();
    let mut wanted: Vec<_> = names.iter().map(ToString::to_string).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[rstest]
#[case::one_more(&["a.example"], "", &["a.example", "b.example"])]
#[case::one_missing(&["a.example", "b.example"], "", &["a.example"])]
#[case::none(&["a.example"], "", &[])]
#[case::another_common_name(&["a.example"], "b.example", &["a.example"])]
#[case::email(&["a.example"], "", &["a.example", "root@a.example"])]
#[case::uri(&["a.example"], "", &["a.example", "https://a.example/"])]
#[case::wildcard_for_base(&["a.example"], "", &["*.a.example"])]
#[case::base_for_wildcard(&["*.a.example"], "", &["a.example"])]
#[case::name_below_a_wildcard(&["*.a.example"], "", &["x.a.example"])]
#[case::address_for_name(&["a.example"], "", &["192.0.2.7"])]
#[case::name_for_address(&["192.0.2.7"], "", &["a.example"])]
#[case::another_address(&["192.0.2.7"], "", &["192.0.2.8"])]
#[tokio::test]
async fn a9_a_request_for_other_names_is_refused_and_the_order_stays_ready(
    #[case] names: &[&str],
    #[case] common_name: &str,
    #[case] asked: &[&str],
) {
    let (world, reply, status) = finalize_with(names, common_name, asked).await;

    assert_eq!((problem(&reply).0, problem(&reply).1), (ProblemType::BadCsr, 400));
    assert_eq!(status, "ready");
    assert!(world.signer.signed().is_empty());
}

#[tokio::test]
async fn a9_a_request_with_the_account_key_or_no_request_at_all_is_refused() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.ready_order(&server, &["a.example"]).await;
    let good = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);

    let own = client.finalize(&server, &order, &csr(&client.key, &["a.example"])).await;
    assert_eq!(kind(&own), ProblemType::BadCsr);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let url = order.resource["finalize"].as_str().unwrap();
    for der in [flipped, Vec::new(), [good.clone(), vec![0]].concat(), vec![0x30; 4096]] {
        let reply = client.finalize(&server, &order, &der).await;
        assert_eq!(kind(&reply), ProblemType::BadCsr);
    }
    for (payload, expected) in [
        (json!({ "csr": "not base64" }), ProblemType::BadCsr),
        (json!({}), ProblemType::Malformed),
        (json!({ "csr": 7 }), ProblemType::Malformed),
    ] {
        assert_eq!(kind(&client.post(&server, url, Some(&payload)).await), expected, "{payload}");
    }
    assert_eq!(kind(&client.post(&server, url, None).await), ProblemType::Malformed);
    // Some clients write the padding.
    let padded = format!("{}{}", base64url(&good), "=".repeat((4 - base64url(&good).len() % 4) % 4));
    let reply = client.post(&server, url, Some(&json!({ "csr": padded, "more": 1 }))).await;
    assert_eq!(reply.unwrap().resource["status"], "valid");
}

#[tokio::test]
async fn a10_an_order_of_which_one_name_is_not_proven_is_refused_whichever_it_is() {
    let names = ["a.example", "b.example", "c.example", "d.example"];
    for missing in 0..names.len() {
        for wrong in [false, true] {
            let world = World::new();
            let server = Server::new(&world).await;
            let client = Client::registered(&server).await;
            let order = client.new_order(&server, &for_names(&names)).await.unwrap();
            let challenges = client.publish(&server, &order).await;
            for (place, challenge) in challenges.iter().enumerate() {
                if place != missing {
                    client.respond(&server, challenge).await.unwrap();
                } else if wrong {
                    client.publish_nonsense(&server, &order, place).await;
                    client.respond(&server, challenge).await.unwrap();
                }
            }
            let csr = csr(&PrivateKey::generate(P256).unwrap(), &names);

            let reply = client.finalize(&server, &order, &csr).await;

            assert_eq!((problem(&reply).0, problem(&reply).1), (ProblemType::OrderNotReady, 403));
            let shown = client.order(&server, order.location.as_ref().unwrap()).await.unwrap().resource;
            assert_eq!(shown["status"], if wrong { "invalid" } else { "pending" });
            let error = &shown["error"]["subproblems"][0]["identifier"]["value"];
            assert_eq!(*error, if wrong { json!(names[missing]) } else { Value::Null });
            assert!(world.signer.signed().is_empty());
        }
    }
}

#[tokio::test]
async fn a10_a_name_outside_the_constraints_is_refused_wherever_it_stands() {
    let root = Ca::root("Test Root");
    let mut profile = Profile::intermediate();
    profile.name_constraints = Some(NameConstraints {
        critical: true,
        permitted: vec![Constraint::Dns("good.example".to_owned())],
        excluded: Vec::new(),
    });
    let subject = DistinguishedName::from_common_name("Test Issuer").unwrap();
    let until = validity("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z");
    let issuer = root.intermediate_with(subject, until, profile);
    let world = World::of(root, issuer);
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    for place in 0..3 {
        let mut names = vec!["a.good.example", "b.good.example"];
        names.insert(place, "bad.example");

        let reply = client.new_order(&server, &for_names(&names)).await;

        assert_eq!(kind(&reply), ProblemType::RejectedIdentifier);
        let subproblems = &reply.unwrap_err().problem.subproblems;
        assert_eq!(subproblems.len(), 1);
        assert_eq!(subproblems[0].identifier.value, "bad.example");
    }
    client.new_order(&server, &for_names(&["a.good.example"])).await.unwrap();
}

/// [RFC 8555 §6.7.1](https://www.rfc-editor.org/rfc/rfc8555#section-6.7.1)
#[tokio::test]
async fn each_identifier_that_is_refused_has_its_subproblem() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = |list: &[(&str, &str)]| {
        let list: Vec<_> = list.iter().map(|(kind, value)| json!({ "type": kind, "value": value })).collect();
        json!({ "identifiers": list })
    };

    let reply = client
        .new_order(
            &server,
            &order(&[("dns", "a.example"), ("dns", "a b"), ("email", "a@example.org"), ("ip", "0.0.0.0")]),
        )
        .await;
    let error = reply.unwrap_err().problem;
    assert_eq!((error.kind, error.status), (ProblemType::Compound, 400));
    let kinds: Vec<_> = error.subproblems.iter().map(|each| each.kind).collect();
    let expected =
        [ProblemType::Malformed, ProblemType::UnsupportedIdentifier, ProblemType::RejectedIdentifier];
    assert_eq!(kinds, expected);
    assert_eq!(error.subproblems[1].identifier.value, "a@example.org");

    let reply = client.new_order(&server, &order(&[("dns", "a:80"), ("dns", "u@b.example")])).await;
    assert_eq!(kind(&reply), ProblemType::Malformed);
    assert_eq!(reply.unwrap_err().problem.subproblems.len(), 2);
    let many: Vec<_> = (0..101).map(|number| format!("h{number}.example")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(kind(&client.new_order(&server, &for_names(&many)).await), ProblemType::Malformed);
    assert_eq!(kind(&client.new_order(&server, &for_names(&[])).await), ProblemType::Malformed);
    assert_eq!(kind(&client.post(&server, NEW_ORDER, None).await), ProblemType::Malformed);
    let shown = client
        .post(&server, &format!("{}/orders", client.account.as_ref().unwrap()), None)
        .await
        .unwrap()
        .resource;
    assert_eq!(shown, json!({ "orders": [] }));
}

#[rstest]
#[case::reversed(Some("2026-06-01T14:00:00Z"), Some("2026-06-01T13:00:00Z"), false)]
#[case::the_same(Some("2026-06-01T14:00:00Z"), Some("2026-06-01T14:00:00Z"), false)]
#[case::past(None, Some("2026-06-01T11:00:00Z"), false)]
#[case::beyond_the_claims(None, Some("2026-06-02T12:00:01Z"), false)]
#[case::too_short(None, Some("2026-06-01T12:01:00Z"), false)]
#[case::empty(None, Some(""), false)]
#[case::words(Some("now"), None, false)]
#[case::absent(None, None, true)]
#[case::within(None, Some("2026-06-01T20:00:00Z"), true)]
#[case::with_an_offset(None, Some("2026-06-01T22:00:00+02:00"), true)]
#[case::from_later_on(Some("2026-06-01T13:00:00Z"), Some("2026-06-01T20:00:00Z"), true)]
#[tokio::test]
async fn a16_the_dates_of_an_order_are_decided_when_it_is_made(
    #[case] not_before: Option<&str>,
    #[case] not_after: Option<&str>,
    #[case] good: bool,
) {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let mut payload = for_names(&["a.example"]);
    payload["notBefore"] = json!(not_before);
    payload["notAfter"] = json!(not_after);

    let reply = client.new_order(&server, &payload).await;

    if !good {
        assert_eq!(kind(&reply), ProblemType::Malformed);
        return;
    }
    let order = reply.unwrap();
    client.prove_all(&server, &order).await;
    let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
    client.finalize(&server, &order, &csr).await.unwrap();
    let issued = world.issued().await.pop().unwrap();
    if not_after.is_some() {
        assert_eq!(issued.not_after().to_string(), "2026-06-01T20:00:00Z");
        assert_eq!(order.resource["notAfter"], "2026-06-01T20:00:00Z");
    } else {
        assert_eq!(issued.not_after(), world.now().saturating_add(SignedDuration::from_hours(24)).unwrap());
    }
}

#[rstest]
#[case::common_name_from_the_names(true, &["a.example", "b.example"], "", "a.example")]
#[case::none_unless_asked_for(false, &["a.example"], "", "")]
#[case::that_of_the_request(true, &["a.example", "b.example"], "B.example", "b.example")]
#[case::the_first_that_is_short_enough(
    true,
    &["a23456789012345678901234567890.a23456789012345678901234567890.long.example", "b.example"],
    "",
    "b.example"
)]
#[tokio::test]
async fn force_cn_gives_a_certificate_a_common_name(
    #[case] force: bool,
    #[case] names: &[&str],
    #[case] asked: &str,
    #[case] expected: &str,
) {
    let mut world = World::new();
    world.acme.force_cn = force;
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.ready_order(&server, names).await;
    let key = PrivateKey::generate(P256).unwrap();
    let csr = CertificateRequest::from_pem(&request(&key, asked, names)).unwrap();

    client.finalize(&server, &order, csr.as_der()).await.unwrap();

    let issued = world.issued().await.pop().unwrap();
    assert_eq!(issued.subject().common_name().unwrap_or_default(), expected);
}

#[tokio::test]
async fn a_weak_key_in_a_request_is_a_bad_request() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let order = client.ready_order(&server, &["a.example"]).await;

    let issuers = csr(&world.issuer.key, &["a.example"]);

    assert_eq!(kind(&client.finalize(&server, &order, &issuers).await), ProblemType::BadCsr);
    let shown = client.order(&server, order.location.as_ref().unwrap()).await.unwrap().resource;
    assert_eq!(shown["status"], "ready");
}

impl Client {
    /// Proves every name of an order, each by a challenge that goes with it.
    pub(super) async fn prove_all(&self, server: &Server, order: &Answer<Value>) {
        for url in urls(&order.resource["authorizations"]) {
            let shown = self.authorization(server, &url).await.unwrap().resource;
            let kind = if shown["wildcard"] == true { "dns-01" } else { "http-01" };
            let challenge = challenge_of(&shown, kind);
            self.show(server, &shown, kind);
            let reply = self.respond(server, challenge["url"].as_str().unwrap()).await.unwrap();
            assert_eq!(reply.resource["status"], "valid", "{}", reply.resource);
        }
    }

    /// Something else stands where the answer should.
    pub(super) async fn publish_nonsense(&self, server: &Server, order: &Answer<Value>, place: usize) {
        let url = &urls(&order.resource["authorizations"])[place];
        let shown = self.authorization(server, url).await.unwrap().resource;
        let token = challenge_of(&shown, "http-01")["token"].as_str().unwrap().to_owned();
        let host =
            crate::acme::ProbeHost::Dns(shown["identifier"]["value"].as_str().unwrap().parse().unwrap());
        server.prober.put_file(&host, &format!("/.well-known/acme-challenge/{token}"), "nonsense");
    }
}
