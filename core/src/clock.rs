//! The time port: what "now" is, so that tests and simulations are repeatable.

use std::fmt;

/// A signed span of exact time.
pub use jiff::SignedDuration;
/// An instant on the UTC time line, with nanosecond precision.
pub use jiff::Timestamp;

/// Where the time comes from. Wall clock, never a monotonic one: a function may be frozen for hours between requests.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// A clock that stands still until it is set: for tests and simulations.
#[derive(Debug)]
pub struct FixedClock(std::sync::atomic::AtomicI64);

impl FixedClock {
    /// A clock that shows `now`, to the second.
    pub fn new(now: Timestamp) -> Self {
        Self(std::sync::atomic::AtomicI64::new(now.as_second()))
    }

    /// Moves the clock by `seconds`, backwards when negative.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(std::sync::atomic::Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }
}
