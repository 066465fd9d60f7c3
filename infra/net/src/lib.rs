//! stepless on the network: the TLS listener of the single binary, outbound HTTPS, what validations of ACME see of the
//! network, and the system's clock and randomness.

mod fetch;
mod listener;
mod prober;
mod system;

pub use fetch::{ClientIdentity, FetchError, FetchLimits, FetchResponse, HttpsClient, HttpsClientError};
pub use listener::{
    CipherSuite, Limits, ServeError, ServerCertificate, ServerCertificateError, TlsSettings, TlsVersions,
    UnknownCipherSuite, serve,
};
pub use prober::{NetProber, NetProberError, ProberSettings};
pub use system::{SystemClock, SystemRandom};

#[cfg(test)]
mod fixtures;
