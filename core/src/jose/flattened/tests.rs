use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::jose::strict_json::{self, JsonError};
use crate::jose::testing::{ED25519_JWK, P256_JWK, TestKey, testdata};
use crate::jose::{MacJws, Thumbprint};
use crate::key::PublicKeyError;
use crate::secret::SecretBytes;

mod keys;

/// The header of a request of an account.
const KID_HEADER: &str = r#"{"alg":"ES256","kid":"https://ca.example/acme/acme/account/1","nonce":"AAAA","url":"https://ca.example/acme/acme/new-order"}"#;

/// What is signed, of this header and payload.
fn parts(header: &str, payload: &str) -> (String, String) {
    (base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()))
}

/// The flattened form, with a signature that nobody made.
fn flattened(header: &str, payload: &str) -> String {
    let (protected, payload) = parts(header, payload);
    json!({"protected": protected, "payload": payload, "signature": "AAAA"}).to_string()
}

/// The flattened form, signed.
fn signed(key: &TestKey, header: &str, payload: &str) -> String {
    let (protected, payload) = parts(header, payload);
    let algorithm = parse(&flattened(header, "")).unwrap().header.algorithm;
    let signature = key.sign(algorithm, format!("{protected}.{payload}").as_bytes());
    json!({"protected": protected, "payload": payload, "signature": base64url::encode(&signature)})
        .to_string()
}

fn parse(json: &str) -> Result<FlattenedJws, AcmeJwsError> {
    FlattenedJws::parse(json.as_bytes())
}

#[track_caller]
fn refusal(json: &str) -> AcmeJwsError {
    parse(json).unwrap_err()
}

