//! AWS on loopback.

pub mod proxy;
