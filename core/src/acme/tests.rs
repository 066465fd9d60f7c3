//! ACME as a whole, in memory. A row of the threat list gives its id to the tests that stand for it.

mod bench;
mod step;
mod wire;

mod accounts;
mod authorizations;
mod counted;
mod crash;
mod crash_elsewhere;
mod early_renewal;
mod flow;
mod machine;
mod orders;
mod overtaken;
mod races;
mod renewal;
mod revocation;
mod strangers;
mod validation;
