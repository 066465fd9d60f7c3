//! CAA records: whether the owner of a name lets this authority issue for it
//! ([RFC 8659](https://www.rfc-editor.org/rfc/rfc8659), [RFC 8657](https://www.rfc-editor.org/rfc/rfc8657)).

use super::issue_value::IssueValue;
use super::persist::is_same_account;
use super::validation::{Target, Verdict, problem_of};
use super::{Acme, CaaRecord, Identifier, ProbeLimits, Prober, Problem, ProblemType};
use crate::config::AcmeOptions;
use crate::x509::DnsName;

impl Acme {
    /// Looks for the records of the name, then of each name above it, and obeys the first that there are
    /// ([RFC 8659 §3](https://www.rfc-editor.org/rfc/rfc8659#section-3)). An IP address has none.
    pub(super) async fn check_caa(
        &self,
        prober: &dyn Prober,
        options: &AcmeOptions,
        target: &Target,
        limits: &ProbeLimits,
    ) -> Result<(), Verdict> {
        let Identifier::Dns(name) = &target.identifier else { return Ok(()) };
        let mut name = name.without_wildcard();
        let begun = self.authority.now();
        loop {
            // The deadline is one for all names of the way up.
            let passed = self.authority.now().duration_since(begun).unsigned_abs();
            let deadline = limits.deadline.saturating_sub(passed);
            if deadline.is_zero() {
                let detail = format!("the CAA records of {name} could not be looked up in time");
                return Err(Verdict::Unclear(Problem::new(ProblemType::Dns, detail)));
            }
            let limits = ProbeLimits { deadline, ..limits.clone() };
            // What is above a name is one, down to a last label that is a number.
            let Ok(asked) = name.parse::<DnsName>() else { return Ok(()) };
            let records = prober.caa(&asked, &limits).await.map_err(|error| {
                // A failure is not the absence of records, and may heal.
                Verdict::Unclear(Problem::new(problem_of(error.kind), error.detail()))
            })?;
            if !records.is_empty() {
                let identities: Vec<_> = options.caa_identities.iter().map(DnsName::as_str).collect();
                return judge(&records, &identities, target)
                    .map_err(|why| refuted(format_args!("the CAA records of {name} {why}")));
            }
            match name.split_once('.') {
                Some((_, above)) => name = above,
                None => return Ok(()),
            }
        }
    }
}

/// Whether a set of records that is not empty allows the issuance.
fn judge(records: &[CaaRecord], identities: &[&str], target: &Target) -> Result<(), &'static str> {
    let tagged =
        |tag: &'static str| records.iter().filter(move |record| record.tag.eq_ignore_ascii_case(tag));
    let is_known = |record: &CaaRecord| KNOWN_TAGS.iter().any(|tag| record.tag.eq_ignore_ascii_case(tag));
    if records.iter().any(|record| record.critical && !is_known(record)) {
        return Err("have a critical property that is not known here");
    }
    let is_wildcard = target.identifier.is_wildcard();
    let tag = if is_wildcard && tagged("issuewild").next().is_some() { "issuewild" } else { "issue" };
    let mut relevant = tagged(tag).peekable();
    if relevant.peek().is_none() {
        return Ok(());
    }
    if relevant.any(|record| allows(record, identities, target)) {
        return Ok(());
    }
    Err("do not allow this authority, this account or this challenge")
}

fn allows(record: &CaaRecord, identities: &[&str], target: &Target) -> bool {
    let Some(value) = IssueValue::parse(&record.value) else { return false };
    let names_us = identities.iter().any(|identity| identity.eq_ignore_ascii_case(&value.issuer));
    let names_account =
        value.parameter("accounturi").is_none_or(|uri| is_same_account(uri, &target.account_url));
    let names_method = value
        .parameter("validationmethods")
        .is_none_or(|methods| methods.split(',').any(|method| method == target.kind.name()));
    names_us && names_account && names_method
}

fn refuted(detail: std::fmt::Arguments<'_>) -> Verdict {
    Verdict::Refuted(Problem::new(ProblemType::Caa, detail))
}

/// The properties that are understood; `iodef` and the rest of those registered say nothing about issuance here.
const KNOWN_TAGS: [&str; 5] = ["issue", "issuewild", "iodef", "contactemail", "contactphone"];
