//! Nonces that are given away without a write ([RFC 8555 §6.5](https://www.rfc-editor.org/rfc/rfc8555#section-6.5)).
//!
//! A nonce is a time and random bytes under a MAC. Whoever holds the key knows its own again, in every process; only
//! a nonce that is used leaves a mark in the store, in the commit of the write that it allows.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::clock::{SignedDuration, Timestamp};
use crate::jose::CLOCK_LEEWAY;
use crate::random::{Random, RandomError, random_bytes};
use crate::secret::SecretBytes;
use crate::store::{Key, table};

/// The secret that makes nonces, and knows them again.
pub struct NonceKey(Zeroizing<[u8; KEY_OCTETS]>);

impl NonceKey {
    /// A new key.
    ///
    /// # Errors
    /// [`RandomError`] if the source gave none.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; KEY_OCTETS]);
        random.fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// The key that was stored as these bytes.
    ///
    /// # Errors
    /// [`NonceKeyLength`] when there are not exactly 32 of them.
    pub fn from_stored(stored: &SecretBytes) -> Result<Self, NonceKeyLength> {
        let stored = stored.expose();
        let mut key = Zeroizing::new([0; KEY_OCTETS]);
        if stored.len() != KEY_OCTETS {
            return Err(NonceKeyLength { octets: stored.len() });
        }
        key.copy_from_slice(stored);
        Ok(Self(key))
    }

    /// Its bytes, for the one place that stores them.
    pub fn to_stored(&self) -> SecretBytes {
        SecretBytes::new(self.0.to_vec())
    }

    /// The key of one provisioner: a nonce that was issued with it is foreign to every other.
    pub fn of_provisioner(&self, provisioner_id: &str) -> Self {
        let mut context = hmac::Context::with_key(&self.hmac());
        context.update(PROVISIONER_TAG);
        context.update(provisioner_id.as_bytes());
        let mut key = Zeroizing::new([0; KEY_OCTETS]);
        key.copy_from_slice(context.sign().as_ref());
        Self(key)
    }

    /// A nonce that is good for [`NONCE_LIFETIME`] from `now`.
    ///
    /// # Errors
    /// [`RandomError`] if the source gave none.
    pub fn issue(&self, now: Timestamp, random: &dyn Random) -> Result<Nonce, RandomError> {
        // Before 1970 there was no ACME; the nonce is refused as too old.
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let mut bytes = [0; NONCE_OCTETS];
        let (signed, mac) = bytes.split_at_mut(SIGNED_OCTETS);
        let (time, unique) = signed.split_at_mut(TIME_OCTETS);
        // The highest octet of the time is zero for longer than there are dates, and holds the version.
        time.copy_from_slice(&(VERSION << VERSION_SHIFT | seconds & SECONDS).to_be_bytes());
        unique.copy_from_slice(&random_bytes::<UNIQUE_OCTETS>(random)?);
        mac.copy_from_slice(&self.mac(signed));
        Ok(Nonce(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whether `text` is a nonce that was issued with this key not longer than [`NONCE_LIFETIME`] before `now`. Whether
    /// it has been used, only the store knows.
    ///
    /// # Errors
    /// [`BadNonce`] says why it is none. The client is told `badNonce` whatever it is.
    pub fn check(&self, text: &str, now: Timestamp) -> Result<GoodNonce, BadNonce> {
        if text.len() != NONCE_CHARS {
            return Err(BadNonce::NotOurs);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadNonce::NotOurs)?;
        let (signed, mac) = bytes.split_at_checked(SIGNED_OCTETS).ok_or(BadNonce::NotOurs)?;
        constant_time::verify_slices_are_equal(&self.mac(signed), mac).map_err(|_| BadNonce::Forged)?;

        let time = signed.first_chunk().copied().map(u64::from_be_bytes).ok_or(BadNonce::NotOurs)?;
        if time >> VERSION_SHIFT != VERSION {
            return Err(BadNonce::NotOurs);
        }
        let issued_at = i64::try_from(time & SECONDS).map_err(|_| BadNonce::NotOurs)?;
        let issued_at = Timestamp::from_second(issued_at).map_err(|_| BadNonce::NotOurs)?;
        if issued_at > now.saturating_add(CLOCK_LEEWAY).unwrap_or(Timestamp::MAX) {
            return Err(BadNonce::FromTheFuture { issued_at });
        }
        let expires = issued_at.saturating_add(NONCE_LIFETIME).unwrap_or(Timestamp::MAX);
        if now >= expires {
            return Err(BadNonce::Old { issued_at });
        }
        let mut mark = [0; 32];
        mark.copy_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
        Ok(GoodNonce { mark, expires })
    }

    /// Half of a MAC is still far beyond guessing, and keeps the nonce short.
    fn mac(&self, signed: &[u8]) -> [u8; MAC_OCTETS] {
        let tag = hmac::sign(&self.hmac(), signed);
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }

    fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice())
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(..)")
    }
}

/// A nonce to give to a client. It is no secret, and so good for whoever has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Its text: 54 characters of base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A nonce that was issued here and is not too old; only [`NonceKey::check`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoodNonce {
    mark: [u8; 32],
    expires: Timestamp,
}

