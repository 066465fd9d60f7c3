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
        let (start, end) = (
            asked_not_before.unwrap_or(subtract(self.now, self.backdate)),
            match asked_not_after {
                Some(asked) => asked,
                // Nobody asked for this length, so the issuer may shorten it.
                None => add(base, self.lifetimes.default.to_signed()).min(issuer_not_after),
            },
        );
        let (start, end) = (whole_second(start), whole_second(end));
        if end < whole_second(self.now) {
            return Err(InvalidRequest::Past { not_after: end }.into());
        }
        if start > issuer_not_after {
            return Err(Refusal::OutlivesIssuer { not_after: end.max(start), issuer_not_after }.into());
        }
        let validity = validity(start, end)?;
        let duration = start.duration_until(end);
        if duration < self.lifetimes.min.to_signed() {
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
        if end > issuer_not_after {
            return Err(Refusal::OutlivesIssuer { not_after: end, issuer_not_after }.into());
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
    let duration = old.not_before().duration_until(old.not_after());
    let start = whole_second(subtract(now, backdate));
    let end = whole_second(add(start, duration)).min(issuer_end(issuer, now)?);
    Ok(validity(start, end)?)
}

/// The validity between two instants.
pub(super) fn validity(not_before: Timestamp, not_after: Timestamp) -> Result<Validity, InvalidRequest> {
    Validity::new(not_before, not_after).map_err(|error| match error {
        ValidityError::Reversed => InvalidRequest::Reversed { not_after, not_before },
        ValidityError::Year => InvalidRequest::Year(error),
    })
}

fn issuer_end(issuer: &Certificate, now: Timestamp) -> Result<Timestamp, AuthorityError> {
    let end = issuer.not_after();
    if end < now { Err(InternalError::IssuerExpired(end).into()) } else { Ok(end) }
}

fn add(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

fn subtract(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_sub(duration).unwrap_or(Timestamp::MIN)
}

/// Certificates know no fractions; Go cuts them off towards the past.
fn whole_second(time: Timestamp) -> Timestamp {
    let floor = time.as_second() - i64::from(time.subsec_nanosecond() < 0);
    Timestamp::from_second(floor).unwrap_or(Timestamp::MIN)
}

fn in_go_notation(duration: SignedDuration) -> String {
    GoDuration::from_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)).to_string()
}
