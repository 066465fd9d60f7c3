//! Accounts: made, looked at, changed, ended; and their keys.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::{AccountKeyRecord, AccountRecord, AccountStatus};
use super::request::{
    Account, KeyRequest, Part, account_of, check_in_use, read_payload, refused, refused_jws, senseless,
};
use super::{Acme, AcmeError, Answer, Endpoint, Id, ProblemType};
use crate::jose::{AcmeKey, FlattenedJws, Jwk, Thumbprint};
use crate::key::PublicKey;
use crate::store::table::Der;
use crate::store::{Commit, Condition, Failed, Record, StoreError, Write, table};

/// What `new-account` is asked ([RFC 8555 §7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)). What it says
/// besides an existing account's key is not looked at when only an existing one is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAccount {
    contact: Option<Vec<String>>,
    terms_of_service_agreed: Option<bool>,
    only_return_existing: Option<bool>,
    external_account_binding: Option<Value>,
}

/// What an account is asked. Nothing else of it can be changed, and is passed over
/// ([RFC 8555 §7.3.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.2)).
#[derive(Deserialize)]
struct UpdateAccount {
    contact: Option<Vec<String>>,
    status: Option<Value>,
}

/// What the inner JWS of a key change says
/// ([RFC 8555 §7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5)).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyChange {
    account: String,
    old_key: Value,
}

/// An account ([RFC 8555 §7.1.2](https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    status: AccountStatus,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contact: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    terms_of_service_agreed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_account_binding: Option<Value>,
    orders: String,
}

impl AccountView {
    fn new(endpoint: &Endpoint<'_>, id: &Id, record: &AccountRecord) -> Self {
        Self {
            status: record.status,
            contact: record.contact.clone(),
            terms_of_service_agreed: record.terms_agreed.is_some(),
            external_account_binding: record.external.as_ref().map(|external| external.binding.clone()),
            orders: endpoint.links().orders(id, None),
        }
    }
}

impl Acme {
    /// Makes an account for the key of the request, or finds the one that it has: two table calls, one more for an
    /// account that exists or is bound to an external one.
    ///
    /// # Errors
    /// [`AcmeError`]; nothing is stored, and a binding key is not used up.
    pub async fn new_account(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
    ) -> Result<Answer<AccountView>, AcmeError> {
        let request = self.key_request(endpoint, body)?;
        let asked: NewAccount = read_payload(&request.payload)?;
        let thumbprint = thumbprint(request.key.public_key())?;
        let pointer = table::acme::account_key(&endpoint.provisioner.id, &thumbprint);
        if let Some(found) = self.store().get(&pointer).await? {
            return self.existing(endpoint, request, &found).await;
        }
        if asked.only_return_existing == Some(true) {
            return Err(AcmeError::new(ProblemType::AccountDoesNotExist, "the key has no account"));
        }
        let contact = asked.contact.unwrap_or_default();
        let is_agreed = asked.terms_of_service_agreed == Some(true);
        check_contact(&contact)?;
        check_terms(endpoint, is_agreed)?;
        let now = self.authority.now();
        let id = Id::random(self.authority.random())?;
        let bound = self.bind(endpoint, &request.key, &id, asked.external_account_binding).await;
        let (external, spent_key) = match bound {
            Ok(bound) => bound,
            // The same client may have used the binding a moment ago: then it has its account.
            Err(refusal) => {
                return match self.store().get(&pointer).await? {
                    Some(found) => self.existing(endpoint, request, &found).await,
                    None => Err(refusal),
                };
            }
        };
        let record = AccountRecord {
            key: Der(request.key.public_key().spki_der().to_vec()),
            contact,
            status: AccountStatus::Valid,
            terms_agreed: is_agreed.then_some(now),
            external,
            created: now,
        };
        let mut commit = Commit::default();
        commit.push(Part::Nonce, request.nonce.spend());
        commit.push(Part::AccountKey, put_pointer(endpoint, &thumbprint, &id)?);
        commit.push(Part::Account, put_account(endpoint, &id, &record, Condition::Absent)?);
        commit.extend(Part::ExternalKey, spent_key);
        match self.commit(commit).await {
            Ok(()) => {
                let view = AccountView::new(endpoint, &id, &record);
                Ok(Answer { created: true, ..Answer::new(view).at(endpoint.links().account(&id)) })
            }
            // Another request made it at the same moment.
            Err(Failed::Conflict { role: Part::AccountKey, found: Some(found) }) => {
                self.existing(endpoint, request, &found).await
            }
            Err(Failed::Conflict { role: Part::ExternalKey, .. }) => Err(super::external::used()),
            Err(failed) => Err(refused(failed)),
        }
    }

