//! Commits whose conflicts can be told apart, and whose lost answers are looked for.

use crate::store::{CommitError, Record, Store, StoreError, Write};

/// Writes that are applied together, each with what it stands for.
#[derive(Default)]
pub(super) struct Commit {
    writes: Vec<Write>,
    roles: Vec<Role>,
}

/// What a write of a commit stands for. A role stands for at most one write of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The one-time credential is marked as spent.
    Credential,
    /// What is about to be signed is stored.
    Intent,
    /// The certificate to renew must not be revoked.
    NotRevoked,
    /// The key must not be blocked.
    NotBlocked,
    /// A certificate is revoked.
    Revocation,
    /// A key is blocked.
    BlockedKey,
}

/// Why a commit did not succeed.
pub(super) enum Failed {
    /// A condition did not hold; nothing was applied.
    Conflict {
        /// The first one.
        role: Role,
        /// What stood there.
        found: Option<Record>,
    },
    /// The engine failed; the commit may or may not have been applied.
    Store(StoreError),
}

impl Commit {
    pub(super) fn push(&mut self, role: Role, write: Write) {
        self.writes.push(write);
        self.roles.push(role);
    }

    /// [`Commit::push`] of a write that there may be.
    pub(super) fn extend(&mut self, role: Role, write: Option<Write>) {
        if let Some(write) = write {
            self.push(role, write);
        }
    }

    /// Applies every write or none.
    pub(super) async fn apply(self, store: &dyn Store) -> Result<(), Failed> {
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
    pub(super) async fn apply_or_confirm(self, store: &dyn Store, witness: Role) -> Result<(), Failed> {
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
