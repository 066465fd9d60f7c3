//! Conformance of the ACME server, one test a MUST, named by the section it is from: RFC 8555 (ACME), RFC 8737 (tls-alpn-01),
//! RFC 8738 (IP addresses), RFC 9773 (renewal information), and the drafts of profiles, dns-account-01 and dns-persist-01.
//!
//! One server answers all tests of a process. Every test takes names and accounts of its own, so they run side by side. The
//! client sends what it is told and follows nothing by itself; the web, TLS and name servers that prove the control of names
//! live in this process.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of a test that cannot go on fails the test"
)]

mod expect;
mod provisioners;
mod world;

mod account;
mod account_update;
mod authorization;
mod binding;
mod caa;
mod certificate;
mod challenge;
mod csr;
mod directory;
mod dns01;
mod dns_drafts;
mod errors;
mod finalize;
mod host;
mod http01;
mod identifiers;
mod ip;
mod jws;
mod jws_keys;
mod key_change;
mod limits;
mod nonce;
mod order;
mod order_times;
mod orders_list;
mod outbound;
mod preauthorization;
mod profiles;
mod race;
mod renewal;
mod replaces;
mod retry;
mod revoke;
mod strangers;
mod time;
mod tls_alpn01;
mod wildcard;
