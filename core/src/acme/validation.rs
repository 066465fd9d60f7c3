//! What a validation looks for, and whether it has found it.

use std::time::Duration;

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;

use super::record::Attempt;
use super::{
    ACME_TLS_ALPN, Acme, AllowedTargets, Identifier, ProbeError, ProbeErrorKind, ProbeHost, ProbeLimits,
    Prober, Problem, ProblemType, excerpt,
};
use super::{persist, tls_alpn};
use crate::clock::Timestamp;
use crate::config::{AcmeOptions, ChallengeType};
use crate::x509::DnsName;

/// What one try looks for: everything that the client was told, and nothing that it said.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) kind: ChallengeType,
    pub(super) identifier: Identifier,
    pub(super) token: String,
    pub(super) key_authorization: String,
    pub(super) account_url: String,
}

/// What a try has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The client has shown control.
    Proven {
        /// What was asked of whom, and what came back.
        evidence: String,
    },
    /// It has shown something else, and would again.
    Refuted(Problem),
    /// It has shown nothing; it may yet.
    Unclear(Problem),
}

impl Target {
    pub(super) fn new(kind: ChallengeType, identifier: Identifier, token: &str, attempt: &Attempt) -> Self {
        Self {
            kind,
            identifier,
            token: token.to_owned(),
            // RFC 8555 §8.1
            key_authorization: format!("{token}.{}", attempt.thumbprint),
            account_url: attempt.account_url.clone(),
        }
    }

    /// SHA-256 of the key authorization.
    pub(super) fn digest(&self) -> digest::Digest {
        digest::digest(&digest::SHA256, self.key_authorization.as_bytes())
    }

    fn host(&self) -> Option<ProbeHost> {
        match &self.identifier {
            Identifier::Dns(name) => name.without_wildcard().parse().ok().map(ProbeHost::Dns),
            Identifier::Ip(address) => Some(ProbeHost::Ip(*address)),
        }
    }

    /// The name below which a record has to stand.
    fn record_name(&self, label: &str) -> Result<DnsName, Problem> {
        let Identifier::Dns(name) = &self.identifier else {
            return Err(Problem::new(ProblemType::Malformed, "an IP address has no records in the DNS"));
        };
        let name = format!("{label}.{}", name.without_wildcard());
        name.parse().map_err(|_| {
            Problem::new(ProblemType::Dns, format_args!("{name} is longer than a name in the DNS can be"))
        })
    }
}

impl Acme {
    /// One try, with the CAA records where they are obeyed.
    pub(super) async fn validate(
        &self,
        prober: &dyn Prober,
        options: &AcmeOptions,
        target: &Target,
    ) -> Verdict {
        let first_try = options.validation.first_try.to_signed().unsigned_abs();
        let begun = self.authority.now();
        let limits = |deadline| ProbeLimits {
            deadline,
            targets: AllowedTargets::new(options.allowed_targets.iter().copied()),
        };
        let verdict = self.look(prober, options, target, &limits(first_try)).await;
        if !options.check_caa || !matches!(verdict, Verdict::Proven { .. }) {
            return verdict;
        }
        let passed = self.authority.now().duration_since(begun).unsigned_abs();
        let left = first_try.saturating_sub(passed).max(LEAST_FOR_CAA);
        match self.check_caa(prober, options, target, &limits(left)).await {
            Ok(()) => verdict,
            Err(refusal) => refusal,
        }
    }

    async fn look(
        &self,
        prober: &dyn Prober,
        options: &AcmeOptions,
        target: &Target,
        limits: &ProbeLimits,
    ) -> Verdict {
        match target.kind {
            ChallengeType::Http01 => look_for_file(prober, target, limits).await,
            ChallengeType::TlsAlpn01 => look_for_certificate(prober, target, limits).await,
            ChallengeType::Dns01 => look_for_digest(prober, target, "_acme-challenge", limits).await,
            ChallengeType::DnsAccount01 => {
                let label = format!("{}._acme-challenge", account_label(&target.account_url));
                look_for_digest(prober, target, &label, limits).await
            }
            ChallengeType::DnsPersist01 => {
                let issuers = self.issuer_domain_names(options);
                look_for_lasting_record(prober, target, &issuers, self.authority.now(), limits).await
            }
        }
    }

    /// The names that stand for this authority in records of the DNS.
    pub(super) fn issuer_domain_names(&self, options: &AcmeOptions) -> Vec<String> {
        if !options.caa_identities.is_empty() {
            return options.caa_identities.iter().map(ToString::to_string).collect();
        }
        let own = self.authority.dns_names().iter();
        own.filter(|name| name.parse::<DnsName>().is_ok()).map(|name| name.to_ascii_lowercase()).collect()
    }
}

/// http-01 ([RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).
async fn look_for_file(prober: &dyn Prober, target: &Target, limits: &ProbeLimits) -> Verdict {
    let path = format!("/.well-known/acme-challenge/{}", target.token);
    let Some(host) = target.host() else { return no_host(target) };
    let answer = match prober.http(&host, &path, limits).await {
        Ok(answer) => answer,
        Err(error) => return error.into(),
    };
    let asked = format!("GET {} of {}", excerpt(answer.url.as_bytes()), answer.address);
    if answer.status != 200 {
        let detail = format!("{asked}: status {} came back, 200 is needed", answer.status);
        return Verdict::Unclear(Problem::new(ProblemType::Unauthorized, detail));
    }
    // Servers and editors put line ends behind what they were given.
    let body = answer.body.trim_ascii_end();
    if constant_time::verify_slices_are_equal(body, target.key_authorization.as_bytes()).is_ok() {
        return Verdict::Proven { evidence: format!("{asked}: the key authorization") };
    }
    let found = excerpt(body);
    let detail =
        format!("{asked}: {found} came back, not the key authorization of this challenge and account");
    Verdict::Refuted(Problem::new(ProblemType::IncorrectResponse, detail))
}