/// A header with this `jwk`.
fn with_jwk(algorithm: &str, jwk: &str) -> String {
    format!(r#"{{"alg":"{algorithm}","jwk":{jwk},"nonce":"AAAA","url":"u"}}"#)
}

#[test]
fn a4_a_request_is_read_in_both_forms() {
    let key = TestKey::for_algorithm(SigningAlgorithm::Es256);
    let flattened = signed(&key, KID_HEADER, r#"{"identifiers":[]}"#);
    let Value::Object(mut members) = serde_json::from_str(&flattened).unwrap() else { panic!() };
    let payload = members.remove("payload").unwrap();
    let general = json!({"payload": payload, "signatures": [members]}).to_string();

    for text in [flattened, general] {
        let jws = parse(&text).unwrap();

        assert_eq!(
            jws.header(),
            &AcmeHeader {
                algorithm: SigningAlgorithm::Es256,
                key: AcmeKey::KeyId("https://ca.example/acme/acme/account/1".into()),
                nonce: Some("AAAA".into()),
                url: Some("https://ca.example/acme/acme/new-order".into()),
            }
        );
        assert_eq!(jws.unverified_payload(), br#"{"identifiers":[]}"#);
        assert_eq!(jws.verify(&key.public).unwrap().as_bytes(), br#"{"identifiers":[]}"#);
    }
}

#[test]
fn a4_the_payload_of_a_post_as_get_is_not_an_empty_object() {
    assert_eq!(parse(&flattened(KID_HEADER, "")).unwrap().unverified_payload(), b"");
    assert_eq!(parse(&flattened(KID_HEADER, "{}")).unwrap().unverified_payload(), b"{}");
}

#[test]
fn a4_every_algorithm_verifies_its_own_signature_and_nothing_else() {
    for algorithm in SigningAlgorithm::ALL {
        let key = TestKey::for_algorithm(algorithm);
        let jwk = serde_json::to_string(&Jwk::from_public_key(key.public.clone()).unwrap()).unwrap();
        // `from_public_key` names the default algorithm of an RSA key.
        let jwk = jwk.replace(r#""alg":"RS256","#, "");
        let text = signed(&key, &with_jwk(algorithm.name(), &jwk), "the payload");

        let jws = parse(&text).unwrap();
        let AcmeKey::Jwk(jwk) = &jws.header().key else { panic!("{algorithm}") };
        assert_eq!(jwk.public_key(), &key.public);
        assert_eq!(jws.verify(jwk.public_key()).unwrap().as_bytes(), b"the payload", "{algorithm}");

        let other = TestKey::for_algorithm(algorithm);
        let forged = text.replace(&base64url::encode(b"the payload"), &base64url::encode(b"another one"));
        for refused in [jws.verify(&other.public), parse(&forged).unwrap().verify(&key.public)] {
            let error = refused.unwrap_err();
            assert_eq!(error, AcmeJwsError::Signature(SignatureInvalid), "{algorithm}");
            assert_eq!(error.problem(), AcmeJwsProblem::Malformed);
        }
    }
}

#[rstest]
#[case(testdata!("certbot-es256.json"), SigningAlgorithm::Es256)]
#[case(testdata!("certbot-rs256.json"), SigningAlgorithm::Rs256)]
fn a5_the_requests_of_certbot_hold_and_so_do_the_bindings_in_them(
    #[case] text: &str,
    #[case] algorithm: SigningAlgorithm,
) {
    let jws = parse(text).unwrap();
    let AcmeKey::Jwk(jwk) = &jws.header.key else { panic!("it brings its key") };

    let payload = jws.verify(jwk.public_key()).unwrap();
    let mut payload = strict_json::parse_object(payload.as_bytes()).unwrap();
    let Some(Value::Object(binding)) = payload.remove("externalAccountBinding") else { panic!() };
    let binding = MacJws::from_members(binding).unwrap();

    assert_eq!(jws.header.algorithm, algorithm);
    assert_eq!((binding.key_id(), Some(binding.url())), ("key-1", jws.header.url.as_deref()));
    let secret = SecretBytes::new(b"correct-horse".to_vec());
    assert_eq!(binding.verify_account_key(&secret, jwk.public_key()), Ok(()));
}

#[test]
fn a4_the_post_as_get_of_certbot_holds() {
    let account = parse(testdata!("certbot-es256.json")).unwrap();
    let AcmeKey::Jwk(jwk) = &account.header.key else { panic!("it brings its key") };
    let jws = parse(testdata!("certbot-post-as-get.json")).unwrap();

    assert_eq!(jws.header.key, AcmeKey::KeyId("https://ca.example/acme/acme/account/1".into()));
    assert_eq!(jws.verify(jwk.public_key()).unwrap().as_bytes(), b"");
}

/// Two headers that mean the same are not the same signed text.
#[test]
fn a4_the_signature_covers_the_header_as_it_was_sent() {
    let key = TestKey::for_algorithm(SigningAlgorithm::Es256);
    let text = signed(&key, KID_HEADER, "{}");
    let spaced = KID_HEADER.replace(',', ", ");
    let forged = text.replace(&parts(KID_HEADER, "").0, &parts(&spaced, "").0);

    let jws = parse(&forged).unwrap();

    assert_eq!(jws.header(), parse(&text).unwrap().header());
    assert_eq!(jws.verify(&key.public).unwrap_err(), AcmeJwsError::Signature(SignatureInvalid));
}

/// RFC 7518 §3.4: the two numbers of a signature have the length of the field, zeros in front included.
#[test]
fn a4_an_ecdsa_signature_without_its_leading_zeros_is_refused() {
    let key = TestKey::for_algorithm(SigningAlgorithm::Es256);
    let (protected, payload) = parts(KID_HEADER, "{}");
    let message = format!("{protected}.{payload}");
    let signature = (0..10_000)
        .map(|_| key.sign(SigningAlgorithm::Es256, message.as_bytes()))
        .find(|signature| signature[0] == 0)
        .unwrap();
    let text = |signature: &[u8]| {
        let signature = base64url::encode(signature);
        json!({"protected": protected, "payload": payload, "signature": signature}).to_string()
    };

    assert!(parse(&text(&signature)).unwrap().verify(&key.public).is_ok());
    for bad in [&signature[1..], &[&[0], signature.as_slice()].concat(), &[]] {
        let refused = parse(&text(bad)).unwrap().verify(&key.public).unwrap_err();
        assert_eq!(refused, AcmeJwsError::Signature(SignatureInvalid));
    }
}

#[rstest]
#[case::array("[]", AcmeJwsError::Form(JwsFormError::Header(JsonError::NotAnObject)))]
#[case::twice(r#"{"alg":"ES256","kid":"a","kid":"a"}"#,
    AcmeJwsError::Form(JwsFormError::Header(JsonError::DuplicateMember { name: "kid".into() })))]
#[case::twice_in_the_key(r#"{"alg":"ES256","jwk":{"kty":"EC","kty":"EC"}}"#,
    AcmeJwsError::Form(JwsFormError::Header(JsonError::DuplicateMember { name: "kty".into() })))]
#[case::crit(r#"{"alg":"ES256","kid":"a","crit":["url"]}"#, AcmeJwsError::Form(JwsFormError::Critical))]
#[case::unencoded(
    r#"{"alg":"ES256","kid":"a","b64":false}"#,
    AcmeJwsError::Form(JwsFormError::UnencodedPayload)
)]
#[case::encoded(
    r#"{"alg":"ES256","kid":"a","b64":true}"#,
    AcmeJwsError::Form(JwsFormError::UnencodedPayload)
)]
#[case::no_alg(r#"{"kid":"a"}"#, AcmeJwsError::NoAlgorithm)]
#[case::null_alg(r#"{"alg":null,"kid":"a"}"#,
    AcmeJwsError::Form(JwsFormError::WrongType { member: "alg", expected: "a string" }))]
