//! Request ids: taken from the client or made up, and echoed.

use aws_lc_rs::rand;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Builder;

/// The id of a request: visible ASCII, so that it cannot forge a log line.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    fn from_headers(headers: &HeaderMap, trace_header: &HeaderName) -> Option<Self> {
        [&REQUEST_ID, trace_header]
            .into_iter()
            .filter_map(|name| headers.get(name))
            .find(is_sound)
            .cloned()
            .map(Self)
    }

    fn random() -> Self {
        let mut bytes = [0; 16];
        // Ids only tell requests apart in a log; an id of zeros is no reason to refuse the request.
        let _ = rand::fill(&mut bytes);
        let id = Builder::from_random_bytes(bytes).into_uuid().to_string();
        Self(HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("-")))
    }
}

/// The header that is asked for an id when `X-Request-Id` has none: `logger.traceHeader` of the configuration.
#[derive(Clone, Debug)]
pub struct TraceHeader(HeaderName);

impl TraceHeader {
    /// The header of that name; `None` when no header can have such a name.
    pub fn new(name: &str) -> Option<Self> {
        HeaderName::from_bytes(name.as_bytes()).ok().map(Self)
    }
}

impl Default for TraceHeader {
    fn default() -> Self {
        Self(HeaderName::from_static("x-smallstep-id"))
    }
}

/// Gives the request an id, and the response the same one.
pub(crate) async fn assign(
    State(trace_header): State<TraceHeader>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::from_headers(request.headers(), &trace_header.0).unwrap_or_else(RequestId::random);
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id.0);
    response
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Ten times as long as any tracer's ids; longer ones are noise in every log line.
const MAX_ID_OCTETS: usize = 512;

fn is_sound(value: &&HeaderValue) -> bool {
    !value.is_empty() && value.len() <= MAX_ID_OCTETS && value.as_bytes().iter().all(u8::is_ascii_graphic)
}
