//! The Lambda binaries: each serves the routes of one function, over the Lambda runtime API.
//!
//! `environment` says what the operator chose; `source` opens the authority of the configuration, `current` keeps the
//! one in use and changes it when the configuration changes; `events` turns an event of a gateway into a request and
//! an answer back into what that gateway takes; `handler` does all that for one event, in the time it has. Never here:
//! a route, or a decision about a certificate.
//!
//! A process that is frozen after its answer loses nothing: what has to last is committed before a function answers,
//! and a line of the log is written before the event that it tells of goes on. Work that an answer did not wait for
//! goes on when the process is thawed, or never; the lease of its intent ends either way.

mod current;
mod environment;
mod events;
mod handler;
mod logging;
mod source;

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;
use stepless_core::authority::Authority;
use stepless_core::clock::Clock;
use stepless_net::SystemClock;

use current::Current;
use environment::{Environment, EnvironmentError};
use handler::Handler;
pub use source::{NotOpen, Opened, Opener, Source};

/// Serves these routes until Lambda ends the process. Whatever keeps the authority from being opened is answered with
/// 503 and tried again at the next request, so that a process does not die and start for ever.
pub fn run(routes: Router<Arc<Authority>>) -> ExitCode {
    logging::start();
    match serve(routes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = logging::chain(&*error), "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

fn serve(routes: Router<Arc<Authority>>) -> Result<(), lambda_runtime::Error> {
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    if std::env::var_os(RUNTIME_API).is_none() {
        return Err(EnvironmentError::NotInLambda.into());
    }
    // One event at a time: more threads would only take longer to start.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let source = Source::new(environment.configuration, Arc::clone(&clock));
        let current = Current::new(routes, Arc::new(source), Arc::clone(&clock));
        // What fails now is tried again at the first request.
        current.open_early().await;
        let handler = Arc::new(Handler::new(environment.gateway, current, clock));
        let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
            let handler = Arc::clone(&handler);
            async move { Ok::<_, std::convert::Infallible>(handler.answer(event).await) }
        });
        Runtime::new(service).run().await
    })
}

/// Set in every Lambda function.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
