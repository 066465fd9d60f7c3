//! The types of challenges that this authority validates.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A type of challenge ([RFC 8555 §9.7.8](https://www.rfc-editor.org/rfc/rfc8555#section-9.7.8)). It serializes as its
/// name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ChallengeType {
    /// A file on the host ([RFC 8555 §8.3](https://www.rfc-editor.org/rfc/rfc8555#section-8.3)).
    #[serde(rename = "http-01")]
    Http01,
    /// A TXT record below the name ([RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)).
    #[serde(rename = "dns-01")]
    Dns01,
    /// A certificate in a TLS handshake ([RFC 8737](https://www.rfc-editor.org/rfc/rfc8737)).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// As dns-01, below a label of the account's own
    /// ([draft-ietf-acme-dns-account-label](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-account-label/)).
    #[serde(rename = "dns-account-01")]
    DnsAccount01,
    /// A TXT record that stays and names the account
    /// ([draft-ietf-acme-dns-persist](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-persist/)).
    #[serde(rename = "dns-persist-01")]
    DnsPersist01,
}

impl ChallengeType {
    /// Every type.
    pub const ALL: [Self; 5] =
        [Self::Http01, Self::Dns01, Self::TlsAlpn01, Self::DnsAccount01, Self::DnsPersist01];

    /// What a provisioner offers that does not say otherwise, as step-ca's.
    pub const DEFAULT: [Self; 3] = [Self::Http01, Self::Dns01, Self::TlsAlpn01];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
        }
    }
}

impl fmt::Display for ChallengeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ChallengeType {
    type Err = UnknownChallengeType;

    /// Reads a name in any case, as step-ca reads its configuration.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|challenge| challenge.name().eq_ignore_ascii_case(text)).ok_or(UnknownChallengeType)
    }
}

/// No type of challenge has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a known type of challenge; known are http-01, dns-01, tls-alpn-01, dns-account-01, dns-persist-01"
)]
pub struct UnknownChallengeType;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_type_has_one_name_everywhere() {
        for challenge in ChallengeType::ALL {
            let name = challenge.name();

            assert_eq!(name.parse(), Ok(challenge));
            assert_eq!(name.to_uppercase().parse(), Ok(challenge));
            assert_eq!(challenge.to_string(), name);
            assert_eq!(serde_json::to_value(challenge).unwrap(), name);
            assert_eq!(serde_json::from_value::<ChallengeType>(name.into()).unwrap(), challenge);
            assert!(UnknownChallengeType.to_string().contains(name));
        }
    }

    #[test]
    fn what_is_not_validated_is_no_challenge_type() {
        for text in ["", "http-1", "http-01 ", "device-attest-01", "tls-sni-01", "wire-oidc-01"] {
            assert_eq!(text.parse::<ChallengeType>(), Err(UnknownChallengeType), "{text:?}");
        }
    }
}
