//! Keys: public keys and their strength, signature algorithms, private keys and their files, and the [`Signer`] port.

mod algorithm;
mod ecdsa;
#[cfg(any(test, feature = "contract"))]
pub mod fault;
mod keyfile;
mod local;
mod mldsa;
mod private;
mod public;
mod signer;
mod strength;

pub use algorithm::{Digest, SignatureAlgorithm};
pub use keyfile::{PrivateKeyError, WriteKeyError};
pub use local::LocalSigner;
pub use mldsa::ParameterSet;
pub use private::{GenerateKeyError, PrivateKey, SigningError};
pub use public::{KeyKind, PublicKey, PublicKeyError, SignatureInvalid};
pub use signer::{Signer, SignerError};
pub use strength::WeakKey;
