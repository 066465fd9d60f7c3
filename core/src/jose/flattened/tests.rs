use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::jose::strict_json::JsonError;
use crate::jose::testing::{ED25519_JWK, P256_JWK, TestKey, fastest, testdata};
use crate::jose::{MAX_JWS_OCTETS, Thumbprint};
use crate::key::PublicKeyError;

/// A good header, but for its key.
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

fn rsa_jwk(n: &[u8], e: &[u8]) -> String {
    format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, base64url::encode(n), base64url::encode(e))
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

/// [RFC 7515 §A.6.4](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.6.4),
/// [§A.7](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.7), signatures shortened.
#[rstest]
#[case::two_signatures(
    r#"{"payload":"eyJpc3MiOiJqb2UifQ","signatures":[
        {"protected":"eyJhbGciOiJSUzI1NiJ9","header":{"kid":"2010-12-29"},"signature":"cC4h"},
        {"protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"DtEh"}]}"#,
    JwsFormError::SignatureCount { found: 2 }
)]
#[case::unprotected_header(
    r#"{"payload":"eyJpc3MiOiJqb2UifQ","protected":"eyJhbGciOiJFUzI1NiJ9",
        "header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"DtEh"}"#,
    JwsFormError::UnprotectedHeader
)]
fn a4_the_examples_of_rfc_7515_are_no_requests_of_acme(#[case] json: &str, #[case] expected: JwsFormError) {
    assert_eq!(refusal(json), AcmeJwsError::Form(expected));
}

#[rstest]
#[case::empty("", JwsFormError::Json(JsonError::Malformed { line: 1, column: 0 }))]
#[case::compact("eyJhbGciOiJFUzI1NiJ9.e30.AAAA", JwsFormError::Json(JsonError::Malformed { line: 1, column: 1 }))]
#[case::array("[]", JwsFormError::Json(JsonError::NotAnObject))]
#[case::twice(r#"{"payload":"","payload":"e30","protected":"e30","signature":""}"#,
    JwsFormError::Json(JsonError::DuplicateMember { name: "payload".into() }))]
#[case::no_payload(r#"{"protected":"e30","signature":""}"#, JwsFormError::MissingMember { member: "payload" })]
#[case::no_protected(r#"{"payload":"","signature":""}"#, JwsFormError::MissingMember { member: "protected" })]
#[case::no_signature(r#"{"payload":"","protected":"e30"}"#, JwsFormError::MissingMember { member: "signature" })]
#[case::null_payload(r#"{"payload":null,"protected":"e30","signature":""}"#,
    JwsFormError::WrongType { member: "payload", expected: "a string" })]
#[case::object_payload(r#"{"payload":{},"protected":"e30","signature":""}"#,
    JwsFormError::WrongType { member: "payload", expected: "a string" })]
#[case::null_header(
    r#"{"payload":"","protected":"e30","signature":"","header":null}"#,
    JwsFormError::UnprotectedHeader
)]
#[case::empty_header(
    r#"{"payload":"","protected":"e30","signature":"","header":{}}"#,
    JwsFormError::UnprotectedHeader
)]
#[case::header_in_the_general_form(
    r#"{"payload":"","signatures":[{"protected":"e30","signature":"","header":{}}]}"#,
    JwsFormError::UnprotectedHeader
)]
#[case::no_signatures(r#"{"payload":"","signatures":[]}"#, JwsFormError::SignatureCount { found: 0 })]
#[case::three_signatures(r#"{"payload":"","signatures":[{},{},{}]}"#, JwsFormError::SignatureCount { found: 3 })]
#[case::signatures_object(r#"{"payload":"","signatures":{}}"#,
    JwsFormError::WrongType { member: "signatures", expected: "an array of one object" })]
#[case::signatures_of_text(r#"{"payload":"","signatures":["e30"]}"#,
    JwsFormError::WrongType { member: "signatures", expected: "an array of one object" })]
