//! Everything stepless decides and signs.
//!
//! Never here: an HTTP server, a socket, a clock or a source of randomness of its own; those come in through the
//! ports [`clock::Clock`], [`random::Random`], [`key::Signer`], [`store::Store`] and [`acme::Prober`]. A module uses only
//! what stands above it in this list.

pub mod clock;
#[cfg(any(test, feature = "contract"))]
pub mod fault;
pub mod peer;
pub mod random;
pub mod secret;

pub mod key;

pub mod jose;

pub mod x509;

pub mod store;

pub mod config;

pub mod provisioner;

pub mod authority;

pub mod acme;
