//! Signing keys in AWS KMS: which key is meant, the [`Signer`](stepless_core::key::Signer) over it, and how `stepless
//! init` makes one.
//!
//! Never here: a loop that tries again. The SDK does that, inside the time limits of [`client`].

pub mod admin;
mod client;
mod error;
mod key_id;
mod settings;
mod signer;
mod spec;

pub use client::{ATTEMPT_TIMEOUT, MAX_ATTEMPTS, OPERATION_TIMEOUT, client};
pub use error::{KeyProblem, KmsError};
pub use key_id::{KeyId, ParseKeyIdError};
pub use settings::{KmsSettings, KmsSettingsError};
pub use signer::{KmsSigner, OpenKeyError};
