//! External account binding: [RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4).

use std::{process::Command, thread};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{
    CaFolder, Key,
    acme::{Acme, Answer, Jws, Signed, account::fresh_key},
    programs,
};

use crate::{
    provisioners::{BOUND, PLAIN},
    world::world,
};

/// A key for external account bindings, as an operator hands it out.
#[derive(Clone, Debug)]
pub(crate) struct BindingKey {
    pub(crate) id: String,
    pub(crate) secret: Vec<u8>,
}

impl BindingKey {
    /// Keys of a provisioner, made by the operator's command while no server runs.
    ///
    /// # Errors
    ///
    /// What the command said instead.
    pub(crate) fn make(folder: &CaFolder, provisioner: &str, count: usize) -> Result<Vec<Self>, String> {
        (0..count).map(|_| Self::make_one(folder, provisioner)).collect()
    }

    fn make_one(folder: &CaFolder, provisioner: &str) -> Result<Self, String> {
        let said = Command::new(programs::stepless())
            .args(["acme", "eab", "add", "--provisioner", provisioner, "--json", "--config"])
            .arg(folder.config_path())
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let printed: Value = serde_json::from_slice(&said.stdout)
            .map_err(|error| format!("{error}: {}{}", text(&said.stdout), text(&said.stderr)))?;
        let member = |name: &str| printed[name].as_str().ok_or_else(|| format!("no {name}: {printed}"));
        let secret = BASE64_URL_SAFE_NO_PAD.decode(member("hmacKey")?).map_err(|error| error.to_string())?;
        Ok(Self { id: member("id")?.into(), secret })
    }

    /// The message that binds an account key, before it is signed.
    pub(crate) fn message(&self, acme: &Acme, key: &Key) -> Jws {
        Jws {
            protected: json!({"alg": "HS256", "kid": self.id, "url": acme.directory().new_account}),
            payload: key.bare_jwk().to_string(),
        }
    }

    /// The binding of an account key.
    pub(crate) fn bind(&self, acme: &Acme, key: &Key) -> Signed {
        self.message(acme, key).mac(&self.secret)
    }
}

fn new_account(acme: &Acme, key: &Key, binding: &Value) -> Answer {
    let payload = json!({"termsOfServiceAgreed": true, "externalAccountBinding": binding});
    acme.post_as_key(key, &acme.directory().new_account, &payload)
}

#[track_caller]
fn assert_no_account(acme: &Acme, key: &Key) {
    let answer = acme.post_as_key(key, &acme.directory().new_account, &json!({"onlyReturnExisting": true}));
    assert_eq!(answer.problem(), "accountDoesNotExist", "{answer}");
}

#[test]
fn rfc8555_7_3_4_a_bound_account_is_made_and_shows_its_binding() {
    let world = world();
    let (acme, key) = (world.acme(BOUND), fresh_key());
    let binding = world.binding_key().bind(&acme, &key).members;

    let answer = new_account(&acme, &key, &binding);

    answer.assert_status(201);
    assert_eq!(answer.json()["externalAccountBinding"], binding, "{answer}");
}

#[test]
fn rfc8555_7_3_4_an_account_without_a_binding_is_refused_where_one_is_needed() {
    let world = world();
    let (acme, key) = (world.acme(BOUND), fresh_key());

    let answer =
        acme.post_as_key(&key, &acme.directory().new_account, &json!({"termsOfServiceAgreed": true}));

    world.refused(&acme, &answer, 403, "externalAccountRequired");
    assert_no_account(&acme, &key);
}

/// What a change does to a good binding.
type Spoil = fn(&BindingKey, &Acme, &Key) -> Signed;

