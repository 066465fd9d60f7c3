//! Which addresses a validation may contact: a client chooses the names, and so where the authority connects to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that may be contacted although they are refused by default.
///
/// Private networks need no mention: an authority of one's own is there for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedTargets(Vec<IpNet>);

/// Why an address is not contacted by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedRange {
    /// `0.0.0.0/8` and `::`: this host, on whatever network it is.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// `169.254.0.0/16` and `fe80::/10`.
    LinkLocal,
    /// Where cloud providers keep credentials and settings of a machine.
    Metadata,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// Set aside for protocols, documentation, benchmarks or later use, and for broadcast: no host lives there.
    Reserved,
}

impl AllowedTargets {
    /// These networks. That of an IPv4 address in IPv6 (`::ffff:0:0/96`) is never looked at: such an address is the
    /// IPv4 address.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// No network but those that are allowed by default.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// `127.0.0.0/8` and `::1`.
    pub fn loopback() -> Self {
        Self(vec![
            IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
            IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
        ])
    }

    /// These networks and `others`.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self(self.0.iter().chain(&others.0).copied().collect())
    }

    /// Whether `address` may be contacted.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, address: IpAddr) -> Result<(), RefusedRange> {
        let address = address.to_canonical();
        if self.0.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        match refused_range(address) {
            Some(range) => Err(range),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RefusedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "an address of a cloud provider's metadata",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// The range for which `address` is not contacted by default, if there is one. An IPv6 address in which a translator
/// or a tunnel finds an IPv4 address is judged as that one too.
///
/// The ranges are those of the [special-purpose registries](https://www.rfc-editor.org/rfc/rfc6890) that lead to no
/// other host or to the machine's own secrets; the private ones are not among them.
pub fn refused_range(address: IpAddr) -> Option<RefusedRange> {
    match address.to_canonical() {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => {
            refused_v6(address).or_else(|| embedded(address).into_iter().find_map(refused_v4))
        }
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<RefusedRange> {
    REFUSED_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, range)| *range)
}

fn refused_v6(address: Ipv6Addr) -> Option<RefusedRange> {
    REFUSED_V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, range)| *range)
}

/// The IPv4 addresses to which a packet for `address` may be brought.
fn embedded(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let bits = address.to_bits();
    if COMPATIBLE.contains(&address) || NAT64.contains(&address) {
        return vec![v4(bits)];
    }
    if SIX_TO_FOUR.contains(&address) {
        return vec![v4(bits >> 80)];
    }
    if LOCAL_NAT64.contains(&address) {
        // How long the translator's prefix is cannot be seen. An address that was made for one length reads as 0.x for
        // others, where nobody means it.
        let readings = [48, 56, 64].map(|prefix| after_prefix(bits, prefix)).into_iter().chain([v4(bits)]);
        let meant: Vec<_> = readings.filter(|address| address.octets().first() != Some(&0)).collect();
        return if meant.is_empty() { vec![v4(bits)] } else { meant };
    }
    Vec::new()
}

/// The IPv4 address behind a prefix of this many bits; bits 64 to 71 are left out.
///
/// [RFC 6052 §2.2](https://www.rfc-editor.org/rfc/rfc6052#section-2.2)
fn after_prefix(bits: u128, prefix: u32) -> Ipv4Addr {
    let without_octet_8 = ((bits >> 64) << 56) | (bits & (u128::MAX >> 72));
    v4(without_octet_8 >> (LAST_PREFIX - prefix))
}

/// The IPv4 address in the lowest 32 bits.
fn v4(bits: u128) -> Ipv4Addr {
    let [.., a, b, c, d] = bits.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// The longest prefix after which four octets are left when octet 8 is left out.
const LAST_PREFIX: u32 = 88;

const fn net4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn net6(bits: u128, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), prefix)
}

