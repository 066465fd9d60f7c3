//! Keys in KMS: against other people's emulator, and against a double with AWS's limits behind a proxy with bad weather.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "these are tests"
)]

mod kms_admin;
mod kms_authority;
mod kms_bench;
mod kms_ca;
mod kms_emulator;
mod kms_open;
mod kms_sign;
mod kms_weather;
