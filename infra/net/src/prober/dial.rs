//! A connection to a host: every address that its name has is judged, and what was judged is what is dialled.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::proto::rr::{Name, RecordType};
use stepless_core::acme::{ProbeError, ProbeErrorKind, ProbeHost};
use stepless_core::x509::DnsName;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dns::{Resolver, ip};
use super::journey::Journey;

/// A connection to the first address of `host` that accepts one: IPv6 before IPv4, each with a fair share of the time
/// that is left.
///
/// # Errors
/// [`ProbeError`] when the name has no address, none that may be contacted, or none that accepts a connection.
pub(super) async fn dial(
    journey: &Journey,
    resolver: &Resolver,
    host: &ProbeHost,
    port: u16,
) -> Result<(TcpStream, SocketAddr), ProbeError> {
    let candidates = match host {
        ProbeHost::Dns(name) => addresses(journey, resolver, name).await?,
        ProbeHost::Ip(address) => vec![address.to_canonical()],
    };
    let allowed = judged(journey, host, &candidates)?;
    journey.goes_on(ProbeErrorKind::Connection);
    let mut failures = Vec::new();
    let mut waiting = allowed.len().min(MAX_ADDRESSES);
    for address in allowed.into_iter().take(MAX_ADDRESSES) {
        let address = SocketAddr::new(address, port);
        journey.contacts(address);
        let share = journey.left() / u32::try_from(waiting).unwrap_or(1).max(1);
        waiting = waiting.saturating_sub(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(error)) => failures.push(format!("{address}: {}", error.kind())),
            Err(_elapsed) => {
                failures.push(format!("{address}: no connection within {:.1} s", share.as_secs_f32()))
            }
        }
    }
    Err(journey.fails(format_args!("connecting to {}", failures.join("; "))).that_may_heal())
}

fn judged(journey: &Journey, host: &ProbeHost, candidates: &[IpAddr]) -> Result<Vec<IpAddr>, ProbeError> {
    let mut refused = None;
    let mut allowed = Vec::new();
    for address in candidates.iter().copied() {
        match journey.check(address) {
            Ok(()) if allowed.contains(&address) => {}
            Ok(()) => allowed.push(address),
            Err(range) => refused = refused.or(Some((address, range))),
        }
    }
    match refused {
        Some((address, range)) if allowed.is_empty() => {
            let kind = ProbeErrorKind::Refused { address, range };
            Err(match host {
                ProbeHost::Dns(name) => journey
                    .fails_as(kind, format_args!("{name} has {address}, {range}, which is not contacted")),
                ProbeHost::Ip(_) => {
                    journey.fails_as(kind, format_args!("{address} is {range}, which is not contacted"))
                }
            })
        }
        _ => Ok(allowed),
    }
}

async fn addresses(
    journey: &Journey,
    resolver: &Resolver,
    name: &DnsName,
) -> Result<Vec<IpAddr>, ProbeError> {
    journey.goes_on(ProbeErrorKind::Dns);
    let absolute = absolute(name).map_err(|error| journey.fails(error))?;
    let (v6, v4) = tokio::join!(
        resolver.records(&absolute, RecordType::AAAA),
        resolver.records(&absolute, RecordType::A)
    );
    let mut found = Vec::new();
    let mut failure = None;
    for lookup in [v6, v4] {
        match lookup {
            Ok(of_kind) => {
                found.extend(of_kind.records.iter().filter_map(ip).map(|address| address.to_canonical()))
            }
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        _ if !found.is_empty() => Ok(found),
        Some(failure) => Err(journey.fails(failure).that_may_heal()),
        None => Err(journey.fails(format_args!("{name} has no address")).that_may_heal()),
    }
}

/// The name as DNS has it, with the root at its end: no search domain is ever added.
pub(super) fn absolute(name: &DnsName) -> Result<Name, String> {
    Name::from_ascii(format!("{name}.")).map_err(|_error| format!("{name} is too long for DNS"))
}

/// The most addresses of one name that are dialled.
const MAX_ADDRESSES: usize = 8;
