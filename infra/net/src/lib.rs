//! stepless on the network: the TLS listener of the single binary, outbound HTTPS, and the system's clock and randomness.

mod fetch;
mod listener;
mod system;

pub use fetch::{ClientIdentity, FetchError, FetchLimits, FetchResponse, HttpsClient, HttpsClientError};
pub use listener::{
    CipherSuite, Limits, ServeError, ServerCertificate, ServerCertificateError, TlsSettings, TlsVersions,
    UnknownCipherSuite, serve,
};
pub use system::{SystemClock, SystemRandom};

#[cfg(test)]
mod fixtures;
