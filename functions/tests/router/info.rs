//! The routes that only tell.

use serde_json::{Value, json};
use stepless_core::x509::Certificate;

use crate::world::{KEY_ID, Options, World, jwk_provisioner, new_key};

#[tokio::test]
async fn health_and_version_say_what_clients_look_for() {
    let world = World::new().await;

    assert_eq!(world.get("/health").await.json(), json!({ "status": "ok" }));
    let version = world.get("/version").await.json();
    assert_eq!(version, json!({ "version": env!("CARGO_PKG_VERSION") }));
}

#[tokio::test]
async fn certificates_are_given_as_json_and_as_pem() {
    let world = World::new().await;
    let root = world.root.to_pem();
    let intermediate = world.authority.intermediates_pem()[0].clone();

    for (path, certificate) in [("/roots", &root), ("/intermediates", &intermediate), ("/federation", &root)]
    {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 201, "{path}");
        assert_eq!(answer.json(), json!({ "crts": [certificate] }), "{path}");
    }
    for (path, certificate) in [("/roots.pem", &root), ("/intermediates.pem", &intermediate)] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "application/x-pem-file");
        assert_eq!(answer.body, certificate.as_bytes(), "{path}");
    }
}

#[tokio::test]
async fn a_root_is_found_by_its_fingerprint_however_it_is_written() {
    let world = World::new().await;
    let fingerprint = world.root.fingerprint_sha256();
    let (left, right) = fingerprint.split_at(32);

    for spelling in [fingerprint.clone(), fingerprint.to_uppercase(), format!("{left}-{right}")] {
        let answer = world.get(&format!("/root/{spelling}")).await;
        assert_eq!(answer.status, 200);
        let pem = answer.json()["ca"].as_str().unwrap().to_owned();
        assert_eq!(Certificate::from_pem(&pem).unwrap(), world.root);
    }
    let message = world.get("/root/00AA").await.error(404);
    assert_eq!(message, "root certificate with fingerprint \"00aa\" was not found");
    world.get(&format!("/root/{}", world.authority.issuers()[0].fingerprint_sha256())).await.error(404);
}

#[tokio::test]
async fn provisioners_come_in_pages_and_none_is_lost() {
    let key = new_key();
    let provisioner = |n| jwk_provisioner(&format!("team {n}"), &format!("key {n}"), key.public_key());
    let provisioners = (1..125).map(provisioner).collect();
    let world = World::with(Options { provisioners, ..Options::default() }).await;

    for (limit, expected) in [
        ("", 20),
        ("?limit=", 20),
        ("?limit=0", 20),
        ("?limit=-5", 20),
        ("?limit=7", 7),
        ("?limit=100", 100),
        ("?limit=101", 100),
        ("?limit=9223372036854775807", 100),
    ] {
        let page = world.get(&format!("/provisioners{limit}")).await.json();
        assert_eq!(page["provisioners"].as_array().unwrap().len(), expected, "{limit}");
    }

    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/1.0/provisioners?limit=10&cursor={cursor}")).await.json();
        let listed = page["provisioners"].as_array().unwrap();
        names.extend(listed.iter().map(|p| p["name"].as_str().unwrap().to_owned()));
        cursor = page["nextCursor"].as_str().unwrap().to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    let expected = ["admin".to_owned()].into_iter().chain((1..125).map(|n| format!("team {n}")));
    assert_eq!(names, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_that_cannot_be_read_is_refused() {
    let world = World::new().await;

    for query in ["limit=x", "limit=1.5", "limit=9223372036854775808", "limit=%ff", "limit=1;cursor=2"] {
        let message = world.get(&format!("/provisioners?{query}")).await.error(400);
        assert!(message.contains("is not an integer"), "{message}");
    }
    for query in
        ["limit=1&limit=x", "cursor=a&cursor=b", "cursor=zzzz", "cursor=%00%ff", "other=1&other=2", "&&=&"]
    {
        assert_eq!(world.get(&format!("/provisioners?{query}")).await.status, 200, "{query}");
    }
}

#[tokio::test]
async fn a_provisioner_is_listed_with_what_a_client_needs_and_its_key_is_served() {
    let world = World::new().await;

    let page = world.get("/provisioners").await.json();
    let admin = &page["provisioners"][0];
    assert_eq!(page["nextCursor"], "");
    assert_eq!((&admin["type"], &admin["name"]), (&json!("JWK"), &json!("admin")));
    assert_eq!(admin["key"]["kid"], KEY_ID);
    assert_eq!(admin["encryptedKey"], "jwe.of.admin");

    let key: Value = world.get(&format!("/provisioners/{KEY_ID}/encrypted-key")).await.json();
    assert_eq!(key, json!({ "key": "jwe.of.admin" }));
}

#[tokio::test]
async fn l4_a_key_id_in_a_path_is_decoded_once() {
    let key = new_key();
    let key_ids = ["a b", "a%20b", "a+b", "a/b", "é", "..", "a;b"];
    let provisioners = key_ids.iter().map(|id| jwk_provisioner(id, id, key.public_key())).collect();
    let world = World::with(Options { provisioners, ..Options::default() }).await;

    for (spelling, key_id) in [
        ("a%20b", "a b"),
        ("a%2520b", "a%20b"),
        ("a+b", "a+b"),
        ("a%2Fb", "a/b"),
        ("%C3%A9", "é"),
        ("a;b", "a;b"),
    ] {
        let answer = world.get(&format!("/provisioners/{spelling}/encrypted-key")).await;
        assert_eq!(answer.json(), json!({ "key": format!("jwe.of.{key_id}") }), "{spelling}");
    }
}
