//! The keys that a provider publishes.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{Jwk, SigningAlgorithm};

/// The keys of a set that signatures may be verified with.
///
/// A set may have keys of other kinds and for other uses; they are passed over, as is a malformed one: a provider's
/// first post-quantum key must not turn the others off.
///
/// [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// Reads a set.
    ///
    /// # Errors
    /// [`JwkSetError`] when it is too large or not a set at all.
    pub fn parse(json: &[u8]) -> Result<Self, JwkSetError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }

        if json.len() > MAX_SET_OCTETS {
            return Err(JwkSetError::TooLarge { octets: json.len() });
        }
        let set: Set = serde_json::from_slice(json)
            .map_err(|error| JwkSetError::Malformed { line: error.line(), column: error.column() })?;
        if set.keys.len() > MAX_SET_KEYS {
            return Err(JwkSetError::TooManyKeys { keys: set.keys.len() });
        }
        Ok(Self { keys: set.keys.iter().filter_map(|key| Jwk::deserialize(key).ok()).collect() })
    }

    /// The keys that may have made a signature with this algorithm under this name. A token without a `kid` may be of
    /// any of them.
    pub fn candidates<'s>(
        &'s self,
        key_id: Option<&'s str>,
        algorithm: SigningAlgorithm,
    ) -> impl Iterator<Item = &'s Jwk> {
        self.keys
            .iter()
            .filter(move |key| key_id.is_none() || key.key_id() == key_id)
            .filter(move |key| key.permits(algorithm))
    }

    /// Every key that may be used.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }
}

/// Why a set of keys is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JwkSetError {
    /// Longer than any provider's.
    #[error("the key set has {octets} bytes; at most {MAX_SET_OCTETS} are accepted")]
    TooLarge {
        /// Its length.
        octets: usize,
    },
    /// More keys than any provider has.
    #[error("the key set has {keys} keys; at most {MAX_SET_KEYS} are accepted")]
    TooManyKeys {
        /// Their number.
        keys: usize,
    },
    /// Not a JSON object with an array of keys.
    #[error("malformed key set at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

/// Longest set accepted. Large providers publish about 20 KiB, certificates included.
const MAX_SET_OCTETS: usize = 1024 * 1024;

/// Most keys accepted. A provider that rotates daily and keeps a month's keys has 30; a token without a `kid` costs
/// a verification for each.
const MAX_SET_KEYS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::testing::{ED25519_JWK, P256_JWK};

    #[test]
    fn t17_only_keys_for_signatures_are_kept() {
        let set = format!(
            r#"{{"keys":[{P256_JWK},{{"kty":"oct","k":"AAAA"}},{ED25519_JWK},{},{{"kty":"AKP","alg":"ML-DSA-44"}},7]}}"#,
            P256_JWK.replace("\"sig\"", "\"enc\"")
        );

        let set = JwkSet::parse(set.as_bytes()).unwrap();

        assert_eq!(set.keys().len(), 2);
    }

    #[test]
    fn candidates_have_the_name_and_the_algorithm() {
        let set = JwkSet::parse(format!(r#"{{"keys":[{P256_JWK},{ED25519_JWK}]}}"#).as_bytes()).unwrap();
        let kid = set.keys()[0].key_id();

        assert_eq!(set.candidates(kid, SigningAlgorithm::Es256).count(), 1);
        assert_eq!(set.candidates(None, SigningAlgorithm::EdDsa).count(), 1);
        assert_eq!(set.candidates(kid, SigningAlgorithm::EdDsa).count(), 0);
        assert_eq!(set.candidates(Some("other"), SigningAlgorithm::Es256).count(), 0);
    }

    #[test]
    fn t17_a_set_beyond_all_bounds_is_refused() {
        let keys = vec!["{}"; 101].join(",");

        assert_eq!(
            JwkSet::parse(format!(r#"{{"keys":[{keys}]}}"#).as_bytes()),
            Err(JwkSetError::TooManyKeys { keys: 101 })
        );
        assert_eq!(
            JwkSet::parse(&vec![b' '; 10 * 1024 * 1024]),
            Err(JwkSetError::TooLarge { octets: 10 * 1024 * 1024 })
        );
        assert!(matches!(JwkSet::parse(b"{}"), Err(JwkSetError::Malformed { .. })));
    }
}
