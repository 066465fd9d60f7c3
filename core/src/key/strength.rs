//! What makes a key malformed, and what makes a well-formed key too weak to certify.
//!
//! The checks of form run wherever a key is read and must stay cheap on hostile input; the checks of strength run
//! once for each key that is to be certified or to sign for us.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use num_bigint::BigUint;
use thiserror::Error;

use super::{KeyKind, PublicKeyError};

/// Why a well-formed key is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WeakKey {
    /// The RSA modulus is shorter than 2048 bits.
    #[error("certificate request RSA key must be at least 2048 bits (256 bytes)")]
    TooShort {
        /// Bit length found.
        bits: usize,
    },
    /// The RSA modulus is longer than is verified here.
    #[error("the RSA key has {bits} bits; at most {MAX_RSA_BITS} are accepted")]
    TooLong {
        /// Bit length found.
        bits: usize,
    },
    /// The RSA modulus is divisible by a small prime.
    #[error("the RSA modulus is divisible by {prime}; generate a new key")]
    SmallFactor {
        /// The smallest prime that divides it.
        prime: u32,
    },
    /// The two primes of the RSA modulus lie so close together that Fermat's method finds them (CVE-2022-26320).
    #[error("the primes of the RSA key are too close together (CVE-2022-26320); generate a new key")]
    ClosePrimes,
    /// The RSA modulus bears the mark of a generator whose keys can be factored (ROCA, CVE-2017-15361).
    #[error(
        "the RSA key comes from a generator with the ROCA flaw (CVE-2017-15361); generate a new key elsewhere"
    )]
    Roca,
}

/// Parses the point of an elliptic curve key. Only the uncompressed form passes: it is the one that every client
/// sends, and one form for each key keeps key identifiers unique. The library refuses coordinates not below the
/// field's prime and points off the curve; on these curves of prime order nothing else has a small order.
pub(super) fn check_point(kind: KeyKind, point: &[u8]) -> Result<ParsedPublicKey, PublicKeyError> {
    let algorithm: &'static dyn VerificationAlgorithm = match kind {
        KeyKind::P256 => &signature::ECDSA_P256_SHA256_ASN1,
        KeyKind::P384 => &signature::ECDSA_P384_SHA384_ASN1,
        KeyKind::P521 => &signature::ECDSA_P521_SHA512_ASN1,
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::MlDsa(_) => {
            return Err(PublicKeyError::UnknownCurve);
        }
    };
    let field = kind.field_len().ok_or(PublicKeyError::UnknownCurve)?;
    // The parser below would also take a compressed point, or a whole SubjectPublicKeyInfo in the place of the point.
    if point.len() != 1 + 2 * field || point.first() != Some(&UNCOMPRESSED) {
        return Err(PublicKeyError::BadPoint);
    }
    ParsedPublicKey::new(algorithm, point).map_err(|_| PublicKeyError::BadPoint)
}

/// Refuses encodings that are not canonical, and the points of small order, for which anyone can make a signature
/// that verifies. Whether the point lies on the curve is left to the verification, which no such key passes.
pub(super) fn check_ed25519(bits: &[u8]) -> Result<(), PublicKeyError> {
    let mut y: [u8; 32] = bits.try_into().map_err(|_| PublicKeyError::BadPoint)?;
    // The top bit is the sign of x; a point and its negative have the same order.
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    let below_prime = y.iter().rev().lt(ED25519_PRIME.iter().rev());
    if below_prime && !ED25519_SMALL_ORDER_Y.contains(&y) { Ok(()) } else { Err(PublicKeyError::BadPoint) }
}

/// The bit length of the modulus.
pub(super) fn check_rsa_form(modulus: &[u8], exponent: &[u8]) -> Result<usize, PublicKeyError> {
    let [first, ..] = modulus else { return Err(PublicKeyError::BadRsaNumber) };
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    // An odd exponent of one byte that is not 1 is at least 3.
    let exponent_fits = is_odd(exponent) && exponent != [1] && exponent.len() <= MAX_RSA_EXPONENT_BYTES;
    if modulus.len() > MAX_RSA_BYTES || !is_odd(modulus) || !exponent_fits {
        return Err(PublicKeyError::BadRsaNumber);
    }
    Ok(modulus.len() * 8 - first.leading_zeros() as usize)
}

/// Checks a modulus that has passed [`check_rsa_form`].
pub(super) fn check_rsa_strength(bits: usize, modulus: &[u8]) -> Result<(), WeakKey> {
    match bits {
        0..MIN_RSA_BITS => return Err(WeakKey::TooShort { bits }),
        MIN_RSA_BITS..=MAX_RSA_BITS => {}
        _ => return Err(WeakKey::TooLong { bits }),
    }
    let modulus = BigUint::from_bytes_be(modulus);
    if let Some((prime, _)) = residues(&modulus).find(|(_, residue)| *residue == 0) {
        return Err(WeakKey::SmallFactor { prime });
    }
    if is_roca(&modulus) {
        return Err(WeakKey::Roca);
    }
    if has_close_primes(&modulus) { Err(WeakKey::ClosePrimes) } else { Ok(()) }
}

