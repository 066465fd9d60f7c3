//! Keys that come with a request.

use super::*;

fn rsa_jwk(n: &[u8], e: &[u8]) -> String {
    format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, base64url::encode(n), base64url::encode(e))
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
#[case::roca(include_str!("../../../key/testdata/roca2048.hex"), AcmeJwsError::WeakKey(WeakKey::Roca))]
#[case::close_primes(include_str!("../../../key/testdata/close-primes2048.hex"), AcmeJwsError::WeakKey(WeakKey::ClosePrimes))]
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
