//! Steps 7 to 10 of the way of a certificate: commit the intent, sign, check, commit the certificate.
//!
//! An intent is a lease on a serial number and, where there is one, on a one-time credential. Whoever comes with the
//! same credential and the same request after the lease signs the stored bytes, never new ones; so whatever dies
//! between two steps, no certificate leaves without its record and no credential makes two certificates.

use tracing::warn;

use super::credential::{Lease, OneTimeCredential, Role};
use super::{Authority, AuthorityError, InternalError, Refusal, Unavailable};
use crate::clock::{SignedDuration, Timestamp};
use crate::store::table::{
    self, AcmeReference, CertificateRecord, CertificateState, Der, ProvisionerReference,
};
use crate::store::{Commit, CommitError, Condition, Failed, MAX_WRITES, Record, StoreError, Write};
use crate::x509::{Certificate, CertificateBody, Issuance, SerialNumber, Validity};

/// A certificate that has its record, and may leave.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    certificate: Certificate,
    provisioner: Option<String>,
}

impl IssuedCertificate {
    /// The certificate; its issuers are those of the authority.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The name of the provisioner that allowed it; `None` for the authority's own server certificate.
    pub fn provisioner(&self) -> Option<&str> {
        self.provisioner.as_deref()
    }
}

/// A certificate that steps 1 to 6 have allowed.
pub(crate) struct Application {
    /// When the authority was asked.
    pub(crate) begun: Timestamp,
    /// What will be signed.
    pub(crate) body: CertificateBody,
    /// Its names as text.
    pub(crate) names: Vec<String>,
    /// Who allowed it.
    pub(crate) provisioner: Option<ProvisionerReference>,
    /// The credential that is used for it, if it is good for one certificate only.
    pub(crate) credential: Option<Box<dyn OneTimeCredential>>,
    /// The ACME account and order that it is for.
    pub(crate) acme: Option<AcmeReference>,
    /// The certificate that it follows, which must not be revoked.
    pub(crate) renews: Option<SerialNumber>,
}

/// An intent that this function holds the lease of. Only a commit makes one, and signing consumes it.
struct CommittedIntent {
    serial: SerialNumber,
    record: CertificateRecord,
    /// The version of the record in the store.
    version: u64,
    to_be_signed: Vec<u8>,
    taken: Option<TakenCredential>,
}

/// A credential whose lease this function holds.
struct TakenCredential {
    credential: Box<dyn OneTimeCredential>,
    lease: Lease,
    /// The version of its record in the store.
    version: u64,
}

/// What became of an intent that nothing was signed for.
enum Closed {
    CredentialGivenBack,
    LeftOpen,
}

/// Why a certificate was not issued.
#[derive(Debug)]
pub(crate) enum IssueError {
    /// As for whoever asks without companions.
    Authority(AuthorityError),
    /// A companion of the credential did not hold; nothing was stored.
    Companion(Role),
}

impl<E: Into<AuthorityError>> From<E> for IssueError {
    fn from(error: E) -> Self {
        Self::Authority(error.into())
    }
}

impl IssueError {
    /// For a credential that has no companions.
    pub(super) fn without_companions(self) -> AuthorityError {
        match self {
            Self::Authority(error) => error,
            Self::Companion(_) => AuthorityError::Busy(Unavailable::LostRace),
        }
    }

    fn map(self, told: impl FnOnce(AuthorityError) -> AuthorityError) -> Self {
        match self {
            Self::Authority(error) => Self::Authority(told(error)),
            companion @ Self::Companion(_) => companion,
        }
    }
}

