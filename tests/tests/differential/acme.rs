//! The same conversations with two ACME servers.

mod accounts;
mod conversation;
mod ends;
mod messages;
mod orders;
mod proofs;

use crate::cases::Cases;

pub(crate) fn add(cases: &mut Cases) {
    accounts::add(cases);
    messages::add(cases);
    orders::add(cases);
    proofs::add(cases);
    ends::add(cases);
}
