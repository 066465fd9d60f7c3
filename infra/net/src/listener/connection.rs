//! One connection: its place among the others, its handshake, and what its requests carry.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum_server::accept::{Accept, TcpConfigAcceptor, TcpKeepaliveConfig, TcpSocketConfig};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use http::Request;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use rustls::ServerConfig;
use stepless_core::peer::PeerCertificates;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tower::Service;

use super::Limits;

/// Makes a TLS connection of a TCP connection, if there is room for one more.
#[derive(Clone)]
pub(super) struct ConnectionAcceptor {
    tls: RustlsAcceptor<TcpConfigAcceptor>,
    room: Arc<Semaphore>,
    request_body: Duration,
}

impl ConnectionAcceptor {
    pub(super) fn new(config: ServerConfig, limits: &Limits) -> Self {
        let socket = TcpSocketConfig::new()
            .nodelay(true)
            .keepalive(TcpKeepaliveConfig::new().time(KEEPALIVE_AFTER).interval(KEEPALIVE_INTERVAL));
        Self {
            tls: RustlsAcceptor::new(RustlsConfig::from_config(Arc::new(config)))
                .handshake_timeout(limits.handshake)
                .acceptor(TcpConfigAcceptor::new(socket)),
            room: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            request_body: limits.request_body,
        }
    }
}

/// A connection whose peer is gone without a word is found out after this time, and so many probes.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

type TlsStream = <RustlsAcceptor<TcpConfigAcceptor> as Accept<TcpStream, ()>>::Stream;

impl<S: Send + 'static> Accept<TcpStream, S> for ConnectionAcceptor {
    type Stream = TlsStream;
    type Service = ConnectionService<S>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(TlsStream, ConnectionService<S>)>> + Send>>;

    fn accept(&self, stream: TcpStream, router: S) -> Self::Future {
        let place = Arc::clone(&self.room).try_acquire_owned();
        let handshake = self.tls.accept(stream, ());
        let request_body = self.request_body;
        Box::pin(async move {
            let place = place.map_err(|_full| io::Error::other(NoRoom))?;
            let (stream, _) = handshake.await?;
            acknowledge_at_once(stream.get_ref().0);
            let peer = stream.get_ref().1.peer_certificates().and_then(|chain| {
                let chain: Arc<[Vec<u8>]> = chain.iter().map(|certificate| certificate.to_vec()).collect();
                (!chain.is_empty()).then_some(PeerCertificates(chain))
            });
            Ok((stream, ConnectionService { router, peer, request_body, _place: Arc::new(place) }))
        })
    }
}

/// The last word of a handshake is the client's, and no session ticket answers it. A client that waits for its
/// acknowledgement before it sends its request would wait for the kernel's timer.
fn acknowledge_at_once(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = stream.set_quickack(true) {
        tracing::debug!(%error, "acknowledgements stay delayed");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

#[derive(Debug, Error)]
#[error("there are as many connections as may be")]
struct NoRoom;

/// Tells the router, with each request of the connection, who the client is. It holds the connection's place.
#[derive(Clone)]
pub(super) struct ConnectionService<S> {
    router: S,
    peer: Option<PeerCertificates>,
    request_body: Duration,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<Request<Body>>> Service<Request<Incoming>> for ConnectionService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.router.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let deadline = Instant::now() + self.request_body;
        let mut request = request
            .map(|inner| Body::new(PunctualBody { inner, deadline: Deadline::NotYetWaited(deadline) }));
        if let Some(peer) = &self.peer {
            request.extensions_mut().insert(peer.clone());
        }
        self.router.call(request)
    }
}

/// A request's body that has to arrive in time; [`io::ErrorKind::TimedOut`] says that it did not.
struct PunctualBody {
    inner: Incoming,
    deadline: Deadline,
}

/// A timer is set only once the body is waited for: most arrive together with their head.
enum Deadline {
    NotYetWaited(Instant),
    Waited(Pin<Box<Sleep>>),
}

impl HttpBody for PunctualBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        if let Deadline::NotYetWaited(deadline) = self.deadline {
            self.deadline = Deadline::Waited(Box::pin(tokio::time::sleep_until(deadline)));
        }
        if let Deadline::Waited(timer) = &mut self.deadline {
            ready!(timer.as_mut().poll(cx));
        }
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, Late))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[derive(Debug, Error)]
#[error("the request's body did not arrive in time")]
struct Late;
