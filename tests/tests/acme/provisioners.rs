//! The provisioners of the server under test: one for every setting that tests need.

use serde_json::{Value, json};

/// Nothing is set but how soon a challenge is given up, so that a test of it is short.
pub(crate) const PLAIN: &str = "acme";
/// The same again.
pub(crate) const OTHER: &str = "other";
/// Needs an external account binding.
pub(crate) const BOUND: &str = "bound";
/// Has terms, a website and names in CAA records.
pub(crate) const TERMS: &str = "terms";
/// Offers every challenge.
pub(crate) const EVERY: &str = "every";
/// Offers http-01 alone.
pub(crate) const HTTP_ONLY: &str = "http-only";
/// Obeys CAA records.
pub(crate) const CAA: &str = "caa";
/// Has profiles, one of them the default.
pub(crate) const PROFILES: &str = "profiles";
/// Uses authorizations again.
pub(crate) const REUSE: &str = "reuse";
/// Admits few orders of few names.
pub(crate) const FEW: &str = "few";
/// Orders and authorizations live for seconds.
pub(crate) const BRIEF: &str = "brief";
/// Certificates live for at most an hour.
pub(crate) const SHORT: &str = "short";

/// The URL of the terms.
pub(crate) const TERMS_URL: &str = "https://ca.example/terms";
/// This authority's name in CAA records.
pub(crate) const CAA_NAME: &str = "ca.example";
/// The most identifiers, and the most orders, of [`FEW`].
pub(crate) const A_FEW: usize = 3;
/// How many seconds an order of [`BRIEF`] lives.
pub(crate) const BRIEFLY: i64 = 3;

/// All of them as `ca.json` has them.
pub(crate) fn all() -> Vec<Value> {
    [
        (PLAIN, json!({})),
        (OTHER, json!({})),
        (BOUND, json!({"requireEAB": true})),
        (
            TERMS,
            json!({"termsOfService": TERMS_URL, "website": "https://ca.example", "caaIdentities": [CAA_NAME]}),
        ),
        (
            EVERY,
            json!({
                "challenges": ["http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01"],
                "caaIdentities": [CAA_NAME],
            }),
        ),
        (HTTP_ONLY, json!({"challenges": ["http-01"]})),
        (CAA, json!({"checkCAA": true, "caaIdentities": [CAA_NAME]})),
        (
            PROFILES,
            json!({
                "profiles": {
                    "classic": {"description": "As ever."},
                    "brief": {
                        "description": "https://ca.example/profiles/brief",
                        "minTLSCertDuration": "5m",
                        "maxTLSCertDuration": "1h",
                        "defaultTLSCertDuration": "10m",
                        "extKeyUsages": ["serverAuth"],
                    },
                },
                "defaultProfile": "classic",
            }),
        ),
        (REUSE, json!({"reuseAuthorizations": true})),
        (
            FEW,
            json!({"maxIdentifiers": A_FEW, "newOrderLimit": {"orders": A_FEW, "per": "1h"}}),
        ),
        (
            BRIEF,
            json!({
                "orderLifetime": format!("{BRIEFLY}s"),
                "authorizationLifetime": format!("{BRIEFLY}s"),
                "reuseAuthorizations": true,
            }),
        ),
        (
            SHORT,
            json!({"claims": {"minTLSCertDuration": "1m", "maxTLSCertDuration": "1h", "defaultTLSCertDuration": "30m"}}),
        ),
    ]
    .into_iter()
    .map(|(name, mut provisioner)| {
        provisioner["type"] = "ACME".into();
        provisioner["name"] = name.into();
        provisioner["validation"] = json!({"firstTry": "2s", "giveUpAfter": "5s"});
        provisioner
    })
    .collect()
}
