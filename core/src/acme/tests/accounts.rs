//! Accounts: contacts, terms, external bindings, keys.

use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{Client, HOST, Server, for_names, path_of};
use super::wire::{KEY_CHANGE, NEW_ACCOUNT, NEW_ORDER, base64url, kind, problem};
use crate::acme::{ExternalAccountKeys, NewExternalAccountKey, ProblemType};
use crate::authority::tests::bench::World;

#[rstest]
#[case::several(json!(["mailto:a@example.org", "mailto:b.c+d@sub.example.org"]))]
#[case::in_capitals(json!(["MAILTO:Admin@Example.ORG"]))]
#[case::one_label(json!(["mailto:root@localhost"]))]
#[case::none(json!([]))]
#[case::null(Value::Null)]
#[tokio::test]
async fn contacts_are_kept_as_they_are_written(#[case] contact: Value) {
    let world = World::new();
    let server = Server::new(&world).await;
    let mut client = Client::new();

    let answer = client.register(&server, json!({ "contact": contact })).await.unwrap();

    let shown = answer.resource.get("contact").cloned().unwrap_or_else(|| json!([]));
    assert_eq!(shown, if contact.is_null() { json!([]) } else { contact });
    assert_eq!(answer.resource["status"], "valid");
    let account = client.account.clone().unwrap();
    assert_eq!(answer.resource["orders"], format!("{account}/orders"));
}

#[rstest]
#[case::two_addresses("mailto:a@example.org,b@example.org", ProblemType::InvalidContact)]
#[case::header_fields("mailto:a@example.org?subject=x", ProblemType::InvalidContact)]
#[case::no_address("mailto:", ProblemType::InvalidContact)]
#[case::no_url("a@example.org", ProblemType::InvalidContact)]
#[case::empty("", ProblemType::InvalidContact)]
#[case::a_line_end("mailto:a@example.org\nX", ProblemType::InvalidContact)]
#[case::telephone("tel:+1234", ProblemType::UnsupportedContact)]
#[case::a_long_scheme("x-a+b.c:d", ProblemType::UnsupportedContact)]
#[tokio::test]
async fn contacts_that_nobody_could_write_to_are_refused(
    #[case] contact: &str,
    #[case] expected: ProblemType,
) {
    let world = World::new();
    let server = Server::new(&world).await;
    let mut client = Client::new();
    let payload = json!({ "contact": ["mailto:good@example.org", contact] });

    let reply = client.register(&server, payload.clone()).await;

    assert_eq!(kind(&reply), expected);
    let (known, _) =
        (client.post_by_key(&server, NEW_ACCOUNT, &json!({ "onlyReturnExisting": true })).await, ());
    assert_eq!(kind(&known), ProblemType::AccountDoesNotExist);
    client.register(&server, json!({ "contact": ["mailto:good@example.org"] })).await.unwrap();
    let account = client.account.clone().unwrap();
    assert_eq!(kind(&client.post(&server, &account, Some(&payload)).await), expected);
    let shown = client.post(&server, &account, None).await.unwrap().resource;
    assert_eq!(shown["contact"], json!(["mailto:good@example.org"]));
}

#[tokio::test]
async fn where_there_are_terms_they_have_to_be_agreed_to() {
    let mut world = World::new();
    world.acme.terms_of_service = Some("https://ca.example/terms".to_owned());
    let server = Server::new(&world).await;
    let mut client = Client::new();

    for payload in
        [json!({}), json!({ "termsOfServiceAgreed": false }), json!({ "termsOfServiceAgreed": null })]
    {
        let reply = client.register(&server, payload).await;
        let (kind, status, detail) = problem(&reply);
        assert_eq!((kind, status), (ProblemType::UserActionRequired, 403));
        assert!(detail.contains("https://ca.example/terms"), "{detail}");
    }
    let reply = client.register(&server, json!({ "termsOfServiceAgreed": "yes" })).await;
    assert_eq!(kind(&reply), ProblemType::Malformed);
    let answer = client.register(&server, json!({ "termsOfServiceAgreed": true })).await.unwrap();
    assert_eq!(answer.resource["termsOfServiceAgreed"], true);
}

