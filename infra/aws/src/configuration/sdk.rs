//! How long a read or a write of a configuration may take.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

/// Two attempts fit into a request that waits for them, with time left to answer it.
pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build()
}

/// One more attempt after a failure.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(2)
}

const CONNECT: Duration = Duration::from_secs(1);
const ATTEMPT: Duration = Duration::from_secs(2);
/// All of a call.
pub(super) const OPERATION: Duration = Duration::from_secs(4);
