use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::jose::base64url;
use crate::jose::testing::{ED25519_JWK, P256_JWK, testdata};

const HEADER: &str = r#"{"alg":"HS256","kid":"key-1","url":"https://ca.example/acme/acme/new-account"}"#;

fn secret() -> SecretBytes {
    SecretBytes::new(b"a secret of thirty-two characters".to_vec())
}

/// A binding of `payload` with whatever MAC.
fn unsigned(header: &str, payload: &str, mac: &[u8]) -> String {
    let [protected, payload] = [header, payload].map(|part| base64url::encode(part.as_bytes()));
    json!({"protected": protected, "payload": payload, "signature": base64url::encode(mac)}).to_string()
}

/// A binding of `payload` under [`secret`].
fn bound(algorithm: MacAlgorithm, payload: &str) -> String {
    let header = HEADER.replace("HS256", algorithm.name());
    let message =
        format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let mac = hmac::sign(&hmac::Key::new(algorithm.hmac(), secret().expose()), message.as_bytes());
    unsigned(&header, payload, mac.as_ref())
}

fn parse(json: &str) -> Result<MacJws, MacJwsError> {
    MacJws::parse(json.as_bytes())
}

fn account_key() -> PublicKey {
    Jwk::parse(P256_JWK.as_bytes()).unwrap().public_key().clone()
}

#[test]
fn a5_a_binding_is_read_and_holds_with_its_secret_alone() {
    for algorithm in MacAlgorithm::ALL {
        let text = bound(algorithm, "the payload");
        let binding = parse(&text).unwrap();

        assert_eq!(binding.algorithm(), algorithm);
        assert_eq!(binding.key_id(), "key-1");
        assert_eq!(binding.url(), "https://ca.example/acme/acme/new-account");
        assert_eq!(binding.verify(&secret()).unwrap().as_bytes(), b"the payload");

        let other = SecretBytes::new(b"a secret of thirty-two characterS".to_vec());
        assert_eq!(binding.verify(&other).unwrap_err(), MacError);
        let forged = text.replace(&base64url::encode(b"the payload"), &base64url::encode(b"another one"));
        assert_eq!(parse(&forged).unwrap().verify(&secret()).unwrap_err(), MacError);
    }
}

#[test]
fn a5_a_part_of_the_mac_is_not_enough() {
    let binding = parse(&bound(MacAlgorithm::Hs256, "{}")).unwrap();
    let header = HEADER;

    for octets in [0, 1, 16, 31] {
        let cut = parse(&unsigned(header, "{}", &binding.mac[..octets])).unwrap();
        assert_eq!(cut.verify(&secret()).unwrap_err(), MacError, "{octets}");
    }
    let longer = parse(&unsigned(header, "{}", &[binding.mac.as_slice(), &[0]].concat())).unwrap();
    assert_eq!(longer.verify(&secret()).unwrap_err(), MacError);
    assert!(parse(&unsigned(header, "{}", &binding.mac)).unwrap().verify(&secret()).is_ok());
}

/// A secret that was wiped must not be one that everybody knows.
#[test]
fn a5_nothing_is_bound_by_an_empty_secret() {
    let message = format!("{}.{}", base64url::encode(HEADER.as_bytes()), base64url::encode(b"{}"));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), message.as_bytes());
    let binding = parse(&unsigned(HEADER, "{}", mac.as_ref())).unwrap();

    assert_eq!(binding.verify(&SecretBytes::new(Vec::new())).unwrap_err(), MacError);
}

#[rstest]
#[case("RS256")]
#[case("ES256")]
#[case("EdDSA")]
#[case("none")]
#[case("hs256")]
#[case("HS1")]
#[case("")]
fn a5_the_inner_algorithm_is_a_mac(#[case] name: &str) {
    let text = unsigned(&HEADER.replace("HS256", name), "{}", b"mac");

    assert_eq!(parse(&text).unwrap_err(), MacJwsError::Algorithm(NotAMac { name: name.into() }));
}

#[rstest]
#[case::nonce(r#"{"alg":"HS256","kid":"k","url":"u","nonce":"AAAA"}"#, MacJwsError::Forbidden { member: "nonce" })]
#[case::null_nonce(r#"{"alg":"HS256","kid":"k","url":"u","nonce":null}"#, MacJwsError::Forbidden { member: "nonce" })]
#[case::jwk(r#"{"alg":"HS256","kid":"k","url":"u","jwk":{"kty":"oct","k":"AAAA"}}"#, MacJwsError::Forbidden { member: "jwk" })]
#[case::no_alg(r#"{"kid":"k","url":"u"}"#, MacJwsError::MissingMember { member: "alg" })]
#[case::no_kid(r#"{"alg":"HS256","url":"u"}"#, MacJwsError::MissingMember { member: "kid" })]
#[case::no_url(r#"{"alg":"HS256","kid":"k"}"#, MacJwsError::MissingMember { member: "url" })]
#[case::null_kid(r#"{"alg":"HS256","kid":null,"url":"u"}"#,
    MacJwsError::Form(JwsFormError::WrongType { member: "kid", expected: "a string" }))]
