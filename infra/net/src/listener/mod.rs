//! The TLS listener of the single binary.
//!
//! Every request of a connection whose client showed a certificate carries
//! [`PeerCertificates`](stepless_core::peer::PeerCertificates) in its extensions, put there from the handshake and from
//! nowhere else; every request carries `axum::extract::ConnectInfo<SocketAddr>`.
//!
//! Sessions are never resumed. A resumed session brings back a client certificate without looking at it again, and what
//! it would save, two elliptic-curve operations, is little beside what a connection to a CA is for. A connection may
//! still outlive its client's certificate, so the authority verifies the chain again at each renewal.

mod certificate;
mod connection;
mod tls;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use thiserror::Error;

pub use self::certificate::{ServerCertificate, ServerCertificateError};
use self::connection::ConnectionAcceptor;
pub use self::tls::{CipherSuite, TlsSettings, TlsVersions, UnknownCipherSuite};

/// How much time and room a client gets. What passes a limit loses its connection, so that clients who send nothing
/// cannot use up the server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the accepted connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the end of the handshake to the head of the first request.
    pub first_request: Duration,
    /// Between two requests of an HTTP/1.1 connection, the head of the second included.
    pub request_head: Duration,
    /// For the whole body of a request.
    pub request_body: Duration,
    /// An HTTP/2 peer that has been silent this long is asked for a sign of life.
    pub ping_interval: Duration,
    /// An HTTP/2 peer that gives none within this time is dropped.
    pub ping_answer: Duration,
    /// Connections at one time, those in their handshake included. One more is closed at once.
    pub connections: usize,
    /// From the shutdown signal until requests still unanswered are abandoned.
    pub drain: Duration,
}

impl Limits {
    /// Generous to a client behind a slow line, and small enough that a thousand silent ones are gone in seconds.
    pub const STANDARD: Self = Self {
        handshake: Duration::from_secs(10),
        first_request: Duration::from_secs(10),
        request_head: Duration::from_secs(30),
        request_body: Duration::from_secs(20),
        ping_interval: Duration::from_secs(30),
        ping_answer: Duration::from_secs(10),
        connections: 4096,
        drain: Duration::from_secs(20),
    };
}

/// The listener could not start or had to stop.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Certificate, versions and cipher suites do not go together: for instance, TLS 1.2 only and no suite for it.
    #[error("the TLS settings cannot be used")]
    Tls(#[source] rustls::Error),
    /// One of the certificates that clients are to be verified against cannot be a trust anchor.
    #[error("certificate {index} of the trust for client certificates cannot be used")]
    ClientTrust {
        /// Its place in [`TlsSettings::client_trust`], from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The verifier for client certificates could not be made.
    #[error("the verifier for client certificates cannot be made")]
    ClientVerifier(#[source] rustls::server::VerifierBuilderError),
    /// The socket failed.
    #[error("the listening socket failed")]
    Socket(#[source] std::io::Error),
}

/// Answers HTTP/1.1 and HTTP/2 over TLS on `listener` with `router`, until `shutdown` ends; then it accepts nothing new,
/// lets the requests under way finish within [`Limits::drain`], and returns.
///
/// Must run inside a tokio runtime with time and I/O.
///
/// # Errors
/// [`ServeError`] if the settings cannot be used or the socket fails. A failed handshake is the client's matter: it is
/// logged at debug level and nothing else.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    tls: &TlsSettings,
    limits: &Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let acceptor = ConnectionAcceptor::new(tls.server_config()?, limits);
    let handle = Handle::<SocketAddr>::new();
    let mut server = axum_server::from_tcp(listener)
        .map_err(ServeError::Socket)?
        .acceptor(acceptor)
        .handle(handle.clone())
        .first_request_timeout(limits.first_request)
        .accept_error_handler(|peer, error| {
            tracing::debug!(peer = peer.map(tracing::field::display), %error, "connection refused");
        });
    server.http_builder().http1().header_read_timeout(limits.request_head).max_buf_size(MAX_HEAD_OCTETS);
    server
        .http_builder()
        .http2()
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_answer)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_OCTETS as u32);

    let mut serving = pin!(server.serve(router.into_make_service_with_connect_info::<SocketAddr>()));
    let finished = tokio::select! {
        finished = &mut serving => finished,
        () = shutdown => {
            handle.graceful_shutdown(Some(limits.drain));
            serving.await
        }
    };
    finished.map_err(ServeError::Socket)
}

/// Longest head of a request. The longest that a good client sends is a renewal token, which carries its whole
/// certificate chain: a few thousand octets.
const MAX_HEAD_OCTETS: usize = 64 * 1024;

/// Requests at one time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 16;

#[cfg(test)]
mod tests;
