use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::store::table::SPENT_MARGIN;

/// Counts up: no two calls give the same bytes.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (octet, value) in buffer.iter_mut().rev().zip(count.into_iter().rev()) {
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

fn key(octet: u8) -> NonceKey {
    NonceKey::from_stored(&SecretBytes::new(vec![octet; 32])).unwrap()
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now().saturating_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn nonce() -> String {
    key(1).issue(now(), &Counting::default()).unwrap().to_string()
}

/// The text of a nonce with these bytes under a good MAC.
fn minted(signed: [u8; SIGNED_OCTETS]) -> String {
    URL_SAFE_NO_PAD.encode([signed.as_slice(), &key(1).mac(&signed)].concat())
}

#[test]
fn a7_a_nonce_is_good_in_every_process_that_has_the_key() {
    let text = nonce();
    let elsewhere = NonceKey::from_stored(&key(1).to_stored()).unwrap();

    let good = elsewhere.check(&text, after(10)).unwrap();

    assert_eq!(good, key(1).check(&text, after(20)).unwrap());
    assert_eq!(good.expires(), after(3600));
    assert_eq!(good.spent_until(), after(3600).saturating_add(SPENT_MARGIN).unwrap());
    assert!(text.len() == NONCE_CHARS && text.len() <= 64, "{text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
}

/// Nonces that are out when a new version is installed stay good, and so do their marks. The text was made with Python's
/// `hmac` and `base64`.
#[test]
fn a7_the_form_of_a_nonce_does_not_change() {
    assert_eq!(nonce(), "AQAAAGmkKkAAAAAAAAAAAAAAAAAAAAAAfqEfa6J3udf1k6TL68JOzQ");
}

#[test]
fn a7_every_nonce_has_a_mark_of_its_own() {
    let (key, random) = (key(1), Counting::default());
    let nonces: Vec<_> = (0..500).map(|_| key.issue(now(), &random).unwrap()).collect();
    let marks: HashSet<_> = nonces
        .iter()
        .map(|nonce| format!("{:?}", key.check(nonce.as_str(), now()).unwrap().spent_key()))
        .collect();

    assert_eq!(marks.len(), nonces.len());
}

#[rstest]
#[case::at_once(0, None)]
#[case::last_second(3599, None)]
#[case::an_hour_later(3600, Some(BadNonce::Old { issued_at: now() }))]
#[case::a_year_later(365 * 86_400, Some(BadNonce::Old { issued_at: now() }))]
#[case::issuer_ahead(-60, None)]
#[case::issuer_far_ahead(-61, Some(BadNonce::FromTheFuture { issued_at: now() }))]
fn a7_a_nonce_lives_for_an_hour(#[case] seconds: i64, #[case] expected: Option<BadNonce>) {
    assert_eq!(key(1).check(&nonce(), after(seconds)).err(), expected);
}

#[rstest]
#[case::empty("")]
#[case::short("AAAA")]
#[case::step_ca("T0hqZmlHcjhhNVFGM0FKSE5aN2c4VFlSQ0lYMmRXdlY")]
#[case::text("a nonce that nobody ever issued anywhere at all, truly")]
#[case::control_characters("\0\r\n")]
#[case::other_script(&"ä".repeat(27))]
#[case::long(&"A".repeat(60_000))]
fn a7_garbage_is_a_bad_nonce(#[case] text: &str) {
    assert_eq!(key(1).check(text, now()), Err(BadNonce::NotOurs));
}

#[test]
fn a7_another_spelling_of_a_nonce_is_a_bad_nonce() {
    let text = nonce();
    // 40 octets leave four bits over, which are zero.
    let last = text.strip_suffix('Q').unwrap();

    for other in [
        format!("{text}=="),
        format!("{text} "),
        format!(" {text}"),
        format!("{last}R"),
        format!("{last}f"),
        format!("{}+", &text[..53]),
        text[1..].to_owned(),
        text[..53].to_owned(),
    ] {
        assert_eq!(key(1).check(&other, now()), Err(BadNonce::NotOurs), "{other}");
    }
}

#[test]
fn a7_a_nonce_from_before_the_key_was_replaced_is_a_bad_nonce() {
    assert_eq!(key(2).check(&nonce(), now()), Err(BadNonce::Forged));
}

#[test]
fn a3_a_nonce_of_one_provisioner_is_foreign_to_the_others() {
    let (a, b) = (key(1).of_provisioner("acme/a"), key(1).of_provisioner("acme/b"));
    let text = a.issue(now(), &Counting::default()).unwrap().to_string();

    assert!(key(1).of_provisioner("acme/a").check(&text, now()).is_ok());
    for stranger in [b, key(1), key(2).of_provisioner("acme/a"), a.of_provisioner("acme/a")] {
        assert_eq!(stranger.check(&text, now()), Err(BadNonce::Forged));
    }
}

#[test]
fn a7_a_nonce_of_another_version_is_a_bad_nonce() {
    let mut signed = [0; SIGNED_OCTETS];
    for version in [0, 2, 255] {
        signed[0] = version;
        assert_eq!(key(1).check(&minted(signed), now()), Err(BadNonce::NotOurs));
    }
}

#[test]
fn a7_a_time_that_is_no_date_is_a_bad_nonce() {
    let mut signed = [0xff; SIGNED_OCTETS];
    signed[0] = 1;

    assert_eq!(key(1).check(&minted(signed), now()), Err(BadNonce::NotOurs));
}

#[rstest]
#[case(Timestamp::MIN)]
#[case(Timestamp::UNIX_EPOCH)]
#[case(Timestamp::MAX)]
fn a7_no_clock_makes_it_panic(#[case] at: Timestamp) {
    let text = key(1).issue(at, &Counting::default()).unwrap().to_string();
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, now(), Timestamp::MAX] {
        let _ = key(1).check(&text, now);
    }
}

#[test]
fn a7_without_randomness_there_is_no_nonce_and_no_key() {
    assert!(key(1).issue(now(), &NoRandom).is_err());
    assert!(NonceKey::generate(&NoRandom).is_err());
}

#[test]
fn o10_a_stored_nonce_key_has_32_bytes() {
    let generated = NonceKey::generate(&Counting::default()).unwrap();
    assert_eq!(generated.to_stored().expose().len(), 32);

    for octets in [0, 31, 33] {
        let refused = NonceKey::from_stored(&SecretBytes::new(vec![0; octets])).unwrap_err();
        assert_eq!(refused, NonceKeyLength { octets });
    }
}

#[test]
fn l16_the_debug_of_a_nonce_key_shows_nothing_of_it() {
    assert_eq!(format!("{:?}", key(0xab)), "NonceKey(..)");
}

proptest! {
    #[test]
    fn a7_any_text_is_a_bad_nonce(text in ".*", close in "[A-Za-z0-9_-]{54}") {
        prop_assert!(key(1).check(&text, now()).is_err());
        prop_assert!(key(1).check(&close, now()).is_err());
    }

    #[test]
    fn a7_a_nonce_with_another_bit_is_a_bad_nonce(bit in 0..NONCE_OCTETS * 8) {
        let mut bytes = URL_SAFE_NO_PAD.decode(nonce()).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);

        prop_assert_eq!(key(1).check(&URL_SAFE_NO_PAD.encode(bytes), now()), Err(BadNonce::Forged));
    }

    #[test]
    fn a7_a_nonce_that_is_cut_or_longer_is_a_bad_nonce(octets in 0..80usize) {
        let mut bytes = URL_SAFE_NO_PAD.decode(nonce()).unwrap();
        bytes.resize(octets, 0);
        let accepted = key(1).check(&URL_SAFE_NO_PAD.encode(bytes), now()).is_ok();

        prop_assert_eq!(accepted, octets == NONCE_OCTETS);
    }

    #[test]
    fn a7_a_fresh_nonce_is_good_for_the_hour(secret: [u8; 32], issued in 0..253_000_000_000i64, age in -60..3600i64) {
        let key = NonceKey::from_stored(&SecretBytes::new(secret.to_vec())).unwrap();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let text = key.issue(at(issued), &Counting::default()).unwrap();

        let good = key.check(text.as_str(), at(issued + age)).unwrap();

        prop_assert_eq!(good.expires(), at(issued + 3600));
    }
}
