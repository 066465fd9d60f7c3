use std::time::Duration;

use aws_lc_rs::hmac;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::jose::testing::{ED25519_JWK, P256_JWK, TestKey, fastest, unsigned};
use crate::jose::{Jwk, UnknownAlgorithm};
use crate::key::{ParameterSet, PrivateKey, SignatureAlgorithm};

/// [RFC 7515 §A.2](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.2), [§A.3](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.3),
/// [§A.4](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.4), [RFC 8037 §A.4](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.4)
#[rstest]
#[case::rs256(
    r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)]
#[case::es256(
    P256_JWK,
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)]
#[case::es512(
    r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
    "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
)]
#[case::eddsa(
    ED25519_JWK,
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)]
fn the_vectors_of_the_rfcs_verify(#[case] jwk: &str, #[case] compact: &str) {
    let key = Jwk::parse(jwk.as_bytes()).unwrap();
    let jws = CompactJws::parse(compact).unwrap();

    let payload = jws.verify(key.public_key()).unwrap();

    assert_eq!(payload.as_bytes(), jws.unverified_payload());
}

#[test]
fn every_algorithm_verifies_its_own_signature_and_no_other_payload() {
    for algorithm in SigningAlgorithm::ALL {
        let key = TestKey::for_algorithm(algorithm);
        let token = key.token(algorithm, "the payload");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();

        let jws = CompactJws::parse(&token).unwrap();
        assert_eq!(jws.verify(&key.public).unwrap().as_bytes(), b"the payload", "{algorithm}");
        assert_eq!(jws.signed_part(), signed);

        let forged = format!("{header}.{}.{signature}", base64url::encode(b"another one"));
        let refusal = CompactJws::parse(&forged).unwrap().verify(&key.public).unwrap_err();
        assert_eq!(refusal, JwsError::Signature(SignatureInvalid), "{algorithm}");
    }
}

