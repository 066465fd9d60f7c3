//! How often and how long a call is tried, and what a failed attempt says of its effect.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use tokio::time::Instant;

/// How long a call of the store may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// One request to DynamoDB, its connection included.
    pub attempt: Duration,
    /// A call of the port, with all its attempts and the pauses between them. No attempt begins that might not end
    /// within it.
    pub operation: Duration,
}

impl TimeLimits {
    /// What fits into a function: API Gateway gives up after 29 seconds, and within them two commits, a signature and
    /// a commit that closes the intent must end. DynamoDB answers within milliseconds, so an attempt of a second
    /// is lost.
    pub const OF_A_FUNCTION: Self =
        Self { attempt: Duration::from_secs(1), operation: Duration::from_secs(3) };
}

/// The attempts of one call.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// No attempt begins later.
    last_start: Instant,
    pauses: u32,
}

impl Attempts {
    pub(crate) fn new(limits: TimeLimits) -> Self {
        let last_start = Instant::now() + limits.operation.saturating_sub(limits.attempt);
        Self { last_start, pauses: 0 }
    }

    /// Waits before the next attempt, longer each time, and never two callers equally long. Says whether there may be
    /// one.
    pub(crate) async fn pause(&mut self) -> Next {
        let longest = PAUSE.saturating_mul(1 << self.pauses.min(MAX_DOUBLINGS));
        let pause = longest.mul_f64(0.5 + 0.5 * chance());
        if Instant::now() + pause > self.last_start {
            return Next::GiveUp;
        }
        self.pauses += 1;
        tokio::time::sleep(pause).await;
        Next::Attempt
    }
}

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another one.
    Attempt,
    /// The time is over.
    GiveUp,
}

/// What a failed attempt says of its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It had none, and another attempt may do better.
    Refused,
    /// It may have had its effect, and another attempt may tell.
    Unknown,
    /// It had none, and no attempt will.
    Failed,
}

impl Effect {
    pub(crate) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ConstructionFailure(_) => Self::Failed,
            SdkError::ServiceError(service) => {
                Self::of_answer(service.err().code().unwrap_or_default(), service.raw().status().as_u16())
            }
            // Timed out, cut off, or answered by something else than DynamoDB.
            _ => Self::Unknown,
        }
    }

    fn of_answer(code: &str, status: u16) -> Self {
        match code {
            "ProvisionedThroughputExceededException"
            | "ReplicatedWriteConflictException"
            | "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "TransactionConflictException" => Self::Refused,
            // Another attempt of this very commit is still at work.
            "TransactionInProgressException" => Self::Unknown,
            // It failed on the way, or it worked and the answer makes no sense.
            _ if !(400..500).contains(&status) => Self::Unknown,
            _ => Self::Failed,
        }
    }
}

/// The first pause. A conflict with another writer is over after a few milliseconds.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest pause is 640 ms: an operation of five seconds has about ten attempts.
const MAX_DOUBLINGS: u32 = 5;

/// Between 0 and 1. Without randomness all wait equally long, which is slow and not wrong.
fn chance() -> f64 {
    let mut octet = [0];
    match aws_lc_rs::rand::fill(&mut octet) {
        Ok(()) => f64::from(octet[0]) / f64::from(u8::MAX),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::throttled("ThrottlingException", 400, Effect::Refused)]
    #[case::no_capacity("ProvisionedThroughputExceededException", 400, Effect::Refused)]
    #[case::conflicting("TransactionConflictException", 400, Effect::Refused)]
    #[case::in_progress("TransactionInProgressException", 400, Effect::Unknown)]
    #[case::internal("InternalServerError", 500, Effect::Unknown)]
    #[case::unavailable("", 503, Effect::Unknown)]
    #[case::garbled("", 200, Effect::Unknown)]
    #[case::invalid("ValidationException", 400, Effect::Failed)]
    #[case::forbidden("AccessDeniedException", 400, Effect::Failed)]
    #[case::no_table("ResourceNotFoundException", 400, Effect::Failed)]
    #[case::other_request("IdempotentParameterMismatchException", 400, Effect::Failed)]
    fn d5_an_error_says_whether_there_was_an_effect(
        #[case] code: &str,
        #[case] status: u16,
        #[case] expected: Effect,
    ) {
        assert_eq!(Effect::of_answer(code, status), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_within_the_time_of_the_operation() {
        let limits = TimeLimits::OF_A_FUNCTION;
        let start = Instant::now();
        let mut attempts = Attempts::new(limits);
        let mut count = 1;

        while attempts.pause().await == Next::Attempt {
            count += 1;
        }

        assert!(start.elapsed() + limits.attempt <= limits.operation, "{:?}", start.elapsed());
        assert!((8..20).contains(&count), "{count} attempts");
    }
}
