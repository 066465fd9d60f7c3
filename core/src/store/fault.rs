//! A store that fails or stops at a chosen call.

use std::sync::Arc;

use async_trait::async_trait;

use super::{CommitError, Key, Page, Query, Record, Store, StoreError, Write};
use crate::fault::{Call, Faults, Injected};

/// A [`Store`] in front of another one, in which [`Faults`] go wrong. A failed call is [`StoreError::Unavailable`].
#[derive(Debug)]
pub struct FaultyStore<S: ?Sized> {
    faults: Arc<Faults>,
    inner: Arc<S>,
}

impl<S: Store + ?Sized> FaultyStore<S> {
    /// `inner`, with `faults`.
    pub fn new(inner: Arc<S>, faults: Arc<Faults>) -> Self {
        Self { faults, inner }
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for FaultyStore<S> {
    async fn get(&self, key: &Key) -> Result<Option<Record>, StoreError> {
        self.faults.around(Call::Get, self.inner.get(key)).await.map_err(unavailable)?
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StoreError> {
        self.faults.around(Call::GetMany, self.inner.get_many(keys)).await.map_err(unavailable)?
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.faults.around(Call::Query, self.inner.query(query)).await.map_err(unavailable)?
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        self.faults.around(Call::Commit, self.inner.commit(writes)).await.map_err(unavailable)?
    }
}

fn unavailable(injected: Injected) -> StoreError {
    StoreError::Unavailable(Box::new(injected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{FixedClock, Timestamp};
    use crate::fault::Fault;
    use crate::store::contract::Subject;
    use crate::store::{Condition, MemoryStore};

    crate::store_contract!(subject());

    async fn subject() -> Subject {
        let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
        let inner: Arc<dyn Store> = Arc::new(MemoryStore::new(clock.clone()));
        Subject::new(Arc::new(FaultyStore::new(inner, Arc::new(Faults::none()))), clock)
    }

    fn key() -> Key {
        Key::new(&["fault"], &["one"])
    }

    fn put() -> Vec<Write> {
        let write = Write::Put {
            key: key(),
            condition: Condition::Absent,
            value: Vec::new(),
            expires: None,
            indexes: Vec::new(),
        };
        vec![write]
    }

    #[rstest::rstest]
    #[case(Fault::FailBefore, false)]
    #[case(Fault::FailAfter, true)]
    #[case(Fault::StopBefore, false)]
    #[case(Fault::StopAfter, true)]
    #[tokio::test]
    async fn a_fault_strikes_the_named_call_before_or_after_its_effect(
        #[case] fault: Fault,
        #[case] applied: bool,
    ) {
        let inner = Arc::new(MemoryStore::new(Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH))));
        let faults = Arc::new(Faults::at(2, fault));
        let store = FaultyStore::new(inner.clone(), faults.clone());

        assert_eq!(store.get(&key()).await.unwrap(), None);
        let answer = tokio::select! {
            answer = store.commit(put()) => Some(answer),
            () = faults.stopped() => None,
        };

        match fault {
            Fault::FailBefore | Fault::FailAfter => {
                assert!(matches!(answer, Some(Err(CommitError::Store(StoreError::Unavailable(_))))));
            }
            Fault::StopBefore | Fault::StopAfter => assert!(answer.is_none()),
        }
        assert_eq!(store.get(&key()).await.unwrap().is_some(), applied);
        assert_eq!(faults.calls(), [Call::Get, Call::Commit, Call::Get]);
    }
}
