//! Early renewal: what an operator asks the holders of certificates for, through `renewalInfo`
//! ([RFC 9773](https://www.rfc-editor.org/rfc/rfc9773)).
//!
//! A wish speaks of a set of certificates: those of a provisioner, those made before an instant, those of some serial
//! numbers. All wishes lie in one record, because every answer to `renewalInfo` reads them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::clock::Timestamp;
use crate::store::table::{self, CertificateRecord};
use crate::store::{CommitError, Condition, MAX_VALUE, Store, StoreError, Write};
use crate::x509::{SerialNumber, UriName};

/// A set of certificates that are to be renewed early. What is not named does not matter; all that is named must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyRenewal {
    /// What the operator calls it.
    pub name: String,
    /// The id of their provisioner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioner: Option<String>,
    /// They were made before this instant. Always named: what is made after the wish needs no renewal.
    pub issued_before: Timestamp,
    /// Their serial numbers; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<SerialNumber>,
    /// When they are to be renewed: not before
    pub start: Timestamp,
    /// and not after.
    pub end: Timestamp,
    /// Where people can read why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation_url: Option<String>,
}

impl EarlyRenewal {
    /// Whether it speaks of a certificate.
    fn covers(&self, serial: &SerialNumber, record: &CertificateRecord) -> bool {
        let provisioner = record.provisioner.as_ref().map(|provisioner| provisioner.id.as_str());
        let is_of_provisioner = self.provisioner.as_deref().is_none_or(|named| provisioner == Some(named));
        let is_named = self.serials.is_empty() || self.serials.contains(serial);
        is_of_provisioner && is_named && record.created < self.issued_before
    }

    fn check(&self, now: Timestamp) -> Result<(), EarlyRenewalError> {
        let is_name = !self.name.is_empty()
            && self.name.chars().count() <= LONGEST_NAME
            && !self.name.chars().any(char::is_control);
        if !is_name {
            return Err(EarlyRenewalError::Name);
        }
        if self.end <= self.start {
            return Err(EarlyRenewalError::Window { start: self.start, end: self.end });
        }
        // Whoever renews at once would be asked to renew again.
        if self.issued_before > now {
            return Err(EarlyRenewalError::Future { issued_before: self.issued_before });
        }
        match &self.explanation_url {
            Some(url) if !is_http_url(url) => Err(EarlyRenewalError::Url),
            Some(_) | None => Ok(()),
        }
    }
}

/// What an operator has asked for, all of it in one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EarlyRenewalRecord {
    wishes: Vec<EarlyRenewal>,
}

impl EarlyRenewalRecord {
    /// The first wish that speaks of a certificate is the one that counts.
    pub(super) fn first_of(self, serial: &SerialNumber, record: &CertificateRecord) -> Option<EarlyRenewal> {
        self.wishes.into_iter().find(|wish| wish.covers(serial, record))
    }
}

/// The wishes for early renewal, for the operator of an authority.
#[derive(Debug)]
pub struct EarlyRenewals<'a> {
    store: &'a dyn Store,
}

impl<'a> EarlyRenewals<'a> {
    /// The wishes in this store.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// Asks for early renewal, behind the wishes that are there.
    ///
    /// # Errors
    /// [`EarlyRenewalError`] when the wish makes no sense, its name is taken, there is no room for it, or the store
    /// failed.
    pub async fn add(&self, wish: EarlyRenewal, now: Timestamp) -> Result<(), EarlyRenewalError> {
        wish.check(now)?;
        self.change(|wishes| {
            if wishes.iter().any(|there| there.name == wish.name) {
                return Err(EarlyRenewalError::NameTaken { name: wish.name.clone() });
            }
            if wishes.len() >= MOST_WISHES {
                return Err(EarlyRenewalError::TooMany);
            }
            wishes.push(wish.clone());
            Ok(Changed::Yes)
        })
        .await
        .map(|_| ())
    }

