//! The kinds of provisioner: certificates name them by number, the configuration by name.

use std::fmt;

/// The kinds of provisioner that step-ca has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProvisionerKind {
    /// Tokens signed by a key of its own.
    Jwk,
    /// OpenID Connect identity tokens.
    Oidc,
    /// Google Cloud instance identity.
    Gcp,
    /// AWS instance identity.
    Aws,
    /// Azure managed identity.
    Azure,
    /// RFC 8555.
    Acme,
    /// Tokens signed by the key of an X.509 certificate.
    X5c,
    /// Kubernetes service accounts.
    K8sSa,
    /// Tokens signed by the key of an SSH host certificate.
    SshPop,
    /// RFC 8894.
    Scep,
    /// Tokens signed by the key of a Nebula certificate.
    Nebula,
}

impl ProvisionerKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Jwk,
        Self::Oidc,
        Self::Gcp,
        Self::Aws,
        Self::Azure,
        Self::Acme,
        Self::X5c,
        Self::K8sSa,
        Self::SshPop,
        Self::Scep,
        Self::Nebula,
    ];

    /// The kind of that `type`, in any case, as step reads it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Its name, as step-ca writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jwk => "JWK",
            Self::Oidc => "OIDC",
            Self::Gcp => "GCP",
            Self::Aws => "AWS",
            Self::Azure => "Azure",
            Self::Acme => "ACME",
            Self::X5c => "X5C",
            Self::K8sSa => "K8sSA",
            Self::SshPop => "SSHPOP",
            Self::Scep => "SCEP",
            Self::Nebula => "Nebula",
        }
    }

    /// Its number in the provisioner extension of a certificate.
    pub fn number(self) -> u8 {
        match self {
            Self::Jwk => 1,
            Self::Oidc => 2,
            Self::Gcp => 3,
            Self::Aws => 4,
            Self::Azure => 5,
            Self::Acme => 6,
            Self::X5c => 7,
            Self::K8sSa => 8,
            Self::SshPop => 9,
            Self::Scep => 10,
            Self::Nebula => 11,
        }
    }

    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| u32::from(kind.number()) == number)
    }
}

/// Its name.
impl fmt::Display for ProvisionerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_by_its_number() {
        for kind in ProvisionerKind::ALL {
            assert_eq!(ProvisionerKind::from_name(&kind.to_string().to_lowercase()), Some(kind));
            assert_eq!(ProvisionerKind::from_number(kind.number().into()), Some(kind));
        }
        assert_eq!(ProvisionerKind::from_name(""), None);
        assert_eq!((ProvisionerKind::from_number(0), ProvisionerKind::from_number(12)), (None, None));
    }
}
