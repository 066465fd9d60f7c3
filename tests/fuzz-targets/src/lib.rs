//! Everything that a stranger, or a file, can put before the authority, as functions from bytes.
//!
//! A target promises to return: no panic, no overflow, no endless work. Where something was read, it also promises
//! what its module says. `tests/fuzz` hands the functions to libFuzzer; `tests/corpus.rs` runs the committed corpus
//! through them in every test run, without a fuzzer.
#![expect(clippy::expect_used, reason = "a target tells by a panic that a promise is broken")]

mod acme;
mod certificate;
mod config;
mod encrypted_key;
mod key_file;
mod renewal;
mod request;
mod token;

pub use acme::{acme_identifier, acme_jws};
pub use certificate::certificate;
pub use config::ca_json;
pub use encrypted_key::jwe;
pub use key_file::key_file;
pub use renewal::{renew, renew_token};
pub use request::csr;
pub use token::jwt;

/// Reads what a fuzzer, or a stranger, wrote.
pub type Target = fn(&[u8]);

/// The targets under their names, which are those of their folders in `tests/fuzz/corpus`.
pub const TARGETS: [(&str, Target); 9] = [
    ("acme_identifier", acme_identifier),
    ("acme_jws", acme_jws),
    ("ca_json", ca_json),
    ("certificate", certificate),
    ("csr", csr),
    ("jwe", jwe),
    ("jwt", jwt),
    ("key_file", key_file),
    ("renew_token", renew_token),
];

/// The password of whatever is encrypted in the corpus.
const PASSWORD: &[u8] = b"correct-horse";

/// What is signed with keys that were read.
const MESSAGE: &[u8] = b"to be signed";
