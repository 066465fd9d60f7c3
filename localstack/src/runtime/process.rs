//! One process of a function.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::{Between, Invocation, InvokeError, Pool, api};
use crate::endpoint::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};

#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    pool: Weak<Pool>,
    work: mpsc::UnboundedSender<Invocation>,
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    invocation: Option<Invocation>,
    /// Signals to its id would reach a stranger.
    ended: bool,
}

impl Process {
    /// Starts a process and its runtime API.
    pub(super) async fn start(pool: &Arc<Pool>) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let settings = &pool.settings;
        let log = File::options().create(true).append(true).open(&settings.log)?;
        let mut child = Command::new(&settings.program)
            .env_clear()
            .envs(standard_environment(settings))
            .envs(&settings.environment)
            .envs(pool.state().overrides.iter())
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .current_dir(settings.program.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the process ended at once"))?;
        pool.reaper.watch(pid)?;
        pool.cold_starts.fetch_add(1, Ordering::Relaxed);
        let (work, waiting) = mpsc::unbounded_channel();
        let process = Arc::new(Self {
            pid,
            pool: Arc::downgrade(pool),
            work,
            waiting: waiting.into(),
            current: Mutex::default(),
        });
        pool.state().all.insert(pid, Arc::clone(&process));

        let api = tokio::spawn(api::serve(listener, Arc::clone(&process)));
        let (watched, reaper) = (Arc::clone(&process), pool.reaper.clone());
        tokio::spawn(async move {
            let status = child.wait().await;
            reaper.forget(pid);
            api.abort();
            tracing::debug!(pid, ?status, "process of a function ended");
            watched.ended();
        });
        Ok(process)
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn is_busy(&self) -> bool {
        self.current().invocation.is_some()
    }

    /// Gives it an invocation. It must be new, or have been taken out of the idle ones.
    pub(super) fn hand_over(&self, invocation: Invocation) {
        self.signal(Signal::CONT);
        // Who waits for the answer hears of a process that is gone by the answer's channel.
        let _ = self.work.send(invocation);
    }

    /// The next invocation; while there is none, the process is idle.
    pub(super) async fn next(self: &Arc<Self>) -> Option<(String, http::HeaderMap, axum::body::Bytes)> {
        let mut waiting = self.waiting.lock().await;
        // Whatever it worked on is finished. Its place is free only when it can be found among the idle ones: whoever
        // waits for the place would start another process.
        let finished = self.current().invocation.take();
        let invocation = match waiting.try_recv() {
            Ok(invocation) => invocation,
            Err(_) => {
                self.become_idle();
                drop(finished);
                waiting.recv().await?
            }
        };
        let head = api::head(&invocation);
        let (id, event) = (invocation.id.clone(), invocation.event.clone());
        let mut current = self.current();
        if current.ended {
            return None;
        }
        current.invocation = Some(invocation);
        Some((id, head, event))
    }

    /// Answers the invocation `id`. False if it is not the one it works on, or was answered before.
    pub(super) fn answer(&self, id: &str, result: Result<axum::body::Bytes, InvokeError>) -> bool {
        let mut current = self.current();
        let Some(invocation) = current.invocation.as_mut().filter(|invocation| invocation.id == id) else {
            return false;
        };
        let (gone, _) = tokio::sync::oneshot::channel();
        // Nobody may wait any more: the invocation timed out.
        std::mem::replace(&mut invocation.answer, gone).send(result).is_ok()
    }

    /// It reports that it cannot begin: whoever waits for it hears why.
    pub(super) fn init_failed(&self, payload: String) {
        if let Ok(mut waiting) = self.waiting.try_lock()
            && let Ok(invocation) = waiting.try_recv()
        {
            // Nobody may wait any more.
            let _ = invocation.answer.send(Err(InvokeError::Function { payload }));
        }
    }

    /// Ends it at once.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn become_idle(self: &Arc<Self>) {
        let Some(pool) = self.pool.upgrade() else { return };
        // Frozen before anyone can find it among the idle ones and wake it up.
        if pool.settings.between == Between::Frozen {
            self.signal(Signal::STOP);
        }
        let mut state = pool.state();
        if state.all.contains_key(&self.pid) {
            state.idle.push(Arc::clone(self));
        }
    }

    fn ended(&self) {
        if let Some(pool) = self.pool.upgrade() {
            let mut state = pool.state();
            state.all.remove(&self.pid);
            state.idle.retain(|process| process.pid != self.pid);
        }
        let current = {
            let mut current = self.current();
            current.ended = true;
            current.invocation.take()
        };
        // The answers' channels close with the invocations.
        drop(current);
        if let Ok(mut waiting) = self.waiting.try_lock() {
            waiting.close();
            while waiting.try_recv().is_ok() {}
        }
    }

    fn signal(&self, signal: Signal) {
        let current = self.current();
        if !current.ended
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            // It may have ended a moment ago, and is not yet waited for.
            let _ = kill_process(pid, signal);
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What Lambda sets for every function.
///
/// [Defined runtime environment variables](https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)
fn standard_environment(settings: &super::FunctionSettings) -> BTreeMap<String, String> {
    let text = str::to_owned;
    let root = settings.program.parent().map(|path| path.display().to_string()).unwrap_or_default();
    let mut environment = BTreeMap::from([
        (text("AWS_LAMBDA_FUNCTION_NAME"), settings.name.clone()),
        (text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), settings.memory.to_string()),
        (text("AWS_LAMBDA_FUNCTION_VERSION"), text("$LATEST")),
        (text("AWS_LAMBDA_INITIALIZATION_TYPE"), text("on-demand")),
        (text("AWS_LAMBDA_LOG_GROUP_NAME"), format!("/aws/lambda/{}", settings.name)),
        (text("AWS_LAMBDA_LOG_STREAM_NAME"), text("local")),
        (text("AWS_REGION"), text(REGION)),
        (text("AWS_DEFAULT_REGION"), text(REGION)),
        (text("AWS_ACCESS_KEY_ID"), text(ACCESS_KEY_ID)),
        (text("AWS_SECRET_ACCESS_KEY"), text(SECRET_ACCESS_KEY)),
        (text("_HANDLER"), text("bootstrap")),
        (text("LAMBDA_TASK_ROOT"), root),
        (text("TZ"), text(":UTC")),
        (text("LANG"), text("en_US.UTF-8")),
    ]);
    if let Ok(path) = std::env::var("PATH") {
        environment.insert(text("PATH"), path);
    }
    environment
}
