//! Who asks: the JWS of a request, its URL, its nonce, its account.

use serde::de::DeserializeOwned;

use super::nonce::GoodNonce;
use super::record::{AccountRecord, AccountStatus, SpentNonceRecord};
use super::{Acme, AcmeError, Endpoint, Id, ProblemType};
use crate::jose::{AcmeJwsError, AcmeJwsProblem, AcmeKey, FlattenedJws, Jwk, Thumbprint, strict_json};
use crate::key::PublicKey;
use crate::random::random_bytes;
use crate::store::{Commit, Condition, Failed, Key, Record, StoreError, Write, table};

/// A request that an account has signed.
pub(super) struct AccountRequest {
    pub(super) account: Account,
    pub(super) payload: Vec<u8>,
    pub(super) nonce: UnspentNonce,
    /// The records that were read with the account.
    pub(super) also: Vec<Option<Record>>,
}

/// A request that brings its own key.
pub(super) struct KeyRequest {
    pub(super) key: Jwk,
    pub(super) payload: Vec<u8>,
    pub(super) nonce: UnspentNonce,
}

/// A request that an account has signed, or a key of its own.
pub(super) enum Authenticated {
    Account(AccountRequest),
    Key(KeyRequest),
}

/// An account in use.
pub(super) struct Account {
    pub(super) id: Id,
    pub(super) record: AccountRecord,
    pub(super) version: u64,
    pub(super) key: PublicKey,
    /// Its URL, as the client names it.
    pub(super) url: String,
}

impl Account {
    pub(super) fn thumbprint(&self) -> Result<Thumbprint, AcmeError> {
        Thumbprint::of(&self.key)
            .ok_or_else(|| AcmeError::from(senseless("an account has a key without a JWK")))
    }

    /// That the account is what it was when it was read.
    pub(super) fn unchanged(&self, endpoint: &Endpoint<'_>) -> Write {
        let key = table::acme::account(&endpoint.provisioner.id, &self.id);
        Write::Check { key, condition: Condition::Version(self.version) }
    }
}

/// A nonce that is one of ours; whether it is spent, the commit tells.
#[derive(Clone)]
pub(super) struct UnspentNonce(Write);

impl UnspentNonce {
    /// The write that spends it.
    pub(super) fn spend(&self) -> Write {
        self.0.clone()
    }
}

/// What a write of ACME's commits stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The nonce is marked as spent.
    Nonce,
    /// An account.
    Account,
    /// What leads from a key to its account.
    AccountKey,
    /// What led from an account's former key to it.
    OldAccountKey,
    /// A key for external account binding.
    ExternalKey,
    /// An order.
    Order,
    /// A place in an account's list of orders.
    Place,
    /// What an account has proven.
    Proof,
    /// That an order replaces a certificate.
    Replacement,
    /// A count of requests.
    Limit,
}

impl Acme {
    /// A request that must be signed by an account. The records of `also`, which may depend on the account and on what it
    /// asks for, are read in the same call.
    pub(super) async fn account_request(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        also: impl FnOnce(&Id, &[u8]) -> Vec<Key> + Send,
    ) -> Result<AccountRequest, AcmeError> {
        let (jws, nonce) = self.read_jws(endpoint, body)?;
        self.by_account(endpoint, &jws, nonce, also).await
    }

    /// A request that must bring its own key.
    pub(super) fn key_request(&self, endpoint: &Endpoint<'_>, body: &[u8]) -> Result<KeyRequest, AcmeError> {
        let (jws, nonce) = self.read_jws(endpoint, body)?;
        by_key(&jws, nonce)
    }

    /// A request of either kind.
    pub(super) async fn request_by_either(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        also: impl FnOnce(&[u8]) -> Vec<Key> + Send,
    ) -> Result<Authenticated, AcmeError> {
        let (jws, nonce) = self.read_jws(endpoint, body)?;
        match &jws.header().key {
            AcmeKey::KeyId(_) => self
                .by_account(endpoint, &jws, nonce, |_, payload| also(payload))
                .await
                .map(Authenticated::Account),
            AcmeKey::Jwk(_) => {
                also(jws.unverified_payload());
                by_key(&jws, nonce).map(Authenticated::Key)
            }
        }
    }

