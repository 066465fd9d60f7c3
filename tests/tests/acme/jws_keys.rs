//! Keys and algorithms of requests: [RFC 8555 §6.2](https://www.rfc-editor.org/rfc/rfc8555#section-6.2).

use std::{fs, process::Command};

use rstest::rstest;
use serde_json::{Value, json};
use stepless_tests::{
    Key, KeyKind,
    acme::{
        Acme, Jws, Signed,
        account::{fresh_key, texts},
        jws::base64url,
    },
    programs,
};
use tempfile::TempDir;

use crate::{
    account::assert_unknown,
    provisioners::PLAIN,
    world::{fresh_name, world},
};

/// An RSA key of 1024 bits, which our own cryptography refuses to use: openssl signs with it.
pub(crate) struct WeakKey(TempDir);

impl WeakKey {
    pub(crate) fn generate() -> Self {
        let key = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        let size = "rsa_keygen_bits:1024";
        key.openssl(&["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", size, "-out", "key.pem"]);
        key
    }

    pub(crate) fn jwk(&self) -> Value {
        let printed = self.openssl(&["rsa", "-in", "key.pem", "-noout", "-modulus"]);
        let printed = String::from_utf8(printed).expect("openssl prints text");
        let modulus = printed.trim().strip_prefix("Modulus=").expect("openssl says so");
        let modulus = hex::decode(modulus).expect("openssl prints digits");
        json!({"kty": "RSA", "n": base64url(&modulus), "e": "AQAB"})
    }

    pub(crate) fn sign(&self, message: &Jws) -> Signed {
        fs::write(self.0.path().join("message"), message.signing_input()).expect("the folder is ours");
        let signature = self.openssl(&["dgst", "-sha256", "-sign", "key.pem", "message"]);
        message.with_signature(&signature)
    }

    /// A certificate request for one DNS name, in DER.
    pub(crate) fn request(&self, name: &str) -> Vec<u8> {
        let names = format!("subjectAltName=DNS:{name}");
        self.openssl(&[
            "req", "-new", "-key", "key.pem", "-sha256", "-subj", "/", "-addext", &names, "-outform", "DER",
        ])
    }

    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        programs::output(Command::new("openssl").args(arguments).current_dir(self.0.path()))
    }
}

/// A request for an account, signed badly.
type Spoil = fn(&Acme, &Key, &str) -> Signed;

#[rstest]
#[case::none(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").header("alg", "none").with_signature(b""))]
#[case::a_mac_with_the_public_key(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").header("alg", "HS256").mac(&key.spki()))]
#[case::a_mac_with_the_public_jwk(|acme: &Acme, key: &Key, url: &str| {
    acme.with_jwk(key, url, "{}").header("alg", "HS256").mac(key.bare_jwk().to_string().as_bytes())
})]
#[case::unknown(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").header("alg", "XS256").sign(key))]
#[case::rsa_with_sha1(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").header("alg", "RS1").sign(key))]
#[case::encryption(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").header("alg", "A128KW").sign(key))]
#[case::lower_case(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").header("alg", "es256").sign(key))]
#[case::empty(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").header("alg", "").sign(key))]
fn a4_rfc8555_6_2_an_unsupported_algorithm_is_refused_with_the_supported_ones(#[case] spoil: Spoil) {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());
    let url = acme.directory().new_account.clone();

    let answer = acme.post(&url, &spoil(&acme, &key, &url));

    world.refused(&acme, &answer, 400, "badSignatureAlgorithm");
    let supported = texts(&answer.json()["algorithms"]);
    assert!(supported.contains(&"ES256".to_owned()), "{answer}");
    assert!(supported.iter().all(|name| name != "none" && !name.starts_with("HS")), "{answer}");
    assert_unknown(&acme, &key);
}

