//! The log: JSON to standard output, one line an event, written before the program goes on.

use std::error::Error;
use std::fmt::Write as _;
use std::panic;

use tracing_subscriber::EnvFilter;

/// Starts the log. `STEPLESS_LOG` chooses what is in it, as `info` (the default) or `stepless::access=warn`.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("STEPLESS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // The runtime would write whole events, tokens and all, and the SDK whole requests.
    let filter =
        QUIET.iter().filter_map(|directive| directive.parse().ok()).fold(filter, EnvFilter::add_directive);
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    // A subscriber that is set already, as in a test, stays.
    let _ = log.with_writer(std::io::stdout).try_init();
    panic::set_hook(Box::new(|panic| {
        // What it panicked with may hold anything.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "the program panicked");
    }));
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

const QUIET: [&str; 6] = [
    "lambda_runtime=warn",
    "lambda_runtime_api_client=warn",
    "hyper=warn",
    "aws_config=warn",
    "aws_smithy_runtime=warn",
    "aws_smithy_http_client=warn",
];
