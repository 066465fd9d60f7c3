//! The API Gateway: requests in, events to functions, answers out.
//!
//! TLS and the client's certificate are the listener's matter ([`stepless_net::serve`]). A certificate that does not
//! lead to the roots ends the handshake here; AWS would answer 403.

mod answer;
mod client;
mod event;
mod route;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode, header};
use jiff::Timestamp;
use stepless_core::peer::PeerCertificates;
use uuid::Uuid;

use self::client::ClientCertificate;
use self::event::Incoming;
pub use self::event::{Shape, UnknownShape};
use self::route::Routes;
use crate::runtime::{Function, InvokeError};
use crate::template::Route;

/// The routes of an API and the functions behind them.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shape: Shape,
    routes: Routes,
    functions: Vec<Function>,
}

impl Gateway {
    /// A gateway in front of `functions`, each with the routes that lead to it.
    pub fn new(shape: Shape, functions: Vec<(Function, Vec<Route>)>) -> Self {
        let mut routes = Routes::default();
        let mut list = Vec::new();
        for (number, (function, own)) in functions.into_iter().enumerate() {
            own.into_iter().for_each(|route| routes.add(route, number));
            list.push(function);
        }
        Self(Arc::new(Inner { shape, routes, functions: list }))
    }

    /// The router to serve: every method and path.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }
}

async fn handle(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let inner = &gateway.0;
    let shape = inner.shape;
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let Some(taken) = inner.routes.take(parts.method.as_str(), &path) else {
        return answer::own(shape, StatusCode::NOT_FOUND);
    };
    let Some(function) = inner.functions.get(taken.function) else {
        return answer::own(shape, StatusCode::NOT_FOUND);
    };
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return answer::own(shape, StatusCode::PAYLOAD_TOO_LARGE);
    };
    let incoming = Incoming {
        authority: authority(&parts.headers, &parts.uri),
        method: parts.method,
        version: parts.version,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        path,
        headers: parts.headers,
        body,
        peer: parts
            .extensions
            .get()
            .map_or(UNKNOWN_PEER, |ConnectInfo(peer): &ConnectInfo<SocketAddr>| *peer),
        client: parts
            .extensions
            .get::<PeerCertificates>()
            .and_then(PeerCertificates::leaf)
            .and_then(ClientCertificate::new),
        id: Uuid::new_v4().to_string(),
        time: Timestamp::now(),
    };
    let event = Bytes::from(incoming.event(shape, &taken).to_string());
    let invoked = match tokio::time::timeout(INTEGRATION_LIMIT, function.invoke(event)).await {
        Ok(invoked) => invoked,
        Err(_) => Err(InvokeError::TimedOut),
    };
    match invoked {
        Ok(answer) => answer::response(shape, &answer).unwrap_or_else(|| {
            tracing::warn!(function = function.name(), "the answer of a function is not understood");
            answer::failure(shape, &InvokeError::Exited)
        }),
        Err(error) => {
            tracing::warn!(function = function.name(), path = incoming.path, %error, "a function failed");
            answer::failure(shape, &error)
        }
    }
}

/// What the client called: HTTP/2 has it in the URI.
fn authority(headers: &HeaderMap, uri: &http::Uri) -> String {
    let named = uri.authority().map(|authority| authority.as_str());
    named.or_else(|| headers.get(header::HOST)?.to_str().ok()).unwrap_or_default().to_owned()
}

/// Longest body that an API takes. A function takes less.
///
/// [Quotas](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html)
const MAX_BODY: usize = 10 * 1024 * 1024;

/// Longest that an API waits for a function.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);

/// For a listener that does not say who called.
const UNKNOWN_PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
