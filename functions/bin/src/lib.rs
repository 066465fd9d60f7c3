//! The Lambda binaries: each serves the routes of one function, over the Lambda runtime API.
//!
//! `environment` says what the operator chose; `source` opens the authority of the configuration, `current` keeps the
//! one in use and changes it when the configuration changes; `events` turns an event of a gateway into a request and
//! an answer back into what that gateway takes; `function` says what is served, and `handler` does all that for one
//! event, in the time it has; `process` begins, and serves. `validation` and `retries` are what ACME needs beside: the
//! network, and a queue. Never here: a route, or a decision about a certificate.
//!
//! A process that is frozen after its answer loses nothing: what has to last is committed before a function answers,
//! and a line of the log is written before the event that it tells of goes on. Work that an answer did not wait for
//! goes on when the process is thawed, or never; the lease of its intent ends either way.

mod current;
pub mod endpoint_certificate;
mod environment;
mod events;
mod function;
mod handler;
mod logging;
mod process;
mod retries;
mod source;
mod validation;
#[cfg(test)]
mod world;

pub use process::{run, run_acme, run_acme_finalize, run_acme_retry, run_endpoint_certificate};
pub use source::{NotOpen, Opened, Opener, Source};