impl Authority {
    /// What this issuer puts into every certificate.
    pub(super) fn issuance(&self, validity: Validity) -> Result<Issuance<'_>, AuthorityError> {
        Ok(Issuance {
            serial: SerialNumber::random(&*self.random).map_err(InternalError::Random)?,
            algorithm: self.signer.algorithm(),
            issuer: self.issuers.issuer(),
            validity,
        })
    }

    /// Steps 7 to 10.
    pub(crate) async fn issue(&self, application: Application) -> Result<IssuedCertificate, IssueError> {
        let takes_credential = application.credential.is_some();
        let told =
            |error: AuthorityError| if takes_credential { error.with_credential_taken() } else { error };
        self.check_time(application.begun)?;
        let intent = self.commit_intent(application).await.map_err(|error| error.map(told))?;
        self.sign_intent(intent).await
    }

    /// Steps 8 to 10 for the stored bytes of an intent that its function died over; `found` is the credential's record.
    ///
    /// # Errors
    /// [`AuthorityError::TokenUsed`] when the lease is not over, the request is another one, or the certificate is out.
    pub(crate) async fn resume(
        &self,
        begun: Timestamp,
        credential: Box<dyn OneTimeCredential>,
        found: &Record,
        spki_der: &[u8],
    ) -> Result<IssuedCertificate, IssueError> {
        let intent = self.take_over(begun, credential, found, spki_der).await;
        let intent = intent.map_err(|error| error.map(AuthorityError::with_credential_taken))?;
        self.sign_intent(intent).await
    }

    /// Steps 8 to 10.
    async fn sign_intent(&self, intent: CommittedIntent) -> Result<IssuedCertificate, IssueError> {
        let takes_credential = intent.taken.is_some();
        let told =
            |error: AuthorityError| if takes_credential { error.with_credential_taken() } else { error };
        // 8. sign: exactly one call.
        let signature = match self.signer.sign(&intent.to_be_signed).await {
            Ok(signature) => signature,
            Err(error) => {
                return Err(match self.close(intent).await {
                    Closed::CredentialGivenBack => error.into(),
                    Closed::LeftOpen => told(error.into()).into(),
                });
            }
        };

        // 9. check that what came back is what was meant. The intent stays: a signature may be out there.
        let certificate = Certificate::assemble(&intent.to_be_signed, self.signer.algorithm(), &signature)
            .map_err(InternalError::Unreadable)?;
        certificate
            .check_issued(&intent.to_be_signed, self.signer.public_key())
            .map_err(InternalError::Misissued)?;

        Ok(self.commit_certificate(intent, certificate).await.map_err(told)?)
    }

    /// A function that was slow, or frozen, has too little time left for what follows.
    fn check_time(&self, begun: Timestamp) -> Result<(), AuthorityError> {
        if self.clock.now().duration_since(begun) > START_WITHIN {
            return Err(AuthorityError::Busy(Unavailable::Late));
        }
        Ok(())
    }

    /// 7. commit the intent: take the credential and store what is about to be signed, in one commit.
    async fn commit_intent(&self, application: Application) -> Result<CommittedIntent, IssueError> {
        let now = self.clock.now();
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let to_be_signed = application.body.to_be_signed();
        if to_be_signed.len() > MAX_TO_BE_SIGNED.min(self.signer.longest_message()) {
            return Err(Refusal::TooLarge.into());
        }
        let serial = application.body.serial.clone();
        let record = CertificateRecord {
            state: CertificateState::Intent { lease_until: until, to_be_signed: Der(to_be_signed.clone()) },
            issuer: self.issuer_id.clone(),
            provisioner: application.provisioner,
            renews: application.renews,
            acme: application.acme,
            names: application.names,
            not_after: application.body.validity.not_after(),
            created: now,
        };
        let taken = application.credential.map(|credential| {
            let lease = Lease { request: credential.request().to_owned(), serial: serial.clone(), until };
            (credential, lease)
        });
        let mut commit = Commit::default();
        if let Some((credential, lease)) = &taken {
            let untaken = credential.untaken();
            push_credential(&mut commit, &**credential, lease, untaken)?;
        }
        commit.push(Role::Intent, put_intent(&serial, &record, Condition::Absent)?);
        let spki_der = application.body.public_key.spki_der();
        self.push_checks(&mut commit, &record, spki_der);

        match commit.apply_or_confirm(&*self.store, Role::Intent).await {
            Ok(()) => Ok(CommittedIntent {
                serial,
                record,
                version: 1,
                to_be_signed,
                taken: taken.map(|(credential, lease)| {
                    let version = version_after(credential.untaken());
                    TakenCredential { credential, lease, version }
                }),
            }),
            Err(Failed::Conflict { role: Role::Credential, found }) => match taken.zip(found) {
                Some(((credential, _), found)) => {
                    self.take_over(application.begun, credential, &found, spki_der).await
                }
                None => Err(AuthorityError::Busy(Unavailable::LostRace).into()),
            },
            Err(Failed::Conflict { role: Role::Intent, .. }) => {
                Err(InternalError::RepeatedSerial(serial).into())
            }
            Err(failed) => Err(unmet(failed)),
        }
    }

    /// Takes over the intent of a function that died: same credential, same request, lease over, not yet issued. In
    /// every other case the credential was used.
    async fn take_over(
        &self,
        begun: Timestamp,
        credential: Box<dyn OneTimeCredential>,
        found: &Record,
        spki_der: &[u8],
    ) -> Result<CommittedIntent, IssueError> {
        let now = self.clock.now();
        let Some(mut lease) = credential.lease(found)? else {
            return Err(AuthorityError::TokenUsed.into());
        };
        if lease.request != credential.request() || now < lease.until {
            return Err(AuthorityError::TokenUsed.into());
        }
        let serial = lease.serial.clone();
        let Some(stored) = self.store.get(&table::certificate(&serial)).await? else {
            return Err(AuthorityError::TokenUsed.into());
        };
        let mut record: CertificateRecord = table::decode(&stored)?;
        if record.issuer != self.issuer_id {
            return Err(InternalError::OtherIssuer(record.issuer).into());
        }
        let CertificateState::Intent { lease_until, to_be_signed } = &mut record.state else {
            return Err(AuthorityError::TokenUsed.into());
        };
        self.check_time(begun)?;
        *lease_until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        lease.until = *lease_until;
        let to_be_signed = to_be_signed.0.clone();

        let mut commit = Commit::default();
        push_credential(&mut commit, &*credential, &lease, Condition::Version(found.version))?;
        commit.push(Role::Intent, put_intent(&serial, &record, Condition::Version(stored.version))?);
        self.push_checks(&mut commit, &record, spki_der);
        match commit.apply(&*self.store).await {
            Ok(()) => Ok(CommittedIntent {
                serial,
                record,
                version: stored.version + 1,
                to_be_signed,
                taken: Some(TakenCredential { credential, lease, version: found.version + 1 }),
            }),
            // Another function took the lease over in the same moment.
            Err(Failed::Conflict { role: Role::Credential | Role::Intent, .. }) => {
                Err(AuthorityError::TokenUsed.into())
            }
            Err(failed) => Err(unmet(failed)),
        }
    }

    /// What must still hold when the intent is committed: these are conditions, not reads.
    fn push_checks(&self, commit: &mut Commit<Role>, record: &CertificateRecord, spki_der: &[u8]) {
        let absent = |key| Write::Check { key, condition: Condition::Absent };
        if let Some(serial) = &record.renews {
            commit.push(Role::NotRevoked, absent(table::revocation(serial)));
        }
        commit.push(Role::NotBlocked, absent(table::blocked_key(spki_der)));
    }

    /// Signing failed cleanly: the intent is closed and the credential given back, so that a retry works at once.
    async fn close(&self, intent: CommittedIntent) -> Closed {
        let serial = intent.serial.clone();
        match self.try_to_close(intent).await {
            Ok(()) => Closed::CredentialGivenBack,
            Err(error) => {
                // The lease ends by itself; until then the client's retry is refused.
                warn!(%serial, error = &error as &dyn std::error::Error, "an intent was left open");
                Closed::LeftOpen
            }
        }
    }

    async fn try_to_close(&self, intent: CommittedIntent) -> Result<(), CommitError> {
        let to_be_signed = Der(intent.to_be_signed);
        let record =
            CertificateRecord { state: CertificateState::Abandoned { to_be_signed }, ..intent.record };
        // The record changes rather than goes: a remote key may have signed after all, and whoever is about to take
        // the intent over must not find it as it was.
        let mut writes = vec![put_intent(&intent.serial, &record, Condition::Version(intent.version))?];
        if let Some(taken) = intent.taken {
            writes.push(taken.credential.give_back(Condition::Version(taken.version))?);
        }
        self.store.commit(writes).await
    }

    /// 10. commit the certificate; then it may leave.
    async fn commit_certificate(
        &self,
        intent: CommittedIntent,
        certificate: Certificate,
    ) -> Result<IssuedCertificate, AuthorityError> {
        let record = CertificateRecord {
            state: CertificateState::Issued { certificate: Der(certificate.as_der().to_vec()) },
            ..intent.record
        };
        let expires = self.persistence.issued_until(record.not_after);
        let mut writes = vec![Write::Put {
            key: table::certificate(&intent.serial),
            condition: Condition::Version(intent.version),
            value: table::encode(&record)?,
            expires,
            indexes: table::certificate_indexes(&intent.serial, &record),
        }];
        // Before the pointers, so that it stays in the last commit.
        if let Some(taken) = &intent.taken {
            writes.extend(taken.credential.settle(&taken.lease, Condition::Version(taken.version))?);
        }
        writes.extend(table::further_names(&intent.serial, &record).into_iter().map(|(key, entry)| {
            Write::Put {
                key,
                condition: Condition::Any,
                value: b"{}".to_vec(),
                expires,
                indexes: vec![entry],
            }
        }));
        // A certificate with more names than a commit has writes: the pointers that find no room go first. They lead
        // to an intent until the last commit, and readers pass over intents.
        while writes.len() > MAX_WRITES {
            let pointers = writes.split_off(writes.len() - MAX_WRITES);
            self.store.commit(pointers).await.map_err(AuthorityError::from_unconditional)?;
        }
        let provisioner = record.provisioner.map(|provisioner| provisioner.name);
        match self.store.commit(writes).await {
            Ok(()) => Ok(IssuedCertificate { certificate, provisioner }),
            // Another function took the lease over and was first, or this commit was applied and its answer lost:
            // the certificate that has the record is the one that leaves.
            Err(CommitError::Conflict { write: CERTIFICATE, found: Some(found) }) => {
                issued(&found, provisioner)
            }
            // The credential changed under the lease; the intent stays for whoever may go on with it.
            Err(CommitError::Conflict { .. }) => Err(AuthorityError::Busy(Unavailable::LostRace)),
            Err(CommitError::Store(error)) => match self.store.get(&table::certificate(&intent.serial)).await
            {
                Ok(Some(found)) => issued(&found, provisioner).map_err(|_| error.into()),
                Ok(None) | Err(_) => Err(error.into()),
            },
        }
    }
}

