//! AWS on loopback.

pub mod kms_double;
