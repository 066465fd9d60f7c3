//! Lambda: real binaries behind the [runtime API], several processes a function, cold and warm.
//!
//! Each process has a runtime API of its own on loopback, as each execution environment has on AWS. Between two
//! invocations it is frozen (`SIGSTOP`), so that work that a function leaves for "later" does not happen here either.
//!
//! [runtime API]: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

mod api;
mod process;
mod reaper;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use uuid::Uuid;

use self::process::Process;
pub use self::reaper::Reaper;

/// What a function is made of.
#[derive(Clone, Debug)]
pub struct FunctionSettings {
    /// Its name, as `AWS_LAMBDA_FUNCTION_NAME` has it.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its environment, beside what Lambda sets itself.
    pub environment: BTreeMap<String, String>,
    /// How long an invocation may take; what takes longer is killed.
    pub timeout: Duration,
    /// In megabytes; told to the function, not enforced.
    pub memory: u64,
    /// Most processes at one time.
    pub concurrency: usize,
    /// What happens to an invocation above that.
    pub overload: Overload,
    /// What a process does between two invocations.
    pub between: Between,
    /// Where what it writes is appended.
    pub log: PathBuf,
}

/// What happens to an invocation when every process is busy and there may be no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// It waits for its turn.
    Wait,
    /// It is refused, as Lambda does: [`InvokeError::Throttled`].
    Refuse,
}

/// What a process does between two invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Nothing: it is stopped, as Lambda does.
    Frozen,
    /// It runs on.
    Running,
}

/// A function and its processes. Clones share them; they end with the last clone.
#[derive(Clone, Debug)]
pub struct Function(Arc<Pool>);

/// A process of a function, as it was at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStatus {
    /// Its id.
    pub pid: u32,
    /// Whether it works on an invocation.
    pub busy: bool,
}

impl Function {
    /// A function without a process yet: the first invocation starts one.
    pub fn new(settings: FunctionSettings, reaper: Reaper) -> Self {
        let permits = Arc::new(Semaphore::new(settings.concurrency));
        Self(Arc::new(Pool {
            settings,
            reaper,
            permits,
            state: Mutex::default(),
            cold_starts: AtomicUsize::new(0),
            invocations: AtomicUsize::new(0),
        }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Hands `event` to an idle process, or to a new one, and returns what it answers.
    ///
    /// # Errors
    /// [`InvokeError`]; the process is gone unless it reported the error itself.
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let pool = &self.0;
        if event.len() > MAX_PAYLOAD {
            return Err(InvokeError::TooLarge { octets: event.len() });
        }
        let permits = Arc::clone(&pool.permits);
        let permit = match pool.settings.overload {
            Overload::Wait => permits.acquire_owned().await.map_err(|_| InvokeError::Throttled)?,
            Overload::Refuse => permits.try_acquire_owned().map_err(|_| InvokeError::Throttled)?,
        };
        pool.invocations.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let idle = pool.state().idle.pop();
        let (process, patience) = match idle {
            Some(process) => (process, pool.settings.timeout),
            None => {
                (Process::start(pool).await.map_err(InvokeError::Start)?, pool.settings.timeout + INIT_LIMIT)
            }
        };
        let deadline = (SystemTime::now() + patience).duration_since(UNIX_EPOCH).unwrap_or_default();
        let ahead = i128::from(pool.state().clock_ahead) * 1000;
        process.hand_over(Invocation {
            id: Uuid::new_v4().to_string(),
            event,
            deadline_ms: deadline.as_millis().saturating_add_signed(ahead),
            arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{}", self.name()),
            answer,
            _permit: permit,
        });
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(Ok(response))) if response.len() > MAX_PAYLOAD => {
                Err(InvokeError::ResponseTooLarge { octets: response.len() })
            }
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(InvokeError::Exited),
            Err(_) => {
                process.kill();
                Err(InvokeError::TimedOut)
            }
        }
    }