#[case::no_key(r#"{"alg":"ES256"}"#, AcmeJwsError::NoKey)]
#[case::two_keys(r#"{"alg":"ES256","kid":"a","jwk":{}}"#, AcmeJwsError::TwoKeys)]
#[case::null_key_beside_kid(r#"{"alg":"ES256","kid":"a","jwk":null}"#, AcmeJwsError::TwoKeys)]
#[case::null_kid(r#"{"alg":"ES256","kid":null}"#,
    AcmeJwsError::Form(JwsFormError::WrongType { member: "kid", expected: "a string" }))]
#[case::empty_kid(r#"{"alg":"ES256","kid":""}"#, AcmeJwsError::BadKeyId)]
#[case::kid_with_line_break(r#"{"alg":"ES256","kid":"a\nb"}"#, AcmeJwsError::BadKeyId)]
#[case::null_jwk(r#"{"alg":"ES256","jwk":null}"#, AcmeJwsError::JwkForm)]
#[case::text_jwk(r#"{"alg":"ES256","jwk":"{}"}"#, AcmeJwsError::JwkForm)]
#[case::array_jwk(r#"{"alg":"ES256","jwk":["EC"]}"#, AcmeJwsError::JwkForm)]
#[case::empty_jwk(r#"{"alg":"ES256","jwk":{}}"#, AcmeJwsError::JwkForm)]
#[case::number_in_jwk(
    r#"{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":1,"y":2}}"#,
    AcmeJwsError::JwkForm
)]
#[case::padded_nonce(r#"{"alg":"ES256","kid":"a","nonce":"QQ=="}"#, AcmeJwsError::NonceEncoding)]
#[case::nonce_in_the_other_alphabet(
    r#"{"alg":"ES256","kid":"a","nonce":"+/+/"}"#,
    AcmeJwsError::NonceEncoding
)]
#[case::nonce_with_bits_left_over(r#"{"alg":"ES256","kid":"a","nonce":"QR"}"#, AcmeJwsError::NonceEncoding)]
#[case::number_as_nonce(r#"{"alg":"ES256","kid":"a","nonce":1}"#,
    AcmeJwsError::Form(JwsFormError::WrongType { member: "nonce", expected: "a string" }))]
#[case::null_url(r#"{"alg":"ES256","kid":"a","url":null}"#,
    AcmeJwsError::Form(JwsFormError::WrongType { member: "url", expected: "a string" }))]
fn a4_a_bad_header_is_malformed(#[case] header: &str, #[case] expected: AcmeJwsError) {
    let error = refusal(&flattened(header, "{}"));

    assert_eq!(error, expected);
    assert_eq!(error.problem(), AcmeJwsProblem::Malformed);
}

