//! Serial numbers: positive and at most 20 octets
//! ([RFC 5280 §4.1.2.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2)).

use std::fmt;
use std::str::FromStr;

use num_bigint::BigUint;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::random::{Random, RandomError, random_bytes};

/// The serial number of a certificate: positive, at most 20 octets.
///
/// It prints as a decimal number, which is also its form in JSON and the only key a record is found by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SerialNumber(Box<[u8]>);

impl SerialNumber {
    /// A random serial of 128 bits, never zero.
    ///
    /// # Errors
    /// [`RandomError`] if the source gave no bytes, or sixteen zeros, which no working source gives.
    pub fn random(random: &dyn Random) -> Result<Self, RandomError> {
        let bytes: [u8; RANDOM_OCTETS] = random_bytes(random)?;
        Self::from_magnitude(&bytes).map_err(|_| RandomError)
    }

    /// Reads the content octets of a DER INTEGER.
    ///
    /// # Errors
    /// [`ParseSerialError`] when it is not minimal, not positive, or longer than 20 octets.
    pub fn from_der_bytes(content: &[u8]) -> Result<Self, ParseSerialError> {
        match content {
            [] => Err(ParseSerialError::Malformed),
            [0, second, ..] if *second < 0x80 => Err(ParseSerialError::Malformed),
            [first, ..] if *first >= 0x80 => Err(ParseSerialError::NotPositive),
            content => Self::from_magnitude(content),
        }
    }

    /// The number, big-endian, without leading zeros.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn from_magnitude(bytes: &[u8]) -> Result<Self, ParseSerialError> {
        let leading = bytes.iter().take_while(|byte| **byte == 0).count();
        let magnitude = bytes.get(leading..).unwrap_or_default();
        match magnitude.len() {
            0 => Err(ParseSerialError::NotPositive),
            1..=MAX_OCTETS => Ok(Self(magnitude.into())),
            octets => Err(ParseSerialError::TooLong { octets }),
        }
    }
}

impl PartialOrd for SerialNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SerialNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&BigUint::from_bytes_be(&self.0), f)
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}

/// Decimal, or hexadecimal after `0x`; leading zeros do not matter, so that every spelling finds the same record.
impl FromStr for SerialNumber {
    type Err = ParseSerialError;

    fn from_str(text: &str) -> Result<Self, ParseSerialError> {
        if text.len() > MAX_TEXT {
            return Err(ParseSerialError::Malformed);
        }
        let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None => (text, 10),
        };
        let number = digits.strip_prefix('-').unwrap_or(digits);
        // BigUint would let a plus sign and underscores pass.
        if number.is_empty() || !number.chars().all(|digit| digit.is_digit(radix)) {
            return Err(ParseSerialError::Malformed);
        }
        if number.len() != digits.len() {
            return Err(ParseSerialError::NotPositive);
        }
        let value = BigUint::parse_bytes(number.as_bytes(), radix).ok_or(ParseSerialError::Malformed)?;
        Self::from_magnitude(&value.to_bytes_be())
    }
}

impl Serialize for SerialNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SerialNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text or an INTEGER is not a serial number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseSerialError {
    /// Neither a decimal number nor `0x` and a hexadecimal one; or an INTEGER that is not DER.
    #[error("a serial number is decimal, or hexadecimal after 0x")]
    Malformed,
    /// Zero or negative.
    #[error("a serial number is greater than zero")]
    NotPositive,
    /// More than 20 octets.
    #[error("a serial number has at most {MAX_OCTETS} octets, not {octets}")]
    TooLong {
        /// How many it has.
        octets: usize,
    },
}

