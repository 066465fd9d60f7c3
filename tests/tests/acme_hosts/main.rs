//! ACME between hosts: the authority, a name server and web servers each have a network of their own, with real addresses
//! and ports 80, 443 and 53. Nothing here loosens the validator: no loopback exception, no other port, no other resolver.
//!
//! The hosts are network namespaces behind one bridge, inside namespaces of their own for mounts and processes. When the
//! test ends, in whatever way, the kernel takes all of it back. That needs root, or a kernel that lets everybody make
//! namespaces.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod network;
mod site;

mod challenges;
mod refused;