    /// The account that a key has already.
    async fn existing(
        &self,
        endpoint: &Endpoint<'_>,
        request: KeyRequest,
        pointer: &Record,
    ) -> Result<Answer<AccountView>, AcmeError> {
        let AccountKeyRecord { account: id } = table::decode(pointer)?;
        let found = self.store().get(&table::acme::account(&endpoint.provisioner.id, &id)).await?;
        let record: AccountRecord =
            table::decode(&found.ok_or_else(|| senseless("a key leads to an account that is not there"))?)?;
        check_in_use(&record)?;
        if record.key.0 != request.key.public_key().spki_der() {
            // It got another key since the pointer was read.
            return Err(AcmeError::busy());
        }
        self.spend(request.nonce).await?;
        let view = AccountView::new(endpoint, &id, &record);
        Ok(Answer::new(view).at(endpoint.links().account(&id)))
    }

    /// Looks at an account, changes its contacts, or ends it.
    ///
    /// # Errors
    /// [`AcmeError`]; another account is never changed.
    pub async fn account(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        id: &Id,
    ) -> Result<Answer<AccountView>, AcmeError> {
        let request = self.account_request(endpoint, body, |_, _| Vec::new()).await?;
        if request.account.id != *id {
            return Err(AcmeError::unauthorized("the account has no access to another one"));
        }
        let mut account = request.account;
        let mut commit = Commit::default();
        commit.push(Part::Nonce, request.nonce.spend());
        if !request.payload.is_empty() {
            let before = account.record.clone();
            update(&mut account.record, &request.payload)?;
            if account.record != before {
                let version = Condition::Version(account.version);
                commit.push(Part::Account, put_account(endpoint, id, &account.record, version)?);
            }
        }
        self.commit(commit).await.map_err(refused)?;
        let view = AccountView::new(endpoint, id, &account.record);
        Ok(Answer::new(view).at(endpoint.links().account(id)))
    }

    /// Gives an account another key ([RFC 8555 §7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5)).
    ///
    /// # Errors
    /// [`AcmeError`]; a key that another account has is a conflict, with the URL of that account.
    pub async fn key_change(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
    ) -> Result<Answer<AccountView>, AcmeError> {
        let request = self.account_request(endpoint, body, |_, _| Vec::new()).await?;
        let mut account = request.account;
        let new_key = changed_key(endpoint, &account, &request.payload)?;
        let (old, new) = (account.thumbprint()?, thumbprint(&new_key)?);
        account.record.key = Der(new_key.spki_der().to_vec());
        let mut commit = Commit::default();
        commit.push(Part::Nonce, request.nonce.spend());
        let version = Condition::Version(account.version);
        commit.push(Part::Account, put_account(endpoint, &account.id, &account.record, version)?);
        commit.push(Part::AccountKey, put_pointer(endpoint, &new, &account.id)?);
        let old = table::acme::account_key(&endpoint.provisioner.id, &old);
        commit.push(Part::OldAccountKey, Write::Delete { key: old, condition: Condition::Any });
        match self.commit(commit).await {
            Ok(()) => {
                let view = AccountView::new(endpoint, &account.id, &account.record);
                Ok(Answer::new(view).at(endpoint.links().account(&account.id)))
            }
            Err(Failed::Conflict { role: Part::AccountKey, found: Some(found) }) => {
                let AccountKeyRecord { account: other } = table::decode(&found)?;
                let mut error =
                    AcmeError::malformed("the new key is that of another account").with_status(409);
                error.location = Some(endpoint.links().account(&other));
                Err(error)
            }
            Err(failed) => Err(refused(failed)),
        }
    }
}

fn update(record: &mut AccountRecord, payload: &[u8]) -> Result<(), AcmeError> {
    let asked: UpdateAccount = read_payload(payload)?;
    if asked.status.is_some_and(|status| status == "deactivated") {
        record.status = AccountStatus::Deactivated;
    }
    if let Some(contact) = asked.contact {
        check_contact(&contact)?;
        record.contact = contact;
    }
    Ok(())
}

