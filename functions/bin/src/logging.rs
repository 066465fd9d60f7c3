//! The log: JSON to standard output, one line an event, written before the program goes on.

use std::error::Error;
use std::fmt::Write as _;
use std::panic;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the log. `STEPLESS_LOG` chooses what is in it, as `info` (the default) or `stepless::access=warn`.
pub(crate) fn start() {
    let filter = targets(std::env::var("STEPLESS_LOG").ok().as_deref());
    let log = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stdout);
    // A subscriber that is set already, as in a test, stays.
    let _ = tracing_subscriber::registry().with(filter).with(filter_fn(is_fit)).with(log).try_init();
    panic::set_hook(Box::new(|panic| {
        // What it panicked with may hold anything.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "the program panicked");
    }));
}

/// What is asked for, or what is worth knowing if that is nothing or nonsense. Levels of targets are all that can be
/// asked for: what else `EnvFilter` knows would make the package a tenth larger.
fn targets(asked: Option<&str>) -> Targets {
    asked
        .filter(|asked| !asked.is_empty())
        .and_then(|asked| asked.parse().ok())
        .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO))
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

/// Whether this may be logged at all. The runtime would write whole events, tokens and all, and the SDK and what it
/// is made of whole requests. No directive can ask for them: one for a module is stronger than one for its crate.
fn is_fit(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN || metadata.target().starts_with(OURS)
}

/// What the targets of this program's own crates begin with.
const OURS: &str = "stepless";

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn l16_no_directive_brings_requests_of_the_sdk_or_events_of_the_runtime_into_the_log() {
        let written = Written::default();
        let writer = written.clone();
        let directives = "trace,aws_smithy_runtime::client::orchestrator=trace,lambda_runtime::layers=trace";
        let log = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let log =
            tracing_subscriber::registry().with(targets(Some(directives))).with(filter_fn(is_fit)).with(log);

        tracing::subscriber::with_default(log, || {
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "s3cret");
            tracing::debug!(target: "hyper_util::client", "s3cret");
            tracing::info_span!(target: "lambda_runtime::layers", "event", body = "s3cret").in_scope(|| {
                tracing::info!(target: "lambda_runtime::layers::trace", "s3cret");
                tracing::trace!("ours");
            });
            tracing::warn!(target: "aws_config::credentials", "theirs");
        });

        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("ours") && text.contains("theirs"), "{text}");
    }
}
