//! The prober against servers on loopback: each host of a test has an address of 127.0.0.0/8, all on one port.

mod dns;
mod dns_server;
mod http;
mod redirects;
mod targets;
mod tls;
mod web_server;
mod zones;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use stepless_core::acme::{AllowedTargets, ProbeHost, ProbeLimits};
use stepless_core::x509::DnsName;

use super::{NetProber, ProberSettings};

/// The path of every validation here.
const PATH: &str = "/.well-known/acme-challenge/token";

/// `127.0.0.n`.
fn local(n: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, n).into()
}

fn name(text: &str) -> DnsName {
    text.parse().unwrap()
}

fn host(text: &str) -> ProbeHost {
    ProbeHost::Dns(name(text))
}

/// Loopback is allowed but for its last address.
fn limits() -> ProbeLimits {
    limits_to(&["127.0.0.0/25", "::1/128"])
}

fn limits_to(networks: &[&str]) -> ProbeLimits {
    let targets = AllowedTargets::new(networks.iter().map(|network| network.parse().unwrap()));
    ProbeLimits { deadline: Duration::from_secs(20), targets }
}

/// For what never answers.
fn soon() -> ProbeLimits {
    ProbeLimits { deadline: Duration::from_millis(600), ..limits() }
}

/// A prober that asks this resolver, and looks for all other servers on `port`.
fn prober(resolver: SocketAddr, port: u16) -> NetProber {
    let settings = ProberSettings {
        http_port: port,
        https_port: port,
        tls_alpn_port: port,
        resolvers: vec![resolver],
        allowed: AllowedTargets::none(),
    };
    NetProber::new(settings).unwrap()
}
