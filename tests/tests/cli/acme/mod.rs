//! ACME, with other people's clients: certbot, lego and `step` get certificates, renew and revoke them, and understand
//! what they are told when they do not.

mod certbot;
mod lego;
mod liar;
mod names;
mod options;
mod problems;
mod step;
mod world;

pub(crate) use world::Validation;
