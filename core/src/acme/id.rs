//! The ids of accounts, orders and authorizations: random, and good for a path and a shell.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::random::{Random, RandomError, random_bytes};

/// The id of an account or of an order: 128 random bits in base64url, 22 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

impl Id {
    /// A new one.
    ///
    /// # Errors
    /// [`RandomError`] if there was no randomness.
    pub fn random(random: &dyn Random) -> Result<Self, RandomError> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random_bytes::<ID_OCTETS>(random)?)))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == ID_OCTETS => Ok(Self(text.to_owned())),
            Ok(_) | Err(_) => Err(NoId),
        }
    }
}

impl TryFrom<String> for Id {
    type Error = NoId;

    fn try_from(text: String) -> Result<Self, NoId> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of an authorization: the order whose record holds it, and its place there. It is found in one read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthorizationId {
    /// The order, or the record of a pre-authorization that belongs to none.
    pub order: Id,
    /// Its place among the authorizations of that record, from 0.
    pub place: u8,
}

impl FromStr for AuthorizationId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoId)?;
        match bytes.split_last() {
            Some((place, order)) if order.len() == ID_OCTETS => {
                Ok(Self { order: Id(URL_SAFE_NO_PAD.encode(order)), place: *place })
            }
            Some(_) | None => Err(NoId),
        }
    }
}

impl TryFrom<String> for AuthorizationId {
    type Error = NoId;

    fn try_from(text: String) -> Result<Self, NoId> {
        text.parse()
    }
}

impl From<AuthorizationId> for String {
    fn from(id: AuthorizationId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for AuthorizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An id decodes, or it would not be one.
        let mut bytes = URL_SAFE_NO_PAD.decode(&self.order.0).unwrap_or_default();
        bytes.push(self.place);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an id")]
pub struct NoId;

const ID_OCTETS: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    proptest! {
        #[test]
        fn a23_ids_are_base64url_and_read_back(bytes: [u8; 16], place: u8) {
            let order: Id = URL_SAFE_NO_PAD.encode(bytes).parse().unwrap();
            let authorization = AuthorizationId { order: order.clone(), place };
            let text = authorization.to_string();

            prop_assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            prop_assert_eq!(text.parse(), Ok(authorization));
            prop_assert_eq!(order.to_string().parse(), Ok(order));
        }

        #[test]
        fn no_text_has_a_second_spelling(text in "[A-Za-z0-9_-]{22,23}") {
            if let Ok(id) = text.parse::<Id>() {
                prop_assert_eq!(id.to_string(), &*text);
            }
            if let Ok(id) = text.parse::<AuthorizationId>() {
                prop_assert_eq!(id.to_string(), &*text);
            }
        }
    }

    #[rstest]
    #[case("")]
    #[case("short")]
    #[case("../../../../../../etc/p")]
    #[case("AAAAAAAAAAAAAAAAAAAAAA==")]
    #[case("AAAAAAAAAAAAAAAAAAAAAB")]
    #[case("AAAAAAAAAAAAAAAAAAAAA#")]
    fn a23_what_is_no_id_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Id>(), Err(NoId));
        assert_eq!(text.parse::<AuthorizationId>(), Err(NoId));
    }
}
