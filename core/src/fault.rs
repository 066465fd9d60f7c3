//! Ports that fail or stop at a chosen call, for tests that walk through every point at which a process can die.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::Notify;

/// What goes wrong, and when. Share one between a store and a signer to number the calls of both in one row.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
    stopped: Notify,
}

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails and has no effect.
    FailBefore,
    /// The call has its effect and its answer is lost: it fails.
    FailAfter,
    /// The call never returns and has no effect: the process died before it.
    StopBefore,
    /// The call has its effect and never returns: the process died after it.
    StopAfter,
}

impl Fault {
    /// All of them, for walks.
    pub const ALL: [Self; 4] = [Self::FailBefore, Self::FailAfter, Self::StopBefore, Self::StopAfter];
}

/// One call of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `Store::get`.
    Get,
    /// `Store::get_many`.
    GetMany,
    /// `Store::query`.
    Query,
    /// `Store::commit`.
    Commit,
    /// `Signer::sign`.
    Sign,
    /// Any method of `Prober`.
    Probe,
    /// `Retry::schedule`.
    Schedule,
}

/// The cause inside the error of a call that was made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this call was made to fail")]
pub struct Injected;

#[derive(Debug, Default)]
struct Plan {
    faults: BTreeMap<usize, Fault>,
    calls: Vec<Call>,
}

impl Faults {
    /// Nothing goes wrong; calls are counted.
    pub fn none() -> Self {
        Self::default()
    }

    /// `fault` at the call with this number; the first is 1.
    pub fn at(call: usize, fault: Fault) -> Self {
        let faults = Self::none();
        faults.add(call, fault);
        faults
    }

    /// `fault` also at the call with this number, counted from the very first call.
    pub fn add(&self, call: usize, fault: Fault) {
        self.plan().faults.insert(call, fault);
    }

    /// Forgets what was still to go wrong, as a new process would; calls are still counted.
    pub fn clear(&self) {
        self.plan().faults.clear();
    }

    /// The calls so far, in order, those that failed included.
    pub fn calls(&self) -> Vec<Call> {
        self.plan().calls.clone()
    }

    /// Returns when a call has stopped: the moment to drop the future under test. Does not miss one that stopped
    /// before this was called.
    ///
    /// ```ignore
    /// tokio::select! { answer = authority.sign(request) => .., () = faults.stopped() => .. }
    /// ```
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }

    /// Counts a call and makes it, or what goes wrong instead.
    ///
    /// # Errors
    /// [`Injected`] when the call was made to fail; what the call itself answers is inside.
    pub(crate) async fn around<T>(&self, call: Call, made: impl Future<Output = T>) -> Result<T, Injected> {
        let fault = {
            let mut plan = self.plan();
            plan.calls.push(call);
            let number = plan.calls.len();
            plan.faults.remove(&number)
        };
        match fault {
            None => Ok(made.await),
            Some(Fault::FailBefore) => Err(Injected),
            Some(Fault::FailAfter) => {
                made.await;
                Err(Injected)
            }
            Some(Fault::StopBefore) => self.stop().await,
            Some(Fault::StopAfter) => {
                made.await;
                self.stop().await
            }
        }
    }

    async fn stop<T>(&self) -> T {
        self.stopped.notify_one();
        std::future::pending().await
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