    /// A POST-as-GET of what everybody may see.
    ///
    /// # Errors
    /// [`AcmeError`] when the request is not one of an account.
    pub async fn post_as_get(&self, endpoint: &Endpoint<'_>, body: &[u8]) -> Result<(), AcmeError> {
        let request = self.account_request(endpoint, body, |_, _| Vec::new()).await?;
        check_post_as_get(&request.payload)?;
        self.spend(request.nonce).await
    }

    async fn by_account(
        &self,
        endpoint: &Endpoint<'_>,
        jws: &FlattenedJws,
        nonce: UnspentNonce,
        also: impl FnOnce(&Id, &[u8]) -> Vec<Key> + Send,
    ) -> Result<AccountRequest, AcmeError> {
        let AcmeKey::KeyId(key_id) = &jws.header().key else {
            return Err(AcmeError::malformed("the request must name its account in kid, not bring a jwk"));
        };
        let id = account_of(endpoint, key_id)?;
        let mut keys = vec![table::acme::account(&endpoint.provisioner.id, &id)];
        keys.extend(also(&id, jws.unverified_payload()));
        let mut found = self.store().get_many(&keys).await?.into_iter();
        let account = account(id, key_id.clone(), found.next().flatten())?;
        let payload = jws.verify(&account.key).map_err(refused_jws)?.as_bytes().to_vec();
        // After the signature: nobody else learns what became of an account.
        check_in_use(&account.record)?;
        Ok(AccountRequest { account, payload, nonce, also: found.collect() })
    }

    /// Spends the nonce of a request that writes nothing else.
    pub(super) async fn spend(&self, nonce: UnspentNonce) -> Result<(), AcmeError> {
        let mut commit = Commit::default();
        commit.push(Part::Nonce, nonce.spend());
        self.commit(commit).await.map_err(refused)
    }

    /// Applies a commit that spends a nonce. If the store fails, the nonce's mark tells whether it was applied.
    pub(super) async fn commit(&self, commit: Commit<Part>) -> Result<(), Failed<Part>> {
        commit.apply_or_confirm(self.store(), Part::Nonce).await
    }

    /// The JWS of a request, its URL and its nonce. Nothing is verified with a key yet.
    fn read_jws(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
    ) -> Result<(FlattenedJws, UnspentNonce), AcmeError> {
        let jws = FlattenedJws::parse(body).map_err(refused_jws)?;
        let header = jws.header();
        match &header.url {
            None => return Err(AcmeError::malformed("the header of the request has no url")),
            Some(url) if url == endpoint.url() => {}
            Some(_) => {
                return Err(AcmeError::unauthorized(format_args!(
                    "the url in the header of the request is not where it was sent: {}",
                    endpoint.url()
                )));
            }
        }
        let nonce =
            header.nonce.as_deref().ok_or_else(|| bad_nonce("the header of the request has no nonce"))?;
        let nonce = endpoint
            .nonce_key
            .check(nonce, self.authority.now())
            .map_err(|error| bad_nonce("the nonce is not good; use the one of this answer").because(error))?;
        self.be_hostile(endpoint)?;
        Ok((jws, self.unspent(&nonce)?))
    }

    fn unspent(&self, nonce: &GoodNonce) -> Result<UnspentNonce, AcmeError> {
        let mark = SpentNonceRecord { by: Id::random(self.authority.random())? };
        Ok(UnspentNonce(Write::Put {
            key: nonce.spent_key(),
            condition: Condition::Absent,
            value: table::encode(&mark)?,
            expires: Some(nonce.spent_until()),
            indexes: Vec::new(),
        }))
    }

    /// Refuses so many good nonces as the configuration asks for, to see how clients take it.
    fn be_hostile(&self, endpoint: &Endpoint<'_>) -> Result<(), AcmeError> {
        let Some(testing) = &endpoint.options.testing else { return Ok(()) };
        if self.happens(testing.bad_nonce_rate)? {
            return Err(bad_nonce(
                "the nonce is refused on purpose, for testing; use the one of this answer",
            ));
        }
        Ok(())
    }

    /// Whether it happens, of a hundred times so often.
    pub(super) fn happens(&self, rate: crate::config::Percent) -> Result<bool, AcmeError> {
        let drawn = u16::from_be_bytes(random_bytes(self.authority.random())?);
        Ok(u32::from(drawn) * 100 < u32::from(rate.get()) << 16)
    }
}

