//! End to end without a server: the cases of the CLI suite, word for word, against the Lambda binaries behind the local
//! gateway, with the state in an emulated DynamoDB and every signature made by an emulated KMS. And what only functions
//! have: counted calls, bad weather, sudden deaths, events, many processes on one table.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test that cannot go on fails the test"
)]

#[path = "../cli/acme/mod.rs"]
mod acme;
mod authority;
#[path = "../cli/judge.rs"]
mod judge;
#[path = "../cli/step.rs"]
mod step;
mod world;

#[path = "../cli/curl.rs"]
mod curl;
#[path = "../cli/info.rs"]
mod info;
#[path = "../cli/issue.rs"]
mod issue;
#[path = "../cli/race.rs"]
mod race;
#[path = "../cli/renew.rs"]
mod renew;
#[path = "../cli/restart.rs"]
mod restart;
#[path = "../cli/revoke.rs"]
mod revoke;
#[path = "../cli/secrets.rs"]
mod secrets;

mod calls;
mod crash;
mod events;
mod scale;
mod state;
mod two;
mod weather;
