//! One free port on several loopback addresses, so that tests of IP identifiers have an address each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Listens on one free port of 127.0.0.1 to 127.0.0.4 and ::1.
pub(crate) fn listeners() -> Vec<TcpListener> {
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let port = first.local_addr().expect("a bound socket has an address").port();
        let others = OTHERS.iter().map(|address| TcpListener::bind(SocketAddr::new(*address, port)));
        // Somebody else may have that port of another address.
        if let Ok(others) = others.collect::<std::io::Result<Vec<_>>>() {
            return std::iter::once(first).chain(others).collect();
        }
    }
}

const OTHERS: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4)),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// A loopback address where none of these servers listens.
pub const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
