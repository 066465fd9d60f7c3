use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::jose::testing::{fastest, testdata};

/// Counts up, so that what is written can be looked at.
#[derive(Debug)]
struct Counting;

impl Random for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for (octet, value) in buffer.iter_mut().zip(1..) {
            *octet = value;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

fn few() -> NonZeroU32 {
    NonZeroU32::new(10).unwrap()
}

/// A JWE with this header; its other parts have the right lengths.
fn with_header(header: &str) -> String {
    let parts = [header.as_bytes(), &[0; 40], &[0; 12], b"text", &[0; 16]];
    parts.map(base64url::encode).join(".")
}

fn header(replaced: &str, replacement: &str) -> String {
    r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":1000,"p2s":"AAAAAAAAAAA"}"#
        .replace(replaced, replacement)
}

#[rstest]
#[case(testdata!("hs256-a128gcm.jwe"))]
#[case(testdata!("hs384-a256gcm.jwe"))]
#[case(testdata!("hs512-a256gcm.jwe"))]
fn what_another_program_closed_is_opened(#[case] jwe: &str) {
    assert_eq!(decrypt(jwe, &secret("correct horse")).unwrap().expose(), b"battery staple");
    assert!(matches!(decrypt(jwe, &secret("correct horse ")), Err(JweError::WrongPassword)));
    assert!(matches!(decrypt(jwe, &secret("")), Err(JweError::WrongPassword)));
}

#[test]
fn what_is_closed_has_the_header_of_step_and_opens_again() {
    let jwe = encrypt_jwk(&secret("{}"), &secret("password"), &Counting).unwrap();

    let ours = base64url::decode(jwe.split('.').next().unwrap()).unwrap();
    let theirs = base64url::decode(testdata!("provisioner.jwe").split('.').next().unwrap()).unwrap();
    let (ours, theirs) = (String::from_utf8(ours).unwrap(), String::from_utf8(theirs).unwrap());
    let (before, salt) = ours.split_once(r#""p2s":""#).unwrap();
    assert_eq!(theirs.split_once(r#""p2s":""#).unwrap().0, before);
    assert_eq!(base64url::decode(salt.trim_end_matches("\"}")).unwrap(), (1..=16).collect::<Vec<u8>>());
    assert_eq!(decrypt(&jwe, &secret("password")).unwrap().expose(), b"{}");
}

#[test]
fn without_randomness_nothing_is_closed() {
    assert!(matches!(encrypt_jwk(&secret("{}"), &secret("p"), &NoRandom), Err(JweError::Random(_))));
}

#[test]
fn a_change_to_any_part_is_refused() {
    let jwe = encrypt(&secret("the key"), &secret("password"), few(), &Counting).unwrap();
    for part in 0..5 {
        let mut parts: Vec<String> = jwe.split('.').map(str::to_owned).collect();
        let mut bytes = base64url::decode(&parts[part]).unwrap();
        // In the header this is a letter of the salt.
        let place = bytes.len() - 5;
        bytes[place] ^= 1;
        parts[part] = base64url::encode(&bytes);

        assert!(
            matches!(decrypt(&parts.join("."), &secret("password")), Err(JweError::WrongPassword)),
            "{part}"
        );
    }
}

#[rstest]
#[case::two_to_the_31("2147483648")]
#[case::two_to_the_32("4294967296")]
#[case::largest("18446744073709551615")]
#[case::float("1e30")]
#[case::fraction("1000.5")]
#[case::one_too_many("2000001")]
#[case::none("0")]
#[case::negative("-1")]
fn t14_a_work_factor_out_of_bounds_costs_no_work(#[case] count: &str) {
    let jwe = with_header(&header("1000", count));

    let taken = fastest(|| assert!(matches!(decrypt(&jwe, &secret("password")), Err(JweError::Iterations))));

    assert!(taken < Duration::from_millis(100), "{taken:?}");
}

#[rstest]
#[case::zip(r#"{"zip":"DEF","#, "zip")]
#[case::crit(r#"{"crit":["exp"],"#, "crit")]
fn t14_a_compressed_key_is_refused_unopened(#[case] start: &str, #[case] member: &'static str) {
    let refused = decrypt(&with_header(&header("{", start)), &secret("password"));

    assert!(matches!(refused, Err(JweError::Forbidden { member: found }) if found == member));
}

#[rstest]
#[case::direct("PBES2-HS256+A128KW", "dir", "alg")]
#[case::key_agreement("PBES2-HS256+A128KW", "ECDH-ES", "alg")]
#[case::lower_case("PBES2-HS256+A128KW", "pbes2-hs256+a128kw", "alg")]
#[case::cbc("A256GCM", "A128CBC-HS256", "enc")]
fn another_algorithm_is_refused(#[case] ours: &str, #[case] other: &str, #[case] member: &'static str) {
    let refused = decrypt(&with_header(&header(ours, other)), &secret("password"));

    assert!(
        matches!(refused, Err(JweError::Unsupported { member: m, ref found }) if m == member && found == other)
    );
}

#[rstest]
#[case::no_alg("\"alg\"", "\"zz\"", "alg")]
#[case::short_salt("AAAAAAAAAAA", "AAAAAAAAAA", "p2s")]
#[case::salt_in_other_base64("AAAAAAAAAAA", "AAAAAAAAAA/AAAA", "p2s")]
#[case::count_as_text("1000", "\"1000\"", "p2c")]
#[case::no_count("\"p2c\"", "\"zz\"", "p2c")]
fn a_header_without_its_members_is_refused(
    #[case] from: &str,
    #[case] to: &str,
    #[case] member: &'static str,
) {
    let refused = decrypt(&with_header(&header(from, to)), &secret("password"));

    assert!(matches!(refused, Err(JweError::Member { member: found, .. }) if found == member));
}

#[test]
fn t15_a_text_that_is_no_jwe_is_refused_quickly() {
    let password = secret("password");
    let (too_many, many) = (".".repeat(5_000_000), ".".repeat(MAX_TOKEN_OCTETS));

    let taken = fastest(|| {
        assert!(matches!(decrypt(&too_many, &password), Err(JweError::TooLarge { octets: 5_000_000 })));
        assert!(matches!(decrypt(&many, &password), Err(JweError::NotFiveParts)));
    });

    assert!(taken < Duration::from_millis(50), "{taken:?}");
    assert!(matches!(decrypt("a.b.c", &password), Err(JweError::NotFiveParts)));
}

#[test]
fn a_header_member_twice_is_refused() {
    let refused = decrypt(&with_header(&header("{", r#"{"p2c":1,"#)), &secret("password"));

    assert!(matches!(refused, Err(JweError::Json(JsonError::DuplicateMember { .. }))));
}

proptest! {
    #[test]
    fn any_text_is_opened_or_refused(text: String, parts: [Vec<u8>; 5]) {
        let _ = decrypt(&text, &secret("password"));
        let _ = decrypt(&parts.map(|part| base64url::encode(&part)).join("."), &secret("password"));
    }

    #[test]
    fn what_is_closed_opens_again(plaintext: Vec<u8>, password: Vec<u8>) {
        let (plaintext, password) = (SecretBytes::new(plaintext), SecretBytes::new(password));
        let jwe = encrypt(&plaintext, &password, few(), &Counting).unwrap();

        let opened = decrypt(&jwe, &password).unwrap();
        prop_assert_eq!(opened.expose(), plaintext.expose());
    }
}
