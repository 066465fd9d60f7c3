//! Whoever asks gets what is his own: other accounts, ended accounts, other provisioners, other hosts.

use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Client, HOST, Reply, Server, challenge_of, csr, for_names, path_of, urls};
use super::wire::{
    KEY_CHANGE, NEW_ACCOUNT, NEW_AUTHZ, NEW_ORDER, REVOKE_CERT, base64url, kind, problem, renewal_id,
};
use crate::acme::{Arrival, ExternalAccountKeys, ProblemType};
use crate::authority::tests::bench::{P256, World};
use crate::key::PrivateKey;

/// Everything that an account can have, as URLs with what can be asked of them.
async fn estate(server: &Server, owner: &Client) -> Vec<(String, Option<Value>)> {
    let key = PrivateKey::generate(P256).unwrap();
    let ready = owner.ready_order(server, &["ready.example"]).await;
    let pending = owner.new_order(server, &for_names(&["pending.example"])).await.unwrap();
    let authorization = urls(&pending.resource["authorizations"])[0].clone();
    let shown = owner.authorization(server, &authorization).await.unwrap().resource;
    let challenge = challenge_of(&shown, "http-01")["url"].as_str().unwrap().to_owned();
    owner.publish(server, &pending).await;
    let issued = owner.ready_order(server, &["issued.example"]).await;
    let issued = owner.finalize(server, &issued, &csr(&key, &["issued.example"])).await.unwrap();
    let certificate = issued.resource["certificate"].as_str().unwrap().to_owned();
    let account = owner.account.clone().unwrap();
    let end = json!({ "status": "deactivated" });
    let finalize = ready.resource["finalize"].as_str().unwrap().to_owned();
    vec![
        (account.clone(), None),
        (account.clone(), Some(json!({ "contact": ["mailto:evil@example.org"] }))),
        (account.clone(), Some(end.clone())),
        (format!("{account}/orders"), None),
        (ready.location.clone().unwrap(), None),
        (pending.location.clone().unwrap(), None),
        (issued.location.clone().unwrap(), None),
        (authorization.clone(), None),
        (authorization, Some(end)),
        (challenge.clone(), None),
        (challenge, Some(json!({}))),
        (finalize, Some(json!({ "csr": base64url(csr(&key, &["ready.example"])) }))),
        (certificate.clone(), None),
        (format!("{certificate}/1"), None),
    ]
}

#[tokio::test]
async fn a1_another_account_is_refused_everything_and_changes_nothing() {
    let world = World::new();
    let server = Server::new(&world).await;
    let owner = Client::registered(&server).await;
    let estate = estate(&server, &owner).await;
    let stranger = Client::registered(&server).await;
    let issued = world.issued().await.len();
    let probes = server.prober.calls().len();
    let before = snapshot(&server, &owner, &estate).await;

    for (url, payload) in &estate {
        let reply = stranger.post(&server, url, payload.as_ref()).await;

        let (kind, status, detail) = problem(&reply);
        assert!(matches!(status, 403 | 404), "{url} {payload:?}: {status}");
        assert!(matches!(kind, ProblemType::Unauthorized | ProblemType::Malformed), "{url}: {kind:?}");
        assert!(!detail.contains("example"), "{detail}");
    }

    assert_eq!(snapshot(&server, &owner, &estate).await, before);
    assert_eq!((world.issued().await.len(), server.prober.calls().len()), (issued, probes));
}