/// The modulus modulo each small prime, three primes to a division of the long number.
fn residues(modulus: &BigUint) -> impl Iterator<Item = (u32, u32)> {
    SMALL_PRIMES.chunks(3).flat_map(move |primes| {
        let product: u32 = primes.iter().product();
        let residue = low_bits(&(modulus % product));
        primes.iter().map(move |prime| (*prime, residue % prime))
    })
}

/// Whether the modulus has the fingerprint of ROCA: its primes are `k * M + 65537^a mod M` with a product `M` of many
/// small primes, so modulo each of those primes it is a power of 65537. One modulus in about 2^27 bears it by chance.
///
/// Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, §2.
fn is_roca(modulus: &BigUint) -> bool {
    residues(modulus)
        .skip_while(|(prime, _)| *prime == 2)
        .take_while(|(prime, _)| *prime <= ROCA_LAST_PRIME)
        .all(|(prime, residue)| is_power_of_65537(residue, prime))
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    loop {
        if power == residue {
            return true;
        }
        power = power * (65537 % prime) % prime;
        if power == 1 {
            return false;
        }
    }
}

/// Whether Fermat's method factors the modulus in [`FERMAT_ROUNDS`] rounds: it looks for `a² - n = b²`, from the
/// square root of `n` upwards.
fn has_close_primes(modulus: &BigUint) -> bool {
    let mut a = modulus.sqrt();
    if &a * &a < *modulus {
        a += 1u32;
    }
    let mut difference = &a * &a - modulus;
    for _ in 0..FERMAT_ROUNDS {
        if is_square(&difference) {
            return true;
        }
        // (a + 1)² = a² + 2a + 1
        difference += &a * 2u32 + 1u32;
        a += 1u32;
    }
    false
}

fn is_square(number: &BigUint) -> bool {
    // Residues of squares are rare: these let one number in a hundred through to the long square root.
    let low = number.iter_u64_digits().next().unwrap_or(0);
    if !SQUARES_MOD_64.contains(&(low % 64)) {
        return false;
    }
    let residue = low_bits(&(number % (63u32 * 65 * 11)));
    if [63, 65, 11].iter().any(|modulus| !(0..*modulus).any(|x| x * x % modulus == residue % modulus)) {
        return false;
    }
    let root = number.sqrt();
    &root * &root == *number
}

fn low_bits(number: &BigUint) -> u32 {
    number.iter_u32_digits().next().unwrap_or(0)
}

/// Longest RSA modulus accepted: longer ones cost a verifier more time than any client needs.
const MAX_RSA_BITS: usize = 8192;
/// Shortest RSA modulus accepted.
///
/// [CA/Browser Forum Baseline Requirements §6.1.5](https://cabforum.org/working-groups/server/baseline-requirements/requirements/#615-key-sizes)
pub(super) const MIN_RSA_BITS: usize = 2048;
/// Longest RSA modulus that is looked at, in bytes; a longer one is not even a key.
const MAX_RSA_BYTES: usize = 16 * 1024;
/// Longest RSA exponent, in bytes. Real ones are 3, 17 or 65537; the time of a verification grows with it.
const MAX_RSA_EXPONENT_BYTES: usize = 8;
/// Rounds of Fermat's method: enough for every key known to suffer from CVE-2022-26320, and what public authorities use.
const FERMAT_ROUNDS: usize = 110;
/// The first byte of an uncompressed point ([SEC 1 §2.3.3](https://www.secg.org/sec1-v2.pdf)).
const UNCOMPRESSED: u8 = 4;
/// The largest prime that every size of ROCA key has in common.
const ROCA_LAST_PRIME: u32 = 167;
const SQUARES_MOD_64: [u64; 12] = [0, 1, 4, 9, 16, 17, 25, 33, 36, 41, 49, 57];

/// The primes below 752.
///
/// [CA/Browser Forum Baseline Requirements §6.1.6](https://cabforum.org/working-groups/server/baseline-requirements/requirements/#616-public-key-parameters-generation-and-quality-checking)
const SMALL_PRIMES: [u32; 133] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
    227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311, 313, 317, 331, 337, 347,
    349, 353, 359, 367, 373, 379, 383, 389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463,
    467, 479, 487, 491, 499, 503, 509, 521, 523, 541, 547, 557, 563, 569, 571, 577, 587, 593, 599, 601, 607,
    613, 617, 619, 631, 641, 643, 647, 653, 659, 661, 673, 677, 683, 691, 701, 709, 719, 727, 733, 739, 743,
    751,
];

/// 2^255 - 19, little-endian ([RFC 8032 §5.1](https://www.rfc-editor.org/rfc/rfc8032#section-5.1)).
const ED25519_PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// The y coordinates, little-endian, of the eight points whose order divides the cofactor: the neutral element (1),
/// the point of order 2 (-1), those of order 4 (0) and those of order 8.
const ED25519_SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = ED25519_PRIME;
        minus_one[0] -= 1;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

#[cfg(test)]
#[path = "strength_tests.rs"]
mod tests;
