use std::time::{Duration, Instant};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::key::{PrivateKey, PublicKey};

/// The prime of P-256, 2^256 - 2^224 + 2^192 + 2^96 - 1.
const P256_PRIME: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

fn number(hex: &str) -> Vec<u8> {
    hex::decode(hex.trim()).unwrap()
}

/// An odd number of so many bits without small factors to speak of: the checks of form do not look for primes.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = 0xff >> (bytes.len() * 8 - bits);
    bytes
}

#[rstest]
#[case::p1024(1024, WeakKey::TooShort { bits: 1024 })]
#[case::p2047(2047, WeakKey::TooShort { bits: 2047 })]
#[case::p8193(8193, WeakKey::TooLong { bits: 8193 })]
#[case::p16384(16384, WeakKey::TooLong { bits: 16384 })]
fn x7_rsa_keys_out_of_bounds_are_refused_at_once(#[case] bits: usize, #[case] expected: WeakKey) {
    let modulus = modulus(bits);
    let start = Instant::now();

    let key = PublicKey::from_rsa_components(&modulus, &[1, 0, 1]).unwrap();
    let refused = key.check_strength();

    assert_eq!(refused, Err(expected));
    assert!(start.elapsed() < Duration::from_millis(20), "took {:?}", start.elapsed());
}

#[rstest]
#[case::even_modulus([modulus(2047), vec![0xfe]].concat(), vec![1, 0, 1])]
#[case::no_modulus(vec![], vec![1, 0, 1])]
#[case::zero_modulus(vec![0], vec![1, 0, 1])]
#[case::over_16_kib(modulus(8 * (16 * 1024 + 1)), vec![1, 0, 1])]
#[case::exponent_0(modulus(2048), vec![0])]
#[case::exponent_1(modulus(2048), vec![1])]
#[case::exponent_2(modulus(2048), vec![2])]
#[case::exponent_2_64_plus_1(modulus(2048), vec![1, 0, 0, 0, 0, 0, 0, 0, 1])]
fn x7_rsa_numbers_that_no_key_has_are_refused(#[case] modulus: Vec<u8>, #[case] exponent: Vec<u8>) {
    let refused = PublicKey::from_rsa_components(&modulus, &exponent);

    assert!(matches!(refused, Err(PublicKeyError::BadRsaNumber | PublicKeyError::Malformed)), "{refused:?}");
}

#[test]
fn x7_a_short_key_is_refused_in_the_words_of_step_ca() {
    let key = PublicKey::from_rsa_components(&modulus(1024), &[3]).unwrap();

    let text = key.check_strength().unwrap_err().to_string();

    assert_eq!(text, "certificate request RSA key must be at least 2048 bits (256 bytes)");
}

#[rstest]
#[case::roca(include_str!("testdata/roca2048.hex"), WeakKey::Roca)]
#[case::close_primes(include_str!("testdata/close-primes2048.hex"), WeakKey::ClosePrimes)]
fn x8_known_weak_moduli_are_refused(#[case] hex: &str, #[case] expected: WeakKey) {
    let key = PublicKey::from_rsa_components(&number(hex), &[1, 0, 1]).unwrap();

    assert_eq!(key.check_strength(), Err(expected));
}

#[rstest]
#[case(3)]
#[case(167)]
#[case(751)]
fn x8_a_modulus_with_a_small_factor_is_refused(#[case] prime: u32) {
    let (strong, _) =
        PrivateKey::generate(KeyKind::Rsa { bits: 2048 }).unwrap().public_key().rsa_components().unwrap();
    let product = BigUint::from_bytes_be(&strong) * prime;

    let key = PublicKey::from_rsa_components(&product.to_bytes_be(), &[1, 0, 1]).unwrap();

    assert_eq!(key.check_strength(), Err(WeakKey::SmallFactor { prime }));
}

#[test]
fn x8_a_square_is_refused_as_close_primes() {
    let (strong, _) =
        PrivateKey::generate(KeyKind::Rsa { bits: 2048 }).unwrap().public_key().rsa_components().unwrap();
    let root = BigUint::from_bytes_be(&strong);

    assert!(has_close_primes(&(&root * &root)));
}

#[test]
fn x8_fermat_finds_primes_up_to_its_last_round_and_no_farther() {
    let a = (BigUint::from(1u32) << 1100) + 1u32;
    for (distance, found) in [(1u32, true), (40, true)] {
        let b = BigUint::from(distance);
        assert_eq!(has_close_primes(&((&a - &b) * (&a + &b))), found);
    }
    let b = BigUint::from(1u32) << 600;
    assert!(!has_close_primes(&((&a - &b) * (&a + &b))));
}

#[test]
fn x8_fresh_keys_of_every_size_are_strong() {
    for bits in [2048, 3072, 4096] {
        let key = PrivateKey::generate(KeyKind::Rsa { bits }).unwrap();

        assert_eq!(key.public_key().check_strength(), Ok(()), "{bits} bits");
    }
}

#[test]
fn the_small_primes_are_the_primes_below_752() {
    let primes: Vec<u32> = (2..752).filter(|n| (2..*n).all(|d| n % d != 0)).collect();

    assert_eq!(SMALL_PRIMES.to_vec(), primes);
}