#[rstest]
#[case::signed_with_another_secret("unauthorized", |binding: &BindingKey, acme: &Acme, key: &Key| binding.message(acme, key).mac(b"another secret"))]
#[case::an_unknown_key_id("unauthorized", |binding: &BindingKey, acme: &Acme, key: &Key| {
    binding.message(acme, key).header("kid", "nobody").mac(&binding.secret)
})]
#[case::no_key_id("malformed", |binding: &BindingKey, acme: &Acme, key: &Key| binding.message(acme, key).without_header("kid").mac(&binding.secret))]
#[case::the_key_of_another_account("malformed", |binding: &BindingKey, acme: &Acme, _: &Key| {
    binding.message(acme, &fresh_key()).mac(&binding.secret)
})]
#[case::no_key("malformed", |binding: &BindingKey, acme: &Acme, key: &Key| {
    Jws { payload: "{}".into(), ..binding.message(acme, key) }.mac(&binding.secret)
})]
#[case::another_url("malformed", |binding: &BindingKey, acme: &Acme, key: &Key| {
    binding.message(acme, key).header("url", acme.directory().new_order.as_str()).mac(&binding.secret)
})]
#[case::no_url("malformed", |binding: &BindingKey, acme: &Acme, key: &Key| binding.message(acme, key).without_header("url").mac(&binding.secret))]
#[case::a_nonce("malformed", |binding: &BindingKey, acme: &Acme, key: &Key| {
    binding.message(acme, key).header("nonce", acme.new_nonce()).mac(&binding.secret)
})]
#[case::a_signature_instead_of_a_mac("malformed", |binding: &BindingKey, acme: &Acme, key: &Key| {
    binding.message(acme, key).header("alg", "ES256").sign(key)
})]
#[case::no_algorithm("malformed", |binding: &BindingKey, acme: &Acme, key: &Key| {
    binding.message(acme, key).header("alg", "none").with_signature(b"")
})]
#[case::a_jwk_besides("malformed", |binding: &BindingKey, acme: &Acme, key: &Key| {
    binding.message(acme, key).header("jwk", key.bare_jwk()).mac(&binding.secret)
})]
fn a5_rfc8555_7_3_4_a_wrong_binding_makes_no_account_and_does_not_use_up_the_key(
    #[case] kind: &str,
    #[case] spoil: Spoil,
) {
    let world = world();
    let (acme, key, binding) = (world.acme(BOUND), fresh_key(), world.binding_key());

    let answer = new_account(&acme, &key, &spoil(&binding, &acme, &key).members);

    world.refused_as(&acme, &answer, kind);
    assert_no_account(&acme, &key);
    new_account(&acme, &key, &binding.bind(&acme, &key).members).assert_status(201);
}

#[rstest]
#[case::null(json!(null))]
#[case::a_text(json!("binding"))]
#[case::an_empty_object(json!({}))]
fn a5_rfc8555_7_3_4_what_is_no_binding_makes_no_account(#[case] binding: Value) {
    let world = world();
    let (acme, key) = (world.acme(BOUND), fresh_key());

    let answer = new_account(&acme, &key, &binding);

    assert!(matches!(&answer.problem()[..], "malformed" | "externalAccountRequired"), "{answer}");
    assert_no_account(&acme, &key);
}

/// Keys are compared as keys, not as bytes.
#[test]
fn a5_rfc8555_7_3_4_the_members_of_the_bound_key_may_stand_in_any_order() {
    let world = world();
    let (acme, key, binding) = (world.acme(BOUND), fresh_key(), world.binding_key());
    let jwk = key.bare_jwk();
    let text = |name: &str| jwk[name].to_string();
    let reordered = format!(r#"{{"y":{}, "x":{}, "kty":"EC", "crv":"P-256"}}"#, text("y"), text("x"));
    let message = Jws { payload: reordered, ..binding.message(&acme, &key) };

    new_account(&acme, &key, &message.mac(&binding.secret).members).assert_status(201);
}

#[test]
fn a5_rfc8555_7_3_4_a_key_binds_one_account() {
    let world = world();
    let (acme, binding) = (world.acme(BOUND), world.binding_key());
    let (first, second) = (fresh_key(), fresh_key());
    new_account(&acme, &first, &binding.bind(&acme, &first).members).assert_status(201);

    let answer = new_account(&acme, &second, &binding.bind(&acme, &second).members);

    world.refused_as(&acme, &answer, "unauthorized");
    assert_no_account(&acme, &second);
}

#[test]
fn a5_rfc8555_7_3_4_of_twenty_accounts_at_once_one_gets_the_key() {
    let world = world();
    let binding = world.binding_key();

    let statuses: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    let (acme, key) = (world.acme(BOUND), fresh_key());
                    new_account(&acme, &key, &binding.bind(&acme, &key).members).status()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no client panics")).collect()
    });

    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
}

#[test]
fn a3_a_binding_key_of_one_provisioner_is_unknown_to_another() {
    let world = world();
    let (acme, key, binding) = (world.acme(PLAIN), fresh_key(), world.binding_key());

    let answer = new_account(&acme, &key, &binding.bind(&acme, &key).members);

    // A provisioner that asks for no binding may pass over one, but never accepts a stranger's.
    let echoed = answer.json().get("externalAccountBinding").cloned();
    assert!(answer.problem() == "unauthorized" || (answer.status() == 201 && echoed.is_none()), "{answer}");
}
