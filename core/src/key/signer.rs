//! The signing port: a key that may live in a KMS.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use super::{PublicKey, SignatureAlgorithm};

/// A private key that signs, wherever it lives.
///
/// The caller hands over the whole message; an implementation whose KMS wants a digest hashes it itself, so that
/// algorithms without a separate digest (Ed25519, ML-DSA) fit too. One call is at most one billed KMS request.
#[async_trait]
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public half, known without a call.
    fn public_key(&self) -> &PublicKey;

    /// What [`Signer::sign`] signs with.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Length in octets of the longest message that [`Signer::sign`] takes; there is no limit unless one is given here.
    fn longest_message(&self) -> usize {
        usize::MAX
    }

    /// Signs `message` and returns the signature in its X.509 form: DER for ECDSA, raw bytes otherwise.
    ///
    /// # Errors
    /// [`SignerError`]; no signature was handed out, though a remote KMS may have made one.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// No signature came back.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The signer is busy or out of reach for the moment; the same request may be sent again.
    #[error("the signing key is not available for the moment")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key cannot sign until an operator acts: disabled, deleted, of the wrong usage, access denied.
    #[error("the signing key cannot be used")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
