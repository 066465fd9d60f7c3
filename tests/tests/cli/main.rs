//! End to end: the unmodified `step` CLI, curl and openssl against a running authority.
//!
//! Every module but `acme::options`, `acme::problems`, `clock`, `init`, `process`, `quickstart` and `secrets` also holds
//! for the reference server: set `STEPLESS_E2E_SERVER=step-ca` and run the cases named `StepCaInit` to see whether a
//! failure is ours.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod acme;
mod authority;
mod judge;
mod step;

mod clock;
mod curl;
mod info;
mod init;
mod issue;
mod process;
mod quickstart;
mod race;
mod renew;
mod restart;
mod revoke;
mod secrets;
