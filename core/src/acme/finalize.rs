//! `finalize`: an order's certificate.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::identifier::Identifiers;
use super::order::{StoredOrder, put_order};
use super::record::{AccountRecord, IssuanceRecord, OrderKind, OrderRecord};
use super::request::{Account, AccountRequest, UnspentNonce, check_in_use, read_payload, refused_nonce};
use super::status::OrderStatus;
use super::view::OrderView;
use super::{Acme, AcmeError, Answer, Endpoint, Id, ProblemType};
use crate::authority::{
    AuthorityError, IssueError, Lease, OneTimeCredential, OrderApplication, Refusal, Role,
};
use crate::clock::{SignedDuration, Timestamp};
use crate::config::TimeDuration;
use crate::store::table::{self, AcmeReference, CertificateRecord, CertificateState};
use crate::store::{Condition, Record, StoreError, Write};
use crate::x509::{CertificateRequest, SerialNumber};

/// What `finalize` is asked ([RFC 8555 §7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).
#[derive(Deserialize)]
struct Finalize {
    csr: String,
}

impl Acme {
    /// Issues the certificate of an order: three table calls, one signature. Whoever comes second with the same request
    /// gets the same order.
    ///
    /// # Errors
    /// [`AcmeError`]; the order can be finalized again unless its status says otherwise.
    pub async fn finalize(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
        id: &Id,
    ) -> Result<Answer<OrderView>, AcmeError> {
        let begun = self.authority.now();
        let key = table::acme::order(&endpoint.provisioner.id, id);
        let mut request = self.account_request(endpoint, body, |_, _| vec![key]).await?;
        let found = request.also.pop().flatten();
        let order = StoredOrder::of_account(id, found, &request.account.id, "order")?;
        if order.record.kind == OrderKind::PreAuthorization {
            return Err(AcmeError::not_found("order"));
        }
        let csr = read_request(&request)?;
        // Who lost a race looks once more: the order is at work or valid then.
        match self.finalize_once(endpoint, begun, &request, &csr, order).await? {
            Finalized::Order(order) => Ok(self.order_answer(endpoint, &order)),
            Finalized::LostRace => {
                let key = table::acme::order(&endpoint.provisioner.id, id);
                let found = self.store().get(&key).await?;
                let order = StoredOrder::of_account(id, found, &request.account.id, "order")?;
                match self.finalize_once(endpoint, begun, &request, &csr, order).await? {
                    Finalized::Order(order) => Ok(self.order_answer(endpoint, &order)),
                    Finalized::LostRace => Err(AcmeError::busy()),
                }
            }
        }
    }