/// The key that an account asks for, with which the inner JWS is signed.
fn changed_key(endpoint: &Endpoint<'_>, account: &Account, payload: &[u8]) -> Result<PublicKey, AcmeError> {
    let inner = FlattenedJws::parse(payload).map_err(refused_jws)?;
    let header = inner.header();
    if header.nonce.is_some() {
        return Err(AcmeError::malformed("the inner JWS must not have a nonce"));
    }
    if header.url.as_deref() != Some(endpoint.url()) {
        return Err(AcmeError::malformed("the url of the inner JWS must be that of the outer one"));
    }
    let AcmeKey::Jwk(new_key) = &header.key else {
        return Err(AcmeError::malformed("the inner JWS must bring the new key in jwk"));
    };
    let verified = inner.verify(new_key.public_key()).map_err(refused_jws)?;
    let asked: KeyChange = read_payload(verified.as_bytes())?;
    if account_of(endpoint, &asked.account)? != account.id {
        return Err(AcmeError::malformed("the inner JWS names another account"));
    }
    let old_key = Jwk::parse(asked.old_key.to_string().as_bytes())
        .map_err(|error| AcmeError::malformed(format_args!("oldKey is refused: {error}")))?;
    if *old_key.public_key() != account.key {
        return Err(AcmeError::malformed("oldKey is not the key of the account"));
    }
    if *new_key.public_key() == account.key {
        return Err(AcmeError::malformed("the new key is the key that the account has"));
    }
    Ok(new_key.public_key().clone())
}

/// Contacts are URLs of e-mail addresses: those of one address, without anything besides
/// ([RFC 8555 §7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)).
fn check_contact(contact: &[String]) -> Result<(), AcmeError> {
    if contact.len() > MAX_CONTACTS {
        return Err(AcmeError::new(
            ProblemType::InvalidContact,
            format_args!("an account may have at most {MAX_CONTACTS} contacts"),
        ));
    }
    for url in contact {
        let invalid = |why: &str| {
            let url = super::excerpt(url.as_bytes());
            Err(AcmeError::new(ProblemType::InvalidContact, format_args!("the contact {url} {why}")))
        };
        if url.len() > MAX_CONTACT {
            return invalid("is too long");
        }
        match url.split_once(':') {
            Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto") => {
                if address.contains('?') || address.contains(',') {
                    return invalid("must be one address without anything besides");
                }
                if address.parse::<crate::x509::EmailAddress>().is_err() {
                    return invalid("is not an e-mail address");
                }
            }
            Some((scheme, _)) if is_scheme(scheme) => {
                return Err(AcmeError::new(
                    ProblemType::UnsupportedContact,
                    format_args!(
                        "contacts of the scheme {} are not used; use mailto",
                        super::excerpt(scheme.as_bytes())
                    ),
                ));
            }
            Some(_) | None => return invalid("is not a URL; use mailto:"),
        }
    }
    Ok(())
}

/// [RFC 3986 §3.1](https://www.rfc-editor.org/rfc/rfc3986#section-3.1)
fn is_scheme(text: &str) -> bool {
    let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_of_scheme)
}

/// [RFC 8555 §7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)
fn check_terms(endpoint: &Endpoint<'_>, agreed: bool) -> Result<(), AcmeError> {
    match &endpoint.options.terms_of_service {
        Some(terms) if !agreed => {
            let detail = format_args!("an account has to agree to the terms of service: {terms}");
            let mut error = AcmeError::new(ProblemType::UserActionRequired, detail);
            error.terms_of_service = Some(terms.clone());
            Err(error)
        }
        Some(_) | None => Ok(()),
    }
}

fn put_account(
    endpoint: &Endpoint<'_>,
    id: &Id,
    record: &AccountRecord,
    condition: Condition,
) -> Result<Write, StoreError> {
    Ok(Write::Put {
        key: table::acme::account(&endpoint.provisioner.id, id),
        condition,
        value: table::encode(record)?,
        expires: None,
        indexes: Vec::new(),
    })
}

/// What leads from a key to its account. No key ever has two.
fn put_pointer(endpoint: &Endpoint<'_>, thumbprint: &Thumbprint, id: &Id) -> Result<Write, StoreError> {
    Ok(Write::Put {
        key: table::acme::account_key(&endpoint.provisioner.id, thumbprint),
        condition: Condition::Absent,
        value: table::encode(&AccountKeyRecord { account: id.clone() })?,
        expires: None,
        indexes: Vec::new(),
    })
}

fn thumbprint(key: &PublicKey) -> Result<Thumbprint, AcmeError> {
    Thumbprint::of(key)
        .ok_or_else(|| AcmeError::new(ProblemType::BadPublicKey, "a key of this kind has no thumbprint"))
}

const MAX_CONTACTS: usize = 10;
const MAX_CONTACT: usize = 320;
