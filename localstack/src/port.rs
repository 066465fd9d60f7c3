//! A free port that stays free until the program that is told of it has taken it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A loopback address that nobody else is given while this value lives: no connection goes out from its port, and no
/// server that asks for any free port gets it. One that asks for this very address may listen there, if it sets
/// `SO_REUSEADDR`, as servers do.
#[derive(Debug)]
pub struct ReservedAddress {
    _socket: TcpSocket,
    address: SocketAddr,
}

impl ReservedAddress {
    /// Reserves a free one.
    ///
    /// # Errors
    /// If no loopback port is free.
    pub fn any() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // Bound, and never listening: that is what Linux lets another one beside.
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        Ok(Self { _socket: socket, address })
    }

    /// What is reserved.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_server_that_is_told_of_it_listens_there_and_is_reached() {
        let reserved = ReservedAddress::any().unwrap();

        let server = TcpListener::bind(reserved.address()).unwrap();

        let client = TcpStream::connect(reserved.address()).unwrap();
        assert_eq!(server.accept().unwrap().1, client.local_addr().unwrap());
    }

    #[test]
    fn nobody_else_is_given_it() {
        let reserved: Vec<_> = (0..200).map(|_| ReservedAddress::any().unwrap()).collect();
        let ports: BTreeSet<u16> = reserved.iter().map(|reserved| reserved.address().port()).collect();
        assert_eq!(ports.len(), reserved.len());

        for _ in 0..2000 {
            let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
            for address in [server.local_addr(), client.local_addr()] {
                assert!(!ports.contains(&address.unwrap().port()));
            }
        }
    }
}
