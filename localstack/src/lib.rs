//! AWS on loopback.
