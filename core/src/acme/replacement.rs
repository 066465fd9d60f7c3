//! Which certificate an order replaces ([RFC 9773 §5](https://www.rfc-editor.org/rfc/rfc9773#section-5)).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::order::{StoredOrder, kept_until};
use super::record::{OrderRecord, ReplacementRecord};
use super::{Acme, AcmeError, Endpoint, Id, OrderStatus, ProblemType};
use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::store::table::{self, CertificateRecord, CertificateState};
use crate::store::{Condition, Key, Record, Write};
use crate::x509::SerialNumber;

/// A certificate as [RFC 9773 §4.1](https://www.rfc-editor.org/rfc/rfc9773#section-4.1) names it: the key identifier of
/// its issuer and its serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CertificateId {
    id: String,
    serial: SerialNumber,
}

impl CertificateId {
    /// Reads the id of a certificate of this authority.
    pub(super) fn parse(authority: &Authority, id: &str) -> Result<Self, AcmeError> {
        let parts = id.split_once('.').and_then(|(key_id, serial)| {
            Some((URL_SAFE_NO_PAD.decode(key_id).ok()?, URL_SAFE_NO_PAD.decode(serial).ok()?))
        });
        let (key_id, serial) = parts.ok_or_else(|| AcmeError::malformed(NOT_AN_ID))?;
        let serial = SerialNumber::from_der_bytes(&serial).map_err(|_| AcmeError::malformed(NOT_AN_ID))?;
        if !authority.has_issued_under(&key_id) {
            return Err(AcmeError::malformed("the certificate is not of an issuer of this authority")
                .with_status(404));
        }
        Ok(Self { id: id.to_owned(), serial })
    }

    /// The certificate's serial number.
    pub(super) fn into_serial(self) -> SerialNumber {
        self.serial
    }

    /// What has to be read before it can be replaced: the certificate, and the order that replaces it already.
    pub(super) fn keys(&self) -> [Key; 2] {
        [table::certificate(&self.serial), table::acme::replacement(&self.serial)]
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl Acme {
    /// The end of a certificate that an order may replace: it is the account's own, and shares a name with the order.
    pub(super) fn replaceable(
        &self,
        endpoint: &Endpoint<'_>,
        certificate: Option<&Record>,
        order: &OrderRecord,
    ) -> Result<Timestamp, AcmeError> {
        let record: CertificateRecord =
            table::decode(certificate.ok_or_else(|| AcmeError::not_found("certificate"))?)?;
        let is_own = record.acme.as_ref().is_some_and(|acme| acme.account == order.account.as_str())
            && record.provisioner.as_ref().is_some_and(|by| by.id == endpoint.provisioner.id)
            && matches!(record.state, CertificateState::Issued { .. });
        if !is_own {
            return Err(AcmeError::not_found("certificate"));
        }
        let names = |name: &String| {
            order.authorizations.iter().any(|each| each.identifier.to_string().eq_ignore_ascii_case(name))
        };
        if !record.names.iter().any(names) {
            return Err(AcmeError::malformed(
                "the order has no name in common with the certificate that it replaces",
            ));
        }
        Ok(record.not_after)
    }

    /// The write by which an order replaces a certificate that no other order replaces which still may be, or is, valid.
    /// Such an order is kept as long as the certificate, so that one that is gone was none.
    pub(super) async fn replace(
        &self,
        endpoint: &Endpoint<'_>,
        replaced: &CertificateId,
        replacement: Option<&Record>,
        id: &Id,
        until: Timestamp,
    ) -> Result<Write, AcmeError> {
        let condition = match replacement {
            None => Condition::Absent,
            Some(found) => {
                let other: ReplacementRecord = table::decode(found)?;
                let key = table::acme::order(&endpoint.provisioner.id, &other.order);
                if let Some(other_found) = self.store().get(&key).await? {
                    let other = StoredOrder::decode(&other.order, &other_found)?;
                    if other.record.status(self.authority.now()) != OrderStatus::Invalid {
                        return Err(already_replaced());
                    }
                }
                Condition::Version(found.version)
            }
        };
        Ok(Write::Put {
            key: table::acme::replacement(&replaced.serial),
            condition,
            value: table::encode(&ReplacementRecord { order: id.clone() })?,
            expires: Some(kept_until(until)),
            indexes: Vec::new(),
        })
    }
}

/// `alreadyReplaced` ([RFC 9773 §7.4](https://www.rfc-editor.org/rfc/rfc9773#section-7.4)).
pub(super) fn already_replaced() -> AcmeError {
    AcmeError::new(ProblemType::AlreadyReplaced, "another order replaces the certificate already")
}

const NOT_AN_ID: &str = "not the id of a certificate: its issuer's key identifier, a dot and its serial number, each in base64url";
