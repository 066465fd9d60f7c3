//! `renewalInfo`: when a certificate is best renewed ([RFC 9773](https://www.rfc-editor.org/rfc/rfc9773)).
//!
//! An operator may ask for early renewal of a set of certificates: those of a provisioner, those made before an instant,
//! those of some serial numbers. The wishes lie in one record.

use serde::{Deserialize, Serialize};

use super::new_order::after;
use super::replacement::CertificateId;
use super::view::seconds;
use super::{Acme, AcmeError, Answer, Endpoint};
use crate::clock::{SignedDuration, Timestamp};
use crate::store::table::{self, CertificateRecord, CertificateState, Der};
use crate::x509::{Certificate, SerialNumber};

/// When to renew ([RFC 9773 §4.2](https://www.rfc-editor.org/rfc/rfc9773#section-4.2)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalInfoView {
    suggested_window: WindowView,
    #[serde(rename = "explanationURL", skip_serializing_if = "Option::is_none")]
    explanation_url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct WindowView {
    start: String,
    end: String,
}

/// What an operator has asked for, all of it in one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyRenewalRecord {
    /// The wishes; the first that speaks of a certificate counts.
    pub wishes: Vec<EarlyRenewal>,
}

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
}

impl Acme {
    /// When a certificate is best renewed: one table call. Everybody may ask.
    ///
    /// # Errors
    /// [`AcmeError`] when the id is none of a certificate of this provisioner.
    pub async fn renewal_info(
        &self,
        endpoint: &Endpoint<'_>,
        id: &str,
    ) -> Result<Answer<RenewalInfoView>, AcmeError> {
        let serial = CertificateId::parse(&self.authority, id)?.into_serial();
        let keys = [table::certificate(&serial), table::revocation(&serial), table::acme::early_renewal()];
        let mut found = self.store().get_many(&keys).await?.into_iter();
        let (certificate, revocation, wishes) =
            (found.next().flatten(), found.next().flatten(), found.next().flatten());
        let absent = || AcmeError::malformed("there is no such certificate").with_status(404);
        let record: CertificateRecord = table::decode(&certificate.ok_or_else(absent)?)?;
        let is_here = record.provisioner.as_ref().is_some_and(|by| by.id == endpoint.provisioner.id);
        let (CertificateState::Issued { certificate: Der(der) }, true) = (&record.state, is_here) else {
            return Err(absent());
        };
        let certificate =
            Certificate::from_der(der).map_err(|error| crate::store::StoreError::Failed(Box::new(error)))?;
        let wishes: EarlyRenewalRecord = match wishes {
            Some(wishes) => table::decode(&wishes)?,
            None => EarlyRenewalRecord::default(),
        };
        let now = self.authority.now();
        let lifetime = certificate.validity().duration();
        let (start, end, explanation_url) = if revocation.is_some() {
            // A window in the past asks for renewal at once.
            (before(now, SignedDuration::from_hours(1)), before(now, SignedDuration::from_secs(1)), None)
        } else if let Some(wish) = wishes.wishes.into_iter().find(|wish| wish.covers(&serial, &record)) {
            (wish.start, wish.end, wish.explanation_url)
        } else {
            let ideal = before(certificate.not_after(), lifetime / 3);
            (before(ideal, lifetime / WINDOW_PART), after(ideal, lifetime / WINDOW_PART), None)
        };
        let view = RenewalInfoView {
            suggested_window: WindowView { start: seconds(start), end: seconds(end) },
            explanation_url,
        };
        let retry_after = (lifetime / WINDOW_PART).clamp(SHORTEST_POLL, LONGEST_POLL);
        Ok(Answer { retry_after: Some(retry_after.as_secs().unsigned_abs()), ..Answer::new(view) })
    }
}

fn before(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_sub(duration).unwrap_or(Timestamp::MIN)
}

/// The window begins and ends this part of the lifetime around its ideal: two hours of a day, a week of ninety days.
const WINDOW_PART: i32 = 24;
/// A client need not ask more often,
const SHORTEST_POLL: SignedDuration = SignedDuration::from_mins(1);
/// and should not ask less often: a wish of the operator is to be heard in time.
const LONGEST_POLL: SignedDuration = SignedDuration::from_hours(6);