    /// Starts one more process and waits for nothing; it is idle when it asks for its first invocation.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub async fn warm(&self) -> Result<(), InvokeError> {
        Process::start(&self.0).await.map(drop).map_err(InvokeError::Start)
    }

    /// Sets a variable of every process started from now on.
    pub fn set_environment(&self, name: &str, value: &str) {
        self.0.state().overrides.insert(name.to_owned(), value.to_owned());
    }

    /// Says that the clock of the processes, which a test may set, is so many seconds ahead of ours from now on: a
    /// deadline is told by their clock, as on AWS, where it is the same.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.0.state().clock_ahead = seconds;
    }

    /// Ends the idle processes, as a deployment does: the next invocation is a cold one.
    pub fn retire_idle(&self) {
        let idle = std::mem::take(&mut self.0.state().idle);
        idle.iter().for_each(|process| process.kill());
    }

    /// Ends the processes that work on an invocation, in mid-flight. Returns how many there were.
    pub fn kill_busy(&self) -> usize {
        let processes: Vec<_> = self.0.state().all.values().cloned().collect();
        let busy: Vec<_> = processes.iter().filter(|process| process.is_busy()).collect();
        busy.iter().for_each(|process| process.kill());
        busy.len()
    }

    /// The processes there are.
    pub fn processes(&self) -> Vec<ProcessStatus> {
        let processes: Vec<_> = self.0.state().all.values().cloned().collect();
        processes
            .iter()
            .map(|process| ProcessStatus { pid: process.pid(), busy: process.is_busy() })
            .collect()
    }

    /// How many processes were started so far.
    pub fn cold_starts(&self) -> usize {
        self.0.cold_starts.load(Ordering::Relaxed)
    }

    /// How many invocations were handed to a process so far.
    pub fn invocations(&self) -> usize {
        self.0.invocations.load(Ordering::Relaxed)
    }
}

/// An invocation came to nothing.
#[derive(Debug, Error)]
pub enum InvokeError {
    /// The event is longer than Lambda takes.
    #[error("the event has {octets} octets, more than the {MAX_PAYLOAD} that a function takes")]
    TooLarge {
        /// Its length.
        octets: usize,
    },
    /// The response is longer than Lambda gives.
    #[error("the response has {octets} octets, more than the {MAX_PAYLOAD} that a function may give")]
    ResponseTooLarge {
        /// Its length.
        octets: usize,
    },
    /// Every process is busy and there may be no more.
    #[error("all processes of the function are busy")]
    Throttled,
    /// The program cannot be started.
    #[error("the function cannot be started")]
    Start(#[source] io::Error),
    /// The function reported an error, in its initialization or for this event.
    #[error("the function failed: {payload}")]
    Function {
        /// What it reported: JSON with `errorType` and `errorMessage`.
        payload: String,
    },
    /// The process ended before it answered.
    #[error("the function's process ended before it answered")]
    Exited,
    /// It took longer than its limit and was killed.
    #[error("the function took longer than its time limit")]
    TimedOut,
}

/// An event on its way to a process.
#[derive(Debug)]
struct Invocation {
    id: String,
    event: Bytes,
    deadline_ms: u128,
    arn: String,
    answer: oneshot::Sender<Result<Bytes, InvokeError>>,
    /// Given back when the process is free again or gone.
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Pool {
    settings: FunctionSettings,
    reaper: Reaper,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    cold_starts: AtomicUsize,
    invocations: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// The most recently used last: it is taken first, as its caches are the warmest.
    idle: Vec<Arc<Process>>,
    all: BTreeMap<u32, Arc<Process>>,
    overrides: BTreeMap<String, String>,
    clock_ahead: i64,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that is done under this lock can leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for process in self.state().all.values() {
            process.kill();
        }
    }
}

/// Longest event and longest response of an invocation.
///
/// [Lambda quotas](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)
pub const MAX_PAYLOAD: usize = 6 * 1024 * 1024;

/// Longest initialization, which is not part of the first invocation's time.
const INIT_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
