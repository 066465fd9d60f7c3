//! One look-up on its way: how long it may take, whom it may contact, what it is doing, and whom it has contacted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepless_core::acme::{AllowedTargets, ProbeError, ProbeErrorKind, ProbeLimits, RefusedRange};
use tokio::time::{Instant, timeout_at};

/// One look-up on its way. Every error is made here, so that each says what was being done and whom it concerned.
#[derive(Debug)]
pub(super) struct Journey {
    limit: Duration,
    end: Instant,
    targets: AllowedTargets,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    kind: ProbeErrorKind,
    doing: String,
    tried: Vec<SocketAddr>,
}

impl Journey {
    /// A look-up that begins now, and may contact what `always` or the limits allow.
    pub(super) fn new(limits: &ProbeLimits, always: &AllowedTargets) -> Self {
        let log = Log { kind: ProbeErrorKind::Dns, doing: String::new(), tried: Vec::new() };
        Self {
            limit: limits.deadline,
            end: Instant::now() + limits.deadline.min(LONGEST),
            targets: always.and(&limits.targets),
            log: Mutex::new(log),
        }
    }

    /// What `look_up` finds, if it does so in time.
    pub(super) async fn within<T>(
        &self,
        look_up: impl Future<Output = Result<T, ProbeError>>,
    ) -> Result<T, ProbeError> {
        match timeout_at(self.end, look_up).await {
            Ok(result) => result,
            Err(_elapsed) => {
                let seconds = self.limit.as_secs_f32();
                Err(self.fails(format_args!("no answer within {seconds} seconds")).that_may_heal())
            }
        }
    }

    /// What is done from now on, and what kind of failure it is when it fails.
    pub(super) fn begins(&self, kind: ProbeErrorKind, doing: impl fmt::Display) {
        let mut log = self.log();
        log.kind = kind;
        log.doing = doing.to_string();
    }

    /// The kind of failure from now on, of what is being done.
    pub(super) fn goes_on(&self, kind: ProbeErrorKind) {
        self.log().kind = kind;
    }

    /// Notes that `address` is contacted.
    pub(super) fn contacts(&self, address: SocketAddr) {
        let mut log = self.log();
        if !log.tried.contains(&address) {
            log.tried.push(address);
        }
    }

    /// Whether `address` may be contacted.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), RefusedRange> {
        self.targets.check(address)
    }

    /// What is left of the time.
    pub(super) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// The error that what is being done ended with `what`.
    pub(super) fn fails(&self, what: impl fmt::Display) -> ProbeError {
        let log = self.log();
        let detail = format_args!("{}: {what}", log.doing);
        ProbeError::new(log.kind, detail).having_tried(log.tried.iter().copied())
    }

    /// As [`Journey::fails`], of another kind than announced.
    pub(super) fn fails_as(&self, kind: ProbeErrorKind, what: impl fmt::Display) -> ProbeError {
        self.goes_on(kind);
        self.fails(what)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No look-up is waited for longer, whatever its limits say: an instant has an end.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
