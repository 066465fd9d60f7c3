//! The log: to standard error, as text or JSON, one line an event.

use stepless_core::config::LogFormat;
use tracing_subscriber::EnvFilter;

/// Starts the log. `STEPLESS_LOG` chooses what is in it, as `info` (the default), `debug` or `stepless::access=warn`.
pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("STEPLESS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A subscriber that is set already, as in a test, stays.
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text | LogFormat::Common => builder.with_ansi(false).try_init(),
    };
}
