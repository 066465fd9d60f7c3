//! What the end-to-end tests share: the pinned programs, CA folders, running servers, and a client that can send anything.
//!
//! These helpers serve tests only. One that cannot go on panics with a sentence that says what to do, for there is
//! no caller who could do better.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

pub mod acme;
pub mod asn1;
pub mod ca_folder;
pub mod certificate;
pub mod client;
pub mod csr;
pub mod key;
pub mod leaf;
pub mod programs;
pub mod server;
pub mod serverless;
pub mod token;

pub use ca_folder::CaFolder;
pub use client::{Client, Identity, Request, Response};
pub use csr::Csr;
pub use key::{Key, KeyKind};
pub use server::{Program, Server};
pub use token::Token;
