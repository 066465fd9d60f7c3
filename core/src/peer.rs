//! Who is at the other end of a connection, as the transport saw it.

use std::sync::Arc;

/// The certificate chain a client showed in its TLS handshake, leaf first, each certificate in DER.
///
/// Whoever terminates TLS puts it into the extensions of each request of that connection; a request without one came
/// without a client certificate. It is evidence, not a verdict: the transport's check may be older than the request
/// and knows no revocation, so whoever grants something on it verifies the chain again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificates(pub Arc<[Vec<u8>]>);

impl PeerCertificates {
    /// The client's own certificate; `None` if the chain is empty.
    pub fn leaf(&self) -> Option<&[u8]> {
        self.0.first().map(Vec::as_slice)
    }
}

/// Most certificates in a chain that a client shows, in the handshake or in a token: twice what any hierarchy has, and
/// few enough that reading them costs little.
pub(crate) const MAX_CHAIN: usize = 10;
