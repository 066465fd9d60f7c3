//! Renewal information, replaced certificates, profiles.

use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Client, Reply, Server, csr, for_names, json_of};
use super::wire::{REVOKE_CERT, base64url, kind, problem, renewal_id};
use crate::acme::{EarlyRenewal, ProblemType};
use crate::authority::tests::bench::{Ca, Extension, P256, World, validity};
use crate::clock::{SignedDuration, Timestamp};
use crate::config::{AcmeProfile, AcmeProfiles, GoDuration, Lifetimes};
use crate::key::PrivateKey;
use crate::store::{Condition, Store as _, Write, table};
use crate::x509::{Certificate, KeyUsage};

struct Scene {
    world: World,
    server: Server,
    client: Client,
    certificate: Certificate,
}

impl Scene {
    async fn new() -> Self {
        Self::of(World::new()).await
    }

    async fn of(world: World) -> Self {
        let server = Server::new(&world).await;
        let client = Client::registered(&server).await;
        let key = PrivateKey::generate(P256).unwrap();
        let certificate = client.obtain(&server, &["a.example"], &key).await;
        Self { world, server, client, certificate }
    }

    async fn info(&self, id: &str) -> Reply {
        let path = format!("/acme/acme/renewal-info/{id}");
        json_of(self.server.acme.renewal_info(&self.server.at(&path), id).await)
    }

    async fn window(&self) -> (Timestamp, Timestamp) {
        let shown = self.info(&renewal_id(&self.certificate)).await.unwrap();
        assert!(shown.retry_after.is_some());
        let at = |member: &str| shown.resource["suggestedWindow"][member].as_str().unwrap().parse().unwrap();
        (at("start"), at("end"))
    }

    async fn replace(&self, client: &Client, names: &[&str], id: &str) -> Reply {
        let mut payload = for_names(names);
        payload["replaces"] = json!(id);
        client.new_order(&self.server, &payload).await
    }

    async fn wish(&self, wish: &EarlyRenewal) {
        let write = Write::Put {
            key: table::acme::early_renewal(),
            condition: Condition::Any,
            value: json!({ "wishes": [wish] }).to_string().into_bytes(),
            expires: None,
            indexes: Vec::new(),
        };
        self.world.store.commit(vec![write]).await.unwrap();
    }
}

#[tokio::test]
async fn a_window_lies_within_the_lifetime_and_before_its_end() {
    let scene = Scene::new().await;

    let (start, end) = scene.window().await;

    let (born, dies) = (scene.certificate.not_before(), scene.certificate.not_after());
    assert!(born < start && start < end && end < dies, "{start} {end}");
    let length = end.duration_since(start);
    assert!(length >= SignedDuration::from_hours(2) && length < SignedDuration::from_mins(121), "{length}");
}

#[tokio::test]
async fn a_revoked_certificate_is_to_be_renewed_at_once() {
    let scene = Scene::new().await;
    let payload = json!({ "certificate": base64url(scene.certificate.as_der()) });
    scene.client.post(&scene.server, REVOKE_CERT, Some(&payload)).await.unwrap();

    let (start, end) = scene.window().await;

    assert!(start < end && end < scene.world.now());
}

#[tokio::test]
async fn an_operators_wish_counts_for_the_certificates_that_it_names() {
    let scene = Scene::new().await;
    let now = scene.world.now();
    let usual = scene.window().await;
    let wish = EarlyRenewal {
        name: "incident".to_owned(),
        provisioner: Some("acme/acme".to_owned()),
        issued_before: now.saturating_add(SignedDuration::from_secs(1)).unwrap(),
        serials: vec![scene.certificate.serial().clone()],
        start: now,
        end: now.saturating_add(SignedDuration::from_hours(1)).unwrap(),
        explanation_url: Some("https://ca.example/incident".to_owned()),
    };
    scene.wish(&wish).await;
    assert_eq!(scene.window().await, (wish.start, wish.end));
    let shown = scene.info(&renewal_id(&scene.certificate)).await.unwrap().resource;
    assert_eq!(shown["explanationURL"], "https://ca.example/incident");

    for other in [
        EarlyRenewal { provisioner: Some("acme/other".to_owned()), ..wish.clone() },
        EarlyRenewal { issued_before: now, ..wish.clone() },
        EarlyRenewal { serials: vec!["4711".parse().unwrap()], ..wish.clone() },
    ] {
        scene.wish(&other).await;
        assert_eq!(scene.window().await, usual);
    }
}

