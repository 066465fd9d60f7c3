//! The Lambda binaries.
