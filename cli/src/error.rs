//! What ends the program early, and how it is told.

use std::error::Error;
use std::fmt;

/// An error that ends the program: what was being done, and why it failed.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CliError {
    /// An error without a cause of its own.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// Prints the error and its causes to standard error.
    pub(crate) fn print(&self) {
        eprintln!("stepless: {self}");
        let mut source = self.source();
        while let Some(cause) = source {
            eprintln!("  because: {cause}");
            source = cause.source();
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Says what was being done when something failed.
pub(crate) trait Context<T> {
    /// The error, with `message` in front of it.
    fn context(self, message: impl fmt::Display) -> Result<T, CliError>;
}

impl<T, E: Error + Send + Sync + 'static> Context<T> for Result<T, E> {
    fn context(self, message: impl fmt::Display) -> Result<T, CliError> {
        self.map_err(|source| CliError { message: message.to_string(), source: Some(Box::new(source)) })
    }
}