impl GoodNonce {
    /// When it ends.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Where it is marked as spent.
    pub fn spent_key(&self) -> Key {
        table::spent("nonce", &self.mark)
    }

    /// When that mark may be forgotten.
    pub fn spent_until(&self) -> Timestamp {
        table::spent_until(self.expires)
    }
}

/// Why a text is no good nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadNonce {
    /// No nonce of this authority looks like it.
    #[error("the nonce does not have the form of one that was issued here")]
    NotOurs,
    /// Its MAC is not made with this key: changed, from another authority or provisioner, or from before the key was
    /// replaced.
    #[error("the nonce was not issued here")]
    Forged,
    /// It was issued by a process whose clock is far ahead.
    #[error("the nonce was issued in the future, at {issued_at}")]
    FromTheFuture {
        /// What it says.
        issued_at: Timestamp,
    },
    /// It is too old.
    #[error("the nonce is too old; it was issued at {issued_at}")]
    Old {
        /// When.
        issued_at: Timestamp,
    },
}

/// Stored bytes are no nonce key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the nonce key has {octets} bytes; {KEY_OCTETS} are needed")]
pub struct NonceKeyLength {
    /// How many there are.
    pub octets: usize,
}

/// How long a nonce is good. Clients that poll take a new one with every answer; an hour lets somebody type in a DNS
/// record between two requests, and ends what has to be remembered of a used one.
pub const NONCE_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// As long as the hash, which [RFC 2104 §3](https://www.rfc-editor.org/rfc/rfc2104#section-3) recommends.
const KEY_OCTETS: usize = 32;
const TIME_OCTETS: usize = 8;
/// So many random bytes do not meet twice.
const UNIQUE_OCTETS: usize = 16;
/// At least half of the hash ([RFC 2104 §5](https://www.rfc-editor.org/rfc/rfc2104#section-5)).
const MAC_OCTETS: usize = 16;
const SIGNED_OCTETS: usize = TIME_OCTETS + UNIQUE_OCTETS;
const NONCE_OCTETS: usize = SIGNED_OCTETS + MAC_OCTETS;
/// In base64url without padding.
const NONCE_CHARS: usize = (NONCE_OCTETS * 4).div_ceil(3);

/// The first octet of what a MAC is made over; [`PROVISIONER_TAG`] begins with another one.
const VERSION: u64 = 1;
const VERSION_SHIFT: u32 = 56;
const SECONDS: u64 = (1 << VERSION_SHIFT) - 1;
const PROVISIONER_TAG: &[u8] = b"nonces of provisioner ";

#[cfg(test)]
mod tests;