/// [RFC 8555 §7.3.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.2)
#[tokio::test]
async fn an_update_passes_over_what_cannot_be_changed() {
    let world = World::new();
    let server = Server::new(&world).await;
    let mut client = Client::new();
    let made = client.register(&server, json!({})).await.unwrap().resource;
    let account = client.account.clone().unwrap();

    for payload in [
        json!({}),
        json!({ "termsOfServiceAgreed": true, "orders": "https://evil.example", "x": [null] }),
        json!({ "status": "revoked" }),
        json!({ "status": "valid" }),
        json!({ "status": 7 }),
        json!({ "externalAccountBinding": {} }),
    ] {
        let shown = client.post(&server, &account, Some(&payload)).await.unwrap();
        assert_eq!(shown.resource, made, "{payload}");
    }
    let changed = client.post(&server, &account, Some(&json!({ "contact": [] }))).await.unwrap();
    assert_eq!(changed.location, Some(account));
}

#[tokio::test]
async fn a19_who_asks_for_an_account_only_if_it_exists_makes_none() {
    let world = World::new();
    let server = Server::new(&world).await;
    let mut client = Client::new();
    let only = json!({
        "onlyReturnExisting": true, "termsOfServiceAgreed": true,
        "contact": ["tel:1"], "externalAccountBinding": { "nonsense": 1 },
    });

    let reply = client.register(&server, only.clone()).await;
    assert_eq!((problem(&reply).0, problem(&reply).1), (ProblemType::AccountDoesNotExist, 400));
    client.register(&server, json!({})).await.unwrap();
    let account = client.account.clone();
    let found = client.register(&server, only).await.unwrap();

    assert!(!found.created);
    assert_eq!(found.location, account);
}

struct Binding {
    world: World,
    server: Server,
    key: NewExternalAccountKey,
    client: Client,
}

impl Binding {
    async fn new() -> Self {
        let mut world = World::new();
        world.acme.require_eab = true;
        let server = Server::new(&world).await;
        let keys = ExternalAccountKeys::new(&*world.store, "acme/acme");
        let key = keys.add("a customer", world.now(), &*world.random).await.unwrap();
        Self { world, server, key, client: Client::new() }
    }

    fn header(&self) -> Value {
        json!({ "alg": "HS256", "kid": self.key.key_id, "url": format!("https://{HOST}{NEW_ACCOUNT}") })
    }

    /// The type of the refusal; the key stays unused and no account is made.
    async fn refused(&self, binding: Value) -> ProblemType {
        let payload = json!({ "externalAccountBinding": binding });
        let reply = self.client.post_by_key(&self.server, NEW_ACCOUNT, &payload).await;
        let keys = ExternalAccountKeys::new(&*self.world.store, "acme/acme");
        assert_eq!(keys.list().await.unwrap()[0].bound, None);
        let only = json!({ "onlyReturnExisting": true });
        let known = self.client.post_by_key(&self.server, NEW_ACCOUNT, &only).await;
        assert_eq!(kind(&known), ProblemType::AccountDoesNotExist);
        kind(&reply)
    }
}

#[rstest]
#[case::unknown_key("kid", json!("AAAAAAAAAAAAAAAAAAAAAA"), ProblemType::Unauthorized)]
#[case::kid_as_a_path("kid", json!("../x#y"), ProblemType::Unauthorized)]
#[case::another_url("url", json!("https://ca.example/acme/acme/new-order"), ProblemType::Malformed)]
#[case::no_url("url", Value::Null, ProblemType::Malformed)]
#[case::a_nonce("nonce", json!("AAAA"), ProblemType::Malformed)]
#[case::a_signature("alg", json!("ES256"), ProblemType::Malformed)]
#[case::rsa("alg", json!("RS256"), ProblemType::Malformed)]
#[case::none("alg", json!("none"), ProblemType::Malformed)]
#[tokio::test]
async fn a5_a_binding_with_a_wrong_header_binds_nothing(
    #[case] member: &str,
    #[case] value: Value,
    #[case] expected: ProblemType,
) {
    let scene = Binding::new().await;
    let mut header = scene.header();
    header[member] = value;

    assert_eq!(scene.refused(scene.client.binding_with(&scene.key, &header)).await, expected);
}

