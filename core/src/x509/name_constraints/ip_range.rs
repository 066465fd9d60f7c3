//! Ranges of IP addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::NameConstraintsError;

/// A range of IP addresses with a common prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpRange {
    first: IpAddr,
    prefix_len: u8,
}

impl IpRange {
    /// Whether the address lies in the range. An IPv4 address lies in no range of IPv6 addresses.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let mask = mask(self.prefix_len, 32) as u32;
                first.to_bits() == address.to_bits() & mask
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                first.to_bits() == address.to_bits() & mask(self.prefix_len, 128)
            }
            _ => false,
        }
    }

    /// Address and mask, as name constraints carry them.
    pub(super) fn to_octets(self) -> Vec<u8> {
        match self.first {
            IpAddr::V4(first) => [first.octets(), (mask(self.prefix_len, 32) as u32).to_be_bytes()].concat(),
            IpAddr::V6(first) => [first.octets(), mask(self.prefix_len, 128).to_be_bytes()].concat(),
        }
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, NameConstraintsError> {
        let (address, mask) = octets.split_at(octets.len() / 2);
        let (address, mask, width) =
            if let (Ok(address), Ok(mask)) = (<[u8; 4]>::try_from(address), <[u8; 4]>::try_from(mask)) {
                (IpAddr::V4(Ipv4Addr::from(address)), u128::from(u32::from_be_bytes(mask)) << 96, 32)
            } else {
                let address = <[u8; 16]>::try_from(address).map_err(|_| NameConstraintsError)?;
                let mask = <[u8; 16]>::try_from(mask).map_err(|_| NameConstraintsError)?;
                (IpAddr::V6(Ipv6Addr::from(address)), u128::from_be_bytes(mask), 128)
            };
        let ones = mask.leading_ones();
        // A mask with holes is no prefix, and verifiers do not agree on it.
        if mask.count_ones() != ones {
            return Err(NameConstraintsError);
        }
        Self::new(address, u8::try_from(ones.min(width)).map_err(|_| NameConstraintsError)?)
    }

    fn new(address: IpAddr, prefix_len: u8) -> Result<Self, NameConstraintsError> {
        let first = match address {
            IpAddr::V4(address) if prefix_len <= 32 => {
                Ipv4Addr::from_bits(address.to_bits() & mask(prefix_len, 32) as u32).into()
            }
            IpAddr::V6(address) if prefix_len <= 128 => {
                Ipv6Addr::from_bits(address.to_bits() & mask(prefix_len, 128)).into()
            }
            _ => return Err(NameConstraintsError),
        };
        Ok(Self { first, prefix_len })
    }
}

/// `10.0.0.0/8`; bits behind the prefix are cleared.
impl FromStr for IpRange {
    type Err = NameConstraintsError;

    fn from_str(text: &str) -> Result<Self, NameConstraintsError> {
        let (address, prefix) = text.split_once('/').ok_or(NameConstraintsError)?;
        if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NameConstraintsError);
        }
        let address = address.parse().map_err(|_| NameConstraintsError)?;
        Self::new(address, prefix.parse().map_err(|_| NameConstraintsError)?)
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_len)
    }
}

/// So many ones at the top of a number of `width` bits.
fn mask(prefix_len: u8, width: u32) -> u128 {
    let zeros = width.saturating_sub(u32::from(prefix_len));
    let all = u128::MAX >> (128 - width);
    all.checked_shl(zeros).unwrap_or(0) & all
}
