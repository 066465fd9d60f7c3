//! Audiences: which `aud` values a token for an operation may carry.

use std::collections::HashSet;
use std::net::Ipv6Addr;

/// What a token asks to be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Sign an X.509 certificate.
    Sign,
    /// Renew an X.509 certificate.
    Renew,
    /// Rekey an X.509 certificate.
    Rekey,
    /// Revoke an X.509 certificate.
    Revoke,
    /// Sign an SSH certificate.
    SshSign,
    /// Renew an SSH certificate.
    SshRenew,
    /// Rekey an SSH certificate.
    SshRekey,
    /// Revoke an SSH certificate.
    SshRevoke,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Sign,
        Self::Renew,
        Self::Rekey,
        Self::Revoke,
        Self::SshSign,
        Self::SshRenew,
        Self::SshRekey,
        Self::SshRevoke,
    ];

    /// The paths, without their `/1.0` twins, that a token for this operation may name.
    fn paths(self) -> &'static [&'static str] {
        match self {
            Self::Sign | Self::SshSign => &["/sign", "/ssh/sign"],
            Self::Renew => &["/renew"],
            // The `step` CLI mints tokens for /renew only, and its users rekey too.
            Self::Rekey => &["/rekey", "/renew"],
            Self::Revoke => &["/revoke"],
            Self::SshRenew => &["/ssh/renew"],
            Self::SshRekey => &["/ssh/rekey"],
            Self::SshRevoke => &["/ssh/revoke"],
        }
    }

    /// Whether [`LEGACY_AUDIENCE`] may stand in place of a URL.
    fn takes_legacy_audience(self) -> bool {
        matches!(self, Self::Sign | Self::Revoke)
    }
}

/// The names under which this authority is addressed in tokens.
#[derive(Clone, Debug)]
pub struct Audiences {
    hosts: HashSet<String>,
}

impl Audiences {
    /// The audiences of an authority with these DNS names and IP addresses (`dnsNames` of the configuration).
    pub fn new<S: AsRef<str>>(dns_names: impl IntoIterator<Item = S>) -> Self {
        let hosts = dns_names.into_iter().map(|name| match name.as_ref().parse::<Ipv6Addr>() {
            Ok(_) => format!("[{}]", name.as_ref()),
            Err(_) => name.as_ref().to_owned(),
        });
        Self { hosts: hosts.collect() }
    }

    /// Whether one of `audience` is this authority's URL for `operation`, with `fragment` (which names a provisioner)
    /// behind it when it is not empty. Ports are not compared: a gateway may stand in front.
    ///
    /// Nothing is decoded or normalised, so that a look-alike host or path never passes.
    pub fn allow(&self, audience: &[&str], operation: Operation, fragment: &str) -> bool {
        audience.iter().any(|value| {
            self.is_url_of(value, operation, fragment) || {
                fragment.is_empty() && operation.takes_legacy_audience() && *value == LEGACY_AUDIENCE
            }
        })
    }

    /// Whether one of `audience` is this authority's URL for any operation.
    pub fn allow_any(&self, audience: &[&str], fragment: &str) -> bool {
        Operation::ALL.into_iter().any(|operation| self.allow(audience, operation, fragment))
    }

    fn is_url_of(&self, value: &str, operation: Operation, fragment: &str) -> bool {
        let Some((authority, path)) =
            value.strip_prefix("https://").and_then(|rest| Some(rest.split_at(rest.find('/')?)))
        else {
            return false;
        };
        let (path, found) = path.split_once('#').unwrap_or((path, ""));
        let path = path.strip_prefix("/1.0").unwrap_or(path);
        found == fragment && operation.paths().contains(&path) && self.hosts.contains(without_port(authority))
    }
}

/// The first fragment among `audience` that is not empty: it names the provisioner of the token.
pub fn fragment<'a>(audience: &[&'a str]) -> &'a str {
    audience
        .iter()
        .filter_map(|value| value.split_once('#'))
        .map(|(_, fragment)| fragment)
        .find(|fragment| !fragment.is_empty())
        .unwrap_or("")
}

/// The audience that the first `step` clients sent.
const LEGACY_AUDIENCE: &str = "step-certificate-authority";

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !host.is_empty() => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audiences() -> Audiences {
        Audiences::new(["ca.internal", "127.0.0.1", "::1"])
    }

    #[test]
    fn t12_only_this_authority_and_this_operation_are_an_audience() {
        let hosts = [
            ("ca.internal", true),
            ("ca.internal:9000", true),
            ("127.0.0.1", true),
            ("[::1]", true),
            ("[::1]:443", true),
            ("ca.internal.evil.org", false),
            ("evil-ca.internal", false),
            ("x.ca.internal", false),
            ("ca.internal@evil.org", false),
            ("user@ca.internal", false),
            ("ca.internal:port", false),
            ("CA.INTERNAL", false),
            ("", false),
        ];
        for (host, known) in hosts {
            for path in ["/sign", "/renew", "/revoke", "/ssh/sign", "/ssh/renew", "/ssh/rekey", "/ssh/revoke"]
            {
                for prefix in ["", "/1.0"] {
                    for operation in Operation::ALL {
                        let url = format!("https://{host}{prefix}{path}");
                        let aud = [url.as_str()];

                        let expected = known && operation.paths().contains(&path);

                        assert_eq!(
                            audiences().allow(&aud, operation, ""),
                            expected,
                            "{aud:?} for {operation:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn t12_other_spellings_of_the_url_are_no_audience() {
        for aud in [
            "http://ca.internal/sign",
            "HTTPS://ca.internal/sign",
            "https://ca.internal/sign/",
            "https://ca.internal//sign",
            "https://ca.internal/2.0/sign",
            "https://ca.internal/1.0/1.0/sign",
            "https://ca.internal/x/../sign",
            "https://ca.internal/%73ign",
            "https://ca.internal/sign?x=1",
            "https://ca.internal/sign#x",
            "ca.internal/sign",
            "https://ca.internal",
            "https:///sign",
            "",
        ] {
            assert!(!audiences().allow(&[aud], Operation::Sign, ""), "{aud}");
        }
    }

    #[test]
    fn the_legacy_audience_is_for_signing_and_revoking() {
        let legacy = [LEGACY_AUDIENCE];

        assert!(audiences().allow(&legacy, Operation::Sign, ""));
        assert!(audiences().allow(&legacy, Operation::Revoke, ""));
        assert!(!audiences().allow(&legacy, Operation::Renew, ""));
        assert!(!audiences().allow(&legacy, Operation::Sign, "acme/acme"));
    }

    #[test]
    fn a_fragment_must_be_the_one_that_is_asked_for() {
        let aud = ["other", "https://ca.internal/1.0/sign#x5c/team"];

        assert_eq!(fragment(&aud), "x5c/team");
        assert!(audiences().allow(&aud, Operation::Sign, "x5c/team"));
        assert!(!audiences().allow(&aud, Operation::Sign, "x5c/other"));
        assert!(!audiences().allow(&aud, Operation::Sign, ""));
    }
}
