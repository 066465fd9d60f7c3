//! What must never be in the log of a function.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use stepless_aws::configuration::Expected;
use stepless_core::clock::SignedDuration;
use stepless_tests::Key;

use crate::world::{World, event};

#[tokio::test(flavor = "multi_thread")]
async fn l16_no_secret_reaches_the_log_of_a_function() {
    let world = World::new().await;
    let mut secrets = use_every_route(&world).await;
    secrets.extend(spoil_the_configuration(&world).await);
    // The endpoint certificate's private key, which ACM was given.
    world.function("endpoint-certificate").invoke("{}".into()).await.unwrap();
    let imported = world.acm.last_import().unwrap();
    secrets.extend(String::from_utf8(imported.key).unwrap().lines().map(str::to_owned));

    let log = world.logs();

    for route in ["/sign", "/renew", "/revoke", "/provisioners"] {
        assert!(log.contains(route), "{route} is logged: {log}");
    }
    for secret in secrets.iter().filter(|secret| secret.len() > 20 && !secret.contains("PRIVATE KEY")) {
        assert!(!log.contains(secret.as_str()), "{secret} is in the log:\n{log}");
    }
    // Like every JWT, all tokens begin with the base64 of `{"alg`.
    assert!(!log.contains(&BASE64_URL_SAFE_NO_PAD.encode("{\"alg")[..7]), "a token is in the log:\n{log}");
    assert!(!log.contains("Bearer ey"), "a bearer token is in the log:\n{log}");
}

/// Good and bad requests with a secret in each; gives the secrets.
async fn use_every_route(world: &World) -> Vec<String> {
    let token = |route, name| world.token(route, name).sign(&world.provisioner);
    let (good, for_another) = (token("sign", "a.example"), token("sign", "b.example"));
    let broken = format!("{}AAAA", token("sign", "a.example"));
    for token in [&good, &good, &for_another, &broken] {
        world.sign_with("a.example", token).await;
    }
    let identity = world.identity("c.example").await;
    let renewal = world.renewal_token("c.example", &identity);
    let private = pem(&identity.key);
    let revocation = token("revoke", "1");
    let bodies = [
        ("sign", "/sign", json!({"csr": private, "ott": good}).to_string()),
        ("sign", "/sign", format!("{{\"ott\":\"{good}\",")),
        ("sign", "/sign", good.clone()),
        ("renew", "/rekey", json!({"csr": private}).to_string()),
        ("revoke", "/1.0/revoke", json!({"serial": "1", "ott": for_another, "passive": true}).to_string()),
        ("revoke", "/revoke", json!({"serial": "1", "ott": revocation, "passive": true}).to_string()),
        ("revoke", "/revoke", json!({"serial": "0x", "ott": private}).to_string()),
    ];
    for (function, path, body) in bodies {
        let mut event = event("POST", path, None);
        event["body"] = body.into();
        world.send(function, &event).await;
    }
    for bearer in [&renewal, &good, &private.replace('\n', "")] {
        let mut event = event("POST", "/renew", None);
        event["headers"]["authorization"] = format!("Bearer {bearer}").into();
        world.send("renew", &event).await;
    }
    assert_eq!(world.renew(&identity).await.status, 201);
    let mut query = event("GET", "/provisioners", None);
    query["rawQueryString"] = format!("cursor={good}").into();
    world.send("info", &query).await;
    let mut without_shape = event("GET", "/health", None);
    without_shape["body"] = good.clone().into();
    without_shape["requestContext"]["http"] = json!(for_another);
    world.send("info", &without_shape).await;
    let tokens = [good, for_another, broken, renewal, revocation];
    let parts = tokens.iter().flat_map(|token| token.split('.').map(str::to_owned));
    parts.chain(private.lines().map(str::to_owned)).collect()
}

/// Configurations that are wrong in a place where a secret stands; gives the secrets.
async fn spoil_the_configuration(world: &World) -> Vec<String> {
    let password = "correct horse battery staple, twice over".to_owned();
    let mut known = world.version().await;
    let wrong = [
        ("password", json!([password])),
        ("db", json!({"type": "mysql", "dataSource": format!("root:{password}@tcp(db.example)/")})),
        ("kms", json!({"type": "pkcs11", "uri": "pkcs11:module-path=p11.so", "pin": password})),
        ("key", json!(format!("pkcs11:object=a?pin-value={}", password.replace(' ', "+")))),
    ];
    let spoil = |(member, value)| {
        let mut configuration = world.configuration.clone();
        configuration["password"] = password.clone().into();
        configuration[member] = value;
        configuration.to_string()
    };
    let mut spoilt: Vec<String> = wrong.into_iter().map(spoil).collect();
    spoilt.push(format!("{{\"password\":\"{password}\""));
    for (number, text) in spoilt.iter().enumerate() {
        known = world.write(text, Expected::Version(&known)).await;
        world.set_clock(SignedDuration::from_mins(i64::try_from(number).unwrap() + 1));
        assert_eq!(world.get("/health").await.status, 200);
    }
    world.write(&world.configuration.to_string(), Expected::Version(&known)).await;
    vec![password.replace(' ', "+"), password]
}

fn pem(key: &Key) -> String {
    stepless_tests::asn1::pem("PRIVATE KEY", key.pkcs8())
}
