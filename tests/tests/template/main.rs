//! What template.yaml says and what the code does cannot drift apart, and no function may do more than its routes need.
//!
//! `cfn-lint` and `sam validate` judge its form (`tests/run`); here it is held to the rules of docs/security.md.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod document;
mod gateway;
mod platform;
mod rights;
