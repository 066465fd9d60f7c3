//! Commits whose conflicts can be told apart, and whose lost answers are looked for.

use super::{CommitError, Record, Store, StoreError, Write};

/// Writes that are applied together, each with its role: what it stands for. A role stands for at most one write of a
/// commit, or for several that need not be told apart.
pub(crate) struct Commit<R> {
    writes: Vec<Write>,
    roles: Vec<R>,
}

/// Why a commit did not succeed.
#[derive(Debug)]
pub(crate) enum Failed<R> {
    /// A condition did not hold; nothing was applied.
    Conflict {
        /// The first one.
        role: R,
        /// What stood there.
        found: Option<Record>,
    },
    /// The engine failed; the commit may or may not have been applied.
    Store(StoreError),
}

impl<R> Default for Commit<R> {
    fn default() -> Self {
        Self { writes: Vec::new(), roles: Vec::new() }
    }
}

impl<R: Copy + PartialEq> Commit<R> {
    pub(crate) fn push(&mut self, role: R, write: Write) {
        self.writes.push(write);
        self.roles.push(role);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// [`Commit::push`] of a write that there may be.
    pub(crate) fn extend(&mut self, role: R, write: Option<Write>) {
        if let Some(write) = write {
            self.push(role, write);
        }
    }

    /// Applies every write or none.
    pub(crate) async fn apply(self, store: &dyn Store) -> Result<(), Failed<R>> {
        let roles = self.roles;
        store.commit(self.writes).await.map_err(|error| match error {
            CommitError::Store(error) => Failed::Store(error),
            CommitError::Conflict { write, found } => match roles.get(write) {
                Some(role) => Failed::Conflict { role: *role, found },
                None => Failed::Store(StoreError::Failed("a conflict with a write that was not made".into())),
            },
        })
    }

    /// As [`Commit::apply`]. If the engine fails, the record of `witness` is read: when it says what was to be written,
    /// the commit was applied and only its answer was lost. Nobody else may write the same there.
    pub(crate) async fn apply_or_confirm(self, store: &dyn Store, witness: R) -> Result<(), Failed<R>> {
        let position = self.roles.iter().position(|role| *role == witness);
        let intended = position.and_then(|position| self.writes.get(position)).cloned();
        let failed = self.apply(store).await;
        if let (Err(Failed::Store(_)), Some(Write::Put { key, value, .. })) = (&failed, intended)
            && let Ok(Some(found)) = store.get(&key).await
            && found.value == value
        {
            return Ok(());
        }
        failed
    }
}
