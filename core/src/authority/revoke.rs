//! `revoke`: a certificate is not to be renewed any more, and after a compromise its key not to be certified again.

use super::{Authority, AuthorityError, InvalidRequest, Persistence, Refusal};
use crate::peer::PeerCertificates;
use crate::provisioner::Operation;
use crate::store::table::{
    self, BlockedKeyRecord, CertificateRecord, CertificateState, RevocationRecord, SpentRecord,
};
use crate::store::{CommitError, Condition, Write};
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
        // The beginning says enough, and a token in the wrong place does not go into the log.
        let serial = serial
            .parse()
            .map_err(|_| InvalidRequest::Serial(serial.chars().take(MAX_SHOWN_SERIAL).collect()))?;
        let reason_code = u8::try_from(reason_code)
            .ok()
            .filter(|code| *code <= MAX_REASON_CODE)
            .ok_or(InvalidRequest::ReasonCode)?;
        if reason.len() > MAX_REASON_OCTETS {
            return Err(InvalidRequest::ReasonTooLong { max: MAX_REASON_OCTETS });
        }
        if !passive {
            return Err(InvalidRequest::NotPassive);
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
                self.check_serial(&request, token.subject())?;
                let mark =
                    SpentRecord { request: request.serial.to_string(), serial: None, lease_until: now };
                let spent = Write::Put {
                    key: token.spent_key(),
                    condition: Condition::Absent,
                    value: table::encode(&mark)?,
                    expires: Some(token.expires()),
                    indexes: Vec::new(),
                };
                (Some(provisioner.id.clone()), None, Some(spent))
            }
            RevokeCredential::Certificates(peer) => {
                let (certificate, _) = self.authenticate_peer(peer).await?;
                self.check_serial(&request, &certificate.serial().to_string())?;
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
        // The credential comes first, so that a spent token is told from a revoked certificate.
        let mut writes = Vec::from_iter(spent);
        let position = writes.len();
        writes.push(Write::Put {
            key: table::revocation(&request.serial),
            condition: Condition::Absent,
            value: table::encode(&revocation)?,
            expires: None,
            indexes: Vec::new(),
        });
        if request.reason_code == KEY_COMPROMISE {
            writes.extend(self.block_key(&request.serial, certificate).await?);
        }
        match self.store.commit(writes).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict { write, .. }) if write == position => {
                Err(AuthorityError::AlreadyRevoked { serial: request.serial })
            }
            Err(CommitError::Conflict { .. }) => Err(AuthorityError::TokenUsed),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// What was proven must be what is carried out: the credential names the same serial number as the request.
    fn check_serial(&self, request: &RevokeRequest, proven: &str) -> Result<(), Refusal> {
        if request.serial.to_string() == proven {
            return Ok(());
        }
        Err(Refusal::OtherSerial { requested: request.serial.clone(), proven: proven.to_owned() })
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
            CertificateState::Intent { .. } => Ok(None),
        }
    }
}

/// `keyCompromise` ([RFC 5280 §5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)).
const KEY_COMPROMISE: u8 = 1;
/// `aACompromise`, the last of them.
const MAX_REASON_CODE: u8 = 10;
/// Some pages of text; the record of a revocation has no room for everything that a request can carry.
const MAX_REASON_OCTETS: usize = 16 * 1024;
/// Longest serial number that an error repeats, in characters: in every base they are shorter.
const MAX_SHOWN_SERIAL: usize = 64;
