//! `revoke`: a certificate is not to be renewed any more, and after a compromise its key not to be certified again.

use tracing::warn;

use super::credential::Role;
use super::{Authority, AuthorityError, InvalidRequest, Persistence, Refusal};
use crate::peer::PeerCertificates;
use crate::provisioner::Operation;
use crate::store::table::{
    self, BlockedKeyRecord, CertificateRecord, CertificateState, RevocationRecord, SpentRecord,
};
use crate::store::{Commit, Condition, Failed, StoreError, Write};
use crate::x509::{Certificate, SerialNumber};

/// Which certificate is to be revoked, and why.
#[derive(Clone, Debug)]
pub struct RevokeRequest {
    serial: SerialNumber,
    reason_code: u8,
    reason: String,
}

impl RevokeRequest {
    /// Reads the members of a revocation.
    ///
    /// # Errors
    /// [`InvalidRequest`] names the member that is wrong.
    pub fn parse(
        serial: &str,
        reason_code: i64,
        reason: String,
        passive: bool,
    ) -> Result<Self, InvalidRequest> {
        if serial.is_empty() {
            return Err(InvalidRequest::MissingSerial);
        }
        let serial = serial
            .parse()
            .map_err(|_| InvalidRequest::Serial(serial.chars().take(MAX_ECHOED_CHARS).collect()))?;
        let reason_code = u8::try_from(reason_code)
            .ok()
            .filter(|code| *code <= MAX_REASON_CODE)
            .ok_or(InvalidRequest::ReasonCode)?;
        if !passive {
            return Err(InvalidRequest::NotPassive);
        }
        if reason.len() > MAX_REASON {
            return Err(InvalidRequest::Reason { octets: reason.len() });
        }
        Ok(Self { serial, reason_code, reason })
    }

    /// The certificate's serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.serial
    }
}

/// What allows a revocation.
#[derive(Clone)]
pub enum RevokeCredential {
    /// A one-time token whose subject is the serial number.
    Token(String),
    /// The certificate itself.
    Certificates(PeerCertificates),
}

impl Authority {
    /// Revokes a certificate, whether or not this authority knows it: one table call. A compromised key costs one
    /// more, to find the key; it is blocked even if the certificate was revoked before for another reason. Where no
    /// certificate of that number was issued here, its key is not known and not blocked, which the log says.
    ///
    /// # Errors
    /// [`AuthorityError`]; a token is spent only together with the revocation, or with the blocking of the key.
    pub async fn revoke(
        &self,
        request: RevokeRequest,
        credential: &RevokeCredential,
    ) -> Result<(), AuthorityError> {
        self.check_lasts()?;
        let proof = self.authorize_revocation(&request, credential).await?;
        self.revoke_proven(request, proof).await
    }

    fn check_lasts(&self) -> Result<(), AuthorityError> {
        match self.persistence {
            Persistence::Durable => Ok(()),
            Persistence::UntilRestart => Err(AuthorityError::NoPersistence),
        }
    }

    /// As [`Authority::revoke`], for whoever has proven that it may.
    pub(crate) async fn revoke_proven(
        &self,
        request: RevokeRequest,
        proof: ProvenRevocation,
    ) -> Result<(), AuthorityError> {
        self.check_lasts()?;
        let revocation = RevocationRecord {
            serial: request.serial.clone(),
            reason_code: request.reason_code,
            reason: request.reason,
            revoked_at: self.clock.now(),
            not_after: proof.certificate.as_ref().map(Certificate::not_after),
            provisioner: proof.provisioner,
        };
        let block = match request.reason_code {
            KEY_COMPROMISE => self.block_key(&request.serial, proof.certificate).await?,
            _ => None,
        };
        let stays_usable = request.reason_code == KEY_COMPROMISE && block.is_none();
        let mut commit = Commit::default();
        // The credential comes first, so that a spent token is told from a revoked certificate.
        commit.extend(Role::Credential, proof.spent.clone());
        commit.push(
            Role::Revocation,
            Write::Put {
                key: table::revocation(&request.serial),
                condition: Condition::Absent,
                value: table::encode(&revocation)?,
                expires: None,
                indexes: Vec::new(),
            },
        );
        commit.extend(Role::BlockedKey, block.clone());
        match commit.apply_or_confirm(&*self.store, Role::Revocation).await {
            Err(Failed::Conflict { role: Role::Revocation, .. }) if block.is_some() => {
                let mut commit = Commit::default();
                commit.extend(Role::Credential, proof.spent);
                commit.extend(Role::BlockedKey, block);
                commit.apply(&*self.store).await.map_err(|failed| refusal(failed, &request.serial))?;
                Err(AuthorityError::AlreadyRevoked { serial: request.serial })
            }
            answer => {
                answer.map_err(|failed| refusal(failed, &request.serial))?;
                if stays_usable {
                    warn!(serial = %request.serial, "revoked; its key is not known here and not blocked");
                }
                Ok(())
            }
        }
    }

