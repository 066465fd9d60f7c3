//! The authority in use, and its change when the configuration changes.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use stepless_aws::configuration::ConfigurationVersion;
use stepless_core::clock::{Clock, SignedDuration, Timestamp};
use stepless_functions::TraceHeader;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::error;

use crate::function::Function;
use crate::logging;
use crate::source::{NotOpen, Opener};

/// Holds the authority in use. Requests under way finish on the one they began with.
pub(crate) struct Current<F: Function> {
    function: F,
    opener: Arc<dyn Opener>,
    clock: Arc<dyn Clock>,
    serving: ArcSwapOption<Serving<F::Service>>,
    /// When the configuration was looked at last. Whoever holds the lock looks; nobody else does at the same time.
    looked: Mutex<Option<Timestamp>>,
}

/// The function with an authority.
pub(crate) struct Serving<S> {
    pub(crate) service: S,
    pub(crate) trace_header: TraceHeader,
    version: ConfigurationVersion,
}

impl<F: Function> Current<F> {
    pub(crate) fn new(function: F, opener: Arc<dyn Opener>, clock: Arc<dyn Clock>) -> Self {
        Self { function, opener, clock, serving: ArcSwapOption::empty(), looked: Mutex::new(None) }
    }

    /// Opens the authority before anybody asks for it; a failure is logged, and the next request tries again.
    pub(crate) async fn open_early(&self) {
        match timeout(OPEN_EARLY_WITHIN, self.first()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                error!(
                    error = logging::chain(&error),
                    "the authority is not open; the next request tries again"
                );
            }
            Err(_elapsed) => error!("the authority is not open in time; the next request tries again"),
        }
    }

    /// The authority to serve with. The configuration is looked at again when the last look is [`CHECK_EVERY`] ago by
    /// wall clock; what is wrong with a new one is logged, and the old one stays in use.
    pub(crate) async fn serving(&self) -> Result<Arc<Serving<F::Service>>, NotOpen> {
        let Some(serving) = self.serving.load_full() else {
            return timeout(LOOK_WITHIN, self.first()).await.unwrap_or(Err(NotOpen::Slow));
        };
        // Another request looks already: this one need not wait for it.
        let Ok(mut looked) = self.looked.try_lock() else { return Ok(serving) };
        let now = self.clock.now();
        if !is_due(*looked, now, CHECK_EVERY) {
            return Ok(serving);
        }
        // A place that does not answer is not asked by every request.
        *looked = Some(now);
        match timeout(LOOK_WITHIN, self.open(Some(&serving.version))).await.unwrap_or(Err(NotOpen::Slow)) {
            Ok(Some(changed)) => Ok(changed),
            Ok(None) => Ok(serving),
            Err(error) => {
                error!(
                    error = logging::chain(&error),
                    in_use = %serving.version,
                    "the present configuration cannot be read or used; the one in use stays"
                );
                Ok(serving)
            }
        }
    }

    /// Opens the first authority, unless that failed a moment ago.
    async fn first(&self) -> Result<Arc<Serving<F::Service>>, NotOpen> {
        let mut looked = self.looked.lock().await;
        if let Some(serving) = self.serving.load_full() {
            return Ok(serving);
        }
        if !is_due(*looked, self.clock.now(), TRY_EVERY) {
            return Err(NotOpen::Recently);
        }
        let opened = self.open(None).await;
        *looked = Some(self.clock.now());
        opened?.ok_or(NotOpen::Recently)
    }

    async fn open(
        &self,
        known: Option<&ConfigurationVersion>,
    ) -> Result<Option<Arc<Serving<F::Service>>>, NotOpen> {
        let Some(opened) = self.opener.open(known).await? else { return Ok(None) };
        let service = self.function.serve(&opened).await?;
        let serving =
            Arc::new(Serving { service, trace_header: opened.trace_header, version: opened.version });
        self.serving.store(Some(Arc::clone(&serving)));
        Ok(Some(serving))
    }

    pub(crate) fn function(&self) -> &F {
        &self.function
    }

    /// Where requests have their ids.
    pub(crate) fn trace_header(&self) -> TraceHeader {
        self.serving.load().as_ref().map(|serving| serving.trace_header.clone()).unwrap_or_default()
    }
}

/// Whether `interval` has passed since `last`. A clock that was set back makes everything due.
fn is_due(last: Option<Timestamp>, now: Timestamp, interval: SignedDuration) -> bool {
    last.is_none_or(|last| now < last || now.duration_since(last) >= interval)
}

/// A new configuration is in use everywhere within a minute: half of it for the look, half for a request to come.
const CHECK_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// A request waits so long for a configuration, and no longer: what it is there for needs the rest of its time.
pub(crate) const LOOK_WITHIN: Duration = Duration::from_secs(3);

/// The first opening may take longer, while nobody waits for it, but Lambda ends a process that has not begun to ask for
/// events after ten seconds.
const OPEN_EARLY_WITHIN: Duration = Duration::from_secs(8);

/// While there is no authority, every request asks for one: so often at most.
const TRY_EVERY: SignedDuration = SignedDuration::from_secs(1);

#[cfg(test)]
mod tests;