#[case::both_forms(
    r#"{"payload":"","protected":"e30","signature":"","signatures":[{"protected":"e30","signature":""}]}"#,
    JwsFormError::BothForms
)]
#[case::header_beside_signatures(
    r#"{"payload":"","header":{},"signatures":[{"protected":"e30","signature":""}]}"#,
    JwsFormError::BothForms
)]
#[case::padding(r#"{"payload":"e30=","protected":"e30","signature":""}"#, JwsFormError::NotBase64url { member: "payload" })]
#[case::bits_left_over(r#"{"payload":"","protected":"e31","signature":""}"#, JwsFormError::NotBase64url { member: "protected" })]
#[case::standard_alphabet(r#"{"payload":"","protected":"e30","signature":"+/+/"}"#,
    JwsFormError::NotBase64url { member: "signature" })]
#[case::empty_protected(r#"{"payload":"","protected":"","signature":""}"#,
    JwsFormError::Header(JsonError::Malformed { line: 1, column: 0 }))]
fn a4_what_is_no_jws_with_one_signature_is_malformed(#[case] json: &str, #[case] expected: JwsFormError) {
    let error = refusal(json);

    assert_eq!(error, AcmeJwsError::Form(expected));
    assert_eq!(error.problem(), AcmeJwsProblem::Malformed);
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

#[rstest]
#[case::symmetric("ES256", r#"{"kty":"oct","k":"AAAA"}"#, JwkError::Private { member: "k" })]
#[case::no_such_type("ES256", r#"{"kty":"AKP","pub":"AAAA"}"#, JwkError::UnknownKeyType { found: "AKP".into() })]
#[case::no_such_curve("ES256", r#"{"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"}"#,
    JwkError::UnknownCurve { found: "secp256k1".into() })]
#[case::no_coordinate("ES256", r#"{"kty":"EC","crv":"P-256","x":"AAAA"}"#, JwkError::MissingMember { member: "y" })]
#[case::off_its_curve("ES256",
    r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}"#,
    JwkError::Key(PublicKeyError::BadPoint))]
#[case::small_order(
    "EdDSA",
    r#"{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
    JwkError::Key(PublicKeyError::BadPoint)
)]
#[case::even_modulus(
    "RS256",
    r#"{"kty":"RSA","n":"AAAC","e":"AQAB"}"#,
    JwkError::Key(PublicKeyError::BadRsaNumber)
)]
#[case::for_encryption("ES256", &P256_JWK.replace("sig", "enc"), JwkError::NotForSignatures)]
#[case::for_a_mac("ES256", &P256_JWK.replace(r#""alg":"ES256""#, r#""alg":"HS256""#),
    JwkError::Algorithm(UnknownAlgorithm { name: "HS256".into() }))]
fn a4_a_key_that_is_none_for_signatures_is_a_bad_public_key(
    #[case] algorithm: &str,
    #[case] jwk: &str,
    #[case] expected: JwkError,
) {
    let error = refusal(&flattened(&with_jwk(algorithm, jwk), "{}"));

    assert_eq!(error, AcmeJwsError::Jwk(expected));
    assert_eq!(error.problem(), AcmeJwsProblem::BadPublicKey);
}

/// The client sent its private key to a stranger; it should hear of it.
#[rstest]
#[case(&P256_JWK.replace(r#""x""#, r#""d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI","x""#))]
#[case(&P256_JWK.replace(r#""x""#, r#""d":"","x""#))]
fn a13_a_private_key_is_a_bad_public_key(#[case] jwk: &str) {
    let error = refusal(&flattened(&with_jwk("ES256", jwk), "{}"));

    assert_eq!(error, AcmeJwsError::Jwk(JwkError::Private { member: "d" }));
    assert_eq!(error.problem(), AcmeJwsProblem::BadPublicKey);
}

#[rstest]
#[case::other_kind("ES256", ED25519_JWK, SigningAlgorithm::Es256, KeyKind::Ed25519)]
#[case::other_curve("ES384", r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    SigningAlgorithm::Es384, KeyKind::P256)]
#[case::alg_of_the_jwk("RS512", testdata!("rsa.jwk"), SigningAlgorithm::Rs512, KeyKind::Rsa { bits: 2048 })]
fn a4_an_algorithm_other_than_that_of_the_jwk_is_a_bad_public_key(
    #[case] name: &str,
    #[case] jwk: &str,
    #[case] algorithm: SigningAlgorithm,
    #[case] key: KeyKind,
) {
    let error = refusal(&flattened(&with_jwk(name, jwk), "{}"));

    assert_eq!(error, AcmeJwsError::UnfitJwk { algorithm, key });
    assert_eq!(error.problem(), AcmeJwsProblem::BadPublicKey);
}