#[tokio::test]
async fn a5_a_binding_of_another_key_or_with_another_secret_binds_nothing() {
    let scene = Binding::new().await;

    let others = Client::new().binding(&scene.key);
    assert_eq!(scene.refused(others).await, ProblemType::Malformed);
    let forged = NewExternalAccountKey {
        key_id: scene.key.key_id.clone(),
        hmac_key: crate::secret::SecretBytes::new(vec![7; 32]),
    };
    assert_eq!(scene.refused(scene.client.binding(&forged)).await, ProblemType::Unauthorized);
    let mut cut = scene.client.binding(&scene.key);
    cut["signature"] = json!("");
    assert_eq!(scene.refused(cut).await, ProblemType::Unauthorized);
    assert_eq!(scene.refused(Value::Null).await, ProblemType::ExternalAccountRequired);
}

#[tokio::test]
async fn a5_a_key_binds_one_account_and_its_secret_is_forgotten() {
    let scene = Binding::new().await;
    let binding = scene.client.binding(&scene.key);
    let payload = json!({ "externalAccountBinding": binding });

    let made = scene.client.post_by_key(&scene.server, NEW_ACCOUNT, &payload).await.unwrap();

    assert_eq!(made.resource["externalAccountBinding"], binding);
    let other = Client::new();
    let payload = json!({ "externalAccountBinding": other.binding(&scene.key) });
    let reply = other.post_by_key(&scene.server, NEW_ACCOUNT, &payload).await;
    assert_eq!((problem(&reply).0, problem(&reply).1), (ProblemType::Unauthorized, 403));
    let keys = ExternalAccountKeys::new(&*scene.world.store, "acme/acme");
    let listed = keys.list().await.unwrap();
    assert_eq!(listed[0].bound.as_ref().unwrap().at, scene.world.now());
    assert!(keys.remove(&scene.key.key_id).await.unwrap());
    assert!(!keys.remove(&scene.key.key_id).await.unwrap());
    assert_eq!(made.resource["status"], "valid");
}

struct Rollover {
    server: Server,
    client: Client,
    new: Client,
}

impl Rollover {
    async fn new() -> Self {
        let world = World::new();
        let server = Server::new(&world).await;
        let client = Client::registered(&server).await;
        Self { server, client, new: Client::new() }
    }

    fn header(&self) -> Value {
        json!({ "alg": "ES256", "jwk": self.new.jwk(), "url": format!("https://{HOST}{KEY_CHANGE}") })
    }

    fn payload(&self) -> Value {
        json!({ "account": self.client.account, "oldKey": self.client.jwk() })
    }

    async fn refused(&self, inner: &[u8]) -> ProblemType {
        let inner: Value = serde_json::from_slice(inner).unwrap();
        let reply = self.client.post(&self.server, KEY_CHANGE, Some(&inner)).await;
        // The account still has its key, and only that.
        let account = self.client.account.as_ref().unwrap();
        self.client.post(&self.server, account, None).await.unwrap();
        let only = json!({ "onlyReturnExisting": true });
        assert!(self.new.post_by_key(&self.server, NEW_ACCOUNT, &only).await.is_err());
        kind(&reply)
    }
}

#[tokio::test]
async fn a6_a_change_of_key_that_is_not_signed_by_the_new_one_is_refused() {
    let scene = Rollover::new().await;
    let payload = scene.payload().to_string();

    let by_the_old = scene.client.sign(&scene.header(), payload.as_bytes());
    assert_eq!(scene.refused(&by_the_old).await, ProblemType::Malformed);
    let mut broken: Value =
        serde_json::from_slice(&scene.new.sign(&scene.header(), payload.as_bytes())).unwrap();
    broken["signature"] = json!(base64url([0; 64]));
    assert_eq!(scene.refused(broken.to_string().as_bytes()).await, ProblemType::Malformed);
}

#[rstest]
#[case::another_url("url", json!("https://ca.example/acme/acme/new-order"))]
#[case::no_url("url", Value::Null)]
#[case::a_nonce("nonce", json!("AAAA"))]
#[tokio::test]
async fn a6_a_change_of_key_with_a_wrong_inner_header_is_refused(#[case] member: &str, #[case] value: Value) {
    let scene = Rollover::new().await;
    let mut header = scene.header();
    header[member] = value;
    let payload = scene.payload().to_string();

    assert_eq!(scene.refused(&scene.new.sign(&header, payload.as_bytes())).await, ProblemType::Malformed);
}

