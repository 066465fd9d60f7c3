//! ACME: what an authority does to see that who asks controls the names asked for.
//!
//! No HTTP here: `functions` speaks it. No socket either: what is out in the network is looked up through the
//! [`Prober`] port, and judged here.

mod excerpt;
mod prober;
mod targets;

pub use excerpt::{EXCERPT, excerpt};
#[cfg(any(test, feature = "contract"))]
pub use prober::fake;
pub use prober::{
    ACME_TLS_ALPN, CaaRecord, DnsSource, HttpAnswer, MAX_BODY, MAX_REDIRECTS, ProbeError, ProbeErrorKind,
    ProbeHost, ProbeLimits, Prober, TlsAnswer, TlsVersion, TxtAnswer,
};
pub use targets::{AllowedTargets, RefusedRange, refused_range};
