//! X.509: certificate requests, certificates, the bodies that become certificates, names, extensions and chains.
//!
//! Never here: a signature being made (that is [`Signer`](crate::key::Signer)'s part), a lifetime being chosen, a
//! policy. What is read is read strictly and kept byte for byte; what is written has the layout of step-ca's
//! certificates.

mod read;
mod write;

mod pem;
mod serial;

mod directory_string;
mod name;

mod dns_name;
mod email_address;
mod san;
mod uri_name;

mod extension;
mod name_constraints;
mod profile;
mod provisioner_extension;
mod provisioner_kind;

mod body;
mod certificate;
mod chain;
mod request;
mod request_body;
mod validity;

#[cfg(test)]
mod testing;

pub use body::{BodyError, CertificateBody, Issuance};
pub use certificate::{Certificate, CertificateError, Misissued};
pub use chain::{ChainError, IssuerChain, IssuerChainError, PathLengthExceeded, verify_client_chain};
pub use dns_name::DnsName;
pub use email_address::EmailAddress;
pub use extension::{BasicConstraints, ExtendedKeyUsage, Extension, KeyUsage};
pub use name::{DistinguishedName, NameError, NameFields};
pub use name_constraints::{Constraint, IpRange, NameConstraintError, NameConstraints, NameConstraintsError};
pub use pem::PemError;
pub use profile::Profile;
pub use provisioner_extension::{ProvisionerExtension, ProvisionerExtensionError};
pub use provisioner_kind::ProvisionerKind;
pub use request::{CertificateRequest, RequestError};
pub use request_body::RequestBody;
pub use san::{MAX_NAMES, NameFault, OtherName, SanError, SubjectAltName, SubjectAltNames};
pub use serial::{ParseSerialError, SerialNumber};
pub use uri_name::UriName;
pub use validity::{Validity, ValidityError};
