//! Step 5, validity: how long a certificate lives, from what was asked for, what the provisioner says, and what the
//! issuer can vouch for.

use super::{AuthorityError, InternalError, InvalidRequest, Refusal};
use crate::clock::{SignedDuration, Timestamp};
use crate::config::{GoDuration, Lifetimes, TimeDuration};
use crate::x509::{Certificate, Validity, ValidityError};

/// What decides a validity, but for the request.
pub(super) struct ValidityRules<'a> {
    pub(super) now: Timestamp,
    /// Subtracted from now when no notBefore was asked for: clients' clocks run behind ours.
    pub(super) backdate: SignedDuration,
    pub(super) lifetimes: &'a Lifetimes,
    pub(super) issuer: &'a Certificate,
}

impl ValidityRules<'_> {
    /// The validity for what a client asked for; neither end is needed.
    ///
    /// notAfter is the last instant at which the certificate is valid ([RFC 5280 §4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).
    /// The authorized maximum is measured without the backdate.
    pub(super) fn decide(
        &self,
        not_before: TimeDuration,
        not_after: TimeDuration,
    ) -> Result<Validity, AuthorityError> {
        let issuer_not_after = issuer_end(self.issuer, self.now)?;
        let asked_not_before = not_before.resolve(self.now).map_err(InvalidRequest::Time)?;
        let base = asked_not_before.unwrap_or(self.now);
        let asked_not_after = not_after.resolve(base).map_err(InvalidRequest::Time)?;
        let start = asked_not_before.unwrap_or(subtract(self.now, self.backdate));
        let wanted = asked_not_after.unwrap_or(add(base, self.lifetimes.default.to_signed()));
        // Where nobody asked for this length, the issuer may shorten it.
        let end = if asked_not_after.is_none() { wanted.min(issuer_not_after) } else { wanted };
        if end.as_second() < self.now.as_second() {
            return Err(InvalidRequest::Past { not_after: end }.into());
        }
        if start > issuer_not_after {
            return Err(Refusal::OutlivesIssuer { not_after: wanted, issuer_not_after }.into());
        }
        let validity = validity(start, end)?;
        let duration = validity.duration();
        if duration < self.lifetimes.min.to_signed() {
            if end < wanted {
                return Err(Refusal::OutlivesIssuer { not_after: wanted, issuer_not_after }.into());
            }
            return Err(Refusal::TooShort {
                requested: in_go_notation(duration),
                minimum: self.lifetimes.min.to_string(),
            }
            .into());
        }
        let maximum = self.lifetimes.max.to_signed().saturating_add(self.backdate);
        if duration > maximum {
            return Err(Refusal::TooLong {
                requested: in_go_notation(duration),
                maximum: in_go_notation(maximum),
            }
            .into());
        }
        if validity.not_after() > issuer_not_after {
            return Err(Refusal::OutlivesIssuer { not_after: validity.not_after(), issuer_not_after }.into());
        }
        Ok(validity)
    }
}

/// The validity of a certificate that follows `old`: as long as it, backdated, and never longer than the issuer's.
pub(super) fn renewed(
    old: &Certificate,
    now: Timestamp,
    backdate: SignedDuration,
    issuer: &Certificate,
) -> Result<Validity, AuthorityError> {
    let start = subtract(now, backdate);
    let end = add(start, old.validity().duration()).min(issuer_end(issuer, now)?);
    Ok(validity(start, end)?)
}

/// The validity between two instants.
pub(super) fn validity(not_before: Timestamp, not_after: Timestamp) -> Result<Validity, InvalidRequest> {
    Validity::new(not_before, not_after).map_err(|error| match error {
        ValidityError::Reversed => InvalidRequest::Reversed { not_after, not_before },
        ValidityError::Year => InvalidRequest::Year(error),
    })
}

/// The last second that the issuer can vouch for.
pub(super) fn issuer_end(issuer: &Certificate, now: Timestamp) -> Result<Timestamp, InternalError> {
    let end = issuer.not_after();
    if end.as_second() < now.as_second() { Err(InternalError::IssuerExpired(end)) } else { Ok(end) }
}

fn add(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// As early as there is a time.
pub(super) fn subtract(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_sub(duration).unwrap_or(Timestamp::MIN)
}

fn in_go_notation(duration: SignedDuration) -> String {
    GoDuration::from_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)).to_string()
}
