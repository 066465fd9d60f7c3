//! Validations that are tried again, as messages of a queue in SQS: they outlast the process that asked for them.
//!
//! The queue calls the function that works on them
//! ([Lambda with SQS](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)).

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use stepless_core::acme::{Retry, RetryTask, ScheduleError};
use thiserror::Error;

/// A queue in one Region.
#[derive(Clone, Debug)]
pub struct SqsRetry {
    client: Client,
    queue_url: String,
}

impl SqsRetry {
    /// The queue of this URL, in the Region, and with the credentials, of `config`. Nothing is sent.
    pub fn new(config: &SdkConfig, queue_url: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = aws_sdk_sqs::config::Builder::from(config)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard())
            .build();
        Self { client: Client::from_conf(config), queue_url: queue_url.into() }
    }
}

#[async_trait]
impl Retry for SqsRetry {
    /// Needs `sqs:SendMessage`.
    async fn schedule(&self, task: RetryTask, after: Duration) -> Result<(), ScheduleError> {
        let body = serde_json::to_string(&task).map_err(|error| ScheduleError(error.into()))?;
        let sent = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .delay_seconds(delay(after))
            .message_body(body)
            .send()
            .await;
        sent.map(drop).map_err(|error| ScheduleError(SqsError::from(error).into()))
    }
}

/// What SQS did not do.
#[derive(Debug, Error)]
#[error("sqs:SendMessage failed: {code}{}{message}", if .message.is_empty() { "" } else { ": " })]
pub struct SqsError {
    /// SQS's name for the error, or that there was no answer.
    code: String,
    /// What SQS said of it.
    message: String,
    /// What the SDK says of it.
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl<E> From<SdkError<E>> for SqsError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        Self {
            code: error.code().unwrap_or("no answer").to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
            source: Box::new(error),
        }
    }
}

/// In whole seconds, rounded up, and not more than a queue takes.
fn delay(after: Duration) -> i32 {
    let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0));
    i32::try_from(seconds).unwrap_or(MAX_DELAY_SECONDS).min(MAX_DELAY_SECONDS)
}

/// [SQS, message timers](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html)
const MAX_DELAY_SECONDS: i32 = 900;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call may take with all its attempts. A client waits for it behind a whole try of its challenge; a task that
/// was not taken is scheduled anew when the client looks at the challenge.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Duration::ZERO, 0)]
    #[case(Duration::from_millis(1), 1)]
    #[case(Duration::from_secs(1), 1)]
    #[case(Duration::from_millis(1001), 2)]
    #[case(Duration::from_secs(900), 900)]
    #[case(Duration::from_secs(901), 900)]
    #[case(Duration::MAX, 900)]
    fn a_delay_is_rounded_up_to_seconds_and_never_longer_than_a_queue_takes(
        #[case] after: Duration,
        #[case] seconds: i32,
    ) {
        assert_eq!(delay(after), seconds);
    }
}
