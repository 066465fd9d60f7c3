//! External account binding: keys that an operator hands out, and accounts that are bound by them
//! ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)).
//!
//! A key binds one account. Its secret is forgotten in the commit that makes the account.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::record::{BoundAccount, ExternalAccount, ExternalAccountKeyRecord};
use super::{Acme, AcmeError, Endpoint, Id, ProblemType};
use crate::clock::Timestamp;
use crate::jose::{BindingError, Jwk, MacJws};
use crate::random::{Random, RandomError, random_bytes};
use crate::secret::SecretBytes;
use crate::store::table::Der;
use crate::store::{CommitError, Condition, Cursor, Order, Query, Source, Store, StoreError, Write, table};

impl Acme {
    /// What binds a new account, and the write that uses the key up: one table call where a binding is shown.
    pub(super) async fn bind(
        &self,
        endpoint: &Endpoint<'_>,
        account_key: &Jwk,
        account: &Id,
        binding: Option<Value>,
    ) -> Result<(Option<ExternalAccount>, Option<Write>), AcmeError> {
        let Some(binding) = binding else {
            if endpoint.options.require_eab {
                return Err(AcmeError::new(
                    ProblemType::ExternalAccountRequired,
                    "an account needs an external account binding; ask the operator for a key",
                ));
            }
            return Ok((None, None));
        };
        let jws = MacJws::parse(binding.to_string().as_bytes())
            .map_err(|error| AcmeError::malformed(&error).because(error))?;
        if jws.url() != endpoint.url() {
            return Err(AcmeError::malformed(
                "the url of the external account binding must be that of the request",
            ));
        }
        let key_id = jws.key_id().to_owned();
        let key = table::acme::external_account_key(&endpoint.provisioner.id, &key_id);
        let unknown = || AcmeError::unauthorized("the key of the external account binding is not known");
        let found = self.store().get(&key).await?.ok_or_else(unknown)?;
        let mut record: ExternalAccountKeyRecord = table::decode(&found)?;
        let secret = match (record.hmac_key.take(), &record.bound) {
            (Some(secret), None) => SecretBytes::new(secret.0),
            _ => return Err(used()),
        };
        jws.verify_account_key(&secret, account_key.public_key()).map_err(|error| match error {
            BindingError::Mac(_) => AcmeError::unauthorized(&error).because(error),
            BindingError::Payload(_) | BindingError::Jwk(_) | BindingError::OtherKey => {
                AcmeError::malformed(&error).because(error)
            }
        })?;
        record.bound = Some(BoundAccount { account: account.clone(), at: self.authority.now() });
        let write = Write::Put {
            key,
            condition: Condition::Version(found.version),
            value: table::encode(&record)?,
            expires: None,
            indexes: Vec::new(),
        };
        Ok((Some(ExternalAccount { key_id, binding }), Some(write)))
    }
}

pub(super) fn used() -> AcmeError {
    AcmeError::unauthorized("the key of the external account binding was used before")
}

/// A key for external account binding that was made just now: the only time that its secret is shown.
#[derive(Debug)]
pub struct NewExternalAccountKey {
    /// What a binding names it by.
    pub key_id: String,
    /// What a binding is made with.
    pub hmac_key: SecretBytes,
}

/// A key for external account binding, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedExternalAccountKey {
    /// What a binding names it by.
    pub key_id: String,
    /// What the operator calls whom it is for; may be empty.
    pub reference: String,
    /// When it was made.
    pub created: Timestamp,
    /// The account that was bound by it, and when.
    pub bound: Option<BoundAccount>,
}

/// The keys for external account binding of one provisioner, for its operator.
#[derive(Debug)]
pub struct ExternalAccountKeys<'a> {
    store: &'a dyn Store,
    provisioner: &'a str,
}

