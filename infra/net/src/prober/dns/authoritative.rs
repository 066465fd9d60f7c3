//! TXT records from those who answer for them: the name servers of the zone.
//!
//! A resolver may have the record of an earlier validation, or its absence, in its cache. So the zone's own servers are
//! found with its help and asked directly. Networks that let nobody but the resolver out, and names that exist in the
//! resolver's view alone, are answered by the resolver.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use stepless_core::acme::{DnsSource, ProbeError, ProbeErrorKind, TxtAnswer};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::exchange::{ExchangeError, Recursion, ask};
use super::resolver::{alias, of_type, shown};
use super::{DnsFailure, MAX_ALIASES, Resolver};
use crate::prober::journey::Journey;

/// The TXT records of `name`.
///
/// # Errors
/// [`ProbeError`] when neither the zone's servers nor the resolver answered.
pub(in crate::prober) async fn txt(
    journey: &Journey,
    resolver: &Resolver,
    name: &Name,
) -> Result<TxtAnswer, ProbeError> {
    journey.begins(ProbeErrorKind::Dns, format_args!("TXT {}", shown(name)));
    // The resolver has the other half of the time.
    let of_zone = timeout(journey.left() / 2, from_zone(journey, resolver, name)).await;
    let of_zone =
        of_zone.unwrap_or_else(|_elapsed| Err(DnsFailure::new("the zone's name servers: no answer in time")));
    if let Ok(answer) = &of_zone
        && !answer.records.is_empty()
    {
        return of_zone.map_err(|failure| journey.fails(failure));
    }
    match (resolver.records(name, RecordType::TXT).await, of_zone) {
        (Ok(found), of_zone) => {
            let answer = TxtAnswer {
                records: texts(&found.records),
                name: shown(&found.name),
                source: DnsSource::Resolver,
                servers: vec![found.server],
            };
            // Two absences: that of the zone's servers says more.
            Ok(of_zone.ok().filter(|_empty| answer.records.is_empty()).unwrap_or(answer))
        }
        (Err(_failure), Ok(empty)) => Ok(empty),
        (Err(of_resolver), Err(of_zone)) => {
            Err(journey.fails(format_args!("{of_zone}; {of_resolver}")).that_may_heal())
        }
    }
}

/// A zone, and the names of its servers with the addresses that came with them.
struct Zone {
    apex: Name,
    servers: Vec<(Name, Vec<IpAddr>)>,
}

/// What a server of the zone says of a name.
enum Said {
    Records(Vec<Vec<u8>>),
    Alias(Name),
    Nothing,
}

async fn from_zone(journey: &Journey, resolver: &Resolver, name: &Name) -> Result<TxtAnswer, DnsFailure> {
    let mut at = name.clone();
    for _ in 0..=MAX_ALIASES {
        let zone = zone_of(resolver, &at).await?;
        let servers = addresses(journey, resolver, &zone).await?;
        let said = ask_all(journey, &zone, &servers, &at).await?;
        let mut records = Vec::new();
        let mut target = None;
        let mut answered = Vec::new();
        for (server, said) in said {
            answered.push(server);
            match said {
                Said::Records(texts) => records.extend(texts),
                Said::Alias(name) => target = Some(name),
                Said::Nothing => {}
            }
        }
        match target {
            // The target may lie in another zone, whose servers answer for it.
            Some(target) if records.is_empty() => at = target,
            _ => {
                records.sort();
                records.dedup();
                let source = DnsSource::Authoritative { zone: shown(&zone.apex) };
                return Ok(TxtAnswer { records, name: shown(&at), source, servers: answered });
            }
        }
    }
    Err(DnsFailure::new(format_args!("more than {MAX_ALIASES} CNAMEs")))
}

/// The zone in which `name` lies, found from the name upwards.
async fn zone_of(resolver: &Resolver, name: &Name) -> Result<Zone, DnsFailure> {
    let mut at = name.clone();
    // The root's servers are not asked: a name without a zone below it is one of the resolver's own.
    while !at.is_root() {
        let (answer, _server) = resolver.ask(&at, RecordType::NS).await?;
        let servers: Vec<_> = of_type(&answer.answers, &at, RecordType::NS)
            .filter_map(|data| match data {
                RData::NS(server) => Some((server.0.clone(), glue(&answer, &server.0))),
                _ => None,
            })
            .take(MAX_SERVERS)
            .collect();
        if !servers.is_empty() {
            return Ok(Zone { apex: at, servers });
        }
        at = match alias(&answer.answers, &at) {
            // What the answer says beyond the alias belongs to another name.
            Some(_target) => at.base_name(),
            None => apex_above(&answer, &at).unwrap_or_else(|| at.base_name()),
        };
    }
    Err(DnsFailure::new("no name servers of a zone were found"))
}

/// The zone's name that a negative answer names ([RFC 2308 §3](https://www.rfc-editor.org/rfc/rfc2308#section-3)).
fn apex_above(answer: &Message, name: &Name) -> Option<Name> {
    let soa = answer.authorities.iter().find(|record| record.record_type() == RecordType::SOA)?;
    (soa.name != *name && soa.name.zone_of(name)).then(|| soa.name.clone())
}