#[rstest]
#[case::missing(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").without_header("alg").sign(key))]
#[case::no_text(|acme: &Acme, key: &Key, url: &str| acme.with_jwk(key, url, "{}").header("alg", 7).sign(key))]
fn a4_rfc8555_6_2_a_request_without_an_algorithm_is_malformed(#[case] spoil: Spoil) {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());
    let url = acme.directory().new_account.clone();

    let answer = acme.post(&url, &spoil(&acme, &key, &url));

    world.refused(&acme, &answer, 400, "malformed");
    assert_unknown(&acme, &key);
}

/// The algorithm of one key with another kind of key.
#[rstest]
#[case("ES384")]
#[case("ES512")]
#[case("RS256")]
#[case("PS256")]
#[case("EdDSA")]
fn a4_rfc8555_6_2_the_algorithm_of_another_key_is_refused(#[case] algorithm: &str) {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());
    let url = acme.directory().new_account.clone();

    let answer = acme.post(&url, &acme.with_jwk(&key, &url, "{}").header("alg", algorithm).sign(&key));

    assert!(
        matches!(&answer.problem()[..], "badSignatureAlgorithm" | "badPublicKey" | "malformed"),
        "{answer}"
    );
    world.refused(&acme, &answer, 400, &answer.problem());
    assert_unknown(&acme, &key);
}

/// The same for an account that exists: the algorithm goes with its key, not with what the header says.
#[rstest]
#[case::none(|jws: Jws, _: &Key| jws.header("alg", "none").with_signature(b""))]
#[case::a_mac(|jws: Jws, key: &Key| jws.header("alg", "HS256").mac(&key.spki()))]
#[case::another_curve(|jws: Jws, _: &Key| jws.header("alg", "ES384").sign(&Key::generate(KeyKind::P384)))]
#[case::another_kind(|jws: Jws, _: &Key| jws.header("alg", "EdDSA").sign(&Key::generate(KeyKind::Ed25519)))]
fn a4_rfc8555_6_2_an_account_is_not_confused_about_its_algorithm(#[case] spoil: fn(Jws, &Key) -> Signed) {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();
    let payload = json!({"identifiers": [{"type": "dns", "value": fresh_name()}]}).to_string();

    let answer = account.acme.post(&url, &spoil(account.message(&url, &payload), &account.key));

    assert!(matches!(&answer.problem()[..], "badSignatureAlgorithm" | "malformed"), "{answer}");
    world.refused(&account.acme, &answer, 400, &answer.problem());
    assert_eq!(crate::orders_list::all_orders(&account), Vec::<String>::new());
}

/// The JWK says which algorithm it is for, and that is not the one in use.
#[test]
fn a4_rfc8555_6_2_a_key_that_is_marked_for_another_algorithm_is_refused() {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());
    let url = acme.directory().new_account.clone();
    let mut jwk = key.bare_jwk();
    jwk["alg"] = "ES384".into();

    let answer = acme.post(&url, &acme.with_jwk(&key, &url, "{}").header("jwk", jwk).sign(&key));

    assert!(
        matches!(&answer.problem()[..], "badPublicKey" | "malformed" | "badSignatureAlgorithm"),
        "{answer}"
    );
    world.refused(&acme, &answer, 400, &answer.problem());
    assert_unknown(&acme, &key);
}

#[test]
fn a4_rfc8555_6_2_an_rsa_key_of_1024_bits_is_a_bad_public_key() {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), WeakKey::generate());
    let url = acme.directory().new_account.clone();

    let message = acme.with_jwk(&fresh_key(), &url, "{}").header("alg", "RS256").header("jwk", key.jwk());
    let answer = acme.post(&url, &key.sign(&message));

    world.refused(&acme, &answer, 400, "badPublicKey");
}

