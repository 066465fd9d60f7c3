//! `revoke-cert`: by the account that got the certificate, by whoever holds its key, and by an account that has proven
//! all of its names ([RFC 8555 §7.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.6)).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::request::{Account, Authenticated, UnspentNonce, read_payload, refused_nonce};
use super::{Acme, AcmeError, Answer, Endpoint, Identifier, ProblemType};
use crate::authority::{AuthorityError, ProvenRevocation, RevokeRequest};
use crate::store::table::{self, CertificateRecord, CertificateState, Der};
use crate::x509::{Certificate, SerialNumber};

/// What `revoke-cert` is asked.
#[derive(Deserialize)]
struct RevokeCert {
    certificate: String,
    #[serde(default)]
    reason: i64,
}

/// Who may revoke a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Revoker {
    /// The account that it was issued to.
    Subscriber,
    /// Whoever holds its key.
    KeyHolder,
    /// An account that has proven its names.
    NameHolder,
}

impl Acme {
    /// Revokes a certificate of this authority and gives its serial number, for the log: two table calls, one more for an
    /// account that did not get it.
    ///
    /// # Errors
    /// [`AcmeError`]; whoever may not revoke a certificate learns nothing of it.
    pub async fn revoke_cert(
        &self,
        endpoint: &Endpoint<'_>,
        body: &[u8],
    ) -> Result<Answer<SerialNumber>, AcmeError> {
        // The certificate says where its record lies, before anything is known about who asks.
        let mut asked = None;
        let request = self
            .request_by_either(endpoint, body, |payload| {
                let read = read_payload::<RevokeCert>(payload).and_then(ReadRevocation::new);
                let keys = read.as_ref().map(|read| vec![table::certificate(read.certificate.serial())]);
                let keys = keys.unwrap_or_default();
                asked = Some(read);
                keys
            })
            .await?;
        let asked = asked.ok_or_else(|| AcmeError::malformed("the request has no payload"))??;
        let (by, nonce, mut found) = match request {
            Authenticated::Account(request) => (Ok(request.account), request.nonce, request.also),
            Authenticated::Key(request) => {
                let found = self.store().get(&table::certificate(asked.certificate.serial())).await?;
                (Err(request.key), request.nonce, vec![found])
            }
        };
        let record = found.pop().flatten().ok_or_else(not_allowed)?;
        let record: CertificateRecord = table::decode(&record)?;
        // The very bytes: a number and an issuer's name can be written into anything.
        let is_ours = matches!(
            &record.state,
            CertificateState::Issued { certificate: Der(der) } if der == asked.certificate.as_der()
        );
        if !is_ours {
            return Err(not_allowed());
        }
        let revoker = match &by {
            Err(key) if key.public_key() == asked.certificate.public_key() => Some(Revoker::KeyHolder),
            Err(_) => None,
            Ok(account) => self.revoker(endpoint, account, &asked.certificate, &record).await?,
        };
        let revoker = revoker.ok_or_else(not_allowed)?;
        // Who has the name now need not have the key: it is not blocked on their word.
        if revoker == Revoker::NameHolder && asked.reason == KEY_COMPROMISE {
            return Err(AcmeError::new(
                ProblemType::BadRevocationReason,
                "keyCompromise can be given by the account of the certificate or with its key; use another reason",
            ));
        }
        self.carry_out(endpoint, asked, nonce).await
    }

    /// What an account is to a certificate.
    async fn revoker(
        &self,
        endpoint: &Endpoint<'_>,
        account: &Account,
        certificate: &Certificate,
        record: &CertificateRecord,
    ) -> Result<Option<Revoker>, AcmeError> {
        let provisioner = &endpoint.provisioner.id;
        let is_here = record.provisioner.as_ref().is_some_and(|by| by.id == *provisioner);
        if is_here && record.acme.as_ref().is_some_and(|acme| acme.account == account.id.as_str()) {
            return Ok(Some(Revoker::Subscriber));
        }
        if !is_here {
            return Ok(None);
        }
        let Ok(sans) = certificate.sans() else { return Ok(None) };
        let identifiers: Option<Vec<_>> = sans.names.iter().map(Identifier::from_san).collect();
        let keys: Vec<_> = match identifiers {
            Some(identifiers) if !identifiers.is_empty() && sans.others.is_empty() => {
                identifiers.iter().map(|name| table::acme::proof(provisioner, &account.id, name)).collect()
            }
            Some(_) | None => return Ok(None),
        };
        let proofs = self.store().get_many(&keys).await?;
        Ok(proofs.iter().all(Option::is_some).then_some(Revoker::NameHolder))
    }

    async fn carry_out(
        &self,
        endpoint: &Endpoint<'_>,
        asked: ReadRevocation,
        nonce: UnspentNonce,
    ) -> Result<Answer<SerialNumber>, AcmeError> {
        let serial = asked.certificate.serial().clone();
        let request = RevokeRequest::parse(&serial.to_string(), asked.reason, String::new(), true)
            .map_err(|error| AcmeError::malformed(&error))?;
        let proof = ProvenRevocation {
            provisioner: Some(endpoint.provisioner.id.clone()),
            certificate: Some(asked.certificate),
            spent: Some(nonce.spend()),
        };
        match self.authority.revoke_proven(request, proof).await {
            Ok(()) => Ok(Answer::new(serial)),
            Err(AuthorityError::TokenUsed) => Err(refused_nonce()),
            Err(error) => Err(error.into()),
        }
    }
}

struct ReadRevocation {
    certificate: Certificate,
    reason: i64,
}

impl ReadRevocation {
    fn new(asked: RevokeCert) -> Result<Self, AcmeError> {
        let der = URL_SAFE_NO_PAD
            .decode(&asked.certificate)
            .map_err(|_| AcmeError::malformed("the certificate is not a DER structure in base64url"))?;
        let certificate = Certificate::from_der(&der)
            .map_err(|error| AcmeError::malformed("the certificate cannot be read").because(error))?;
        if !REASONS.contains(&asked.reason) {
            return Err(AcmeError::new(
                ProblemType::BadRevocationReason,
                format_args!(
                    "the reason {} is not one that a client can give; use one of {REASONS:?}",
                    asked.reason
                ),
            ));
        }
        Ok(Self { certificate, reason: asked.reason })
    }
}

/// The same for a certificate of somebody else and for one that is none of ours.
fn not_allowed() -> AcmeError {
    AcmeError::unauthorized(
        "the certificate is none of this authority, or the account or key may not revoke it: \
         it takes the account that got it, its own key, or an account that has proven all of its names",
    )
}

/// [RFC 5280 §5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)
const KEY_COMPROMISE: i64 = 1;
/// unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn. The others are
/// about authorities and lists, not for a client to say.
const REASONS: [i64; 6] = [0, 1, 3, 4, 5, 9];