    async fn finalize_once(
        &self,
        endpoint: &Endpoint<'_>,
        begun: Timestamp,
        request: &AccountRequest,
        csr: &CertificateRequest,
        order: StoredOrder,
    ) -> Result<Finalized, AcmeError> {
        let fingerprint = hex::encode(csr.sha256());
        let issuance = order.record.issuance.clone();
        let is_same = issuance.as_ref().is_some_and(|issuance| issuance.request == fingerprint);
        let is_forgotten = issuance
            .as_ref()
            .and_then(|issuance| issuance.lease_until)
            .is_some_and(|until| self.authority.now().duration_since(until) > RESUMABLE);
        if check_ready(&order.record, is_same, self.authority.now())? == Readiness::Decided {
            self.spend(request.nonce.clone()).await?;
            return Ok(Finalized::Order(Box::new(order)));
        }
        check_names(&order.record, &request.account, csr)?;
        let provisioner = endpoint.provisioner;
        let version = order.version;
        let mut credential = OrderCredential {
            provisioner: provisioner.id.clone(),
            id: order.id.clone(),
            record: OrderRecord { issuance: None, ..order.record.clone() },
            version,
            request: fingerprint,
            nonce: request.nonce.clone(),
            account: request.account.unchanged(endpoint),
            abandoned: None,
        };
        let issued = match &issuance {
            Some(_) if is_same && !is_forgotten => {
                let found = Record {
                    key: table::acme::order(&provisioner.id, &order.id),
                    version,
                    expires: None,
                    value: table::encode(&order.record)?,
                };
                let key = csr.public_key().spki_der();
                self.authority.resume(begun, Box::new(credential), &found, key).await
            }
            other => {
                if let Some(dead) = other {
                    match self.abandon(&dead.serial).await? {
                        Abandoned::With(write) => credential.abandoned = write,
                        Abandoned::TooLate => return Ok(Finalized::LostRace),
                    }
                }
                let profile = order.record.profile.as_deref();
                let profile = profile.map(|name| endpoint.options.profiles.get(name).ok_or_else(no_profile));
                let application = OrderApplication {
                    begun,
                    csr,
                    sans: names(&order.record)?.to_sans(),
                    provisioner,
                    profile: profile.transpose()?,
                    force_cn: endpoint.options.force_cn,
                    not_before: asked_for(order.record.not_before),
                    not_after: asked_for(order.record.not_after),
                    acme: AcmeReference {
                        account: request.account.id.to_string(),
                        order: order.id.to_string(),
                    },
                };
                let application = self
                    .authority
                    .apply_for_order(application, Box::new(credential))
                    .map_err(refused_order)?;
                self.authority.issue(application).await
            }
        };
        match issued {
            Ok(issued) => {
                let serial = issued.certificate().serial().clone();
                let request = hex::encode(csr.sha256());
                let issuance = IssuanceRecord { request, serial, lease_until: None };
                let record = OrderRecord { issuance: Some(issuance), ..order.record };
                Ok(Finalized::Order(Box::new(StoredOrder { id: order.id, record, version: version + 2 })))
            }
            Err(IssueError::Companion(Role::Nonce)) => Err(refused_nonce()),
            Err(IssueError::Companion(Role::Account)) => {
                // Its contacts, its key or its end: only the last is a refusal. The key of the request is that of the
                // account that was read, so another one has to sign again.
                let key = table::acme::account(&provisioner.id, &request.account.id);
                let found = self.store().get(&key).await?;
                let account: Option<AccountRecord> = found.as_ref().map(table::decode).transpose()?;
                account.as_ref().map_or(Ok(()), check_in_use)?;
                Err(AcmeError::busy())
            }
            Err(IssueError::Companion(_) | IssueError::Authority(AuthorityError::TokenUsed)) => {
                Ok(Finalized::LostRace)
            }
            Err(IssueError::Authority(error)) => Err(refused_order(error)),
        }
    }

    /// The write that closes an intent whose function died, so that it is never finished.
    async fn abandon(&self, serial: &SerialNumber) -> Result<Abandoned, AcmeError> {
        let key = table::certificate(serial);
        let Some(found) = self.store().get(&key).await? else { return Ok(Abandoned::With(None)) };
        let mut record: CertificateRecord = table::decode(&found)?;
        match record.state {
            CertificateState::Intent { to_be_signed, .. } => {
                record.state = CertificateState::Abandoned { to_be_signed };
                Ok(Abandoned::With(Some(Write::Put {
                    key,
                    condition: Condition::Version(found.version),
                    value: table::encode(&record)?,
                    expires: found.expires,
                    indexes: Vec::new(),
                })))
            }
            CertificateState::Abandoned { .. } => Ok(Abandoned::With(None)),
            CertificateState::Issued { .. } => Ok(Abandoned::TooLate),
        }
    }
}

/// The bytes of an intent are kept longer; what is signed so late would begin with half of its time gone.
const RESUMABLE: SignedDuration = SignedDuration::from_hours(1);

enum Finalized {
    Order(Box<StoredOrder>),
    LostRace,
}

/// What becomes of an intent whose function died.
enum Abandoned {
    /// It is closed with this write; `None` where nothing is left to close.
    With(Option<Write>),
    /// The certificate is out: the function did not die.
    TooLate,
}

/// An order, as what is good for one certificate.
struct OrderCredential {
    provisioner: String,
    id: Id,
    /// Without what became of it.
    record: OrderRecord,
    version: u64,
    request: String,
    nonce: UnspentNonce,
    /// That the account is still what it was.
    account: Write,
    abandoned: Option<Write>,
}

impl OrderCredential {
    fn put(&self, issuance: Option<IssuanceRecord>, condition: Condition) -> Result<Write, StoreError> {
        put_order(&self.provisioner, &self.id, &OrderRecord { issuance, ..self.record.clone() }, condition)
    }
}

impl OneTimeCredential for OrderCredential {
    fn request(&self) -> &str {
        &self.request
    }

    fn untaken(&self) -> Condition {
        Condition::Version(self.version)
    }

    fn take(&self, lease: &Lease, condition: Condition) -> Result<Write, StoreError> {
        let Lease { request, serial, until } = lease.clone();
        self.put(Some(IssuanceRecord { request, serial, lease_until: Some(until) }), condition)
    }