#[rstest]
#[case::roca(include_str!("../../key/testdata/roca2048.hex"), AcmeJwsError::WeakKey(WeakKey::Roca))]
#[case::close_primes(include_str!("../../key/testdata/close-primes2048.hex"), AcmeJwsError::WeakKey(WeakKey::ClosePrimes))]
#[case::short(&"f1".repeat(128), AcmeJwsError::ShortKey { bits: 1024 })]
#[case::one_bit_short(&format!("7f{}", "f1".repeat(255)), AcmeJwsError::ShortKey { bits: 2047 })]
fn a4_a_weak_key_is_a_bad_public_key(#[case] modulus: &str, #[case] expected: AcmeJwsError) {
    let jwk = rsa_jwk(&hex::decode(modulus.trim()).unwrap(), &[1, 0, 1]);
    let error = refusal(&flattened(&with_jwk("RS256", &jwk), "{}"));

    assert_eq!(error, expected);
    assert_eq!(error.problem(), AcmeJwsProblem::BadPublicKey);
}

#[test]
fn a13_another_spelling_of_a_key_is_a_bad_public_key() {
    let rsa = Jwk::parse(testdata!("rsa.jwk").as_bytes()).unwrap();
    let (n, e) = rsa.public_key().rsa_components().unwrap();
    let (x, y) = {
        let p256 = Jwk::parse(P256_JWK.as_bytes()).unwrap();
        let (x, y) = p256.public_key().ec_coordinates().unwrap();
        (x.to_vec(), y.to_vec())
    };
    let zero = |number: &[u8]| [&[0], number].concat();
    let ec = |x: &str, y: &str| format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    let (x64, y64) = (base64url::encode(&x), base64url::encode(&y));

    for (algorithm, jwk, expected) in [
        ("RS256", rsa_jwk(&zero(&n), &e), AcmeJwsError::LeadingZeros { member: "n" }),
        ("RS256", rsa_jwk(&n, &zero(&e)), AcmeJwsError::LeadingZeros { member: "e" }),
        (
            "ES256",
            ec(&base64url::encode(&zero(&x)), &y64),
            AcmeJwsError::Jwk(JwkError::Length { member: "x", octets: 32 }),
        ),
        (
            "ES256",
            ec(&x64, &base64url::encode(&y[1..])),
            AcmeJwsError::Jwk(JwkError::Length { member: "y", octets: 32 }),
        ),
        ("ES256", ec(&format!("{x64}="), &y64), AcmeJwsError::Jwk(JwkError::NotBase64url { member: "x" })),
    ] {
        let error = refusal(&flattened(&with_jwk(algorithm, &jwk), "{}"));
        assert_eq!(error, expected);
        assert_eq!(error.problem(), AcmeJwsProblem::BadPublicKey);
    }
}

#[test]
fn a13_further_members_of_a_key_leave_its_thumbprint_alone() {
    let jwk = P256_JWK.replace(
        r#""use":"sig""#,
        r#""zz":{"a":[1]},"n":"AAAA","e":"AA","use":"sig","key_ops":["verify"],"x5c":[]"#,
    );
    let thumbprint = |jwk: &str| {
        let jws = parse(&flattened(&with_jwk("ES256", jwk), "{}")).unwrap();
        let AcmeKey::Jwk(jwk) = &jws.header().key else { panic!() };
        Thumbprint::of(jwk.public_key()).unwrap()
    };

    assert_eq!(thumbprint(&jwk), thumbprint(P256_JWK));
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
fn a4_an_endless_request_is_refused_before_it_is_read() {
    let text = "[".repeat(50_000_000);

    let taken = fastest(|| {
        assert_eq!(refusal(&text), AcmeJwsError::Form(JwsFormError::TooLarge { octets: text.len() }));
    });

    assert!(taken < Duration::from_millis(1), "{taken:?}");
    assert!(matches!(
        refusal(&"[".repeat(MAX_JWS_OCTETS)),
        AcmeJwsError::Form(JwsFormError::Json(JsonError::Malformed { .. }))
    ));
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
