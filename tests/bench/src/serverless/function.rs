//! A Lambda binary in a process of its own, over a runtime API of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::event;
use super::runtime_api::{NoAnswer, RuntimeApi};
use super::world::World;
use crate::error::BenchError;
use crate::process::{self, Memory};

/// A function that waits for events. It is ended when this is dropped.
pub(crate) struct Function {
    name: String,
    child: Child,
    api: RuntimeApi,
    log: PathBuf,
    first_poll: Duration,
}

impl Function {
    /// Starts a binary and waits until it asks for its first event.
    pub(crate) fn start(program: &Path, world: &World) -> Result<Self, BenchError> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = world.log(&name);
        let output = File::create(&log).map_err(BenchError::file(&log))?;
        let errors = output.try_clone().map_err(BenchError::file(&log))?;
        let api = RuntimeApi::start().map_err(BenchError::Connection)?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(world.environment())
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
            .env("STEPLESS_CONFIG", world.configuration())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let started = Instant::now();
        let child =
            command.spawn().map_err(|source| BenchError::Start { path: program.to_owned(), source })?;
        let mut function = Self { name, child, api, log, first_poll: Duration::ZERO };
        let polled = function.api.wait_for_poll().map_err(|error| function.explain(error))?;
        function.first_poll = polled - started;
        Ok(function)
    }

    /// From the start of the process to its first question for an event: what a cold start adds, with all the calls
    /// that the function makes before it is ready.
    pub(crate) fn first_poll(&self) -> Duration {
        self.first_poll
    }

    /// The answer to an event, and what it took.
    pub(crate) fn invoke(&self, event: &[u8]) -> Result<(Vec<u8>, Duration), BenchError> {
        let invocation = self.api.invoke(event).map_err(|error| self.explain(error))?;
        Ok((invocation.answer, invocation.took))
    }

    /// The body of an answer that has the wanted status, and what it took.
    pub(crate) fn ask(&self, event: &[u8], status: u16) -> Result<(Value, Duration), BenchError> {
        let (answer, took) = self.invoke(event)?;
        let body = event::body(&answer, status).map_err(|source| BenchError::Explained {
            log: process::end_of(&self.log),
            source: Box::new(source),
        })?;
        Ok((body, took))
    }

    pub(crate) fn memory(&self) -> Result<Memory, BenchError> {
        process::memory(self.child.id())
    }

    fn explain(&self, error: NoAnswer) -> BenchError {
        let what = match error {
            NoAnswer::Failed(reason) => format!("failed: {reason}"),
            NoAnswer::Silent => "did not answer in time".to_owned(),
        };
        let source = BenchError::Function { function: self.name.clone(), what };
        BenchError::Explained { log: process::end_of(&self.log), source: Box::new(source) }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It has ended already, or it ends now; either way nothing is left to be done about a failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