    fn give_back(&self, condition: Condition) -> Result<Write, StoreError> {
        self.put(None, condition)
    }

    fn settle(&self, lease: &Lease, condition: Condition) -> Result<Option<Write>, StoreError> {
        let Lease { request, serial, .. } = lease.clone();
        self.put(Some(IssuanceRecord { request, serial, lease_until: None }), condition).map(Some)
    }

    fn lease(&self, found: &Record) -> Result<Option<Lease>, StoreError> {
        let order: OrderRecord = table::decode(found)?;
        Ok(order.issuance.and_then(|issuance| {
            let (request, serial) = (issuance.request, issuance.serial);
            issuance.lease_until.map(|until| Lease { request, serial, until })
        }))
    }

    fn companions(&self) -> Vec<(Role, Write)> {
        let mut companions = vec![(Role::Nonce, self.nonce.spend()), (Role::Account, self.account.clone())];
        companions.extend(self.abandoned.clone().map(|write| (Role::Abandoned, write)));
        companions
    }
}

/// Whether an order still waits for its certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readiness {
    Waits,
    /// The same request is at work, or was.
    Decided,
}

fn check_ready(order: &OrderRecord, is_same: bool, now: Timestamp) -> Result<Readiness, AcmeError> {
    match order.status(now) {
        OrderStatus::Ready => Ok(Readiness::Waits),
        OrderStatus::Processing | OrderStatus::Valid if is_same => Ok(Readiness::Decided),
        OrderStatus::Processing => {
            Err(not_ready("the order is being finalized with another certificate request"))
        }
        OrderStatus::Valid => Err(not_ready("the order was finalized with another certificate request")),
        OrderStatus::Pending => Err(not_ready("not every authorization of the order is valid")),
        OrderStatus::Invalid => {
            let detail = order.problem(now).map(|problem| problem.detail).unwrap_or_default();
            Err(not_ready(&format!("the order is invalid: {detail}")))
        }
    }
}

fn read_request(request: &AccountRequest) -> Result<CertificateRequest, AcmeError> {
    let Finalize { csr } = read_payload(&request.payload)?;
    let csr = URL_SAFE_NO_PAD
        .decode(csr.trim_end_matches('='))
        .map_err(|_| bad_csr("the csr is not a DER structure in base64url"))?;
    CertificateRequest::from_der(&csr).map_err(|error| bad_csr(&error).because(error))
}

/// The request asks for the identifiers of the order and nothing else, for a key of its own
/// ([RFC 8555 §11.1](https://www.rfc-editor.org/rfc/rfc8555#section-11.1)).
fn check_names(order: &OrderRecord, account: &Account, csr: &CertificateRequest) -> Result<(), AcmeError> {
    if *csr.public_key() == account.key {
        return Err(bad_csr("the certificate request has the key of the account"));
    }
    names(order)?.check(csr).map_err(|differ| bad_csr(&differ))
}

fn names(order: &OrderRecord) -> Result<Identifiers, AcmeError> {
    Identifiers::new(order.authorizations.iter().map(|each| each.identifier.clone()))
        .map_err(|error| StoreError::Failed(Box::new(error)).into())
}

/// What the authority refuses of a finalized order.
fn refused_order(error: AuthorityError) -> AcmeError {
    match &error {
        AuthorityError::Refused(
            Refusal::WeakKey(_)
            | Refusal::IssuerKey
            | Refusal::BlockedKey
            | Refusal::TooLarge
            | Refusal::NoCommonName
            | Refusal::Subject(_),
        ) => bad_csr(&error).because(error),
        AuthorityError::Refused(Refusal::NameConstraint(_) | Refusal::Name(_)) => {
            AcmeError::new(ProblemType::RejectedIdentifier, &error).because(error)
        }
        _ => error.into(),
    }
}

fn bad_csr(detail: impl std::fmt::Display) -> AcmeError {
    AcmeError::new(ProblemType::BadCsr, detail)
}

fn not_ready(detail: &str) -> AcmeError {
    AcmeError::new(ProblemType::OrderNotReady, detail)
}

fn no_profile() -> AcmeError {
    AcmeError::new(
        ProblemType::InvalidProfile,
        "the profile of the order is not offered any more; make a new order",
    )
}

fn asked_for(time: Option<Timestamp>) -> TimeDuration {
    time.map_or(TimeDuration::Unset, TimeDuration::At)
}