proptest! {
    #[test]
    fn a_number_is_square_exactly_if_its_root_is_whole(root in any::<u64>(), offset in 0u64..3) {
        let number = BigUint::from(root) * root + offset;
        let whole = number.sqrt();

        prop_assert_eq!(is_square(&number), &whole * &whole == number);
    }

    #[test]
    fn residues_are_the_remainders(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
        let number = BigUint::from_bytes_be(&bytes);

        for (prime, residue) in residues(&number) {
            prop_assert_eq!(BigUint::from(residue), &number % prime);
        }
    }
}

fn point(kind: KeyKind) -> (Vec<u8>, Vec<u8>) {
    let key = PrivateKey::generate(kind).unwrap();
    let (x, y) = key.public_key().ec_coordinates().unwrap();
    (x.to_vec(), y.to_vec())
}

#[rstest]
#[case(KeyKind::P256)]
#[case(KeyKind::P384)]
#[case(KeyKind::P521)]
fn x9_only_an_uncompressed_point_on_the_curve_is_a_key(#[case] kind: KeyKind) {
    let (x, mut y) = point(kind);
    let good = [&[4], x.as_slice(), &y].concat();
    let compressed = [&[2 + (y.last().unwrap() & 1)], x.as_slice()].concat();
    let hybrid = [&[6 + (y.last().unwrap() & 1)], x.as_slice(), &y].concat();
    *y.last_mut().unwrap() ^= 1;
    let off_curve = [&[4], x.as_slice(), &y].concat();
    let zeros = [vec![4], vec![0; x.len() + y.len()]].concat();
    let long = [good.as_slice(), &[0]].concat();
    let nested = PublicKey::from_bits(kind, &good).unwrap().spki_der().to_vec();

    assert!(PublicKey::from_bits(kind, &good).is_ok());
    for bad in [compressed, hybrid, off_curve, zeros, long, nested, vec![0], vec![]] {
        assert_eq!(PublicKey::from_bits(kind, &bad), Err(PublicKeyError::BadPoint), "{}", hex::encode(&bad));
    }
}

#[test]
fn x9_a_coordinate_not_below_the_prime_is_refused() {
    // x = 0 has a point on P-256 (b is a square), and x = p names the same one.
    let y = "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4";
    let zero = [0; 32];

    assert!(PublicKey::from_ec_coordinates(KeyKind::P256, &zero, &number(y)).is_ok());
    let twin = PublicKey::from_ec_coordinates(KeyKind::P256, &number(P256_PRIME), &number(y));

    assert_eq!(twin, Err(PublicKeyError::BadPoint));
}

#[rstest]
#[case::secp256k1(include_str!("testdata/secp256k1.spki.hex"))]
#[case::p224(include_str!("testdata/p224.spki.hex"))]
#[case::explicit_parameters(include_str!("testdata/p256-explicit.spki.hex"))]
fn x9_foreign_curves_and_explicit_parameters_are_refused(#[case] spki: &str) {
    assert_eq!(PublicKey::from_spki_der(&number(spki)), Err(PublicKeyError::UnknownCurve));
}

#[test]
fn x10_small_order_points_and_their_twins_are_refused() {
    let prime = BigUint::from_bytes_le(&ED25519_PRIME);
    for small in ED25519_SMALL_ORDER_Y {
        let twin = (BigUint::from_bytes_le(&small) + &prime).to_bytes_le();
        let fits = |y: &Vec<u8>| y.len() == 32 && y[31] < 0x80;
        for y in [Some(small.to_vec()), Some(twin).filter(fits)].into_iter().flatten() {
            for sign in [0, 0x80] {
                let mut encoding = y.clone();
                encoding[31] |= sign;
                let refused = PublicKey::from_bits(KeyKind::Ed25519, &encoding);
                assert_eq!(refused, Err(PublicKeyError::BadPoint), "{}", hex::encode(&encoding));
            }
        }
    }
}

#[test]
fn x10_the_listed_points_of_order_eight_are_those() {
    // Doubling such a point gives y = 0, so y² + x² = 0; put into the curve's equation, with d = -121665/121666,
    // that is 121665 y⁴ - 2 * 121666 y² + 121666 = 0.
    let prime = BigUint::from_bytes_le(&ED25519_PRIME);
    for y in &ED25519_SMALL_ORDER_Y[3..] {
        let square = BigUint::from_bytes_le(y).modpow(&2u32.into(), &prime);
        let left = (&square * &square * 121_665u32 + 121_666u32) % &prime;

        assert_eq!(left, square * (2 * 121_666u32) % &prime);
    }
}

#[test]
fn x10_an_encoding_not_below_the_prime_is_refused() {
    let prime = BigUint::from_bytes_le(&ED25519_PRIME);
    for excess in 0..19u32 {
        let encoding = (&prime + excess).to_bytes_le();

        assert_eq!(check_ed25519(&encoding), Err(PublicKeyError::BadPoint));
    }
    assert_eq!(check_ed25519(&[7; 31]), Err(PublicKeyError::BadPoint));
    assert_eq!(check_ed25519(&(&prime - 2u32).to_bytes_le()), Ok(()));
}
