//! A function that is slow: one of its calls waits until it is let through.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::key::{PublicKey, SignatureAlgorithm, Signer, SignerError};
use crate::store::{CommitError, Key, Page, Query, Record, Store, StoreError, Write};

/// Counts the calls of one function, and holds one of them.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    calls: AtomicUsize,
    closed_at: AtomicUsize,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    /// Holds the call with this number, counted from now on; the first is 1.
    pub(crate) fn close_at(&self, call: usize) {
        self.closed_at.store(self.calls.load(Ordering::SeqCst) + call, Ordering::SeqCst);
    }

    /// Returns when the call waits. It has had no effect yet.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets the call through.
    pub(crate) fn open(&self) {
        self.opened.notify_one();
    }

    async fn pass(&self) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call == self.closed_at.load(Ordering::SeqCst) {
            self.reached.notify_one();
            self.opened.notified().await;
        }
    }
}

#[derive(Debug)]
pub(crate) struct GatedStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) gate: Arc<Gate>,
}

#[async_trait]
impl Store for GatedStore {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.gate.pass().await;
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.gate.pass().await;
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.gate.pass().await;
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        self.gate.pass().await;
        self.inner.commit(writes).await
    }
}

#[derive(Debug)]
pub(crate) struct GatedSigner {
    pub(crate) inner: Arc<dyn Signer>,
    pub(crate) gate: Arc<Gate>,
}

#[async_trait]
impl Signer for GatedSigner {
    fn public_key(&self) -> &PublicKey {
        self.inner.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.inner.algorithm()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.gate.pass().await;
        self.inner.sign(message).await
    }
}
