//! Keys: public keys and their strength, signature algorithms, private keys and their files, and the [`Signer`] port.

mod algorithm;
#[cfg(any(test, feature = "contract"))]
pub mod fault;
mod public;
mod signer;
mod strength;

pub use algorithm::{Digest, SignatureAlgorithm};
pub use public::{KeyKind, PublicKey, PublicKeyError, SignatureInvalid};
pub use signer::{Signer, SignerError};
pub use strength::WeakKey;
