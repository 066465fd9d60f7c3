//! What the configured resolver says.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::exchange::{ExchangeError, Recursion, ask};
use super::{MAX_ALIASES, ResolverSource};

/// The configured resolvers.
#[derive(Clone, Debug)]
pub(in crate::prober) struct Resolver {
    servers: Vec<SocketAddr>,
    port: u16,
    time: Duration,
}

/// Nobody gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail}")]
pub(in crate::prober) struct DnsFailure {
    detail: String,
}

impl DnsFailure {
    pub(super) fn new(detail: impl fmt::Display) -> Self {
        Self { detail: detail.to_string() }
    }
}

/// Records of one type, CNAMEs followed. None is an answer.
#[derive(Clone, Debug)]
pub(in crate::prober) struct Found {
    pub(in crate::prober) records: Vec<RData>,
    /// The name that they stand at.
    pub(in crate::prober) name: Name,
    /// Who said so.
    pub(in crate::prober) server: SocketAddr,
}

impl Resolver {
    /// The resolvers of `source`, which are waited for no longer than `time`.
    ///
    /// # Errors
    /// [`DnsFailure`] when the source cannot be read.
    pub(in crate::prober) fn new(source: &ResolverSource, time: Duration) -> Result<Self, DnsFailure> {
        Ok(Self { servers: source.servers()?, port: source.name_server_port(), time })
    }

    /// The port on which name servers are found.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether one of the resolvers lives at `address`: it is asked anyway.
    pub(super) fn lives_at(&self, address: IpAddr) -> bool {
        self.servers.iter().any(|server| server.ip().to_canonical() == address.to_canonical())
    }

    /// The records of `kind` at `name`, CNAMEs followed.
    ///
    /// # Errors
    /// [`DnsFailure`] when no resolver answered, and when the CNAMEs have no end.
    pub(in crate::prober) async fn records(
        &self,
        name: &Name,
        kind: RecordType,
    ) -> Result<Found, DnsFailure> {
        let mut at = name.clone();
        let mut aliases = 0;
        loop {
            let (answer, server) = self.ask(&at, kind).await?;
            let asked = at.clone();
            loop {
                let records: Vec<RData> = of_type(&answer.answers, &at, kind).cloned().collect();
                if !records.is_empty() {
                    return Ok(Found { records, name: at, server });
                }
                let Some(target) = alias(&answer.answers, &at) else { break };
                aliases += 1;
                if aliases > MAX_ALIASES {
                    return Err(DnsFailure::new(format_args!(
                        "more than {MAX_ALIASES} CNAMEs from {}",
                        shown(name)
                    )));
                }
                at = target.clone();
            }
            // A resolver follows CNAMEs to their end, and the code is that of the end (RFC 6604 §3). A server that
            // does not recurse leaves the rest to whoever asks.
            let complete = answer.recursion_available || answer.response_code == ResponseCode::NXDomain;
            if at == asked || complete {
                return Ok(Found { records: Vec::new(), name: at, server });
            }
        }
    }

    /// The first answer of a resolver. The next one is asked when one fails, and as well when one keeps still.
    ///
    /// # Errors
    /// [`DnsFailure`] when none answered.
    pub(super) async fn ask(
        &self,
        name: &Name,
        kind: RecordType,
    ) -> Result<(Message, SocketAddr), DnsFailure> {
        let query = Query::query(name.clone(), kind);
        let mut waiting = self.servers.iter().copied();
        let mut asked = JoinSet::new();
        let mut failures = Vec::new();
        loop {
            if let Some(server) = waiting.next() {
                let (query, time) = (query.clone(), self.time);
                asked.spawn(async move { (server, ask(server, &query, Recursion::Desired, time).await) });
            }
            let ended = match waiting.len() {
                0 => asked.join_next().await,
                _ => match timeout(PATIENCE, asked.join_next()).await {
                    Ok(ended) => ended,
                    Err(_elapsed) => continue,
                },
            };
            match ended {
                Some(Ok((server, answer))) => match answer.and_then(no_referral) {
                    Ok(answer) => return Ok((answer, server)),
                    Err(error) => failures.push(format!("{server}: {error}")),
                },
                Some(Err(_aborted)) => failures.push("the question was not asked".to_owned()),
                None => break,
            }
        }
        let failures = if failures.is_empty() { "no resolver".to_owned() } else { failures.join("; ") };
        Err(DnsFailure::new(format_args!("{kind} {} from the resolver: {failures}", shown(name))))
    }
}

/// The data of the records of `kind` that stand at `name`.
pub(super) fn of_type<'a>(
    records: &'a [Record],
    name: &Name,
    kind: RecordType,
) -> impl Iterator<Item = &'a RData> {
    let at_name = records.iter().filter(move |record| record.name == *name && record.record_type() == kind);
    at_name.map(|record| &record.data)
}

/// Where a CNAME at `name` leads.
pub(super) fn alias<'a>(records: &'a [Record], name: &Name) -> Option<&'a Name> {
    records.iter().filter(|record| record.name == *name).find_map(|record| match &record.data {
        RData::CNAME(target) => Some(&target.0),
        _ => None,
    })
}

/// A name as it is shown: without the dot at its end.
pub(in crate::prober) fn shown(name: &Name) -> String {
    let text = name.to_ascii();
    match text.strip_suffix('.') {
        Some(absolute) if !absolute.is_empty() => absolute.to_owned(),
        _ => text,
    }
}

/// A server that neither recurses nor knows the name points downwards: that says nothing about the name.
fn no_referral(answer: Message) -> Result<Message, ExchangeError> {
    let empty = answer.answers.is_empty() && answer.response_code == ResponseCode::NoError;
    let points = answer.authorities.iter().any(|record| record.record_type() == RecordType::NS)
        && !answer.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
    if empty && points && !answer.authoritative { Err(ExchangeError::Referral) } else { Ok(answer) }
}

/// How long one resolver is waited for before another one is asked as well.
const PATIENCE: Duration = Duration::from_secs(1);