fn by_key(jws: &FlattenedJws, nonce: UnspentNonce) -> Result<KeyRequest, AcmeError> {
    let AcmeKey::Jwk(key) = &jws.header().key else {
        return Err(AcmeError::malformed(
            "the request must bring its key in jwk, not name an account in kid",
        ));
    };
    let payload = jws.verify(key.public_key()).map_err(refused_jws)?.as_bytes().to_vec();
    Ok(KeyRequest { key: key.clone(), payload, nonce })
}

/// The nonce was spent by another request.
pub(super) fn refused_nonce() -> AcmeError {
    bad_nonce("the nonce was used before; use the one of this answer")
}

/// What a commit that was not applied means to whoever asked.
pub(super) fn refused(failed: Failed<Part>) -> AcmeError {
    match failed {
        Failed::Conflict { role: Part::Nonce, .. } => refused_nonce(),
        Failed::Conflict {
            role:
                Part::Account
                | Part::AccountKey
                | Part::OldAccountKey
                | Part::ExternalKey
                | Part::Order
                | Part::Place
                | Part::Proof
                | Part::Replacement
                | Part::Limit,
            ..
        } => AcmeError::busy(),
        Failed::Store(error) => error.into(),
    }
}

/// The JSON object of a payload; duplicate members are refused, unknown ones passed over.
pub(super) fn read_payload<T: DeserializeOwned>(payload: &[u8]) -> Result<T, AcmeError> {
    let members = strict_json::parse_object(payload)
        .map_err(|error| AcmeError::malformed(format_args!("the payload is refused: {error}")))?;
    serde_json::from_value(members.into())
        .map_err(|error| AcmeError::malformed(format_args!("the payload is refused: {error}")))
}

/// A POST-as-GET has an empty payload ([RFC 8555 §6.3](https://www.rfc-editor.org/rfc/rfc8555#section-6.3)).
pub(super) fn check_post_as_get(payload: &[u8]) -> Result<(), AcmeError> {
    if payload.is_empty() {
        return Ok(());
    }
    Err(AcmeError::malformed("a POST-as-GET must have an empty payload"))
}

/// The store holds something that makes no sense.
pub(super) fn senseless(what: &'static str) -> StoreError {
    StoreError::Failed(what.into())
}

pub(super) fn refused_jws(error: AcmeJwsError) -> AcmeError {
    match error.problem() {
        AcmeJwsProblem::BadSignatureAlgorithm { supported } => {
            AcmeError::bad_signature_algorithm(&error, &supported)
        }
        AcmeJwsProblem::BadPublicKey => AcmeError::new(ProblemType::BadPublicKey, &error),
        AcmeJwsProblem::Malformed => AcmeError::malformed(&error),
    }
    .because(error)
}

pub(super) fn account_of(endpoint: &Endpoint<'_>, key_id: &str) -> Result<Id, AcmeError> {
    endpoint.links().account_of(key_id).ok_or_else(no_account)
}

/// An account that has ended gets nothing any more, and is told so with 401
/// ([RFC 8555 §7.3.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.6)).
pub(super) fn check_in_use(account: &AccountRecord) -> Result<(), AcmeError> {
    let ended = match account.status {
        AccountStatus::Valid => return Ok(()),
        AccountStatus::Deactivated => "the account is deactivated",
        AccountStatus::Revoked => "the account is revoked",
    };
    Err(AcmeError::unauthorized(ended).with_status(401))
}

fn account(id: Id, url: String, found: Option<Record>) -> Result<Account, AcmeError> {
    let found = found.ok_or_else(no_account)?;
    let record: AccountRecord = table::decode(&found)?;
    let key =
        PublicKey::from_spki_der(&record.key.0).map_err(|_| senseless("the key of an account is none"))?;
    Ok(Account { id, record, version: found.version, key, url })
}

fn no_account() -> AcmeError {
    AcmeError::new(ProblemType::AccountDoesNotExist, "the kid of the request is no account of this server")
}

fn bad_nonce(detail: &str) -> AcmeError {
    AcmeError::new(ProblemType::BadNonce, detail)
}
