//! Serial numbers.
use crate::random::{Random, RandomError};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The serial number of a certificate: positive, at most 20 octets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber(Box<[u8]>);
impl SerialNumber {
    /// A random serial of 128 bits; never zero.
    pub fn random(_random: &dyn Random) -> Result<Self, RandomError> {
        todo!()
    }
    /// Content octets of a DER INTEGER.
    pub fn from_der_bytes(_bytes: &[u8]) -> Result<Self, ParseSerialError> {
        todo!()
    }
    /// Big-endian magnitude, minimal.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
impl fmt::Display for SerialNumber {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}
impl FromStr for SerialNumber {
    type Err = ParseSerialError;
    fn from_str(_s: &str) -> Result<Self, ParseSerialError> {
        todo!()
    }
}
impl serde::Serialize for SerialNumber {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for SerialNumber {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text or an INTEGER is not a serial number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseSerialError {
    /// Neither decimal nor `0x` and hexadecimal.
    #[error("not a serial number")]
    Malformed,
    /// Zero or negative.
    #[error("a serial number is positive")]
    NotPositive,
    /// More than 20 octets.
    #[error("a serial number has at most 20 octets")]
    TooLong,
}
