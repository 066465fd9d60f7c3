//! The KMS client: how long a call may take, and what is tried again.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;

/// How long one attempt may take. A KMS answers in some ten milliseconds; whatever takes so much longer is lost.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a call may take, with everything that is tried again. A function has 29 seconds and two commits to make.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);

/// How often a call is sent at most. The pauses between six attempts, 2.5 seconds at the longest, outlast the one-second
/// window of a request quota twice.
pub const MAX_ATTEMPTS: u32 = 6;

/// The pause before the second attempt is chosen between nothing and this; every other may be twice as long.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// No pause is longer.
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A client whose calls end within [`OPERATION_TIMEOUT`]. Throttling, errors of the service, lost connections and lost
/// attempts are tried again, after pauses of random length; a refusal is not.
pub fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(MAX_BACKOFF);
    let config =
        aws_sdk_kms::config::Builder::from(config).timeout_config(timeouts).retry_config(retries).build();
    Client::from_conf(config)
}