#[tokio::test]
async fn a18_an_id_that_is_none_of_a_certificate_here_has_no_window() {
    let scene = Scene::new().await;
    let id = renewal_id(&scene.certificate);
    let (key_id, serial) = id.split_once('.').unwrap();
    for (bad, status) in [
        (String::new(), 400),
        ("x".to_owned(), 400),
        (format!("{key_id}."), 400),
        (format!("{key_id}.{serial}.x"), 400),
        (format!("{key_id}.{serial}="), 400),
        (format!("{key_id}.gA"), 400),
        (format!("AAAA.{serial}"), 404),
        (format!("{key_id}.AQ"), 404),
    ] {
        let reply = scene.info(&bad).await;
        assert_eq!((problem(&reply).0, problem(&reply).1), (ProblemType::Malformed, status), "{bad}");
    }
    let other = scene.world.certificate("d.example", &PrivateKey::generate(P256).unwrap()).await;
    assert_eq!(problem(&scene.info(&renewal_id(&other)).await).1, 404);
}

#[tokio::test]
async fn a18_a_certificate_is_replaced_once_however_late() {
    let mut world = World::new();
    let days = |days: u16| GoDuration::from_hours(days * 24);
    world.claims.tls = Lifetimes { min: days(1), default: days(90), max: days(90) };
    let scene = Scene::of(world).await;
    let id = renewal_id(&scene.certificate);
    let order = scene.replace(&scene.client, &["a.example"], &id).await.unwrap();
    assert_eq!(order.resource["replaces"], id);
    scene.client.prove_all(&scene.server, &order).await;
    let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
    scene.client.finalize(&scene.server, &order, &csr).await.unwrap();

    for _ in 0..8 {
        let again = scene.replace(&scene.client, &["a.example"], &id).await;
        assert_eq!((problem(&again).0, problem(&again).1), (ProblemType::AlreadyReplaced, 409));
        scene.world.clock.advance(10 * 24 * 3600);
    }
    scene.client.new_order(&scene.server, &for_names(&["a.example"])).await.unwrap();
}

#[tokio::test]
async fn a18_an_order_that_came_to_nothing_replaces_nothing() {
    let mut world = World::new();
    world.acme.order_lifetime = GoDuration::from_hours(1);
    let scene = Scene::of(world).await;
    let id = renewal_id(&scene.certificate);
    for _ in 0..2 {
        scene.replace(&scene.client, &["a.example"], &id).await.unwrap();
        let again = scene.replace(&scene.client, &["a.example"], &id).await;
        assert_eq!(kind(&again), ProblemType::AlreadyReplaced);
        scene.world.clock.advance(3600);
    }
}