#[test]
fn t6_an_algorithm_is_refused_with_a_key_of_another_kind() {
    let keys: Vec<_> = [
        SigningAlgorithm::Es256,
        SigningAlgorithm::Es384,
        SigningAlgorithm::Es512,
        SigningAlgorithm::Rs256,
        SigningAlgorithm::EdDsa,
    ]
    .into_iter()
    .map(TestKey::for_algorithm)
    .collect();

    for algorithm in SigningAlgorithm::ALL {
        for key in keys.iter().filter(|key| !algorithm.fits(key.public.kind())) {
            let token = format!("{}.AAAA", unsigned(&format!(r#"{{"alg":"{algorithm}"}}"#), "{}"));

            assert_eq!(
                CompactJws::parse(&token).unwrap().verify(&key.public).unwrap_err(),
                JwsError::UnfitKey { algorithm, key: key.public.kind() }
            );
        }
    }
}

#[rstest]
#[case("none")]
#[case("None")]
#[case("NONE")]
fn t6_a_token_without_a_signature_is_refused(#[case] alg: &str) {
    let signed = unsigned(&format!(r#"{{"alg":"{alg}"}}"#), "{}");

    for token in [format!("{signed}."), format!("{signed}.AAAA")] {
        assert_eq!(
            CompactJws::parse(&token).unwrap_err(),
            JwsError::Header(HeaderError::Algorithm(UnknownAlgorithm { name: alg.into() }))
        );
    }
}

#[test]
fn t6_an_empty_signature_is_refused() {
    for algorithm in SigningAlgorithm::ALL {
        let key = TestKey::for_algorithm(algorithm);
        let token = format!("{}.", unsigned(&format!(r#"{{"alg":"{algorithm}"}}"#), "{}"));

        assert_eq!(
            CompactJws::parse(&token).unwrap().verify(&key.public).unwrap_err(),
            JwsError::Signature(SignatureInvalid)
        );
    }
}

#[test]
fn t6_the_public_key_is_never_an_hmac_secret() {
    let jwk = Jwk::parse(P256_JWK.as_bytes()).unwrap();
    let signed = unsigned(r#"{"alg":"HS256"}"#, "{}");
    let pem =
        pem_rfc7468::encode_string("PUBLIC KEY", pem_rfc7468::LineEnding::LF, jwk.public_key().spki_der())
            .unwrap();

    for secret in [pem.as_bytes(), jwk.public_key().spki_der(), P256_JWK.as_bytes(), jwk.public_key().bits()]
    {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        let token = format!("{signed}.{}", base64url::encode(tag.as_ref()));

        assert_eq!(
            CompactJws::parse(&token).unwrap_err(),
            JwsError::Header(HeaderError::Algorithm(UnknownAlgorithm { name: "HS256".into() }))
        );
    }
}

#[rstest]
#[case::jwk(r#""jwk":{"kty":"OKP"}"#)]
#[case::jku(r#""jku":"https://evil.example/keys""#)]
#[case::x5u(r#""x5u":"https://evil.example/chain""#)]
#[case::null(r#""jwk":null"#)]
fn t7_a_key_that_a_token_brings_is_not_used(#[case] member: &str) {
    let algorithm = SigningAlgorithm::Es256;
    let (ours, theirs) = (TestKey::for_algorithm(algorithm), TestKey::for_algorithm(algorithm));
    let signed = unsigned(&format!(r#"{{"alg":"ES256",{member}}}"#), "{}");
    let token = format!("{signed}.{}", base64url::encode(&theirs.sign(algorithm, signed.as_bytes())));

    let jws = CompactJws::parse(&token).unwrap();

    assert!(jws.header().brings_own_key);
    assert_eq!(jws.verify(&ours.public).unwrap_err(), JwsError::Signature(SignatureInvalid));
}

#[test]
fn t9_signatures_of_zero_and_of_the_order_are_refused() {
    const ORDERS: [(SigningAlgorithm, usize, &str); 3] = [
        (SigningAlgorithm::Es256, 32, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        (
            SigningAlgorithm::Es384,
            48,
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        ),
        (
            SigningAlgorithm::Es512,
            66,
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        ),
    ];
    for (algorithm, octets, order) in ORDERS {
        let key = TestKey::for_algorithm(algorithm);
        let signed = unsigned(&format!(r#"{{"alg":"{algorithm}"}}"#), "{}");
        let order = hex::decode(order).unwrap();
        let mut beyond = order.clone();
        *beyond.last_mut().unwrap() += 1;
        let good = key.sign(algorithm, signed.as_bytes());
        let (r, s) = good.split_at(octets);
        let values = [vec![0; octets], order, beyond];

        let mut bad: Vec<Vec<u8>> =
            values.iter().flat_map(|r| values.iter().map(|s| [r.as_slice(), s].concat())).collect();
        bad.extend(values.iter().flat_map(|v| [[v, s].concat(), [r, v].concat()]));
        // Wrong lengths, and the DER form that X.509 uses.
        bad.extend([good[1..].to_vec(), [&[0], good.as_slice()].concat(), [good.as_slice(), &[0]].concat()]);
        bad.push([[0x30, 6, 2, 1, 0, 2, 1, 0].as_slice()].concat());
        bad.push(der_form(r, s));

        for signature in bad {
            let token = format!("{signed}.{}", base64url::encode(&signature));
            assert_eq!(
                CompactJws::parse(&token).unwrap().verify(&key.public).unwrap_err(),
                JwsError::Signature(SignatureInvalid),
                "{algorithm} {}",
                hex::encode(&signature)
            );
        }
    }
}

fn der_form(r: &[u8], s: &[u8]) -> Vec<u8> {
    use der::Encode as _;
    let number = |bytes| der::asn1::Uint::new(bytes).unwrap();
    vec![number(r), number(s)].to_der().unwrap()
}

#[test]
fn the_twin_of_a_signature_has_the_same_signed_part() {
    let key = TestKey::for_algorithm(SigningAlgorithm::Es256);
    let token = key.token(SigningAlgorithm::Es256, "{}");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = base64url::decode(signature).unwrap();
    let (r, s) = signature.split_at(32);
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let number = num_bigint::BigUint::from_bytes_be;
    let other = (number(&order) - number(s)).to_bytes_be();
    let other = [vec![0; 32 - other.len()], other].concat();
    let twin = format!("{signed}.{}", base64url::encode(&[r, &other].concat()));

    let (token, twin) = (CompactJws::parse(&token).unwrap(), CompactJws::parse(&twin).unwrap());

    assert!(token.verify(&key.public).is_ok() && twin.verify(&key.public).is_ok());
    assert_eq!(token.signed_part(), twin.signed_part());
}

#[rstest]
#[case::empty("", JwsError::NotThreeParts)]
#[case::one_dot("a.b", JwsError::NotThreeParts)]
#[case::three_dots("a.b.c.d", JwsError::NotThreeParts)]
#[case::jwe("e30.e30.e30.e30.e30", JwsError::Encrypted)]
#[case::padding("e30=.e30.AAAA", JwsError::NotBase64url { part: TokenPart::Header })]
#[case::payload("eyJhbGciOiJFUzI1NiJ9.e31.AAAA", JwsError::NotBase64url { part: TokenPart::Payload })]
#[case::signature("eyJhbGciOiJFUzI1NiJ9.e30.AAAA=", JwsError::NotBase64url { part: TokenPart::Signature })]
#[case::space(" eyJhbGciOiJFUzI1NiJ9.e30.AAAA", JwsError::NotBase64url { part: TokenPart::Header })]
#[case::line_end("eyJhbGciOiJFUzI1NiJ9.e30.AAAA\n", JwsError::NotBase64url { part: TokenPart::Signature })]
fn a_malformed_token_is_refused_with_its_reason(#[case] compact: &str, #[case] expected: JwsError) {
    assert_eq!(CompactJws::parse(compact).unwrap_err(), expected);
}

#[test]
fn t14_an_encrypted_token_is_refused_unopened() {
    let jwe = crate::jose::testing::testdata!("p256.jwe");

    assert_eq!(CompactJws::parse(jwe).unwrap_err(), JwsError::Encrypted);
}

#[rstest]
#[case::at_once(5_000_000, JwsError::TooLarge { octets: 5_000_000 })]
#[case::within_the_bound(MAX_TOKEN_OCTETS, JwsError::NotThreeParts)]
fn t15_dots_without_end_are_refused_quickly(#[case] dots: usize, #[case] expected: JwsError) {
    let dots = ".".repeat(dots);

    let taken = fastest(|| assert_eq!(CompactJws::parse(&dots).unwrap_err(), expected));

    assert!(taken < Duration::from_millis(50), "{taken:?}");
}

#[test]
fn l17_a_header_full_of_members_is_refused_quickly() {
    let members: Vec<String> = (0..4000).map(|n| format!("\"{n}\":0")).collect();
    let token = format!("{}.AAAA", unsigned(&format!("{{{}}}", members.join(",")), ""));

    let taken = fastest(|| {
        assert_eq!(CompactJws::parse(&token).unwrap_err(), JwsError::Header(HeaderError::NoAlgorithm));
    });

    assert!(taken < Duration::from_millis(100), "{taken:?}");
}

#[test]
fn debug_output_shows_neither_payload_nor_signature() {
    let token = TestKey::for_algorithm(SigningAlgorithm::Es256).token(SigningAlgorithm::Es256, "secret");
    let shown = format!("{:?}", CompactJws::parse(&token).unwrap());

    assert!(!shown.contains("secret") && !shown.contains("115, 101"), "{shown}");
    assert!(token.split('.').skip(1).all(|part| !shown.contains(part)));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text: String) {
        let _ = CompactJws::parse(&text);
    }

    #[test]
    fn any_three_parts_are_read_or_refused(header: String, payload: Vec<u8>, signature: Vec<u8>) {
        let key = Jwk::parse(P256_JWK.as_bytes()).unwrap();
        for header in [header, r#"{"alg":"ES256"}"#.to_owned()] {
            let parts = [header.as_bytes(), &payload, &signature].map(base64url::encode).join(".");
            if let Ok(jws) = CompactJws::parse(&parts) {
                prop_assert_eq!(jws.unverified_payload(), payload.as_slice());
                prop_assert!(jws.verify(key.public_key()).is_err());
            }
        }
    }
}

#[test]
fn a_token_is_not_verified_with_an_ml_dsa_key() {
    let kind = KeyKind::MlDsa(ParameterSet::MlDsa44);
    let key = PrivateKey::generate(kind).unwrap();
    for algorithm in SigningAlgorithm::ALL {
        let signed = unsigned(&format!(r#"{{"alg":"{algorithm}"}}"#), "{}");
        let signature = key.sign_jose(SignatureAlgorithm::default_for(kind), signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", base64url::encode(&signature));

        let refused = CompactJws::parse(&token).unwrap().verify(key.public_key()).unwrap_err();

        assert_eq!(refused, JwsError::UnfitKey { algorithm, key: kind });
    }
}
