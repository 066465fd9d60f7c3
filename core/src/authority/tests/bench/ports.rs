//! Ports that remember, and a signer that lies.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::key::{PrivateKey, PublicKey, SignatureAlgorithm, Signer, SignerError};
use crate::random::{Random, RandomError};
use crate::x509::SerialNumber;

/// A key that remembers what it signed, whether or not the signature arrived.
#[derive(Debug)]
pub(crate) struct RecordingSigner {
    key: Arc<PrivateKey>,
    signed: Mutex<Vec<Vec<u8>>>,
}

impl RecordingSigner {
    pub(crate) fn new(key: Arc<PrivateKey>) -> Self {
        Self { key, signed: Mutex::default() }
    }

    /// What was signed, in order.
    pub(crate) fn signed(&self) -> Vec<Vec<u8>> {
        self.signed.lock().unwrap().clone()
    }
}

#[async_trait]
impl Signer for RecordingSigner {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::default_for(self.key.public_key().kind())
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.signed.lock().unwrap().push(message.to_vec());
        Ok(self.key.sign(self.algorithm(), message).unwrap())
    }
}

/// What comes back instead, from the message and the honest signature.
pub(crate) type Lie = Box<dyn Fn(&[u8], Vec<u8>) -> Vec<u8> + Send + Sync>;

/// A signer whose answers are changed on their way back.
pub(crate) struct Liar {
    pub(crate) honest: Arc<RecordingSigner>,
    pub(crate) lie: Lie,
}

impl std::fmt::Debug for Liar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Liar")
    }
}

#[async_trait]
impl Signer for Liar {
    fn public_key(&self) -> &PublicKey {
        self.honest.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.honest.algorithm()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let signature = self.honest.sign(message).await?;
        Ok((self.lie)(message, signature))
    }
}

/// SplitMix64: repeatable, and nobody's secret. It remembers the serial numbers that were made of its bytes.
#[derive(Debug)]
pub(crate) struct SeededRandom {
    state: AtomicU64,
    serials: Mutex<Vec<SerialNumber>>,
}

impl SeededRandom {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed), serials: Mutex::default() }
    }

    /// The serial numbers so far, in order.
    pub(crate) fn serials(&self) -> Vec<SerialNumber> {
        self.serials.lock().unwrap().clone()
    }

    fn next(&self) -> u64 {
        let state = self.state.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
        if let Ok(serial) = format!("0x{}", hex::encode(&buffer)).parse() {
            self.serials.lock().unwrap().push(serial);
        }
        Ok(())
    }
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
