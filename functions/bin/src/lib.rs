//! The Lambda binaries: each serves the routes of one function, over the Lambda runtime API.
//!
//! `environment` says what the operator chose; `source` opens the authority of the configuration, `current` keeps the
//! one in use and changes it when the configuration changes; `events` turns an event of a gateway into a request and
//! an answer back into what that gateway takes; `handler` does all that for one event, in the time it has; `process`
//! begins, and serves. Never here: a route, or a decision about a certificate.
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
mod process;
mod source;
#[cfg(test)]
mod world;

pub use process::{run, run_endpoint_certificate};
pub use source::{NotOpen, Opened, Opener, Source};
