//! The system's clock and randomness behind core's ports.

use stepless_core::clock::{Clock, Timestamp};
use stepless_core::random::{Random, RandomError};

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The system's source of randomness, by way of the cryptography library's generator, which notices when the process
/// was copied.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::fill(buffer).map_err(|_unspecified| RandomError)
    }
}

#[cfg(test)]
mod tests {
    use stepless_core::random::random_bytes;

    use super::*;

    #[test]
    fn two_reads_of_the_system_differ() {
        let first: [u8; 32] = random_bytes(&SystemRandom).unwrap();
        let second: [u8; 32] = random_bytes(&SystemRandom).unwrap();

        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
    }

    #[test]
    fn the_clock_does_not_run_backwards_between_two_looks() {
        let first = SystemClock.now();

        assert!(SystemClock.now() >= first);
        assert!(first > Timestamp::UNIX_EPOCH);
    }
}