/// The place of the certificate's write in its commit.
const CERTIFICATE: usize = 0;

/// So long after the authority was asked step 7 may begin, by wall clock; later the client is told to try again. What
/// follows takes a slow platform eighteen seconds, and no gateway waits longer than thirty.
pub const START_WITHIN: SignedDuration = SignedDuration::from_secs(6);

/// So long nobody else touches an intent: the time limit of a function, after which it is certainly dead.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// Longest `TBSCertificate` that is signed. With the longest signature there is, the 4,627 octets of ML-DSA-87, it
/// stays below the 64 KiB that verifiers read (`webpki` among them), and its record far below
/// [`MAX_VALUE`](crate::store::MAX_VALUE).
const MAX_TO_BE_SIGNED: usize = 56 * 1024;

fn push_credential(
    commit: &mut Commit<Role>,
    credential: &dyn OneTimeCredential,
    lease: &Lease,
    condition: Condition,
) -> Result<(), StoreError> {
    // First, so that a companion that does not hold is told from a credential that is taken.
    for (role, write) in credential.companions() {
        commit.push(role, write);
    }
    commit.push(Role::Credential, credential.take(lease, condition)?);
    Ok(())
}

/// The version of a record that was written under this condition.
fn version_after(condition: Condition) -> u64 {
    match condition {
        Condition::Version(version) => version + 1,
        Condition::Absent | Condition::Present | Condition::Any => 1,
    }
}

