//! Why there is no measurement.

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;

use stepless_localstack::emulator::EmulatorError;
use stepless_localstack::resources::ResourceError;
use stepless_localstack::template::TemplateError;
use thiserror::Error as ThisError;

/// A run that ended without a report.
#[derive(Debug, ThisError)]
pub(crate) enum BenchError {
    #[error("there is nothing to measure: give --step-ca, --stepless or both")]
    NothingToMeasure,
    #[error("{path} cannot be read or written")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} cannot be started")]
    Start {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{program} failed: {stderr}")]
    Tool { program: String, stderr: String },
    #[error("the CA folder has no usable {what}")]
    Folder { what: &'static str },
    #[error("{what} is not the JSON it should be")]
    Json {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("{operation} failed in the cryptography library")]
    Crypto { operation: &'static str },
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the connection failed")]
    Connection(#[source] std::io::Error),
    #[error("the server's answer is not HTTP as expected: {what}")]
    Answer { what: &'static str },
    #[error("a request was answered with {status}: {body}")]
    Refused { status: u16, body: String },
    #[error("the server ended by itself, or gave no answer in time")]
    NotServing,
    #[error("the process table has no {what} for the server")]
    ProcessTable { what: &'static str },
    #[error("a load thread panicked")]
    Thread,
    #[error("there is no emulator of AWS")]
    Emulator(#[from] EmulatorError),
    #[error("the template cannot be used")]
    Template(#[from] TemplateError),
    #[error("the table and the keys cannot be made")]
    Resources(#[from] ResourceError),
    #[error("the function {function} {what}")]
    Function { function: String, what: String },
    #[error("{what}, which must not be")]
    Broken { what: String },
    #[error("the server could not be measured")]
    Explained {
        /// How the server's log ends.
        log: String,
        #[source]
        source: Box<BenchError>,
    },
}

impl BenchError {
    /// For the paths of `std::fs` calls.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

/// The error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let _ = write!(text, ": {error}");
        next = error.source();
    }
    text
}
