//! A signer that fails or stops at a chosen call.

use std::sync::Arc;

use async_trait::async_trait;

use super::{PublicKey, SignatureAlgorithm, Signer, SignerError};
use crate::fault::{Call, Faults};

/// A [`Signer`] in front of another one, in which [`Faults`] go wrong. A failed call is [`SignerError::Unavailable`].
#[derive(Debug)]
pub struct FaultySigner<S: ?Sized> {
    faults: Arc<Faults>,
    inner: Arc<S>,
}

impl<S: Signer + ?Sized> FaultySigner<S> {
    /// `inner`, with `faults`.
    pub fn new(inner: Arc<S>, faults: Arc<Faults>) -> Self {
        Self { faults, inner }
    }
}

#[async_trait]
impl<S: Signer + ?Sized> Signer for FaultySigner<S> {
    fn public_key(&self) -> &PublicKey {
        self.inner.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.inner.algorithm()
    }

    fn longest_message(&self) -> usize {
        self.inner.longest_message()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signed = self.faults.around(Call::Sign, self.inner.sign(message)).await;
        signed.map_err(|injected| SignerError::Unavailable(Box::new(injected)))?
    }
}
