//! Early renewal: what `renewalInfo` says when an operator has asked for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, to_value};

use super::bench::{Client, Server};
use crate::acme::{EarlyRenewal, EarlyRenewals};
use crate::authority::tests::bench::{P256, World};
use crate::clock::{SignedDuration, Timestamp};
use crate::key::PrivateKey;
use crate::x509::Certificate;

/// A wish for every certificate that was made before now, to be renewed within two hours.
fn wish(world: &World) -> EarlyRenewal {
    let now = world.now();
    EarlyRenewal {
        name: "incident".to_owned(),
        provisioner: None,
        issued_before: now,
        serials: Vec::new(),
        start: now,
        end: now.checked_add(SignedDuration::from_hours(2)).unwrap(),
        explanation_url: Some("https://ca.example/why".to_owned()),
    }
}

/// The suggested window of a certificate, and the explanation.
async fn shown(server: &Server, world: &World, certificate: &Certificate) -> Value {
    let key_id = world.issuer.certificate.subject_key_id().unwrap();
    let serial = certificate.serial().as_bytes();
    // As in DER, where a first octet with its top bit set would make it negative.
    let sign: &[u8] = if serial[0] >= 0x80 { &[0] } else { &[] };
    let id =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(key_id), URL_SAFE_NO_PAD.encode([sign, serial].concat()));
    let endpoint = server.at(&format!("/acme/acme/renewal-info/{id}"));
    let answer = server.acme.renewal_info(&endpoint, &id).await.unwrap();
    to_value(answer.resource).unwrap()
}

#[tokio::test]
async fn a_client_is_shown_the_window_that_the_operator_asks_for() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let key = PrivateKey::generate(P256).unwrap();
    let certificate = client.obtain(&server, &["a.example"], &key).await;
    let usual = shown(&server, &world, &certificate).await;
    world.clock.advance(60);
    let provisioner = server.at("/acme/acme/new-order").provisioner.id.clone();
    let wishes = EarlyRenewals::new(&*world.store);
    let asked = EarlyRenewal { provisioner: Some(provisioner), ..wish(&world) };

    let of_others = EarlyRenewal {
        name: "of others".to_owned(),
        provisioner: Some("acme/other".to_owned()),
        ..wish(&world)
    };
    wishes.add(of_others, world.now()).await.unwrap();
    assert_eq!(shown(&server, &world, &certificate).await, usual);
    wishes.add(asked.clone(), world.now()).await.unwrap();
    let early = shown(&server, &world, &certificate).await;
    let renewed = client.obtain(&server, &["a.example"], &key).await;
    let of_renewed = shown(&server, &world, &renewed).await;
    wishes.withdraw("incident").await.unwrap();

    assert_eq!(early["suggestedWindow"]["start"].as_str().map(instant), Some(asked.start));
    assert_eq!(early["suggestedWindow"]["end"].as_str().map(instant), Some(asked.end));
    assert_eq!(early["explanationURL"], "https://ca.example/why");
    assert!(of_renewed.get("explanationURL").is_none(), "what is new need not be renewed: {of_renewed}");
    assert_eq!(shown(&server, &world, &certificate).await, usual);
}

#[tokio::test]
async fn a_wish_never_makes_a_renewal_later() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let key = PrivateKey::generate(P256).unwrap();
    let certificate = client.obtain(&server, &["a.example"], &key).await;
    let usual = shown(&server, &world, &certificate).await;
    world.clock.advance(60);
    let later = certificate.not_after();

    let long = EarlyRenewal {
        start: later,
        end: later.checked_add(SignedDuration::from_hours(1)).unwrap(),
        ..wish(&world)
    };
    EarlyRenewals::new(&*world.store).add(long, world.now()).await.unwrap();

    assert_eq!(shown(&server, &world, &certificate).await["suggestedWindow"], usual["suggestedWindow"]);
}

#[tokio::test]
async fn serial_numbers_narrow_a_wish() {
    let world = World::new();
    let server = Server::new(&world).await;
    let client = Client::registered(&server).await;
    let key = PrivateKey::generate(P256).unwrap();
    let named = client.obtain(&server, &["a.example"], &key).await;
    let other = client.obtain(&server, &["b.example"], &key).await;
    world.clock.advance(60);

    let asked = EarlyRenewal { serials: vec![named.serial().clone()], ..wish(&world) };
    EarlyRenewals::new(&*world.store).add(asked, world.now()).await.unwrap();

    assert!(shown(&server, &world, &named).await.get("explanationURL").is_some());
    assert!(shown(&server, &world, &other).await.get("explanationURL").is_none());
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}
