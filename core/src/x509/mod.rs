//! X.509: certificate requests, certificates, the bodies that become certificates, names, extensions and chains.
//!
//! Never here: a signature being made (that is [`Signer`](crate::key::Signer)'s), a lifetime being chosen, a policy.

mod body;
mod certificate;
mod chain;
mod extension;
mod general_name;
mod name;
mod profile;
mod provisioner_extension;
mod request;
mod san;
mod serial;

pub use body::{BodyError, CertificateBody, Issuance, Validity, ValidityError};
pub use certificate::{Certificate, CertificateError, Misissued};
pub use chain::{ChainError, IssuerChain, IssuerChainError, NameConstraintError, verify_client_chain};
pub use extension::{BasicConstraints, ExtendedKeyUsage, Extension, KeyUsage};
pub use name::{DistinguishedName, NameError, NameFields};
pub use profile::Profile;
pub use provisioner_extension::{ProvisionerExtension, ProvisionerExtensionError, ProvisionerKind};
pub use request::{CertificateRequest, RequestError};
pub use san::{DnsName, EmailAddress, OtherName, SanError, SubjectAltName, SubjectAltNames, UriName};
pub use serial::{ParseSerialError, SerialNumber};
