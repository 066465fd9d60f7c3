//! Whether a lasting DNS record is the answer to a dns-persist-01 challenge
//! ([draft-ietf-acme-dns-persist](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-persist/)).

use url::Url;

use super::issue_value::IssueValue;
use crate::clock::Timestamp;

/// What a record has to say.
pub(super) struct Wanted<'a> {
    /// The names that stand for this authority; one of them.
    pub(super) issuers: &'a [String],
    /// The account, as the client names it.
    pub(super) account_url: &'a str,
    /// Whether it has to speak for wildcards.
    pub(super) wildcard: bool,
    pub(super) now: Timestamp,
}

impl Wanted<'_> {
    /// Whether this record says so.
    pub(super) fn is_met_by(&self, record: &[u8]) -> bool {
        let Some(value) = IssueValue::parse(record) else { return false };
        let names_issuer = self.issuers.iter().any(|issuer| issuer.eq_ignore_ascii_case(&value.issuer));
        let names_account =
            value.parameter("accounturi").is_some_and(|uri| is_same_account(uri, self.account_url));
        let policy = value.parameter("policy");
        let covers = !self.wildcard || policy.is_some_and(|policy| policy.eq_ignore_ascii_case("wildcard"));
        let lasts = match value.parameter("persistuntil") {
            None => true,
            Some(until) => until.parse().is_ok_and(|until: i64| self.now.as_second() <= until),
        };
        names_issuer && names_account && covers && lasts
    }
}

/// Whether two URLs name the same account: the path tells, because an authority may have several names.
pub(super) fn is_same_account(one: &str, other: &str) -> bool {
    let path = |url: &str| {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "https" && url.query().is_none())?;
        let path = url.path();
        Some(path.strip_prefix("/2.0").unwrap_or(path).to_owned())
    };
    match (path(one), path(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ACCOUNT: &str = "https://ca.example/acme/acme/account/AAAAAAAAAAAAAAAAAAAAAA";

    #[rstest]
    #[case::it("ca.example; accounturi=ACCOUNT", false, true)]
    #[case::another_name_of_the_authority(
        "ca.example; accounturi=https://old.example/acme/acme/account/AAAAAAAAAAAAAAAAAAAAAA",
        false,
        true
    )]
    #[case::another_issuer("other.example; accounturi=ACCOUNT", false, false)]
    #[case::another_account(
        "ca.example; accounturi=https://ca.example/acme/acme/account/BAAAAAAAAAAAAAAAAAAAAA",
        false,
        false
    )]
    #[case::another_provisioner(
        "ca.example; accounturi=https://ca.example/acme/other/account/AAAAAAAAAAAAAAAAAAAAAA",
        false,
        false
    )]
    #[case::no_account("ca.example", false, false)]
    #[case::in_time("ca.example; accounturi=ACCOUNT; persistUntil=1000", false, true)]
    #[case::too_late("ca.example; accounturi=ACCOUNT; persistUntil=999", false, false)]
    #[case::no_time("ca.example; accounturi=ACCOUNT; persistUntil=soon", false, false)]
    #[case::wildcard("ca.example; accounturi=ACCOUNT; policy=wildcard", true, true)]
    #[case::not_for_wildcards("ca.example; accounturi=ACCOUNT", true, false)]
    #[case::garbage("\u{fffd}", false, false)]
    fn a_record_names_issuer_account_scope_and_time(
        #[case] record: &str,
        #[case] wildcard: bool,
        #[case] met: bool,
    ) {
        let wanted = Wanted {
            issuers: &["ca.example".to_owned()],
            account_url: ACCOUNT,
            wildcard,
            now: Timestamp::from_second(1000).unwrap(),
        };

        assert_eq!(wanted.is_met_by(record.replace("ACCOUNT", ACCOUNT).as_bytes()), met);
    }
}
