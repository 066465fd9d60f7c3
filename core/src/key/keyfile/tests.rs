use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::key::{KeyKind, PublicKey, SignatureAlgorithm};

/// Fixed bytes, so that what is written can be compared.
#[derive(Debug)]
struct FixedRandom;

impl Random for FixedRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.fill(0x5a);
        Ok(())
    }
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../testdata/", $name)).as_slice()
    };
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

fn password() -> SecretBytes {
    secret("correct-horse")
}

fn read(pem: &[u8]) -> Result<PrivateKey, PrivateKeyError> {
    PrivateKey::from_pem(pem, None)
}

/// The public key that OpenSSL says the plain P-256 fixture has.
fn p256_public() -> PublicKey {
    PublicKey::from_spki_der(&hex::decode(include_str!("../testdata/p256.spki.hex").trim()).unwrap()).unwrap()
}

#[rstest]
#[case::pkcs8_p256(fixture!("p256.pem"), KeyKind::P256)]
#[case::pkcs8_p384(fixture!("p384.pem"), KeyKind::P384)]
#[case::pkcs8_p521(fixture!("p521.pem"), KeyKind::P521)]
#[case::pkcs8_ed25519(fixture!("ed25519.pem"), KeyKind::Ed25519)]
#[case::pkcs8_rsa(fixture!("rsa2048.pem"), KeyKind::Rsa { bits: 2048 })]
#[case::sec1_p384(fixture!("p384-sec1.pem"), KeyKind::P384)]
#[case::sec1_p521(fixture!("p521-sec1.pem"), KeyKind::P521)]
#[case::sec1_after_parameters(fixture!("p256-ecparam.pem"), KeyKind::P256)]
#[case::pkcs1(fixture!("rsa2048-pkcs1.pem"), KeyKind::Rsa { bits: 2048 })]
fn plain_keys_are_read_and_sign(#[case] pem: &[u8], #[case] kind: KeyKind) {
    let key = read(pem).unwrap();

    assert_eq!(key.public_key().kind(), kind);
    let algorithm = SignatureAlgorithm::default_for(kind);
    let signature = key.sign(algorithm, b"message").unwrap();
    key.public_key().verify(algorithm, b"message", &signature).unwrap();
}

#[rstest]
#[case::pbes2_aes256_sha256(fixture!("p256-pbes2-aes256-sha256.pem"))]
#[case::pbes2_aes192_sha1(fixture!("p256-pbes2-aes192-sha1.pem"))]
#[case::pbes2_aes128_sha384(fixture!("p256-pbes2-aes128-sha384.pem"))]
#[case::pbes2_aes256_sha512(fixture!("p256-pbes2-aes256-sha512.pem"))]
#[case::pbes2_des3(fixture!("p256-pbes2-des3-sha256.pem"))]
#[case::legacy_aes256(fixture!("p256-legacy-aes256.pem"))]
#[case::legacy_aes192(fixture!("p256-legacy-aes192.pem"))]
#[case::legacy_aes128(fixture!("p256-legacy-aes128.pem"))]
#[case::legacy_des3(fixture!("p256-legacy-des3.pem"))]
fn what_openssl_encrypted_is_read(#[case] pem: &[u8]) {
    assert_eq!(read(pem).unwrap_err(), PrivateKeyError::PasswordNeeded);
    let wrong = PrivateKey::from_pem(pem, Some(&secret("wrong")));
    assert_eq!(wrong.unwrap_err(), PrivateKeyError::WrongPassword);

    let key = PrivateKey::from_pem(pem, Some(&password())).unwrap();

    assert_eq!(key.public_key(), &p256_public());
}

#[rstest]
#[case::p256(fixture!("step-p256.pem"), KeyKind::P256)]
#[case::p256_pkcs8(fixture!("step-p256-pkcs8.pem"), KeyKind::P256)]
#[case::rsa(fixture!("step-rsa2048.pem"), KeyKind::Rsa { bits: 2048 })]
#[case::ed25519(fixture!("step-ed25519.pem"), KeyKind::Ed25519)]
#[case::intermediate(fixture!("step-ca-init-intermediate.pem"), KeyKind::P256)]
#[case::ssh_host(fixture!("step-ca-init-ssh-host.pem"), KeyKind::P256)]
#[case::legacy_rsa_of_openssl(fixture!("rsa2048-legacy-aes256.pem"), KeyKind::Rsa { bits: 2048 })]
fn what_step_encrypted_is_read(#[case] pem: &[u8], #[case] kind: KeyKind) {
    assert_eq!(read(pem).unwrap_err(), PrivateKeyError::PasswordNeeded);

    let key = PrivateKey::from_pem(pem, Some(&password())).unwrap();

    assert_eq!(key.public_key().kind(), kind);
}

