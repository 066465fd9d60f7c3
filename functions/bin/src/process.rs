//! A process in Lambda: what every function does before its first event, and what each serves then.

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use stepless_aws::acm::Acm;
use stepless_aws::authority::OpenAuthorityError;
use stepless_aws::dynamodb::DynamoDbStore;
use stepless_aws::sdk::Account;
use stepless_core::authority::Authority;
use stepless_core::clock::Clock;
use stepless_core::config::DatabaseConfig;
use stepless_net::SystemClock;

use crate::current::Current;
use crate::endpoint_certificate::{EndpointCertificate, Outcome, Place};
use crate::environment::{Environment, EnvironmentError, variable};
use crate::function::{Retries, Web};
use crate::handler::Handler;
use crate::logging;
use crate::retries::{Batch, Worker};
use crate::source::{NotOpen, Opener, Source};
use crate::validation::ValidationEnvironment;

/// Serves these routes until Lambda ends the process. Whatever keeps the authority from being opened is answered with
/// 503 and tried again at the next request, so that a process does not die and start for ever.
pub fn run(routes: Router<Arc<Authority>>) -> ExitCode {
    run_web(async || Ok(Web::Step(routes)))
}

/// As [`run`], for ACME but for the route that signs.
pub fn run_acme() -> ExitCode {
    run_web(async || Ok(Web::Acme(ValidationEnvironment::read(variable)?.open().await?)))
}

/// As [`run`], for the route of ACME that signs. It never looks into the network.
pub fn run_acme_finalize() -> ExitCode {
    run_web(async || Ok(Web::AcmeFinalize))
}

fn run_web(web: impl AsyncFnOnce() -> Result<Web, lambda_runtime::Error>) -> ExitCode {
    in_lambda(async |environment, source, clock| {
        let current = Current::new(web().await?, Arc::new(source), Arc::clone(&clock));
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

/// Tries validations again, each time that their queue calls, until Lambda ends the process.
pub fn run_acme_retry() -> ExitCode {
    in_lambda(async |_, source, clock| {
        let validator = ValidationEnvironment::read(variable)?.open().await?;
        let current = Current::new(Retries, Arc::new(source), Arc::clone(&clock));
        current.open_early().await;
        let worker = Arc::new(Worker::new(current, validator, clock));
        let service = service_fn(move |event: LambdaEvent<Batch>| {
            let worker = Arc::clone(&worker);
            async move { Ok::<_, std::convert::Infallible>(worker.work(event).await) }
        });
        Runtime::new(service).run().await
    })
}

/// Keeps the gateway's own certificate fresh, each time that Lambda calls, until it ends the process.
pub fn run_endpoint_certificate() -> ExitCode {
    in_lambda(async |_, source, clock| {
        let (arn, tag) = (variable(ENDPOINT_CERTIFICATE_ARN), variable(ENDPOINT_CERTIFICATE_TAG));
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

/// Serves with what the environment says, and logs why it cannot.
fn in_lambda(
    serve: impl AsyncFnOnce(Environment, Source, Arc<dyn Clock>) -> Result<(), lambda_runtime::Error>,
) -> ExitCode {
    logging::start();
    match try_in_lambda(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = logging::chain(&*error), "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

fn try_in_lambda(
    serve: impl AsyncFnOnce(Environment, Source, Arc<dyn Clock>) -> Result<(), lambda_runtime::Error>,
) -> Result<(), lambda_runtime::Error> {
    let environment = Environment::read(variable)?;
    if std::env::var_os(RUNTIME_API).is_none() {
        return Err(EnvironmentError::NotInLambda.into());
    }
    // One event at a time: more threads would only take longer to start.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let source = Source::new(environment.configuration.clone(), Arc::clone(&clock));
    runtime.block_on(serve(environment, source, clock))
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
            store: Arc::new(DynamoDbStore::open(table, Arc::clone(clock)).await?),
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
