//! ACME as a whole, in memory. A row of the threat list gives its id to the tests that stand for it.

mod bench;
mod wire;

mod accounts;
mod counted;
mod crash;
mod early_renewal;
mod flow;
mod overtaken;
mod races;
mod strangers;