#[test]
fn a_wrong_password_says_so_even_when_the_padding_happens_to_fit() {
    // About one wrong password in 256 leaves bytes with a valid padding; some of these do.
    let pem = fixture!("p256-legacy-aes256.pem");
    for attempt in 0..2000 {
        let refused = PrivateKey::from_pem(pem, Some(&secret(&format!("wrong {attempt}"))));

        assert_eq!(refused.unwrap_err(), PrivateKeyError::WrongPassword, "attempt {attempt}");
    }
}

#[test]
fn a_password_for_a_plain_key_is_not_looked_at() {
    let key = PrivateKey::from_pem(fixture!("p256.pem"), Some(&secret("of no use"))).unwrap();

    assert_eq!(key.public_key(), &p256_public());
}

#[rstest]
#[case::scrypt(fixture!("p256-scrypt.pem"), "scrypt")]
#[case::pbes1(fixture!("p256-pbes1.pem"), "pbeWithSHAAnd3-KeyTripleDES-CBC")]
#[case::aria(fixture!("p256-pbes2-aria256.pem"), "1.2.410.200046.1.1.12")]
#[case::camellia(fixture!("p256-legacy-camellia256.pem"), "CAMELLIA-256-CBC")]
fn unsupported_encryption_is_named(#[case] pem: &[u8], #[case] name: &str) {
    let refused = PrivateKey::from_pem(pem, Some(&password())).unwrap_err();

    assert_eq!(refused, PrivateKeyError::UnsupportedEncryption { name: name.into() });
}

#[rstest]
#[case::secp256k1(fixture!("secp256k1.pem"), PrivateKeyError::UnsupportedCurve)]
#[case::explicit(fixture!("p256-explicit.pem"), PrivateKeyError::UnsupportedCurve)]
#[case::x25519(
    fixture!("x25519.pem"),
    PrivateKeyError::UnsupportedAlgorithm(ObjectIdentifier::new_unwrap("1.3.101.110"))
)]
#[case::rsa1024(fixture!("rsa1024.pem"), PrivateKeyError::TooShort { bits: 1024 })]
#[case::certificate(
    fixture!("certificate.pem"),
    PrivateKeyError::NotAPrivateKey { label: "CERTIFICATE".into() }
)]
fn what_is_no_key_for_us_is_refused_with_the_reason(#[case] pem: &[u8], #[case] expected: PrivateKeyError) {
    assert_eq!(read(pem).unwrap_err(), expected);
}

#[rstest]
#[case::nothing("", PrivateKeyError::NotPem)]
#[case::text("a password, by mistake", PrivateKeyError::NotPem)]
#[case::der("\u{30}\u{0}", PrivateKeyError::NotPem)]
#[case::no_end("-----BEGIN PRIVATE KEY-----\nAAAA\n", PrivateKeyError::Malformed)]
#[case::other_end(
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
    PrivateKeyError::Malformed
)]
#[case::no_content("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", PrivateKeyError::Malformed)]
#[case::no_base64(
    "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
    PrivateKeyError::Malformed
)]
#[case::no_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", PrivateKeyError::Malformed)]
#[case::open_label("-----BEGIN PRIVATE KEY\n-----END", PrivateKeyError::Malformed)]
#[case::no_dek_info(
    "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
    PrivateKeyError::Malformed
)]
#[case::short_iv(
    "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0011\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
    PrivateKeyError::Malformed
)]
#[case::long_iv(
    "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,00112233445566778899\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
    PrivateKeyError::Malformed
)]
#[case::parameters_alone(
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
    PrivateKeyError::NotAPrivateKey { label: "EC PARAMETERS".into() }
)]
fn a_malformed_file_is_refused(#[case] pem: &str, #[case] expected: PrivateKeyError) {
    assert_eq!(read(pem.as_bytes()).unwrap_err(), expected);
}

#[test]
fn a_file_with_two_keys_is_refused() {
    let two = [fixture!("p256.pem"), fixture!("p384.pem")].concat();

    assert_eq!(read(&two).unwrap_err(), PrivateKeyError::MoreThanOneBlock);
}

#[test]
fn line_ends_of_windows_and_text_around_the_block_do_no_harm() {
    for pem in [fixture!("p256.pem"), fixture!("p256-legacy-aes256.pem")] {
        let text = String::from_utf8(pem.to_vec()).unwrap().replace('\n', "\r\n");
        let text = format!("Bag Attributes\r\n    friendlyName: key\r\n{text}\r\nthe end\r\n");

        let key = PrivateKey::from_pem(text.as_bytes(), Some(&password())).unwrap();

        assert_eq!(key.public_key(), &p256_public());
    }
}

