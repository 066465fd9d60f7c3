//! `renewalInfo`: when a certificate is best renewed ([RFC 9773](https://www.rfc-editor.org/rfc/rfc9773)).
//!
//! A third of the lifetime before the end, unless the certificate is revoked or an operator asked for it earlier.

use serde::Serialize;

use super::early_renewal::EarlyRenewalRecord;
use super::new_order::after;
use super::replacement::CertificateId;
use super::view::seconds;
use super::{Acme, AcmeError, Answer, Endpoint};
use crate::clock::{SignedDuration, Timestamp};
use crate::store::table::{self, CertificateRecord, CertificateState, Der};
use crate::x509::Certificate;

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
        } else {
            let ideal = before(certificate.not_after(), lifetime / 3);
            let (start, end) = (before(ideal, lifetime / WINDOW_PART), after(ideal, lifetime / WINDOW_PART));
            match wishes.first_of(&serial, &record) {
                // A long window is for certificates that live long; of others it must not let the end pass.
                Some(wish) => (wish.start.min(start), wish.end.min(end), wish.explanation_url),
                None => (start, end, None),
            }
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