/// tls-alpn-01 ([RFC 8737 §3](https://www.rfc-editor.org/rfc/rfc8737#section-3)).
async fn look_for_certificate(prober: &dyn Prober, target: &Target, limits: &ProbeLimits) -> Verdict {
    let Some(host) = target.host() else { return no_host(target) };
    let answer = match prober.tls_alpn(&host, limits).await {
        Ok(answer) => answer,
        Err(error) => return error.into(),
    };
    let asked = format!("TLS with {} for {}", answer.address, host.server_name());
    if answer.alpn.as_deref() != Some(ACME_TLS_ALPN) {
        let detail = format!("{asked}: the server does not speak acme-tls/1");
        return Verdict::Refuted(Problem::new(ProblemType::Tls, detail));
    }
    match tls_alpn::check(&answer.certificate, &target.identifier, target.digest().as_ref()) {
        Ok(()) => Verdict::Proven { evidence: format!("{asked}: the certificate of the key authorization") },
        Err(wrong) => {
            let detail = format!("{asked}: {wrong}");
            Verdict::Refuted(Problem::new(ProblemType::IncorrectResponse, detail))
        }
    }
}

/// dns-01 ([RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)), and dns-account-01.
///
/// A record of another value is not taken for an answer: it may be that of another order, or of the order before.
async fn look_for_digest(prober: &dyn Prober, target: &Target, label: &str, limits: &ProbeLimits) -> Verdict {
    let name = match target.record_name(label) {
        Ok(name) => name,
        Err(problem) => return Verdict::Refuted(problem),
    };
    let answer = match prober.txt(&name, limits).await {
        Ok(answer) => answer,
        Err(error) => return error.into(),
    };
    let wanted = URL_SAFE_NO_PAD.encode(target.digest());
    let is_wanted =
        |record: &Vec<u8>| constant_time::verify_slices_are_equal(record, wanted.as_bytes()).is_ok();
    if answer.records.iter().any(is_wanted) {
        return Verdict::Proven { evidence: format!("asked {answer}: the digest of the key authorization") };
    }
    Verdict::Unclear(no_record(
        &answer.records,
        &format!("asked {answer}"),
        "the digest of the key authorization",
    ))
}

/// dns-persist-01.
async fn look_for_lasting_record(
    prober: &dyn Prober,
    target: &Target,
    issuers: &[String],
    now: Timestamp,
    limits: &ProbeLimits,
) -> Verdict {
    let name = match target.record_name("_validation-persist") {
        Ok(name) => name,
        Err(problem) => return Verdict::Refuted(problem),
    };
    let answer = match prober.txt(&name, limits).await {
        Ok(answer) => answer,
        Err(error) => return error.into(),
    };
    let wanted = persist::Wanted {
        issuers,
        account_url: &target.account_url,
        wildcard: target.identifier.is_wildcard(),
        now,
    };
    if answer.records.iter().any(|record| wanted.is_met_by(record)) {
        return Verdict::Proven { evidence: format!("asked {answer}: a record for the account") };
    }
    let what = "a record that names this authority and the account, for this name and time";
    Verdict::Unclear(no_record(&answer.records, &format!("asked {answer}"), what))
}

fn no_record(records: &[Vec<u8>], asked: &str, wanted: &str) -> Problem {
    match records.first() {
        None => Problem::new(
            ProblemType::Unauthorized,
            format_args!("{asked}: no record came back, {wanted} is needed"),
        ),
        Some(first) => {
            let found = excerpt(first);
            let more = match records.len() {
                1 => String::new(),
                several => format!(" and {} more", several - 1),
            };
            let detail = format!("{asked}: {found}{more} came back, {wanted} is needed");
            Problem::new(ProblemType::IncorrectResponse, detail)
        }
    }
}

fn no_host(target: &Target) -> Verdict {
    let detail = format!("{} is no host that could be asked", target.identifier);
    Verdict::Refuted(Problem::new(ProblemType::RejectedIdentifier, detail))
}

/// The label under which an account has its records: of the draft on dns-account-01, §3.2.
fn account_label(account_url: &str) -> String {
    let hash = digest::digest(&digest::SHA256, account_url.as_bytes());
    let beginning = hash.as_ref().get(..ACCOUNT_LABEL_OCTETS).unwrap_or_default();
    format!("_{}", BASE32_NOPAD.encode(beginning).to_ascii_lowercase())
}

impl From<ProbeError> for Verdict {
    fn from(error: ProbeError) -> Self {
        let problem = Problem::new(problem_of(error.kind), error.detail());
        if error.may_heal { Self::Unclear(problem) } else { Self::Refuted(problem) }
    }
}

pub(super) fn problem_of(kind: ProbeErrorKind) -> ProblemType {
    match kind {
        ProbeErrorKind::Dns => ProblemType::Dns,
        ProbeErrorKind::Tls => ProblemType::Tls,
        ProbeErrorKind::Connection | ProbeErrorKind::Http | ProbeErrorKind::Refused { .. } => {
            ProblemType::Connection
        }
    }
}

const ACCOUNT_LABEL_OCTETS: usize = 10;
/// CAA records get so much even when the validation took everything.
const LEAST_FOR_CAA: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of draft-ietf-acme-dns-account-label, §3.2.
    #[test]
    fn the_label_of_an_account_is_that_of_the_draft() {
        assert_eq!(account_label("https://example.com/acme/acct/ExampleAccount"), "_ujmmovf2vn55tgye");
    }
}