#[tokio::test]
async fn a18_only_the_account_of_a_certificate_replaces_it_for_a_name_of_it() {
    let scene = Scene::new().await;
    let id = renewal_id(&scene.certificate);
    let stranger = Client::registered(&scene.server).await;

    let theirs = scene.replace(&stranger, &["a.example"], &id).await;
    assert_eq!(problem(&theirs).1, 404);
    let absent = format!("{}.AQ", id.split_once('.').unwrap().0);
    assert_eq!(problem(&theirs), problem(&scene.replace(&stranger, &["a.example"], &absent).await));
    let unlike = scene.replace(&scene.client, &["b.example"], &id).await;
    assert_eq!(kind(&unlike), ProblemType::Malformed);
    let foreign = Ca::root("Elsewhere").leaf(
        PrivateKey::generate(P256).unwrap().public_key(),
        &["a.example"],
        Extension::Absent,
        validity("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    );
    let foreign = scene.replace(&scene.client, &["a.example"], &renewal_id(&foreign)).await;
    assert_eq!(problem(&foreign).1, 404);
    let nonsense = scene.replace(&scene.client, &["a.example"], "..").await;
    assert!((400..500).contains(&problem(&nonsense).1));
    // None of them stands in the way.
    scene.replace(&scene.client, &["a.example", "b.example"], &id).await.unwrap();
}

fn with_profiles(default: Option<usize>) -> World {
    let mut world = World::new();
    let minutes = |minutes: u16| GoDuration::from_seconds(minutes * 60);
    let profile = |name: &str, longest: u16, key_usage| AcmeProfile {
        name: name.to_owned(),
        description: format!("the profile {name}"),
        lifetimes: Lifetimes { min: minutes(5), default: minutes(longest), max: minutes(longest) },
        key_usage,
        extended_key_usage: None,
    };
    let usage = KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_AGREEMENT);
    let list = vec![profile("short", 60, Some(usage)), profile("plain", 600, None)];
    world.acme.profiles = AcmeProfiles::of(list, default);
    world
}

#[rstest]
#[case::named(None, Some("short"), 60)]
#[case::the_default(Some(1), None, 600)]
#[case::named_beside_a_default(Some(1), Some("short"), 60)]
#[case::none(None, None, 24 * 60)]
#[tokio::test]
async fn a_profile_decides_lifetime_and_usages(
    #[case] default: Option<usize>,
    #[case] named: Option<&str>,
    #[case] minutes: i64,
) {
    let world = with_profiles(default);
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let mut payload = for_names(&["a.example"]);
    if let Some(named) = named {
        payload["profile"] = json!(named);
    }
    let order = client.new_order(&server, &payload).await.unwrap();
    client.prove_all(&server, &order).await;
    let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
    client.finalize(&server, &order, &csr).await.unwrap();

    let issued = world.issued().await.pop().unwrap();
    let ends = world.now().saturating_add(SignedDuration::from_mins(minutes)).unwrap();
    assert_eq!(issued.not_after(), ends);
    let usage = issued.key_usage().unwrap();
    assert_eq!(usage.contains(KeyUsage::KEY_AGREEMENT), named == Some("short"));
    let shown = named.or(default.map(|_| "plain"));
    assert_eq!(order.resource.get("profile").and_then(Value::as_str), shown);
}

#[tokio::test]
async fn a_profile_that_is_not_offered_is_refused_at_once_and_at_the_end() {
    let mut world = with_profiles(None);
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let with = |profile: &str| {
        let mut payload = for_names(&["a.example"]);
        payload["profile"] = json!(profile);
        payload
    };
    for unknown in ["", "Short", "x"] {
        let reply = client.new_order(&server, &with(unknown)).await;
        assert_eq!((problem(&reply).0, problem(&reply).1), (ProblemType::InvalidProfile, 400));
    }
    let mut long = with("short");
    long["notAfter"] = json!("2026-06-01T14:00:00Z");
    assert_eq!(kind(&client.new_order(&server, &long).await), ProblemType::Malformed);
    let order = client.new_order(&server, &with("short")).await.unwrap();
    client.prove_all(&server, &order).await;
    world.acme.profiles = AcmeProfiles::default();
    let next = Server::beside(&world, server.prober.clone(), server.queue.clone()).await;
    let csr = csr(&PrivateKey::generate(P256).unwrap(), &["a.example"]);
    assert_eq!(kind(&client.finalize(&next, &order, &csr).await), ProblemType::InvalidProfile);
    assert_eq!(client.finalize(&server, &order, &csr).await.unwrap().resource["status"], "valid");
}
