//! The extension that names the provisioner.
use super::Extension;
use thiserror::Error;

/// Which provisioner allowed the certificate (1.3.6.1.4.1.37476.9000.64.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionerExtension {
    /// Kind.
    pub kind: ProvisionerKind,
    /// Name.
    pub name: String,
    /// Credential id: a key id, a client id, ..
    pub credential_id: String,
    /// Key, value, key, value, ..
    pub key_value_pairs: Vec<String>,
}
impl ProvisionerExtension {
    /// The extension.
    pub fn to_extension(&self) -> Extension {
        todo!()
    }
    /// Reads the extension's value.
    pub fn from_der(_value: &[u8]) -> Result<Self, ProvisionerExtensionError> {
        todo!()
    }
}

/// The kind of a provisioner and its number in certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ProvisionerKind {
    /// 0, kinds without a number of their own.
    Noop = 0,
    /// 1.
    Jwk = 1,
    /// 2.
    Oidc = 2,
    /// 3.
    Gcp = 3,
    /// 4.
    Aws = 4,
    /// 5.
    Azure = 5,
    /// 6.
    Acme = 6,
    /// 7.
    X5c = 7,
    /// 8.
    K8sSa = 8,
    /// 9.
    SshPop = 9,
    /// 10.
    Scep = 10,
    /// 11.
    Nebula = 11,
    /// 12.
    Wire = 12,
}

/// The extension is malformed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProvisionerExtensionError {
    /// Not the ASN.1 of the extension.
    #[error("the provisioner extension is malformed")]
    Malformed,
    /// A number that names no kind.
    #[error("provisioner kind {0} is not known")]
    UnknownKind(i64),
}
