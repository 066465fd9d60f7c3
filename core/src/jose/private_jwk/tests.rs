use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::jose::jwe;
use crate::jose::testing::testdata;

fn open(jwe: &str) -> SecretBytes {
    jwe::decrypt(jwe, &SecretBytes::new(b"correct horse".to_vec())).unwrap()
}

fn secret(json: &str) -> SecretBytes {
    SecretBytes::new(json.as_bytes().to_vec())
}

#[rstest]
#[case::p256(testdata!("p256.jwk"), testdata!("p256.jwe"), Some(32))]
#[case::p384(testdata!("p384.jwk"), testdata!("p384.jwe"), Some(48))]
#[case::p521(testdata!("p521.jwk"), testdata!("p521.jwe"), Some(66))]
#[case::ed25519(testdata!("ed25519.jwk"), testdata!("ed25519.jwe"), Some(32))]
#[case::rsa(testdata!("rsa.jwk"), testdata!("rsa.jwe"), None)]
#[case::provisioner(testdata!("provisioner.jwk"), testdata!("provisioner.jwe"), Some(32))]
fn the_private_keys_of_step_are_written_as_step_writes_them(
    #[case] public: &str,
    #[case] jwe: &str,
    #[case] scalar: Option<usize>,
) {
    let json = open(jwe);

    let key = PrivateJwk::parse(&json).unwrap();

    assert_eq!(serde_json::to_string(key.public()).unwrap(), public);
    assert_eq!(String::from_utf8_lossy(key.to_json().expose()), String::from_utf8_lossy(json.expose()));
    assert_eq!(key.private_scalar().map(|scalar| scalar.expose().len()), scalar);

    let again = PrivateJwk::from_pkcs8_der(key.pkcs8_der()).unwrap();
    assert_eq!(again.to_json().expose(), json.expose());
}

/// [RFC 7515 §A.3.1](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.3.1), [RFC 8037 §A.1](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.1)
#[rstest]
#[case(r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#)]
#[case(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#)]
fn the_private_keys_of_the_rfcs_are_read_and_written(#[case] json: &str) {
    assert_eq!(PrivateJwk::parse(&secret(json)).unwrap().to_json().expose(), json.as_bytes());
}

#[rstest]
#[case::other_scalar("d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", JwkError::Inconsistent)]
#[case::zero("d", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", JwkError::Inconsistent)]
#[case::order("d", "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE", JwkError::Inconsistent)]
#[case::short("d", "AQ", JwkError::Length { member: "d", octets: 32 })]
#[case::padding("d", "AQ==", JwkError::NotBase64url { member: "d" })]
#[case::absent("zz", "AQ", JwkError::MissingMember { member: "d" })]
fn a_private_part_that_does_not_belong_is_refused(
    #[case] member: &str,
    #[case] value: &str,
    #[case] expected: JwkError,
) {
    let json = format!(
        r#"{{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","{member}":"{value}"}}"#
    );

    assert_eq!(PrivateJwk::parse(&secret(&json)).unwrap_err(), expected);
}

#[test]
fn an_rsa_key_with_a_swapped_number_is_refused() {
    let json = open(testdata!("rsa.jwe"));
    let json =
        std::str::from_utf8(json.expose()).unwrap().replace("\"dp\"", "\"zz\"").replace("\"dq\"", "\"dp\"");

    assert_eq!(PrivateJwk::parse(&secret(&json)).unwrap_err(), JwkError::MissingMember { member: "dq" });
    let json = json.replace("\"zz\"", "\"dq\"");
    assert_eq!(PrivateJwk::parse(&secret(&json)).unwrap_err(), JwkError::Inconsistent);
}

#[test]
fn neither_debug_output_nor_an_error_shows_the_secret() {
    let key = PrivateJwk::parse(&open(testdata!("p256.jwe"))).unwrap();
    let json = key.to_json();
    let d =
        std::str::from_utf8(json.expose()).unwrap().split("\"d\":\"").nth(1).unwrap().trim_end_matches("\"}");

    assert!(!format!("{key:?}").contains(d));
    let number = PrivateJwk::parse(&secret(r#"{"kty":"EC","d":123456789}"#)).unwrap_err();
    assert!(!format!("{number:?} {number}").contains("123456789"));
}

proptest! {
    #[test]
    fn any_bytes_are_a_private_key_or_refused(bytes: Vec<u8>) {
        let bytes = SecretBytes::new(bytes);
        let _ = PrivateJwk::parse(&bytes);
        let _ = PrivateJwk::from_pkcs8_der(&bytes);
    }
}