/// Most octets of the number. Those whose top bit is set need a 21st in DER for the sign; they are read, because they
/// are in use, and never made.
///
/// [RFC 5280 §4.1.2.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2)
const MAX_OCTETS: usize = 20;
/// As many as step-ca draws; far more than the 64 bits that keep a serial from being guessed.
const RANDOM_OCTETS: usize = 16;
/// Longest text worth a look: a serial has at most 49 decimal digits, the rest is leading zeros.
const MAX_TEXT: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[derive(Debug)]
    struct Counting(std::sync::atomic::AtomicU64);

    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            for byte in buffer {
                // SplitMix64: good enough bits to look at their distribution.
                let step = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, std::sync::atomic::Ordering::SeqCst);
                let mixed = (step ^ (step >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                *byte = (mixed >> 40) as u8;
            }
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            buffer.fill(0);
            Ok(())
        }
    }

    #[rstest]
    #[case("1", "1")]
    #[case("0x1", "1")]
    #[case("0X0001", "1")]
    #[case("000000001", "1")]
    #[case("0xFf", "255")]
    #[case("0xff", "255")]
    #[case("319952666837586530217512344530541330018", "319952666837586530217512344530541330018")]
    fn x32_every_spelling_is_one_serial(#[case] input: &str, #[case] decimal: &str) {
        assert_eq!(input.parse::<SerialNumber>().unwrap().to_string(), decimal);
    }

    #[rstest]
    #[case::empty("", ParseSerialError::Malformed)]
    #[case::no_digits("0x", ParseSerialError::Malformed)]
    #[case::sign_only("-", ParseSerialError::Malformed)]
    #[case::negative("-1", ParseSerialError::NotPositive)]
    #[case::negative_hex("0x-1", ParseSerialError::NotPositive)]
    #[case::zero("0", ParseSerialError::NotPositive)]
    #[case::plus("+1", ParseSerialError::Malformed)]
    #[case::underscore("1_0", ParseSerialError::Malformed)]
    #[case::bare_hex("ff", ParseSerialError::Malformed)]
    #[case::space(" 1", ParseSerialError::Malformed)]
    #[case::slash("1/2", ParseSerialError::Malformed)]
    #[case::arabic_digits("١٢", ParseSerialError::Malformed)]
    #[case::one_octet_too_many(
        "0x010000000000000000000000000000000000000000",
        ParseSerialError::TooLong { octets: 21 }
    )]
    fn x32_a_bad_serial_is_refused_with_its_reason(#[case] input: &str, #[case] expected: ParseSerialError) {
        assert_eq!(input.parse::<SerialNumber>(), Err(expected));
    }

    #[test]
    fn d11_large_serials_keep_every_digit() {
        for power in [63_u32, 64, 126, 127, 128, 158, 159] {
            for offset in [0_u8, 1] {
                let number = (BigUint::from(1_u8) << power) - offset;
                let serial: SerialNumber = number.to_string().parse().unwrap();
                let json = serde_json::to_string(&serial).unwrap();

                assert_eq!(json, format!("\"{number}\""));
                assert_eq!(serde_json::from_str::<SerialNumber>(&json).unwrap(), serial);
                assert_eq!(BigUint::from_bytes_be(serial.as_bytes()), number);
            }
        }
    }

    #[test]
    fn x21_random_serials_are_positive_and_their_top_bits_uniform() {
        let random = Counting(std::sync::atomic::AtomicU64::new(7));
        let mut top_bit = 0_u32;
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100_000 {
            let serial = SerialNumber::random(&random).unwrap();
            assert!((1..=16).contains(&serial.as_bytes().len()));
            top_bit += u32::from(serial.as_bytes().len() == 16 && serial.as_bytes()[0] >= 0x80);
            assert!(seen.insert(serial));
        }

        assert!((49_000..51_000).contains(&top_bit), "{top_bit}");
    }

    #[test]
    fn x21_a_source_of_zeros_gives_no_serial() {
        assert!(matches!(SerialNumber::random(&Zeros), Err(RandomError)));
    }

    #[rstest]
    #[case::empty(&[], ParseSerialError::Malformed)]
    #[case::padded(&[0, 1], ParseSerialError::Malformed)]
    #[case::negative(&[0x80], ParseSerialError::NotPositive)]
    #[case::zero(&[0], ParseSerialError::NotPositive)]
    fn an_integer_that_is_no_serial_is_refused(#[case] content: &[u8], #[case] expected: ParseSerialError) {
        assert_eq!(SerialNumber::from_der_bytes(content), Err(expected));
    }

    proptest! {
        #[test]
        fn a_printed_serial_parses_to_itself(bytes in prop::collection::vec(any::<u8>(), 1..=20)) {
            if let Ok(serial) = SerialNumber::from_magnitude(&bytes) {
                prop_assert_eq!(serial.to_string().parse(), Ok(serial.clone()));
                prop_assert_eq!(format!("0x{}", hex::encode(serial.as_bytes())).parse(), Ok(serial));
            }
        }

        #[test]
        fn serials_are_ordered_as_numbers(a in 1_u128.., b in 1_u128..) {
            let of = |number: u128| number.to_string().parse::<SerialNumber>().unwrap();
            prop_assert_eq!(of(a).cmp(&of(b)), a.cmp(&b));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<SerialNumber>();
        }
    }
}