/// Some clients stumble over a null, and some put what a server says into paths.
#[tokio::test]
async fn a23_nothing_that_a_client_is_shown_has_a_null_and_ids_are_base64url() {
    let world = World::new();
    let server = Server::new(&world).await;
    let owner = Client::registered(&server).await;
    let stranger = Client::registered(&server).await;
    for (url, payload) in estate(&server, &owner).await {
        let id = path_of(&url).split('/').nth(4).unwrap();
        assert!(id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_'), "{url}");
        assert_no_null(
            &owner
                .post(&server, &url, payload.as_ref())
                .await
                .map_or_else(problem_of, |answer| answer.resource),
        );
        assert_no_null(
            &stranger
                .post(&server, &url, payload.as_ref())
                .await
                .map_or_else(problem_of, |answer| answer.resource),
        );
    }
    let directory = server.acme.directory(&server.at("/acme/acme/directory"));
    assert_no_null(&serde_json::to_value(directory).unwrap());
}

fn problem_of(error: crate::acme::AcmeError) -> Value {
    serde_json::to_value(error.problem).unwrap()
}

fn assert_no_null(shown: &Value) {
    match shown {
        Value::Null => panic!("a null"),
        Value::Array(list) => list.iter().for_each(assert_no_null),
        Value::Object(members) => members.values().for_each(assert_no_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What the owner sees of all of it.
async fn snapshot(server: &Server, owner: &Client, estate: &[(String, Option<Value>)]) -> Vec<Value> {
    let mut seen = Vec::new();
    for (url, _) in estate.iter().filter(|(_, payload)| payload.is_none()) {
        seen.push(owner.post(server, url, None).await.unwrap().resource);
    }
    seen
}

#[tokio::test]
async fn a1_what_does_not_exist_is_refused_as_what_is_anothers() {
    let world = World::new();
    let server = Server::new(&world).await;
    let owner = Client::registered(&server).await;
    let stranger = Client::registered(&server).await;
    for (url, _) in estate(&server, &owner).await {
        let path = path_of(&url);
        if path.contains("/account/") {
            continue;
        }
        // The third segment behind the provisioner's name is an id.
        let mut parts: Vec<_> = path.split('/').map(str::to_owned).collect();
        let other: String = parts[4].chars().rev().collect::<String>();
        parts[4] = match parts[3].as_str() {
            "certificate" => other.replace(|c: char| !c.is_ascii_hexdigit(), "1"),
            "order" => "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            _ => base64url([0; 17]),
        };
        let absent = parts.join("/");
        let payload = if path.ends_with("finalize") { Some(json!({ "csr": "" })) } else { None };

        let strange = stranger.post(&server, path, payload.as_ref()).await;
        let absent = stranger.post(&server, &absent, payload.as_ref()).await;

        assert_eq!(problem(&strange), problem(&absent), "{path}");
    }
}

#[tokio::test]
async fn a2_an_account_that_has_ended_is_refused_everything() {
    let world = World::new();
    let server = Server::new(&world).await;
    let owner = Client::registered(&server).await;
    let mut requests = estate(&server, &owner).await;
    requests.push((NEW_ORDER.to_owned(), Some(for_names(&["a.example"]))));
    requests
        .push((NEW_AUTHZ.to_owned(), Some(json!({ "identifier": { "type": "dns", "value": "a.example" } }))));
    requests.push((KEY_CHANGE.to_owned(), Some(owner.rollover(&Client::new()))));
    let certificate = world.issued().await[0].clone();
    let payload = json!({ "certificate": base64url(certificate.as_der()) });
    requests.push((REVOKE_CERT.to_owned(), Some(payload)));
    requests.push(("/acme/acme/directory".to_owned(), None));
    let account = owner.account.clone().unwrap();
    let end = json!({ "status": "deactivated" });
    let ended = owner.post(&server, &account, Some(&end)).await.unwrap().resource;
    assert_eq!(ended["status"], "deactivated");
    let issued = world.issued().await.len();

    for (url, payload) in &requests {
        let reply = owner.post(&server, url, payload.as_ref()).await;

        let (kind, status, _) = problem(&reply);
        assert_eq!((kind, status), (ProblemType::Unauthorized, 401), "{url}");
    }
    for payload in [json!({}), json!({ "onlyReturnExisting": true })] {
        let reply = owner.post_by_key(&server, NEW_ACCOUNT, &payload).await;
        assert_eq!(problem(&reply).0, ProblemType::Unauthorized);
    }
    assert_eq!(world.issued().await.len(), issued);
    // The key of a certificate is another matter.
    assert!(!world.signer.signed().is_empty());
}

async fn two_provisioners() -> (World, Server) {
    let mut world = World::new();
    world.second_acme = true;
    let server = Server::new(&world).await;
    (world, server)
}

fn at_b(url: &str) -> String {
    path_of(url).replacen("/acme/acme/", "/acme/acme-b/", 1)
}

#[tokio::test]
async fn a3_an_account_is_none_at_another_provisioner() {
    let (_world, server) = two_provisioners().await;
    let owner = Client::registered(&server).await;
    for (url, payload) in estate(&server, &owner).await {
        let reply = owner.post(&server, &at_b(&url), payload.as_ref()).await;

        assert_eq!(kind(&reply), ProblemType::AccountDoesNotExist, "{url}");
    }
    let order = owner.post(&server, &at_b(NEW_ORDER), Some(&for_names(&["a.example"]))).await;
    assert_eq!(kind(&order), ProblemType::AccountDoesNotExist);
    let known = owner.post_by_key(&server, &at_b(NEW_ACCOUNT), &json!({ "onlyReturnExisting": true })).await;
    assert_eq!(kind(&known), ProblemType::AccountDoesNotExist);
}

/// The same key with an account at each provisioner.
async fn with_two_accounts(server: &Server) -> (Client, Client) {
    let owner = Client::registered(server).await;
    let mut twin = owner.twin();
    let answer = owner.post_by_key(server, &at_b(NEW_ACCOUNT), &json!({})).await.unwrap();
    assert!(answer.created);
    twin.account = answer.location;
    (owner, twin)
}

#[tokio::test]
async fn a3_an_order_is_none_at_another_provisioner_even_with_the_same_key() {
    let (world, server) = two_provisioners().await;
    let (owner, twin) = with_two_accounts(&server).await;
    let estate = estate(&server, &owner).await;
    let before = snapshot(&server, &owner, &estate).await;
    for (url, payload) in estate.iter().filter(|(url, _)| !url.contains("/account/")) {
        let reply = twin.post(&server, &at_b(url), payload.as_ref()).await;
        assert_eq!(problem(&reply).1, 404, "{url}");
        let reply = twin.post(&server, url, payload.as_ref()).await;
        assert_eq!(kind(&reply), ProblemType::AccountDoesNotExist, "{url}");
    }
    let certificate = world.issued().await[0].clone();
    let payload = json!({ "certificate": base64url(certificate.as_der()) });
    let reply = twin.post(&server, &at_b(REVOKE_CERT), Some(&payload)).await;
    assert_eq!(kind(&reply), ProblemType::Unauthorized);
    let mut replaces = for_names(&["issued.example"]);
    replaces["replaces"] = json!(renewal_id(&certificate));
    assert_eq!(problem(&twin.post(&server, &at_b(NEW_ORDER), Some(&replaces)).await).1, 404);
    assert_eq!(snapshot(&server, &owner, &estate).await, before);
}

#[tokio::test]
async fn a3_a_nonce_is_none_at_another_provisioner() {
    let (_world, server) = two_provisioners().await;
    let client = Client::new();
    let path = at_b(NEW_ACCOUNT);
    let header = json!({
        "alg": "ES256", "jwk": client.jwk(), "url": format!("https://{HOST}{path}"),
        "nonce": server.nonce(),
    });

    let reply: Reply = server.handle(&path, &client.sign(&header, b"{}")).await;

    assert_eq!(kind(&reply), ProblemType::BadNonce);
}

#[tokio::test]
async fn a3_an_external_key_is_none_at_another_provisioner() {
    let (world, server) = two_provisioners().await;
    let keys = ExternalAccountKeys::new(&*world.store, "acme/acme");
    let made = keys.add("", world.now(), &*world.random).await.unwrap();
    let client = Client::new();
    let path = at_b(NEW_ACCOUNT);
    let header = json!({ "alg": "HS256", "kid": made.key_id, "url": format!("https://{HOST}{path}") });
    let payload = json!({ "externalAccountBinding": client.binding_with(&made, &header) });

    let reply = client.post_by_key(&server, &path, &payload).await;

    assert_eq!(kind(&reply), ProblemType::Unauthorized);
    assert!(keys.list().await.unwrap()[0].bound.is_none());
}

#[rstest]
#[case::own_name("ca.example", true)]
#[case::own_name_in_capitals("CA.Example", true)]
#[case::own_port("ca.example:8443", true)]
#[case::address("192.0.2.9:8443", true)]
#[case::ipv6_address("[2001:db8::9]:8443", true)]
#[case::ipv6_address_without_port("[2001:db8::9]", true)]
#[case::evil("evil.example", false)]
#[case::evil_port("ca.example:443@evil.example", false)]
#[case::evil_user("evil.example@ca.example", false)]
#[case::evil_path("ca.example/evil", false)]
#[case::two_ports("ca.example:1:2", false)]
#[case::no_port("ca.example:", false)]
#[case::signed_port("ca.example:+443", false)]
#[case::port_too_large("ca.example:65536", false)]
#[case::below("x.ca.example", false)]
#[case::with_a_dot("ca.example.", false)]
#[case::half_a_bracket("[2001:db8::9", false)]
#[case::behind_the_bracket("[2001:db8::9].evil.example", false)]
#[case::ipv6_without_brackets("2001:db8::9", false)]
#[case::none("", false)]
#[tokio::test]
async fn a24_links_stand_under_a_name_of_the_authority_or_nowhere(#[case] host: &str, #[case] known: bool) {
    let mut world = World::new();
    world.dns_names = ["ca.example", "192.0.2.9", "2001:db8::9"].map(str::to_owned).to_vec();
    let server = Server::new(&world).await;
    let arrival = Arrival { host, base_path: "", path: "/acme/acme/directory" };

    match server.acme.endpoint(arrival, "acme") {
        Ok(endpoint) => {
            assert!(known, "{host}");
            let links = serde_json::to_value(server.acme.directory(&endpoint)).unwrap();
            let expected = format!("https://{}/acme/acme/new-order", host.to_lowercase());
            assert_eq!(links["newOrder"], expected);
        }
        Err(error) => {
            assert!(!known, "{host}: {error:?}");
            assert_eq!(error.problem.status, 400);
        }
    }
}
