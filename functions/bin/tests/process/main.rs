//! The Lambda binaries as processes: behind a runtime API, frozen between two events, with emulators of KMS, DynamoDB
//! and ACM.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod acme;
mod acme_client;
mod acme_rights;
mod clock;
mod configuration;
mod endpoint_certificate;
mod health;
mod isolation;
mod log;
mod process;
mod rights;
mod secrets;
mod world;