#[case::empty_kid(r#"{"alg":"HS256","kid":"","url":"u"}"#, MacJwsError::BadKeyId)]
#[case::kid_with_nul(r#"{"alg":"HS256","kid":"a\u0000","url":"u"}"#, MacJwsError::BadKeyId)]
#[case::crit(
    r#"{"alg":"HS256","kid":"k","url":"u","crit":["b64"]}"#,
    MacJwsError::Form(JwsFormError::Critical)
)]
#[case::unencoded(
    r#"{"alg":"HS256","kid":"k","url":"u","b64":false}"#,
    MacJwsError::Form(JwsFormError::UnencodedPayload)
)]
fn a5_a_bad_binding_is_refused_with_its_reason(#[case] header: &str, #[case] expected: MacJwsError) {
    assert_eq!(parse(&unsigned(header, "{}", b"mac")).unwrap_err(), expected);
}

#[test]
fn a5_a_binding_has_one_signature_and_no_unprotected_header() {
    let text = bound(MacAlgorithm::Hs256, P256_JWK);
    let Value::Object(mut members) = serde_json::from_str(&text).unwrap() else { panic!() };
    assert!(MacJws::from_members(members.clone()).is_ok());

    members.insert("header".into(), json!({"kid": "another"}));

    assert_eq!(
        MacJws::from_members(members).unwrap_err(),
        MacJwsError::Form(JwsFormError::UnprotectedHeader)
    );
}

#[rstest]
#[case::as_sent(P256_JWK)]
#[case::reordered(
    r#"{ "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "crv":"P-256",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "kty":"EC" }"#
)]
#[case::further_members(r#"{"kid":"other","foo":[],"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#)]
fn a5_the_bound_key_is_compared_as_a_key(#[case] payload: &str) {
    let binding = parse(&bound(MacAlgorithm::Hs512, payload)).unwrap();

    assert_eq!(binding.verify_account_key(&secret(), &account_key()), Ok(()));
}

#[rstest]
#[case::other_key(ED25519_JWK, BindingError::OtherKey)]
#[case::other_kind(testdata!("rsa.jwk"), BindingError::OtherKey)]
#[case::empty("", BindingError::Payload(strict_json::JsonError::Malformed { line: 1, column: 0 }))]
#[case::text(r#""key""#, BindingError::Payload(strict_json::JsonError::NotAnObject))]
#[case::twice(r#"{"kty":"EC","kty":"EC"}"#,
    BindingError::Payload(strict_json::JsonError::DuplicateMember { name: "kty".into() }))]
#[case::symmetric(r#"{"kty":"oct","k":"AAAA"}"#, BindingError::Jwk(JwkError::Private { member: "k" }))]
#[case::private(&P256_JWK.replace(r#""x""#, r#""d":"AAAA","x""#), BindingError::Jwk(JwkError::Private { member: "d" }))]
fn a5_another_key_is_not_bound(#[case] payload: &str, #[case] expected: BindingError) {
    let binding = parse(&bound(MacAlgorithm::Hs256, payload)).unwrap();

    assert_eq!(binding.verify_account_key(&secret(), &account_key()), Err(expected));
}

#[test]
fn a5_a_key_is_not_looked_at_before_the_mac_holds() {
    let binding = parse(&unsigned(HEADER, P256_JWK, &[0; 32])).unwrap();

    assert_eq!(binding.verify_account_key(&secret(), &account_key()), Err(BindingError::Mac(MacError)));
}

#[test]
fn a5_the_debug_of_a_binding_shows_neither_payload_nor_mac() {
    let binding = parse(&bound(MacAlgorithm::Hs256, P256_JWK)).unwrap();
    let shown = format!("{binding:?}");

    assert!(shown.contains("key-1"), "{shown}");
    assert!(!shown.contains("payload") && !shown.contains("mac:"), "{shown}");
}

proptest! {
    #[test]
    fn a5_any_bytes_are_read_or_refused(bytes: Vec<u8>, header: Vec<u8>) {
        let _ = MacJws::parse(&bytes);
        if let Ok(header) = String::from_utf8(header) {
            let _ = parse(&unsigned(&header, "", b""));
        }
    }
}
