//! A queue that calls a function, as Lambda does: messages are received in batches, and deleted when they are done.
//!
//! [Lambda with SQS](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::endpoint::{CallError, Endpoint, REGION};
use crate::runtime::Function;
use crate::template::QueueSource;

/// Calls the function until it is dropped.
#[derive(Debug)]
pub struct QueuePoller(JoinHandle<()>);

impl Drop for QueuePoller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl QueuePoller {
    /// Begins to call `function` with the messages of the queue at `url`. Must run inside a tokio runtime.
    pub fn start(sqs: Endpoint, url: &str, source: QueueSource, function: Function) -> Self {
        let queue = Queue { sqs, url: url.to_owned(), source, function };
        Self(tokio::spawn(async move {
            loop {
                if let Err(error) = queue.turn().await {
                    warn!(
                        queue = queue.url,
                        error = &error as &dyn std::error::Error,
                        "the queue did not answer"
                    );
                    // It has ended, or is busy.
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }))
    }
}

struct Queue {
    sqs: Endpoint,
    url: String,
    source: QueueSource,
    function: Function,
}

impl Queue {
    /// One batch, if there is one within a second.
    async fn turn(&self) -> Result<(), CallError> {
        let asked = json!({
            "QueueUrl": self.url, "MaxNumberOfMessages": self.source.batch, "WaitTimeSeconds": 1,
        });
        let received = self.call("AmazonSQS.ReceiveMessage", asked).await?;
        let messages = received.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
        if messages.is_empty() {
            return Ok(());
        }
        let records: Vec<Value> = messages.iter().map(|message| self.record(message)).collect();
        let event = json!({ "Records": records }).to_string();
        let failed = match self.function.invoke(event.into()).await {
            Ok(answer) => match failures(&answer) {
                Some(failed) => failed,
                // As if the function had failed: everything comes back.
                None => return Ok(()),
            },
            Err(error) => {
                warn!(
                    queue = self.url,
                    error = &error as &dyn std::error::Error,
                    "the batch was not worked on"
                );
                return Ok(());
            }
        };
        for message in messages.iter().filter(|message| !failed.contains(text(message, "MessageId"))) {
            let done = json!({ "QueueUrl": self.url, "ReceiptHandle": text(message, "ReceiptHandle") });
            self.call("AmazonSQS.DeleteMessage", done).await?;
        }
        Ok(())
    }

    fn record(&self, message: &Value) -> Value {
        json!({
            "messageId": text(message, "MessageId"),
            "receiptHandle": text(message, "ReceiptHandle"),
            "body": text(message, "Body"),
            "attributes": {},
            "messageAttributes": {},
            "md5OfBody": text(message, "MD5OfBody"),
            "eventSource": "aws:sqs",
            "eventSourceARN": self.source.arn,
            "awsRegion": REGION,
        })
    }

    async fn call(&self, target: &'static str, input: Value) -> Result<Value, CallError> {
        let sqs = self.sqs;
        match tokio::task::spawn_blocking(move || sqs.call(target, &input)).await {
            Ok(answered) => answered,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and this future with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

/// The ids of the messages that the function did not do; `None` when its answer makes no sense.
fn failures(answer: &[u8]) -> Option<BTreeSet<String>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let failed = answer.get("batchItemFailures").and_then(Value::as_array).into_iter().flatten();
    failed.map(|failure| failure.get("itemIdentifier")?.as_str().map(str::to_owned)).collect()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Before a queue that did not answer is asked again.
const PAUSE: Duration = Duration::from_secs(1);
