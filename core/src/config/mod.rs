//! The configuration: step-ca's `ca.json`, read unchanged.
//!
//! A key that is not known is a warning; a value that is wrong is an error that names the place, what was found and
//! what is allowed. What the file may hold stands in one table (`schema`), what of it is not built yet in another
//! (`unbuilt`). No file is read here: [`CaConfig::parse`] takes the text.

mod acme;
mod ca;
mod claims;
mod duration;
mod error;
mod node;
mod path;
mod provisioner;
mod render;
mod schema;
mod time;
mod tls;
mod unbuilt;
mod view;

pub use acme::{
    AcmeOptions, AcmeProfile, AcmeProfiles, AcmeTesting, AcmeValidation, ChallengeType, NewOrderLimit,
    Percent, UnknownChallengeType,
};
pub use ca::{
    Asn1Dn, AuthorityConfig, CaConfig, CertificateSource, DatabaseConfig, DynamoDbTable, EmbeddedDatabase,
    EmbeddedKind, KeySource, KmsConfig, KmsScheme, KmsUri, ListenAddress, LogFormat, LoggerConfig,
    ParseAddressError, ParseTableError,
};
pub use claims::{ClaimOverrides, Claims, ClaimsError, LifetimeOverrides, Lifetimes};
pub use duration::{GoDuration, ParseDurationError};
pub use error::{ConfigError, ConfigWarning};
pub use path::JsonPath;
pub use provisioner::{Listing, Provisioner, ProvisionerDetails, RawJwk, Refusal};
pub use render::{InitDatabase, InitOptions, InitProvisioner, render_defaults};
pub use time::{ParseTimeError, TimeDuration, TimeOutOfRange};
pub use tls::{CipherSuite, TlsOptions, TlsVersion};

#[cfg(test)]
mod tests;