/// What a commit that was not applied means to whoever asked.
fn unmet(failed: Failed<Role>) -> IssueError {
    match failed {
        Failed::Conflict { role: Role::NotRevoked, .. } => AuthorityError::Revoked.into(),
        Failed::Conflict { role: Role::NotBlocked, .. } => Refusal::BlockedKey.into(),
        Failed::Conflict { role: role @ (Role::Nonce | Role::Account | Role::Abandoned), .. } => {
            IssueError::Companion(role)
        }
        Failed::Conflict {
            role: Role::Credential | Role::Intent | Role::Revocation | Role::BlockedKey,
            ..
        } => AuthorityError::Busy(Unavailable::LostRace).into(),
        Failed::Store(error) => error.into(),
    }
}

fn put_intent(
    serial: &SerialNumber,
    record: &CertificateRecord,
    condition: Condition,
) -> Result<Write, StoreError> {
    Ok(Write::Put {
        key: table::certificate(serial),
        condition,
        value: table::encode(record)?,
        expires: Some(record.created.saturating_add(table::INTENT_RETENTION).unwrap_or(Timestamp::MAX)),
        indexes: Vec::new(),
    })
}

fn issued(found: &Record, provisioner: Option<String>) -> Result<IssuedCertificate, AuthorityError> {
    let record: CertificateRecord = table::decode(found)?;
    match record.state {
        CertificateState::Issued { certificate } => {
            let certificate = Certificate::from_der(&certificate.0)
                .map_err(|error| InternalError::Store(StoreError::Failed(Box::new(error))))?;
            Ok(IssuedCertificate { certificate, provisioner })
        }
        CertificateState::Intent { .. } | CertificateState::Abandoned { .. } => {
            Err(AuthorityError::Busy(Unavailable::LostRace))
        }
    }
}
