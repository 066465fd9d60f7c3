use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::jose::testing::{ED25519_JWK, P256_JWK, TestKey, testdata};
use crate::key::{ParameterSet, PrivateKey};

/// [RFC 7638 §3.1](https://www.rfc-editor.org/rfc/rfc7638#section-3.1)
const RFC7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
const RFC7638_THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

fn parse(json: &str) -> Result<Jwk, JwkError> {
    Jwk::parse(json.as_bytes())
}

#[rstest]
#[case(testdata!("p256.jwk"))]
#[case(testdata!("p384.jwk"))]
#[case(testdata!("p521.jwk"))]
#[case(testdata!("ed25519.jwk"))]
#[case(testdata!("rsa.jwk"))]
#[case(testdata!("provisioner.jwk"))]
fn the_keys_of_step_are_written_as_step_writes_them(#[case] json: &str) {
    let jwk = parse(json).unwrap();

    assert_eq!(serde_json::to_string(&jwk).unwrap(), json);
    assert_eq!(jwk.key_id(), Some(Thumbprint::of(jwk.public_key()).unwrap().to_string().as_str()));
    assert_eq!(
        serde_json::to_string(&Jwk::from_public_key(jwk.public_key().clone()).unwrap()).unwrap(),
        json
    );
}

#[rstest]
#[case::rfc_7638(&format!(r#"{{"kty":"RSA","n":"{RFC7638_N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#), RFC7638_THUMBPRINT)]
#[case::rfc_8037_a_3(ED25519_JWK, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
fn the_thumbprints_of_the_rfcs_are_made(#[case] json: &str, #[case] thumbprint: &str) {
    let made = Thumbprint::of(parse(json).unwrap().public_key()).unwrap();

    assert_eq!(made.to_string(), thumbprint);
    assert_eq!(thumbprint.parse(), Ok(made));
}

