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
pub mod endpoint_certificate;
mod environment;
mod events;
mod handler;
mod logging;
mod source;
#[cfg(test)]
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use stepless_aws::acm::Acm;
use stepless_aws::authority::{OpenAuthorityError, open_table};
use stepless_aws::sdk::Account;
use stepless_core::authority::Authority;
use stepless_core::clock::Clock;
use stepless_core::config::DatabaseConfig;
use stepless_net::SystemClock;

use current::Current;
use endpoint_certificate::{EndpointCertificate, Outcome, Place};
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

/// Keeps the gateway's own certificate fresh, each time that Lambda calls, until it ends the process.
pub fn run_endpoint_certificate() -> ExitCode {
    logging::start();
    match serve_endpoint_certificate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = logging::chain(&*error), "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

fn serve_endpoint_certificate() -> Result<(), lambda_runtime::Error> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    let environment = Environment::read(variable)?;
    if std::env::var_os(RUNTIME_API).is_none() {
        return Err(EnvironmentError::NotInLambda.into());
    }
    let (arn, tag) = (variable(ENDPOINT_CERTIFICATE_ARN), variable(ENDPOINT_CERTIFICATE_TAG));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let source = Source::new(environment.configuration, Arc::clone(&clock));
        let acm = Acm::new(&Account::default().load().await);
        // What a schedule sends is not looked at.
        let service = service_fn(|_: LambdaEvent<IgnoredAny>| async {
            let kept = keep_fresh(&source, &acm, arn.as_deref(), tag.as_deref(), &clock).await;
            // An error goes to Lambda as its text, which is logged once more, and asks the schedule to try again.
            kept.map_err(|error| {
                let error = logging::chain(&*error);
                tracing::error!(error, "the certificate was not renewed");
                error
            })
        });
        Runtime::new(service).run().await
    })
}

/// The authority is opened for every call: hours lie between two of them.
async fn keep_fresh(
    source: &Source,
    acm: &Acm,
    arn: Option<&str>,
    tag: Option<&str>,
    clock: &Arc<dyn Clock>,
) -> Result<Outcome, lambda_runtime::Error> {
    let opened = source.open(None).await?.ok_or(NotOpen::Recently)?;
    let place = match (arn, &opened.config.db) {
        (Some(arn), _) => Place::Arn(arn.to_owned()),
        (None, Some(DatabaseConfig::DynamoDb(table))) => Place::Recorded {
            store: open_table(table, Arc::clone(clock)).await?,
            tags: tag.map(|value| (STACK_TAG.to_owned(), value.to_owned())).into_iter().collect(),
        },
        (None, _) => return Err(OpenAuthorityError::NoTable.into()),
    };
    let certificate = EndpointCertificate {
        authority: opened.authority,
        names: opened.config.dns_names.clone(),
        acm: acm.clone(),
        place,
        clock: Arc::clone(clock),
    };
    Ok(certificate.keep_fresh().await?)
}

const ENDPOINT_CERTIFICATE_ARN: &str = "STEPLESS_ENDPOINT_CERTIFICATE_ARN";
const ENDPOINT_CERTIFICATE_TAG: &str = "STEPLESS_ENDPOINT_CERTIFICATE_TAG";
/// The tag by which a policy knows the certificates of its stack.
const STACK_TAG: &str = "stepless:stack";
/// Set in every Lambda function.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
