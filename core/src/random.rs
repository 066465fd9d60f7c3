//! The randomness port: serial numbers, salts and identifiers come from here.

use std::fmt;

use thiserror::Error;

/// A cryptographically secure source of random bytes. It is read from the system at every call, so that two copies of
/// one process image never produce the same bytes.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills `buffer` with random bytes.
    ///
    /// # Errors
    /// [`RandomError`] if the system gave none; the caller must not go on.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError>;
}

/// The system gave no random bytes.
#[derive(Debug, Error)]
#[error("the system's source of randomness failed")]
pub struct RandomError;

/// `N` random bytes from `random`.
///
/// # Errors
/// [`RandomError`] if the source gave none.
pub fn random_bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}