/// What a member of a P-256 key is replaced by.
#[rstest]
#[case::a_point_off_the_curve("y", json!(base64url(&[7; 32])))]
#[case::a_coordinate_over_the_prime("x", json!(base64url(&[0xff; 32])))]
#[case::a_short_coordinate("x", json!(base64url(&[1; 31])))]
#[case::a_coordinate_with_a_zero_before("x", json!(base64url(&[0; 33])))]
#[case::a_padded_coordinate("x", json!("AAAA="))]
#[case::another_curve("crv", json!("P-384"))]
#[case::an_unknown_curve("crv", json!("secp256k1"))]
#[case::an_unknown_kind("kty", json!("XX"))]
#[case::a_secret("kty", json!("oct"))]
#[case::a_private_part("d", json!(base64url(&[1; 32])))]
#[case::for_encryption("use", json!("enc"))]
fn a13_rfc8555_6_2_a_key_that_is_none_is_refused(#[case] member: &str, #[case] value: Value) {
    let world = world();
    let (acme, key) = (world.acme(PLAIN), fresh_key());
    let url = acme.directory().new_account.clone();
    let mut jwk = key.bare_jwk();
    jwk[member] = value;

    let answer = acme.post(&url, &acme.with_jwk(&key, &url, "{}").header("jwk", jwk).sign(&key));

    assert!(matches!(&answer.problem()[..], "badPublicKey" | "malformed"), "{answer}");
    world.refused(&acme, &answer, 400, &answer.problem());
}

/// Members that a thumbprint leaves out make no second account of one key.
#[test]
fn a13_rfc8555_7_3_1_a_key_with_more_members_is_the_same_key() {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_account.clone();
    let mut jwk = account.key.bare_jwk();
    jwk["kid"] = "mine".into();
    jwk["use"] = "sig".into();
    jwk["alg"] = "ES256".into();

    let message = account.acme.with_jwk(&account.key, &url, "{}").header("jwk", jwk);
    let answer = account.acme.post(&url, &message.sign(&account.key));

    answer.assert_status(200);
    assert_eq!(answer.location(), account.url);
}

/// A leading zero makes another text of the same number, and so another thumbprint.
#[rstest]
#[case::modulus("n")]
#[case::exponent("e")]
fn a13_rfc7638_a_number_with_a_zero_before_it_is_refused_or_the_same_key(#[case] member: &str) {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let world = world();
    let key = Key::generate(KeyKind::Rsa2048);
    let account = world.acme(PLAIN).account_with(key, &json!({}));
    let url = account.acme.directory().new_account.clone();
    let mut jwk = account.key.bare_jwk();
    let number = BASE64_URL_SAFE_NO_PAD.decode(jwk[member].as_str().unwrap()).unwrap();
    jwk[member] = base64url(&[&[0], &number[..]].concat()).into();

    let message = account.acme.with_jwk(&account.key, &url, "{}").header("jwk", jwk);
    let answer = account.acme.post(&url, &message.sign(&account.key));

    match answer.status() {
        200 => assert_eq!(answer.location(), account.url),
        _ => {
            assert!(matches!(&answer.problem()[..], "badPublicKey" | "malformed"), "{answer}");
            world.refused(&account.acme, &answer, 400, &answer.problem());
        }
    }
}

#[rstest]
#[case::unknown(|url: &str| format!("{}AAAA", &url[..url.len() - 4]))]
#[case::of_another_provisioner(|url: &str| url.replace("/acme/acme/", "/acme/other/"))]
#[case::the_id_alone(|url: &str| url.rsplit('/').next().unwrap().to_owned())]
#[case::a_path_behind(|url: &str| format!("{url}/orders"))]
#[case::a_sentence(|_: &str| "an account".into())]
#[case::of_another_scheme(|url: &str| url.replace("https:", "http:"))]
#[case::with_a_query(|url: &str| format!("{url}?x=1"))]
fn a4_rfc8555_6_2_a_key_id_that_is_no_account_does_not_exist(#[case] change: fn(&str) -> String) {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();

    let message = account.message(&url, "{}").header("kid", change(&account.url));
    let answer = account.acme.post(&url, &message.sign(&account.key));

    world.refused(&account.acme, &answer, 400, "accountDoesNotExist");
}

#[test]
fn a4_rfc8555_6_2_an_empty_key_id_is_malformed() {
    let world = world();
    let account = world.account();
    let url = account.acme.directory().new_order.clone();

    let message = account.message(&url, "{}").header("kid", "");
    let answer = account.acme.post(&url, &message.sign(&account.key));

    world.refused(&account.acme, &answer, 400, "malformed");
}
