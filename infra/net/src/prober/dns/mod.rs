//! DNS without a cache, without search domains, and without taking a failure for an absence.

mod authoritative;
mod exchange;
mod resolver;
mod system;

pub(super) use authoritative::{ip, txt};
pub(super) use resolver::{DnsFailure, Resolver};
pub(super) use system::{DNS_PORT, ResolverSource};

/// The most CNAMEs that are followed.
const MAX_ALIASES: usize = 10;
