//! What one event leaves behind for the next in a process: nothing.

use serde_json::json;

use crate::world::{World, event};

#[tokio::test(flavor = "multi_thread")]
async fn l9_two_identities_that_take_turns_in_one_process_do_not_cross() {
    const ROUNDS: usize = 10;
    let world = World::new().await;
    let names = ["alice.example", "bob.example"];
    let identities = [world.identity(names[0]).await, world.identity(names[1]).await];

    for _ in 0..ROUNDS {
        for (name, identity) in names.iter().zip(&identities) {
            let signed = world.sign(name).await.certificate();
            let renewed = world.renew(identity).await.certificate();
            assert_eq!(signed.subject().common_name(), Some(*name));
            assert_eq!(renewed.subject().common_name(), Some(*name));
            assert_eq!(renewed.public_key(), identity.certificate.public_key());
            let nobody = world.send("renew", &event("POST", "/renew", None)).await;
            assert!(!nobody.error(400).contains(".example"), "{nobody:?}");
        }
    }

    for function in ["sign", "renew"] {
        assert_eq!(world.function(function).cold_starts(), 1);
        let log = world.log(function);
        let both = log.lines().filter(|line| names.iter().all(|name| line.contains(name)));
        assert_eq!(both.count(), 0, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l17_json_to_choke_on_is_refused_and_the_process_goes_on() {
    let world = World::new().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(world.sign("a.example").await.status, 201);

    let mut body = event("POST", "/1.0/sign", None);
    body["body"] = deep.clone().into();
    world.send("sign", &body).await.error(400);
    body["body"] = format!("{{\"csr\":{deep},\"ott\":\"\"}}").into();
    world.send("sign", &body).await.error(400);
    body["body"] = json!({"csr": "a".repeat(1024 * 1024), "ott": "b"}).to_string().into();
    world.send("sign", &body).await.error(413);
    for text in [deep.as_str(), "[]", "\"text\"", "{}"] {
        let answer = world.function("sign").invoke(text.to_owned().into()).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], 400, "{answer}");
    }

    assert_eq!(world.sign("a.example").await.status, 201);
    assert_eq!(world.function("sign").cold_starts(), 1);
}
