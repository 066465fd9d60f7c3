//! `revoke`: a certificate is not to be renewed any more, and after a compromise its key not to be certified again.

use super::commit::{Commit, Failed, Role};
use super::{Authority, AuthorityError, InvalidRequest, Persistence, Refusal};
use crate::peer::PeerCertificates;
use crate::provisioner::Operation;
use crate::store::table::{
    self, BlockedKeyRecord, CertificateRecord, CertificateState, RevocationRecord, SpentRecord,
};
use crate::store::{Condition, Write};
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
    /// more, to find the key.
    ///
    /// # Errors
    /// [`AuthorityError`]; a token is spent only together with the revocation.
    pub async fn revoke(
        &self,
        request: RevokeRequest,
        credential: &RevokeCredential,
    ) -> Result<(), AuthorityError> {
        if self.persistence == Persistence::UntilRestart {
            return Err(AuthorityError::NoPersistence);
        }
        let now = self.clock.now();
        let (provisioner, certificate, spent) = match credential {
            RevokeCredential::Token(token) => {
                let (provisioner, token) = self.authorize_token(token, Operation::Revoke)?;
                check_serial(&request, "token subject", token.subject())?;
                let mark =
                    SpentRecord { request: request.serial.to_string(), serial: None, lease_until: now };
                let spent = Write::Put {
                    key: token.spent_key(),
                    condition: Condition::Absent,
                    value: table::encode(&mark)?,
                    expires: Some(table::spent_until(token.expires())),
                    indexes: Vec::new(),
                };
                (Some(provisioner.id.clone()), None, Some(spent))
            }
            RevokeCredential::Certificates(peer) => {
                let (certificate, _) = self.authenticate_peer(peer).await?;
                check_serial(&request, "certificate serial number", &certificate.serial().to_string())?;
                (None, Some(certificate), None)
            }
        };
        let revocation = RevocationRecord {
            serial: request.serial.clone(),
            reason_code: request.reason_code,
            reason: request.reason,
            revoked_at: now,
            not_after: certificate.as_ref().map(Certificate::not_after),
            provisioner,
        };
        let mut commit = Commit::default();
        // The credential comes first, so that a spent token is told from a revoked certificate.
        if let Some(spent) = spent {
            commit.push(Role::Credential, spent);
        }
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
        if request.reason_code == KEY_COMPROMISE
            && let Some(block) = self.block_key(&request.serial, certificate).await?
        {
            commit.push(Role::BlockedKey, block);
        }
        match commit.apply_or_confirm(&*self.store, Role::Revocation).await {
            Ok(()) => Ok(()),
            Err(Failed::Conflict { role: Role::Credential, .. }) => Err(AuthorityError::TokenUsed),
            Err(Failed::Conflict { .. }) => Err(AuthorityError::AlreadyRevoked { serial: request.serial }),
            Err(Failed::Store(error)) => Err(error.into()),
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
            CertificateState::Issued { certificate } => Ok(Certificate::from_der(&certificate.0).ok()),
            CertificateState::Intent { .. } | CertificateState::Abandoned { .. } => Ok(None),
        }
    }
}

/// `keyCompromise` ([RFC 5280 §5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)).
const KEY_COMPROMISE: u8 = 1;
/// Longest reason that is kept, in octets.
pub(super) const MAX_REASON: usize = 4096;
/// Longer texts that are no serial numbers are cut off in the answer and in the log. A serial number is shorter in
/// every base, and of a key or token in the wrong place no secret part is shown.
const MAX_ECHOED_CHARS: usize = 64;
/// `aACompromise`, the last of them.
const MAX_REASON_CODE: u8 = 10;

/// What was proven must be what is carried out: the credential names the same serial number as the request.
fn check_serial(request: &RevokeRequest, credential: &'static str, proven: &str) -> Result<(), Refusal> {
    if request.serial.to_string() == proven {
        return Ok(());
    }
    Err(Refusal::OtherSerial { requested: request.serial.clone(), credential, proven: proven.to_owned() })
}