impl<'a> ExternalAccountKeys<'a> {
    /// The keys of the provisioner with this id.
    pub fn new(store: &'a dyn Store, provisioner: &'a str) -> Self {
        Self { store, provisioner }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`ExternalAccountKeyError`] when there was no randomness, or the store failed.
    pub async fn add(
        &self,
        reference: &str,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<NewExternalAccountKey, ExternalAccountKeyError> {
        let key_id = drawn(|| Ok(Id::random(random)?.to_string()), String::clone)?;
        let secret =
            drawn(|| random_bytes::<SECRET_OCTETS>(random), |it| URL_SAFE_NO_PAD.encode(it))?.to_vec();
        let record = ExternalAccountKeyRecord {
            hmac_key: Some(Der(secret.clone())),
            reference: reference.to_owned(),
            created: now,
            bound: None,
        };
        let write = Write::Put {
            key: table::acme::external_account_key(self.provisioner, &key_id),
            condition: Condition::Absent,
            value: table::encode(&record)?,
            expires: None,
            indexes: Vec::new(),
        };
        self.store.commit(vec![write]).await?;
        Ok(NewExternalAccountKey { key_id, hmac_key: SecretBytes::new(secret) })
    }

    /// All keys, in the order of their ids.
    ///
    /// # Errors
    /// [`ExternalAccountKeyError`] when the store failed.
    pub async fn list(&self) -> Result<Vec<ListedExternalAccountKey>, ExternalAccountKeyError> {
        let mut keys = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let query = Query {
                source: Source::Partition(table::acme::external_account_keys(self.provisioner)),
                prefix: String::new(),
                order: Order::Ascending,
                limit: PAGE,
                cursor,
            };
            let page = self.store.query(&query).await?;
            for found in &page.records {
                let record: ExternalAccountKeyRecord = table::decode(found)?;
                keys.push(ListedExternalAccountKey {
                    key_id: found.key.sort.clone(),
                    reference: record.reference,
                    created: record.created,
                    bound: record.bound,
                });
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Removes a key; whether it was there. An account that was bound by it stays.
    ///
    /// # Errors
    /// [`ExternalAccountKeyError`] when the store failed.
    pub async fn remove(&self, key_id: &str) -> Result<bool, ExternalAccountKeyError> {
        let key = table::acme::external_account_key(self.provisioner, key_id);
        match self.store.commit(vec![Write::Delete { key, condition: Condition::Present }]).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A value whose text does not begin with a hyphen: the command line of a client would take it for a flag.
fn drawn<T>(
    draw: impl Fn() -> Result<T, RandomError>,
    text: impl Fn(&T) -> String,
) -> Result<T, RandomError> {
    for _ in 0..MOST_DRAWS {
        let value = draw()?;
        if !text(&value).starts_with('-') {
            return Ok(value);
        }
    }
    Err(RandomError)
}

/// Keys for external account binding could not be managed.
#[derive(Debug, thiserror::Error)]
pub enum ExternalAccountKeyError {
    /// The store could not be read.
    #[error("the store could not be read")]
    Store(#[from] StoreError),
    /// The store took no record.
    #[error("the store took no record")]
    Commit(#[from] CommitError),
    /// There was no randomness.
    #[error("no key could be made")]
    Random(#[from] RandomError),
}

/// As long as the hash of HS256.
const SECRET_OCTETS: usize = 32;
/// One in 64 begins with a hyphen; so many in a row never do, if the source is random.
const MOST_DRAWS: usize = 64;
/// Keys that are read at once.
const PAGE: usize = 100;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::authority::tests::bench::SeededRandom;
    use crate::clock::FixedClock;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn no_key_looks_like_a_flag_of_a_command_line() {
        let store = MemoryStore::new(Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH)));
        let keys = ExternalAccountKeys::new(&store, "acme/acme");
        let random = SeededRandom::new(1);

        for _ in 0..500 {
            let made = keys.add("", Timestamp::UNIX_EPOCH, &random).await.unwrap();
            assert!(!made.key_id.starts_with('-'));
            assert!(!URL_SAFE_NO_PAD.encode(made.hmac_key.expose()).starts_with('-'));
        }
    }
}
