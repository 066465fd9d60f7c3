//! The HTTP side of the runtime API, of one process.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::net::TcpListener;

use super::process::Process;
use super::{Invocation, InvokeError, MAX_PAYLOAD};

pub(super) async fn serve(listener: TcpListener, process: Arc<Process>) {
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        // A response that is too long is to be seen as such, not as a broken connection.
        .layer(DefaultBodyLimit::max(2 * MAX_PAYLOAD))
        .with_state(process);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "the runtime API of a function failed");
    }
}

pub(super) fn head(invocation: &Invocation) -> HeaderMap {
    let fields = [
        ("lambda-runtime-aws-request-id", invocation.id.clone()),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.arn.clone()),
        (
            "lambda-runtime-trace-id",
            format!("Root=1-{:0>8.8}-{:0>24.24};Sampled=0", invocation.id, invocation.id.replace('-', "")),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    fields
        .into_iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
        })
        .collect()
}

async fn next(State(process): State<Arc<Process>>) -> Response {
    match process.next().await {
        Some((_, head, event)) => (head, event).into_response(),
        None => StatusCode::GONE.into_response(),
    }
}

async fn response(State(process): State<Arc<Process>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    accepted(process.answer(&id, Ok(body)))
}

async fn error(State(process): State<Arc<Process>>, Path(id): Path<String>, body: String) -> StatusCode {
    accepted(process.answer(&id, Err(InvokeError::Function { payload: body })))
}

async fn init_error(State(process): State<Arc<Process>>, body: String) -> StatusCode {
    process.init_failed(body);
    StatusCode::ACCEPTED
}

fn accepted(answered: bool) -> StatusCode {
    if answered { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST }
}