fn glue(answer: &Message, server: &Name) -> Vec<IpAddr> {
    let of_server = |record: &&Record| record.name == *server;
    answer.additionals.iter().filter(of_server).filter_map(|record| ip(&record.data)).collect()
}

/// Where the zone's servers live, as far as they may be contacted.
async fn addresses(
    journey: &Journey,
    resolver: &Resolver,
    zone: &Zone,
) -> Result<Vec<SocketAddr>, DnsFailure> {
    let mut found: Vec<IpAddr> = Vec::new();
    let mut lookups = JoinSet::new();
    for (name, glue) in &zone.servers {
        found.extend(glue);
        if glue.is_empty() {
            for kind in [RecordType::AAAA, RecordType::A] {
                let (resolver, name) = (resolver.clone(), name.clone());
                lookups.spawn(async move { resolver.records(&name, kind).await });
            }
        }
    }
    let mut failure = None;
    while let Some(lookup) = lookups.join_next().await {
        match lookup {
            Ok(Ok(of_name)) => found.extend(of_name.records.iter().filter_map(ip)),
            Ok(Err(error)) => failure = Some(error),
            Err(_aborted) => failure = Some(DnsFailure::new("an address was not asked for")),
        }
    }
    let mut refused = None;
    let mut servers: Vec<SocketAddr> = Vec::new();
    for address in found {
        match journey.check(address) {
            Err(range) if !resolver.lives_at(address) => refused = Some((address, range)),
            _ => servers.push(SocketAddr::new(address.to_canonical(), resolver.port())),
        }
    }
    servers.sort();
    servers.dedup();
    servers.truncate(MAX_ADDRESSES);
    match (servers.is_empty(), refused, failure) {
        (false, ..) => Ok(servers),
        (true, Some((address, range)), _) => {
            let zone = shown(&zone.apex);
            Err(DnsFailure::new(format_args!(
                "{address}, a name server of {zone}, is {range} and is not contacted"
            )))
        }
        (true, None, Some(failure)) => Err(failure),
        (true, None, None) => {
            Err(DnsFailure::new(format_args!("the name servers of {} have no address", shown(&zone.apex))))
        }
    }
}

/// What the servers of the zone say of `name`: all who answer soon after the first.
async fn ask_all(
    journey: &Journey,
    zone: &Zone,
    servers: &[SocketAddr],
    name: &Name,
) -> Result<Vec<(SocketAddr, Said)>, DnsFailure> {
    let query = Query::query(name.clone(), RecordType::TXT);
    let time = journey.left();
    let mut asked = JoinSet::new();
    for server in servers.iter().copied() {
        journey.contacts(server);
        let query = query.clone();
        asked.spawn(async move { (server, ask(server, &query, Recursion::NotDesired, time).await) });
    }
    let mut said = Vec::new();
    let mut failures = Vec::new();
    let mut end: Option<Instant> = None;
    loop {
        let ended = match end {
            None => asked.join_next().await,
            Some(end) => timeout_at(end, asked.join_next()).await.unwrap_or_default(),
        };
        match ended {
            None => break,
            Some(Err(_aborted)) => failures.push("the question was not asked".to_owned()),
            Some(Ok((server, answer))) => match answer.and_then(|answer| read(&answer, name)) {
                Ok(words) => {
                    end.get_or_insert_with(|| Instant::now() + LAGGARDS);
                    said.push((server, words));
                }
                Err(error) => failures.push(format!("{server}: {error}")),
            },
        }
    }
    if said.is_empty() {
        let zone = shown(&zone.apex);
        return Err(DnsFailure::new(format_args!("the name servers of {zone}: {}", failures.join("; "))));
    }
    Ok(said)
}

fn read(answer: &Message, name: &Name) -> Result<Said, ExchangeError> {
    if !answer.authoritative {
        return Err(ExchangeError::Referral);
    }
    let records: Vec<RData> = of_type(&answer.answers, name, RecordType::TXT).cloned().collect();
    Ok(match alias(&answer.answers, name) {
        _ if !records.is_empty() => Said::Records(texts(&records)),
        Some(target) => Said::Alias(target.clone()),
        None => Said::Nothing,
    })
}

fn texts(records: &[RData]) -> Vec<Vec<u8>> {
    let text = |data: &RData| match data {
        RData::TXT(text) => Some(text.txt_data.concat()),
        _ => None,
    };
    records.iter().filter_map(text).collect()
}

/// The address in an A or AAAA record.
pub(in crate::prober) fn ip(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(address.0.into()),
        RData::AAAA(address) => Some(address.0.into()),
        _ => None,
    }
}

/// The most names of name servers that are looked at: more than most zones have, and few enough that a zone with very
/// many makes nobody busy.
const MAX_SERVERS: usize = 6;
/// The most addresses that are asked at once.
const MAX_ADDRESSES: usize = 8;
/// How long the other servers are waited for when one has answered. A zone's servers get a new record one after the
/// other; one that already has it proves enough.
const LAGGARDS: Duration = Duration::from_millis(250);
