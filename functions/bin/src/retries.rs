//! Validations from a queue: each message is one task, and only those that were not done come back
//! ([partial batch responses](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html)).

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use stepless_core::acme::{Acme, RetryTask, Validator};
use stepless_core::clock::Clock;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::current::{Current, Serving};
use crate::function::Retries;
use crate::handler::time_left;
use crate::logging;

/// Works on the messages of a queue.
pub(crate) struct Worker {
    current: Current<Retries>,
    validator: Validator,
    clock: Arc<dyn Clock>,
}

/// What a queue hands over.
#[derive(Debug, Deserialize)]
pub(crate) struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
}

/// Which messages are to be handed over again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Worker {
    pub(crate) fn new(current: Current<Retries>, validator: Validator, clock: Arc<dyn Clock>) -> Self {
        Self { current, validator, clock }
    }

    /// Tries every task at the same time. Whatever is not done when the time is over, or cannot be done, comes back; the
    /// queue sets aside what comes back too often.
    pub(crate) async fn work(&self, event: LambdaEvent<Batch>) -> Outcome {
        let LambdaEvent { payload: Batch { records }, context } = event;
        let mut open: Vec<String> = records.iter().map(|message| message.message_id.clone()).collect();
        let serving = match self.current.serving().await {
            Ok(serving) => serving,
            Err(error) => {
                warn!(error = logging::chain(&error), "the authority is not open; the queue tries again");
                return Outcome::of(open);
            }
        };
        let mut tasks = JoinSet::new();
        for message in records {
            tasks.spawn(one(Arc::clone(&serving), self.validator.clone(), message));
        }
        let time = time_left(context.deadline, self.clock.now());
        let working = async {
            // One that panicked stays open.
            while let Some(ended) = tasks.join_next().await {
                if let Ok(Some(done)) = ended {
                    open.retain(|id| *id != done);
                }
            }
        };
        if tokio::time::timeout(time, working).await.is_err() {
            warn!("the time is over; the queue tries again what is not done");
            // Nothing may be left that goes on when the process is thawed.
            tasks.shutdown().await;
        }
        Outcome::of(open)
    }
}

impl Outcome {
    fn of(open: Vec<String>) -> Self {
        let failures = open.into_iter().map(|item_identifier| Failure { item_identifier });
        Self { batch_item_failures: failures.collect() }
    }
}

/// The id of the message, if its task was done.
async fn one(serving: Arc<Serving<Acme>>, validator: Validator, message: Message) -> Option<String> {
    let Message { message_id, body } = message;
    let task: RetryTask = match serde_json::from_str(&body) {
        Ok(task) => task,
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            warn!(message_id, line, column, "the message is no task");
            return None;
        }
    };
    let RetryTask { provisioner, authorization, challenge, tries: number } = &task;
    match serving.service.retry(&validator, &task).await {
        Ok(()) => {
            info!(message_id, provisioner, %authorization, %challenge, number, "tried again");
            Some(message_id)
        }
        Err(error) => {
            let error = logging::chain(&error);
            warn!(message_id, provisioner, %authorization, %challenge, number, error, "the try was not made");
            None
        }
    }
}
