//! The port through which a validation is tried again later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{AuthorizationId, Prober};
use crate::config::ChallengeType;

/// Has a challenge tried again after a while, by this process or another one: whoever gets the task calls
/// [`Acme::retry`](super::Acme::retry).
///
/// A task may be delivered late, more than once, or not at all: a client that looks at a challenge which nobody is at
/// work on has it scheduled again.
#[async_trait]
pub trait Retry: fmt::Debug + Send + Sync {
    /// Schedules the task. `after` is at most fifteen minutes, and may be rounded up to the next second.
    ///
    /// # Errors
    /// [`ScheduleError`] when the task was not taken.
    async fn schedule(&self, task: RetryTask, after: Duration) -> Result<(), ScheduleError>;
}

/// A challenge that is to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryTask {
    /// The id of the provisioner.
    pub provisioner: String,
    /// The authorization.
    pub authorization: AuthorizationId,
    /// Its challenge.
    pub challenge: ChallengeType,
    /// How many tries had begun when it was scheduled: a task that is delivered twice finds another number.
    pub tries: u32,
}

/// A task was not taken.
#[derive(Debug, Error)]
#[error("a validation could not be scheduled")]
pub struct ScheduleError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What validations need of a platform.
#[derive(Clone, Debug)]
pub struct Validator {
    /// Looks into the network.
    pub prober: Arc<dyn Prober>,
    /// Has a challenge tried again.
    pub retry: Arc<dyn Retry>,
}
