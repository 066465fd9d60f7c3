//! A name server that leads every name to loopback.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;

use crate::error::BenchError;

/// A name server on loopback. Its thread ends with the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameServer {
    address: SocketAddr,
}

impl NameServer {
    /// Starts it on this port, or with 0 on a free one.
    pub(super) fn start(port: u16) -> Result<Self, BenchError> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).map_err(BenchError::Connection)?;
        let address = socket.local_addr().map_err(BenchError::Connection)?;
        thread::spawn(move || {
            let mut room = [0; LONGEST_QUERY];
            while let Ok((length, asker)) = socket.recv_from(&mut room) {
                if let Some(answer) = room.get(..length).and_then(answer) {
                    // Who asked asks again, or says that there was no answer.
                    let _ = socket.send_to(&answer, asker);
                }
            }
        });
        Ok(Self { address })
    }

    pub(super) fn address(self) -> SocketAddr {
        self.address
    }
}

/// 127.0.0.1 for a question of type A, and nothing for any other.
///
/// [RFC 1035 §4.1](https://www.rfc-editor.org/rfc/rfc1035#section-4.1)
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let id = query.get(..2)?;
    let mut end = HEADER;
    loop {
        let label = usize::from(*query.get(end)?);
        end += 1 + label;
        if label == 0 {
            break;
        }
    }
    let kind = query.get(end..end + 2)?;
    let question = query.get(HEADER..end + 4)?;
    let is_address = kind == TYPE_A;
    let mut answer = [id, &ANSWERED, &[0, 1, 0, u8::from(is_address), 0, 0, 0, 0], question].concat();
    if is_address {
        answer.extend_from_slice(&LOOPBACK);
    }
    Some(answer)
}

const LONGEST_QUERY: usize = 4096;
const HEADER: usize = 12;
const TYPE_A: [u8; 2] = [0, 1];

/// A response to a query that asked for recursion, with authority, without an error.
const ANSWERED: [u8; 2] = [0b1000_0101, 0b1000_0000];

/// The name of the question, A, IN, a minute, 127.0.0.1.
const LOOPBACK: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];

#[cfg(test)]
mod tests {
    use super::*;

    fn query(kind: u8) -> Vec<u8> {
        let header = [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        // With an OPT record, as resolvers send it.
        let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
        [&header[..], b"\x04host\x04test\x00", &[0, kind, 0, 1], &opt].concat()
    }

    #[test]
    fn a_name_has_the_loopback_address() {
        let answer = answer(&query(1)).unwrap();

        assert_eq!(answer[..8], [0xab, 0xcd, 0b1000_0101, 0b1000_0000, 0, 1, 0, 1]);
        assert_eq!(answer[12..27], *b"\x04host\x04test\x00\x00\x01\x00\x01");
        assert_eq!(answer[27..], LOOPBACK);
    }

    #[test]
    fn a_name_has_nothing_else() {
        let answer = answer(&query(28)).unwrap();

        assert_eq!((answer[7], answer.len()), (0, 27));
    }

    #[test]
    fn what_is_cut_off_has_no_answer() {
        assert_eq!(answer(&query(1)[..20]), None);
    }
}
