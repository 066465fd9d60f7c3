//! The authority as a whole, in memory. A row of the threat list gives its id to the tests that stand for it.

pub(crate) mod bench;

mod counted;
mod crash;
mod hostile;
mod profiles;
mod published;
mod races;
mod records;
mod renewal;
mod requests;
mod revocation;
mod signer;
mod takeover;
mod time_limit;
mod tokens;
mod validity;