/// [RFC 7517 §A.1](https://www.rfc-editor.org/rfc/rfc7517#appendix-A.1)
#[test]
fn a13_the_encryption_key_of_rfc_7517_is_not_for_signatures() {
    let json = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}"#;

    assert_eq!(parse(json), Err(JwkError::NotForSignatures));
    assert!(parse(&json.replace(r#""use":"enc","#, "")).is_ok());
}

#[rstest]
#[case::zero_before_n(format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, with_zeros(RFC7638_N, 1)))]
#[case::zeros_before_e(format!(r#"{{"kty":"RSA","n":"{RFC7638_N}","e":"{}"}}"#, with_zeros("AQAB", 3)))]
#[case::further_members(format!(r#"{{"x":"AA","zz":{{}},"kty":"RSA","n":"{RFC7638_N}","e":"AQAB"}}"#))]
fn a13_one_key_has_one_thumbprint(#[case] json: String) {
    let jwk = parse(&json).unwrap();

    assert_eq!(Thumbprint::of(jwk.public_key()).unwrap().to_string(), RFC7638_THUMBPRINT);
    assert_eq!(
        serde_json::to_string(&jwk).unwrap(),
        format!(r#"{{"kty":"RSA","n":"{RFC7638_N}","e":"AQAB"}}"#)
    );
}

fn with_zeros(number: &str, zeros: usize) -> String {
    base64url::encode(&[vec![0; zeros], base64url::decode(number).unwrap()].concat())
}

#[test]
fn a13_a_coordinate_of_another_length_is_refused() {
    let jwk = parse(P256_JWK).unwrap();
    let (x, y) = jwk.public_key().ec_coordinates().unwrap();
    let with = |x: &[u8], y: &[u8]| {
        parse(&format!(
            r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#,
            base64url::encode(x),
            base64url::encode(y)
        ))
    };

    assert!(with(x, y).is_ok());
    assert_eq!(with(&[&[0], x].concat(), y), Err(JwkError::Length { member: "x", octets: 32 }));
    assert_eq!(with(x, &[&[0], y].concat()), Err(JwkError::Length { member: "y", octets: 32 }));
    assert_eq!(with(&x[1..], y), Err(JwkError::Length { member: "x", octets: 32 }));
    assert_eq!(with(x, &[]), Err(JwkError::Length { member: "y", octets: 32 }));
}

#[rstest]
#[case::padding(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}"#, JwkError::NotBase64url { member: "x" })]
#[case::standard_alphabet(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#, JwkError::NotBase64url { member: "x" })]
#[case::one_octet_short(r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, JwkError::Length { member: "x", octets: 32 })]
#[case::x25519(r#"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#, JwkError::UnknownCurve { found: "X25519".into() })]
#[case::secp256k1(r#"{"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"}"#, JwkError::UnknownCurve { found: "secp256k1".into() })]
#[case::no_curve(r#"{"kty":"EC","x":"AAAA","y":"AAAA"}"#, JwkError::MissingMember { member: "crv" })]
#[case::no_exponent(r#"{"kty":"RSA","n":"AQAB"}"#, JwkError::MissingMember { member: "e" })]
#[case::lower_case_type(r#"{"kty":"ec","crv":"P-256"}"#, JwkError::UnknownKeyType { found: "ec".into() })]
#[case::symmetric(r#"{"kty":"oct"}"#, JwkError::UnknownKeyType { found: "oct".into() })]
#[case::symmetric_value(r#"{"kty":"oct","k":"AAAA"}"#, JwkError::Private { member: "k" })]
#[case::private(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":""}"#, JwkError::Private { member: "d" })]
#[case::not_json("{", JwkError::Malformed { reason: "not JSON".into(), line: 1, column: 1 })]
fn a_bad_key_is_refused_with_its_reason(#[case] json: &str, #[case] expected: JwkError) {
    assert_eq!(parse(json), Err(expected));
}

#[test]
fn an_rsa_key_without_a_modulus_is_refused() {
    assert!(matches!(parse(r#"{"kty":"RSA","n":"","e":"AQAB"}"#), Err(JwkError::Key(_))));
    assert!(matches!(parse(r#"{"kty":"RSA","n":"AAAA","e":"AQAB"}"#), Err(JwkError::Key(_))));
}

#[rstest]
#[case::twice(r#"{"kty":"OKP","kty":"OKP"}"#)]
#[case::null_kid(r#"{"kty":"OKP","kid":null}"#)]
#[case::number(r#"{"kty":"OKP","x":1}"#)]
#[case::no_type("{}")]
#[case::array("[]")]
fn a_member_twice_or_of_the_wrong_type_is_refused(#[case] json: &str) {
    assert!(matches!(parse(json), Err(JwkError::Malformed { .. })), "{:?}", parse(json));
}

#[rstest]
#[case(r#""alg":"none""#)]
#[case(r#""alg":"HS256""#)]
#[case(r#""alg":"RSA-OAEP""#)]
fn t6_a_key_for_another_algorithm_is_refused(#[case] member: &str) {
    let json = P256_JWK.replace(r#""alg":"ES256""#, member);

    assert!(matches!(parse(&json), Err(JwkError::Algorithm(_))));
}

#[test]
fn t6_a_key_marked_for_an_algorithm_that_it_does_not_fit_is_refused() {
    assert_eq!(
        parse(&P256_JWK.replace("ES256", "RS256")),
        Err(JwkError::UnfitAlgorithm { algorithm: SigningAlgorithm::Rs256, key: KeyKind::P256 })
    );
}

#[rstest]
#[case(r#"["verify"]"#, true)]
#[case(r#"["sign","verify"]"#, true)]
#[case("[]", false)]
#[case(r#"["encrypt","wrapKey"]"#, false)]
fn key_ops_tell_whether_it_is_for_signatures(#[case] operations: &str, #[case] accepted: bool) {
    let json = P256_JWK.replace(r#""kty""#, &format!(r#""key_ops":{operations},"kty""#));

    assert_eq!(parse(&json).is_ok(), accepted);
}

#[test]
fn every_kind_of_key_is_read_back() {
    for algorithm in SigningAlgorithm::ALL {
        let jwk = Jwk::from_public_key(TestKey::for_algorithm(algorithm).public).unwrap();
        let json = serde_json::to_string(&jwk).unwrap();

        assert_eq!(parse(&json).as_ref(), Ok(&jwk));
        assert_eq!(serde_json::from_str::<Jwk>(&json).ok(), Some(jwk));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_key_or_refused(bytes: Vec<u8>, n: Vec<u8>, e: Vec<u8>) {
        let _ = Jwk::parse(&bytes);
        let json = format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, base64url::encode(&n), base64url::encode(&e));
        let _ = parse(&json);
    }

    #[test]
    fn any_text_is_a_thumbprint_or_refused(text: String) {
        if let Ok(thumbprint) = text.parse::<Thumbprint>() {
            prop_assert_eq!(thumbprint.to_string(), text);
        }
    }
}

#[test]
fn an_ml_dsa_key_becomes_no_jwk() {
    let kind = KeyKind::MlDsa(ParameterSet::MlDsa65);
    let key = PrivateKey::generate(kind).unwrap();

    assert_eq!(Jwk::from_public_key(key.public_key().clone()), Err(JwkError::NoSuchKey { key: kind }));
    assert_eq!(Thumbprint::of(key.public_key()), None);
}