#[rstest]
#[case("none")]
#[case("HS256")]
#[case("HS512")]
#[case("es256")]
#[case("RSA-OAEP")]
#[case("")]
fn a4_an_algorithm_that_is_not_supported_brings_the_list_of_those_that_are(#[case] name: &str) {
    let header = with_jwk(name, r#"{"kty":"oct","k":"AAAA"}"#);
    let error = refusal(&flattened(&header, "{}"));

    assert_eq!(error, AcmeJwsError::Algorithm(UnknownAlgorithm { name: name.into() }));
    assert_eq!(
        error.problem(),
        AcmeJwsProblem::BadSignatureAlgorithm { supported: SigningAlgorithm::ALL.to_vec() }
    );
}

#[test]
fn a4_an_algorithm_that_the_accounts_key_does_not_have_brings_the_list_of_those_that_it_has() {
    let key = TestKey::for_algorithm(SigningAlgorithm::Es384);
    let jws = parse(&flattened(KID_HEADER, "{}")).unwrap();

    let error = jws.verify(&key.public).unwrap_err();

    assert_eq!(error, AcmeJwsError::UnfitKey { algorithm: SigningAlgorithm::Es256, key: KeyKind::P384 });
    assert_eq!(
        error.problem(),
        AcmeJwsProblem::BadSignatureAlgorithm { supported: vec![SigningAlgorithm::Es384] }
    );
}

/// A key change carries a request inside of a request ([RFC 8555 §7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5)).
#[test]
fn a4_the_inner_request_of_a_key_change_needs_no_nonce() {
    let (old, new) =
        (TestKey::for_algorithm(SigningAlgorithm::Es256), TestKey::for_algorithm(SigningAlgorithm::EdDsa));
    let jwk = serde_json::to_string(&Jwk::from_public_key(new.public.clone()).unwrap()).unwrap();
    let inner = signed(&new, &format!(r#"{{"alg":"EdDSA","jwk":{jwk},"url":"u"}}"#), r#"{"account":"a"}"#);
    let outer = signed(&old, KID_HEADER, &inner);

    let outer = parse(&outer).unwrap();
    let inner = FlattenedJws::parse(outer.verify(&old.public).unwrap().as_bytes()).unwrap();

    assert_eq!(inner.header().nonce, None);
    assert_eq!(inner.header().url.as_deref(), Some("u"));
    assert_eq!(inner.verify(&new.public).unwrap().as_bytes(), br#"{"account":"a"}"#);
}

#[test]
fn a4_a_request_to_finalize_with_a_hundred_long_names_fits() {
    let csr = "A".repeat(100 * 256 + 1500);
    let payload = json!({"csr": base64url::encode(csr.as_bytes())}).to_string();

    assert!(parse(&flattened(KID_HEADER, &payload)).is_ok());
}

#[test]
fn a4_the_debug_of_a_request_shows_neither_payload_nor_signature() {
    let text = flattened(KID_HEADER, "the payload");
    let shown = format!("{:?}", parse(&text).unwrap());

    assert!(shown.contains("account/1"), "{shown}");
    assert!(!shown.contains("payload") && !shown.contains("signature"), "{shown}");
}

proptest! {
    #[test]
    fn a4_any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = FlattenedJws::parse(&bytes);
    }

    #[test]
    fn a4_any_header_is_read_or_refused(
        alg in "(ES256|RS256|none|EdDSA)",
        members in r#"(,"(jwk|kid|nonce|url|crit|b64)":("[a-zA-Z=_-]{0,4}"|null|\{\}|\[1\]|\{"kty":"(EC|RSA|OKP)"(,"(crv|x|y|n|e|d)":"[A-Z0-9-]{0,5}"){0,3}\})){0,4}"#,
    ) {
        if let Err(error) = parse(&flattened(&format!(r#"{{"alg":"{alg}"{members}}}"#), "")) {
            prop_assert!(!error.to_string().contains('\n'));
            let _ = error.problem();
        }
    }
}