    /// Step 1 for a revocation. Nothing is written.
    async fn authorize_revocation(
        &self,
        request: &RevokeRequest,
        credential: &RevokeCredential,
    ) -> Result<ProvenRevocation, AuthorityError> {
        match credential {
            RevokeCredential::Token(token) => {
                let (provisioner, token) = self.authorize_token(token, Operation::Revoke)?;
                check_serial(request, "token subject", token.subject())?;
                let mark = SpentRecord {
                    request: request.serial.to_string(),
                    serial: None,
                    lease_until: self.clock.now(),
                };
                let spent = Write::Put {
                    key: token.spent_key(),
                    condition: Condition::Absent,
                    value: table::encode(&mark)?,
                    expires: Some(table::spent_until(token.expires())),
                    indexes: Vec::new(),
                };
                Ok(ProvenRevocation {
                    provisioner: Some(provisioner.id.clone()),
                    certificate: None,
                    spent: Some(spent),
                })
            }
            RevokeCredential::Certificates(peer) => {
                let (certificate, _) = self.authenticate_peer(peer).await?;
                check_serial(request, "certificate serial number", &certificate.serial().to_string())?;
                Ok(ProvenRevocation { provisioner: None, certificate: Some(certificate), spent: None })
            }
        }
    }

    /// The write that blocks the key of a certificate; `None` for a certificate that this authority never issued.
    async fn block_key(
        &self,
        serial: &SerialNumber,
        certificate: Option<Certificate>,
    ) -> Result<Option<Write>, AuthorityError> {
        let certificate = match certificate {
            Some(certificate) => Some(certificate),
            None => self.issued_certificate(serial).await?,
        };
        let Some(certificate) = certificate else {
            return Ok(None);
        };
        let record = BlockedKeyRecord { serial: serial.clone(), blocked_at: self.clock.now() };
        Ok(Some(Write::Put {
            key: table::blocked_key(certificate.public_key().spki_der()),
            condition: Condition::Any,
            value: table::encode(&record)?,
            expires: None,
            indexes: Vec::new(),
        }))
    }

    async fn issued_certificate(&self, serial: &SerialNumber) -> Result<Option<Certificate>, AuthorityError> {
        let Some(found) = self.store.get(&table::certificate(serial)).await? else {
            return Ok(None);
        };
        let record: CertificateRecord = table::decode(&found)?;
        match record.state {
            CertificateState::Issued { certificate } => match Certificate::from_der(&certificate.0) {
                Ok(certificate) => Ok(Some(certificate)),
                Err(error) => Err(StoreError::Failed(Box::new(error)).into()),
            },
            CertificateState::Intent { .. } | CertificateState::Abandoned { .. } => Ok(None),
        }
    }
}

/// What a credential has proven: that its holder may revoke a certificate.
pub(crate) struct ProvenRevocation {
    /// Id of the provisioner that let it in.
    pub(crate) provisioner: Option<String>,
    /// The certificate, where it was shown.
    pub(crate) certificate: Option<Certificate>,
    /// The write that spends it, where it is good for once.
    pub(crate) spent: Option<Write>,
}

fn refusal(failed: Failed<Role>, serial: &SerialNumber) -> AuthorityError {
    match failed {
        Failed::Conflict { role: Role::Credential, .. } => AuthorityError::TokenUsed,
        Failed::Conflict { .. } => AuthorityError::AlreadyRevoked { serial: serial.clone() },
        Failed::Store(error) => error.into(),
    }
}

/// `keyCompromise` ([RFC 5280 §5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)).
const KEY_COMPROMISE: u8 = 1;
/// Longest reason that is kept, in octets.
pub(super) const MAX_REASON: usize = 4096;
/// Longer texts that are no serial numbers are cut off in the answer and the log: they may be a token in the wrong place.
const MAX_ECHOED_CHARS: usize = 48;
/// `aACompromise`, the last of them.
const MAX_REASON_CODE: u8 = 10;

/// What was proven must be what is carried out: the credential names the same serial number as the request.
fn check_serial(request: &RevokeRequest, credential: &'static str, proven: &str) -> Result<(), Refusal> {
    if request.serial.to_string() == proven {
        return Ok(());
    }
    Err(Refusal::OtherSerial { requested: request.serial.clone(), credential, proven: proven.to_owned() })
}
