//! What ACME's functions ask of KMS and of the table, held against their roles.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use stepless_core::acme::ExternalAccountKeys;
use stepless_core::clock::Clock;
use stepless_core::key::{KeyKind, PrivateKey};
use stepless_core::x509::Certificate;
use stepless_net::{SystemClock, SystemRandom};

use crate::acme::world_with;
use crate::acme_client::{Client, Responder, jwk, jws, url};
use crate::rights::{Right, asked, assert_fits, begin};
use crate::world::{World, event};

/// What each function has asked of AWS.
#[derive(Default)]
struct Sent(BTreeMap<&'static str, BTreeSet<Right>>);

impl Sent {
    /// Since the last time, `function` alone was asked.
    fn by(&mut self, function: &'static str, world: &World) {
        self.0.entry(function).or_default().extend(asked(world));
        world.dynamodb.forget_calls();
        world.kms.forget_calls();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l20_the_roles_of_acme_allow_what_its_functions_ask_for_and_no_write_that_none_asks_for() {
    let responder = Responder::start();
    let provisioner = json!({
        "type": "ACME", "name": "acme", "requireEAB": true,
        "validation": {"giveUpAfter": "2m"}, "newOrderLimit": {"orders": 100, "per": "1h"},
    });
    let world = world_with(&responder, provisioner).await;
    begin(&world).await;
    // Nothing is to be tried again while another function is watched.
    world.function("acme").set_environment("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1");
    let mut sent = Sent::default();

    let mut client = account(&world).await;
    let order = client.order().await;
    prove(&mut client, &responder, &order).await;
    sent.by("acme", &world);

    let certificate_url = client.finalize(&order).await;
    sent.by("acme-finalize", &world);

    let certificate = client.fetch(&certificate_url).await;
    resources(&world, &mut client, &order, &certificate).await;
    assert_eq!(client.revoke(&certificate, KEY_COMPROMISE).await.status, 200);
    let task = unclear(&mut client, &responder).await;
    sent.by("acme", &world);

    let message = json!({"Records": [{"messageId": "1", "body": task.to_string()}]});
    let answer = world.function("acme-retry").invoke(message.to_string().into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["batchItemFailures"], json!([]), "{}", world.log("acme-retry"));
    sent.by("acme-retry", &world);

    assert_fits(&world, &sent.0);
}

/// An account that is bound to a key of the operator's.
async fn account(world: &World) -> Client<'_> {
    let keys = ExternalAccountKeys::new(&*world.store, "acme/acme");
    let key = keys.add("test", SystemClock.now(), &SystemRandom).await.unwrap();
    let mut client = Client::without_account(world).await;
    let header = json!({"alg": "HS256", "kid": key.key_id, "url": url("/new-account")});
    let (protected, payload) =
        (BASE64.encode(header.to_string()), BASE64.encode(jwk(&client.key).to_string()));
    let mac = hmac::Key::new(hmac::HMAC_SHA256, key.hmac_key.expose());
    let mac = hmac::sign(&mac, format!("{protected}.{payload}").as_bytes());
    let binding =
        json!({"protected": protected, "payload": payload, "signature": BASE64.encode(mac.as_ref())});
    let made =
        client.post(&url("/new-account"), &json!({"externalAccountBinding": binding}).to_string()).await;
    assert_eq!(made.status, 201, "{made:?}");
    client.account = made.headers["location"].as_str().map(str::to_owned);
    client
}

async fn prove(client: &mut Client<'_>, responder: &Responder, order: &Value) {
    let challenge = client.challenge(order).await;
    responder.answer(&challenge.path, &challenge.key_authorization);
    let tried = client.post(&challenge.url, "{}").await;
    assert_eq!(tried.body["status"], "valid", "{tried:?}");
}

/// What is looked at and changed beside the way of a certificate.
async fn resources(world: &World, client: &mut Client<'_>, order: &Value, certificate: &Certificate) {
    let account = client.account.clone().unwrap();
    let orders = client.post(&format!("{account}/orders"), "").await;
    assert_eq!(orders.body["orders"], json!([order["url"]]), "{orders:?}");

    let id = renewal_id(certificate);
    let path = format!("/acme/acme/renewal-info/{id}");
    let info = world.send("acme", &event("GET", &path, None)).await;
    assert_eq!(info.status, 200, "{info:?}");
    client.order_with(json!({"replaces": id})).await;

    let ended =
        client.post(order["authorizations"][0].as_str().unwrap(), "{\"status\":\"deactivated\"}").await;
    assert_eq!(ended.body["status"], "deactivated", "{ended:?}");

    let new = PrivateKey::generate(KeyKind::P256).unwrap();
    let header = json!({"alg": "ES256", "url": url("/key-change"), "jwk": jwk(&new)});
    let change = json!({"account": account, "oldKey": jwk(&client.key)});
    let changed =
        client.post(&url("/key-change"), &jws(&new, &header, &change.to_string()).to_string()).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    client.key = new;
}

/// A challenge whose server does not answer, and the task that tries it again.
async fn unclear(client: &mut Client<'_>, responder: &Responder) -> Value {
    let order = client.order().await;
    let challenge = client.challenge(&order).await;
    responder.close();
    let tried = client.post(&challenge.url, "{}").await;
    assert_eq!(tried.body["status"], "processing", "{tried:?}");
    responder.answer(&challenge.path, &challenge.key_authorization);
    responder.open();
    let authorization = order["authorizations"][0].as_str().unwrap().rsplit('/').next().unwrap();
    json!({"provisioner": "acme/acme", "authorization": authorization, "challenge": "http-01", "tries": 1})
}

/// [RFC 9773 §4.1](https://www.rfc-editor.org/rfc/rfc9773#section-4.1)
fn renewal_id(certificate: &Certificate) -> String {
    let mut serial = certificate.serial().as_bytes().to_vec();
    if serial[0] >= 0x80 {
        serial.insert(0, 0);
    }
    let issuer = certificate.authority_key_id().unwrap();
    format!("{}.{}", BASE64.encode(issuer), BASE64.encode(serial))
}

const KEY_COMPROMISE: u8 = 1;