#[tokio::test]
async fn a6_a_change_of_key_names_its_account_and_its_old_key() {
    let scene = Rollover::new().await;
    let other = Client::registered(&scene.server).await;
    for (member, value, expected) in [
        ("account", json!(other.account), ProblemType::Malformed),
        ("account", json!("https://ca.example/x"), ProblemType::AccountDoesNotExist),
        ("oldKey", other.jwk(), ProblemType::Malformed),
        ("oldKey", json!({}), ProblemType::Malformed),
    ] {
        let mut payload = scene.payload();
        payload[member] = value;
        let inner = scene.new.sign(&scene.header(), payload.to_string().as_bytes());
        assert_eq!(scene.refused(&inner).await, expected, "{member}");
    }
    let mut by_kid = scene.header();
    by_kid.as_object_mut().unwrap().remove("jwk");
    by_kid["kid"] = json!(scene.client.account);
    let inner = scene.client.sign(&by_kid, scene.payload().to_string().as_bytes());
    assert_eq!(scene.refused(&inner).await, ProblemType::Malformed);
}

#[tokio::test]
async fn a6_the_key_of_another_account_is_a_conflict_that_names_it() {
    let scene = Rollover::new().await;
    let other = Client::registered(&scene.server).await;

    let reply = scene.client.post(&scene.server, KEY_CHANGE, Some(&scene.client.rollover(&other))).await;

    assert_eq!((problem(&reply).0, problem(&reply).1), (ProblemType::Malformed, 409));
    assert_eq!(reply.unwrap_err().location, other.account);
    let own = scene.client.post(&scene.server, KEY_CHANGE, Some(&scene.client.rollover(&scene.client))).await;
    assert_eq!(kind(&own), ProblemType::Malformed);
}

#[tokio::test]
async fn a6_after_a_change_the_new_key_has_the_account_and_the_old_one_is_dead() {
    let scene = Rollover::new().await;
    let order = scene.client.new_order(&scene.server, &for_names(&["a.example"])).await.unwrap();
    let account = scene.client.account.clone();

    let changed =
        scene.client.post(&scene.server, KEY_CHANGE, Some(&scene.client.rollover(&scene.new))).await.unwrap();

    assert_eq!(changed.location, account);
    let new = Client { account: account.clone(), ..scene.new };
    new.order(&scene.server, order.location.as_ref().unwrap()).await.unwrap();
    let challenges = new.publish(&scene.server, &order).await;
    let proven = new.respond(&scene.server, &challenges[0]).await.unwrap();
    assert_eq!(proven.resource["status"], "valid");
    let old = scene.client.post(&scene.server, NEW_ORDER, Some(&for_names(&["a.example"]))).await;
    assert_eq!(kind(&old), ProblemType::Malformed);
    // Whoever has the old key may make an account of its own, which is another one.
    let mut again = scene.client.twin();
    again.register(&scene.server, json!({})).await.unwrap();
    assert_ne!(again.account, account);
}

#[tokio::test]
async fn a13_another_accounts_key_authorization_proves_nothing() {
    let scene = Rollover::new().await;
    let other = Client::registered(&scene.server).await;
    let order = scene.client.new_order(&scene.server, &for_names(&["a.example"])).await.unwrap();
    // The stranger would have to see the token, and puts its own thumbprint behind it.
    let twin = Client { account: scene.client.account.clone(), key: other.key };
    let url = &super::bench::urls(&order.resource["authorizations"])[0];
    let shown = scene.client.authorization(&scene.server, url).await.unwrap().resource;
    let challenge = super::bench::challenge_of(&shown, "http-01");
    let token = challenge["token"].as_str().unwrap();
    scene.server.prober.put_file(
        &crate::acme::ProbeHost::Dns("a.example".parse().unwrap()),
        &format!("/.well-known/acme-challenge/{token}"),
        twin.key_authorization(token),
    );

    let reply = scene.client.respond(&scene.server, challenge["url"].as_str().unwrap()).await.unwrap();

    assert_eq!(reply.resource["status"], "invalid");
    let path = path_of(url);
    assert!(path.starts_with("/acme/acme/authz/"));
}
