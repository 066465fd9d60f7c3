//! One event: read, answered in the time there is, written.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;
use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_functions::{PlatformRefusal, PlatformRequestId, refused};
use tower::ServiceExt;

use crate::current::Current;
use crate::environment::Gateway;
use crate::events::{self, AnswerForm};
use crate::function::Web;

/// Answers events.
pub(crate) struct Handler {
    gateway: Gateway,
    current: Current<Web>,
    clock: Arc<dyn Clock>,
}

impl Handler {
    pub(crate) fn new(gateway: Gateway, current: Current<Web>, clock: Arc<dyn Clock>) -> Self {
        Self { gateway, current, clock }
    }

    /// Answers in the form of the gateway, whatever happens: a refusal of the function's own form for a malformed event, for an authority that
    /// is not open, for a panic, and for work that is not done in time. Such work goes on behind the answer as long as
    /// the process runs, and when it is thawed.
    pub(crate) async fn answer(self: Arc<Self>, event: LambdaEvent<Box<RawValue>>) -> Box<RawValue> {
        let LambdaEvent { payload, context } = event;
        let form = AnswerForm::of(self.gateway.events, payload.get());
        let id = PlatformRequestId(context.request_id);
        let time = time_left(context.deadline, self.clock.now());
        let worker = Arc::clone(&self);
        let work = {
            let id = id.clone();
            tokio::spawn(async move { worker.work(payload.get(), id).await })
        };
        let response = match tokio::time::timeout(time, work).await {
            Ok(Ok(response)) => response,
            Ok(Err(_panicked)) => self.refuse(PlatformRefusal::Panicked, blank(&id)).await,
            Err(_elapsed) => self.refuse(PlatformRefusal::Late, blank(&id)).await,
        };
        let refusal = match form.write(response).await {
            Ok(answered) => return answered.0,
            Err(refusal) => refusal,
        };
        match form.write(self.refuse(refusal, blank(&id)).await).await {
            Ok(answered) => answered.0,
            // A refusal is a few hundred octets; the gateway makes a 502 of this.
            Err(_) => RawValue::NULL.to_owned(),
        }
    }

    async fn work(&self, event: &str, id: PlatformRequestId) -> Response<Body> {
        let mut request = match events::request(&self.gateway, event) {
            Ok(request) => request,
            Err(refusal) => return self.refuse(refusal, blank(&id)).await,
        };
        request.extensions_mut().get_or_insert_with(|| id);
        match self.current.serving().await {
            Ok(serving) => {
                let answered: Result<_, Infallible> = serving.service.clone().oneshot(request).await;
                let Ok(response) = answered;
                response
            }
            Err(error) => self.refuse(PlatformRefusal::NotOpen(Arc::new(error)), request).await,
        }
    }

    async fn refuse(&self, refusal: PlatformRefusal, request: Request<Body>) -> Response<Body> {
        let answered: Result<_, Infallible> =
            refused(refusal, self.current.function().face(), self.current.trace_header())
                .oneshot(request)
                .await;
        let Ok(response) = answered;
        response
    }
}

/// A request of which only the platform's id is known.
fn blank(id: &PlatformRequestId) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(id.clone());
    request
}

/// How long the work may take: until [`MARGIN`] before the function is killed, so that the answer gets out.
pub(crate) fn time_left(deadline_ms: u64, now: Timestamp) -> Duration {
    let deadline = i64::try_from(deadline_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let left = deadline.unwrap_or(Timestamp::MAX).duration_since(now).saturating_sub(MARGIN);
    // A deadline behind a clock that was set forward: there is no time, and the answer says so.
    Duration::try_from(left).unwrap_or_default().min(LONGEST)
}

/// For writing the answer and handing it over.
const MARGIN: SignedDuration = SignedDuration::from_millis(500);

/// No gateway waits longer than 30 seconds, whatever the deadline of the function is.
const LONGEST: Duration = Duration::from_secs(28);

#[cfg(test)]
mod tests;