#[test]
fn x27_a_megabyte_of_boundaries_is_refused_at_once() {
    let start = std::time::Instant::now();

    let refused = read("-----BEGIN \n".repeat(90_000).as_bytes());

    assert_eq!(refused.unwrap_err(), PrivateKeyError::Malformed);
    assert!(start.elapsed() < std::time::Duration::from_millis(100), "took {:?}", start.elapsed());
}

#[rstest]
#[case::none(0)]
#[case::one_too_many(pbes2::MAX_ITERATIONS + 1)]
#[case::as_many_as_fit(i32::MAX as u32)]
fn t14_a_round_count_out_of_bounds_is_refused_before_any_work(#[case] iterations: u32) {
    let der = decode(only_key_block(fixture!("p256-pbes2-aes256-sha256.pem")).unwrap()).unwrap();
    let start = std::time::Instant::now();

    let refused = pbes2::parse(&pbes2::tests::with_iterations(der.expose(), iterations));

    assert_eq!(refused.err(), Some(PrivateKeyError::Iterations { iterations }));
    assert!(start.elapsed() < std::time::Duration::from_millis(100));
}

#[rstest]
#[case(KeyKind::P256)]
#[case(KeyKind::P384)]
#[case(KeyKind::P521)]
#[case(KeyKind::Ed25519)]
#[case(KeyKind::Rsa { bits: 2048 })]
fn what_is_written_is_read_back(#[case] kind: KeyKind) {
    let key = PrivateKey::generate(kind).unwrap();

    let plain = key.to_pem().unwrap();
    let encrypted = key.to_encrypted_pem(&password(), &FixedRandom).unwrap();

    assert_eq!(read(plain.expose()).unwrap().public_key(), key.public_key());
    let again = PrivateKey::from_pem(encrypted.as_bytes(), Some(&password())).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    let wrong = PrivateKey::from_pem(encrypted.as_bytes(), Some(&secret("wrong")));
    assert_eq!(wrong.unwrap_err(), PrivateKeyError::WrongPassword);
}

#[test]
fn an_empty_password_is_a_password() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();

    let pem = key.to_encrypted_pem(&secret(""), &FixedRandom).unwrap();

    assert_eq!(PrivateKey::from_pem(pem.as_bytes(), None).unwrap_err(), PrivateKeyError::PasswordNeeded);
    assert!(PrivateKey::from_pem(pem.as_bytes(), Some(&secret(""))).is_ok());
}

#[test]
fn what_is_written_is_what_openssl_and_step_have_read() {
    // The fixture was written by this code with these bytes and read back by both programs; see its README.
    let key = read(fixture!("p256.pem")).unwrap();

    let pem = key.to_encrypted_pem(&password(), &FixedRandom).unwrap();

    assert_eq!(pem, include_str!("../testdata/ours-p256-encrypted.pem"));
}

#[test]
fn no_random_bytes_mean_no_encrypted_key() {
    #[derive(Debug)]
    struct Broken;
    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }
    let key = PrivateKey::generate(KeyKind::P256).unwrap();

    let refused = key.to_encrypted_pem(&password(), &Broken);

    assert!(matches!(refused, Err(WriteKeyError::Random(RandomError))));
}

proptest! {
    /// The fixtures here derive their keys fast.
    #[test]
    fn x2_a_damaged_file_is_another_key_or_an_error_but_no_panic(
        file in prop::sample::select(vec![
            fixture!("p256-ecparam.pem"),
            fixture!("p256-legacy-des3.pem"),
            fixture!("p256-pbes2-aes192-sha1.pem"),
            fixture!("rsa2048-pkcs1.pem"),
            fixture!("ed25519.pem"),
        ]),
        at in any::<prop::sample::Index>(),
        damage in prop_oneof![Just(None), any::<u8>().prop_map(Some)],
    ) {
        let mut file = file.to_vec();
        let at = at.index(file.len());
        match damage {
            Some(byte) => file[at] = byte,
            None => file.truncate(at),
        }

        if let Ok(key) = PrivateKey::from_pem(&file, Some(&password())) {
            let algorithm = SignatureAlgorithm::default_for(key.public_key().kind());
            let signature = key.sign(algorithm, b"message").unwrap();
            prop_assert!(key.public_key().verify(algorithm, b"message", &signature).is_ok());
        }
    }
}