/// The first that fits counts.
///
/// [IANA IPv4 Special-Purpose Address Registry](https://www.iana.org/assignments/iana-ipv4-special-registry)
const REFUSED_V4: [(Ipv4Net, RefusedRange); 16] = [
    // AWS, Azure, Google and most others.
    (net4(169, 254, 169, 254, 32), RefusedRange::Metadata),
    // The credentials of containers on AWS (ECS, EKS).
    (net4(169, 254, 170, 0, 24), RefusedRange::Metadata),
    // Alibaba.
    (net4(100, 100, 100, 200, 32), RefusedRange::Metadata),
    // Azure's wire server.
    (net4(168, 63, 129, 16, 32), RefusedRange::Metadata),
    // Oracle.
    (net4(192, 0, 0, 192, 32), RefusedRange::Metadata),
    (net4(0, 0, 0, 0, 8), RefusedRange::Unspecified),
    (net4(127, 0, 0, 0, 8), RefusedRange::Loopback),
    (net4(169, 254, 0, 0, 16), RefusedRange::LinkLocal),
    (net4(224, 0, 0, 0, 4), RefusedRange::Multicast),
    (net4(192, 0, 0, 0, 24), RefusedRange::Reserved),
    (net4(192, 0, 2, 0, 24), RefusedRange::Reserved),
    (net4(192, 88, 99, 0, 24), RefusedRange::Reserved),
    (net4(198, 18, 0, 0, 15), RefusedRange::Reserved),
    (net4(198, 51, 100, 0, 24), RefusedRange::Reserved),
    (net4(203, 0, 113, 0, 24), RefusedRange::Reserved),
    // Later use, and broadcast.
    (net4(240, 0, 0, 0, 4), RefusedRange::Reserved),
];

/// The first that fits counts.
///
/// [IANA IPv6 Special-Purpose Address Registry](https://www.iana.org/assignments/iana-ipv6-special-registry)
const REFUSED_V6: [(Ipv6Net, RefusedRange); 12] = [
    // AWS: metadata, credentials, name server, time.
    (net6(0xfd00_0ec2 << 96, 32), RefusedRange::Metadata),
    // Google.
    (net6((0xfd20_00ce << 96) | 0x254, 128), RefusedRange::Metadata),
    // Scaleway.
    (net6((0xfd00_0042 << 96) | 0x42, 128), RefusedRange::Metadata),
    (net6(0, 128), RefusedRange::Unspecified),
    (net6(1, 128), RefusedRange::Loopback),
    (net6(0xfe80 << 112, 10), RefusedRange::LinkLocal),
    (net6(0xff00 << 112, 8), RefusedRange::Multicast),
    // Thrown away (RFC 6666).
    (net6(0x0100 << 112, 64), RefusedRange::Reserved),
    // Protocols, with Teredo and benchmarks.
    (net6(0x2001 << 112, 23), RefusedRange::Reserved),
    // Documentation (RFC 3849, RFC 9637).
    (net6(0x2001_0db8 << 96, 32), RefusedRange::Reserved),
    (net6(0x3fff << 112, 20), RefusedRange::Reserved),
    // Segment identifiers (RFC 9602).
    (net6(0x5f00 << 112, 16), RefusedRange::Reserved),
];

/// IPv4-compatible addresses ([RFC 4291 §2.5.5.1](https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5.1)).
const COMPATIBLE: Ipv6Net = net6(0, 96);
/// What a translator makes of IPv4 addresses ([RFC 6052 §2.1](https://www.rfc-editor.org/rfc/rfc6052#section-2.1)).
const NAT64: Ipv6Net = net6(0x0064_ff9b << 96, 96);
/// The same with a prefix of the network's own choice ([RFC 8215](https://www.rfc-editor.org/rfc/rfc8215)).
const LOCAL_NAT64: Ipv6Net = net6(0x0064_ff9b_0001 << 80, 48);
/// Tunnels through IPv4 ([RFC 3056 §2](https://www.rfc-editor.org/rfc/rfc3056#section-2)).
const SIX_TO_FOUR: Ipv6Net = net6(0x2002 << 112, 16);

#[cfg(test)]
#[path = "targets_tests.rs"]
mod tests;
