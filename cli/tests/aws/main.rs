//! `stepless init`, `config`, `acme` and `serve` on AWS: the real binary, an emulator of KMS and DynamoDB,
//! and other people's programs to judge the result.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod account;
mod acme;
mod config;
mod init;
mod moving;