    /// All wishes, in the order in which they were made.
    ///
    /// # Errors
    /// [`EarlyRenewalError::Store`] when the store failed.
    pub async fn list(&self) -> Result<Vec<EarlyRenewal>, EarlyRenewalError> {
        Ok(self.read().await?.0.wishes)
    }

    /// Takes a wish back; whether it was there.
    ///
    /// # Errors
    /// [`EarlyRenewalError`] when the store failed.
    pub async fn withdraw(&self, name: &str) -> Result<bool, EarlyRenewalError> {
        let changed = self.change(|wishes| {
            let before = wishes.len();
            wishes.retain(|wish| wish.name != name);
            Ok(if wishes.len() == before { Changed::No } else { Changed::Yes })
        });
        Ok(matches!(changed.await?, Changed::Yes))
    }

    async fn read(&self) -> Result<(EarlyRenewalRecord, Condition), StoreError> {
        match self.store.get(&table::acme::early_renewal()).await? {
            Some(found) => Ok((table::decode(&found)?, Condition::Version(found.version))),
            None => Ok((EarlyRenewalRecord::default(), Condition::Absent)),
        }
    }

    /// Changes the record. Whoever loses a race changes the record that won, so `change` may be asked more than once.
    async fn change(
        &self,
        change: impl Fn(&mut Vec<EarlyRenewal>) -> Result<Changed, EarlyRenewalError>,
    ) -> Result<Changed, EarlyRenewalError> {
        let mut races = 0;
        loop {
            let (mut record, condition) = self.read().await?;
            if let Changed::No = change(&mut record.wishes)? {
                return Ok(Changed::No);
            }
            let value = table::encode(&record)?;
            if value.len() > MAX_VALUE {
                return Err(EarlyRenewalError::TooMany);
            }
            let write = Write::Put {
                key: table::acme::early_renewal(),
                condition,
                value,
                expires: None,
                indexes: Vec::new(),
            };
            match self.store.commit(vec![write]).await {
                Ok(()) => return Ok(Changed::Yes),
                Err(CommitError::Conflict { .. }) if races < MOST_RACES => races += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether there was something to change.
enum Changed {
    Yes,
    No,
}

/// Why the wishes for early renewal cannot be read or changed.
#[derive(Debug, Error)]
pub enum EarlyRenewalError {
    /// The name is none.
    #[error("the name must have 1 to {LONGEST_NAME} characters, none of them a control character")]
    Name,
    /// A wish has that name already.
    #[error("there is a wish with the name {name:?} already; withdraw it, or choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The window has no time in it.
    #[error("the window must end after it starts: it starts at {start} and ends at {end}")]
    Window {
        /// When it would start.
        start: Timestamp,
        /// When it would end.
        end: Timestamp,
    },
    /// It would speak of certificates that are not made yet.
    #[error(
        "{issued_before} lies in the future: a certificate made until then would have to be renewed at once; name an \
         instant that is over"
    )]
    Future {
        /// The instant that was named.
        issued_before: Timestamp,
    },
    /// The explanation is not at an URL.
    #[error("the explanation must be an http or https URL")]
    Url,
    /// There is no room for more.
    #[error("there are {MOST_WISHES} wishes, or their serial numbers fill the record; withdraw one first")]
    TooMany,
    /// The store could not be read.
    #[error("the store could not be read")]
    Store(#[from] StoreError),
    /// The store took no record.
    #[error("the store took no record")]
    Commit(#[from] CommitError),
}

fn is_http_url(text: &str) -> bool {
    let is_http = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    is_http && text.parse::<UriName>().is_ok_and(|url| url.host().is_some())
}

/// All of them are read for every answer.
const MOST_WISHES: usize = 100;
/// Longest name of a wish, in characters.
const LONGEST_NAME: usize = 64;
/// Operators are few, and each race has a winner.
const MOST_RACES: u8 = 10;

#[cfg(test)]
mod tests;
