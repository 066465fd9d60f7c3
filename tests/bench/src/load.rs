//! Load: so many connections that sign one certificate after the other, and what that took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use serde::Serialize;

use crate::authority::{AuthorityFolder, HOST};
use crate::credentials::{Minter, Request};
use crate::error::BenchError;
use crate::http::{self, Connection};
use crate::process::{self, Running};

/// How much load.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    Time(Duration),
    Requests(u64),
}

/// A server to ask, and what to ask it.
pub(crate) struct Target {
    port: u16,
    tls: Arc<ClientConfig>,
    minter: Minter,
    requests: Vec<PreparedRequest>,
}

/// A request's head and the part of its body before the token; the token and [`BODY_END`] are still to come.
struct PreparedRequest {
    name: String,
    before_token: Vec<u8>,
}

/// Names and keys to sign, used again and again: no server looks whether it has seen a key.
const PREPARED: usize = 256;

const BODY_END: &[u8] = b"\"}";

/// What every answer with a certificate begins its certificate with.
const CERTIFICATE_MARK: &[u8] = b"\"crt\":\"-----BEGIN CERTIFICATE-----";

impl Target {
    pub(crate) fn new(running: &Running, folder: &AuthorityFolder) -> Result<Self, BenchError> {
        let port = running.port();
        let audience = format!("https://{HOST}:{port}/1.0/sign");
        let minter = Minter::new(&folder.provisioner, audience, folder.fingerprint())?;
        let requests = (0..PREPARED)
            .map(|number| {
                // All names, and so all tokens, have one length: the head can be made before the token.
                let Request { name, csr } = Request::new(&format!("host-{number:04}.bench.test"))?;
                let mut token = Vec::new();
                minter.mint(&name, &mut token)?;
                let body = format!(r#"{{"csr":"{csr}","ott":""#);
                let length = body.len() + token.len() + BODY_END.len();
                let head = format!(
                    "POST /1.0/sign HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
                );
                Ok(PreparedRequest { name, before_token: (head + &body).into_bytes() })
            })
            .collect::<Result<_, BenchError>>()?;
        Ok(Self { port, tls: http::tls(&folder.root)?, minter, requests })
    }

    pub(crate) fn connect(&self) -> Result<Connection, BenchError> {
        Connection::open(self.port, &self.tls)
    }

    /// Whether the server says that it is well.
    pub(crate) fn check_health(&self, connection: &mut Connection) -> Result<(), BenchError> {
        let request = format!("GET /health HTTP/1.1\r\nHost: {HOST}:{}\r\n\r\n", self.port);
        let answer = connection.exchange(request.as_bytes())?;
        if answer.status != 200 {
            return Err(refused(&answer));
        }
        Ok(())
    }

    /// Gets one certificate with a fresh token. `number` chooses among the prepared requests.
    pub(crate) fn sign(
        &self,
        connection: &mut Connection,
        number: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Duration, BenchError> {
        let request = self
            .requests
            .get(number % PREPARED)
            .ok_or(BenchError::Answer { what: "no request was prepared" })?;
        buffer.clear();
        buffer.extend_from_slice(&request.before_token);
        self.minter.mint(&request.name, buffer)?;
        buffer.extend_from_slice(BODY_END);

        let sent = Instant::now();
        let answer = connection.exchange(buffer)?;
        let took = sent.elapsed();
        if answer.status != 201 || http::find(answer.body, CERTIFICATE_MARK).is_none() {
            return Err(refused(&answer));
        }
        Ok(took)
    }
}

fn refused(answer: &http::Answer<'_>) -> BenchError {
    let body = String::from_utf8_lossy(answer.body).trim().to_owned();
    BenchError::Refused { status: answer.status, body }
}

/// What came out of some load.
pub(crate) struct Outcome {
    /// Of each certificate, sorted.
    latencies: Vec<Duration>,
    elapsed: Duration,
    generator_cpu: Duration,
    server_cpu: Duration,
}

/// Loads the server with no look at what that costs it.
pub(crate) fn run(target: &Arc<Target>, connections: usize, extent: Extent) -> Result<(), BenchError> {
    outcome(target, connections, extent, || Ok(Duration::ZERO)).map(drop)
}

/// Loads the server and measures it.
pub(crate) fn measure(
    running: &Running,
    target: &Arc<Target>,
    connections: usize,
    extent: Extent,
) -> Result<Level, BenchError> {
    let outcome = running.explain(outcome(target, connections, extent, || running.cpu_time()))?;
    Ok(Level::new(connections, &outcome))
}

fn outcome(
    target: &Arc<Target>,
    connections: usize,
    extent: Extent,
    server_cpu: impl Fn() -> Result<Duration, BenchError>,
) -> Result<Outcome, BenchError> {
    let budget = Arc::new(Budget::new(extent));
    let ready = Arc::new(Barrier::new(connections + 1));
    let workers: Vec<_> = (0..connections)
        .map(|worker| {
            let (target, budget, ready) = (Arc::clone(target), Arc::clone(&budget), Arc::clone(&ready));
            thread::spawn(move || {
                let connection = target.connect();
                // Once while everybody waits, and once when the clocks have been read.
                ready.wait();
                ready.wait();
                work(&target, connection?, &budget, worker)
            })
        })
        .collect();

    ready.wait();
    let (generator_before, server_before) = (process::own_cpu_time()?, server_cpu()?);
    let started = Instant::now();
    ready.wait();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.append(&mut worker.join().map_err(|_panic| BenchError::Thread)??);
    }
    let elapsed = started.elapsed();
    let (generator_after, server_after) = (process::own_cpu_time()?, server_cpu()?);
    latencies.sort_unstable();
    Ok(Outcome {
        latencies,
        elapsed,
        generator_cpu: generator_after.saturating_sub(generator_before),
        server_cpu: server_after.saturating_sub(server_before),
    })
}

fn work(
    target: &Target,
    mut connection: Connection,
    budget: &Budget,
    worker: usize,
) -> Result<Vec<Duration>, BenchError> {
    let started = Instant::now();
    let mut latencies = Vec::new();
    let mut buffer = Vec::new();
    // Each worker begins elsewhere, so that no two sign the same name at one time.
    let mut number = worker * (PREPARED / 8 + 1);
    while budget.has_more(started) {
        latencies.push(target.sign(&mut connection, number, &mut buffer)?);
        number += 1;
    }
    Ok(latencies)
}

/// What is left to do, for all workers together.
enum Budget {
    Time(Duration),
    Requests(AtomicU64),
}

impl Budget {
    fn new(extent: Extent) -> Self {
        match extent {
            Extent::Time(time) => Self::Time(time),
            Extent::Requests(requests) => Self::Requests(AtomicU64::new(requests)),
        }
    }

    fn has_more(&self, started: Instant) -> bool {
        match self {
            Self::Time(time) => started.elapsed() < *time,
            Self::Requests(left) => {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            }
        }
    }
}

/// What one number of connections came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Level {
    pub(crate) connections: usize,
    pub(crate) certificates: usize,
    pub(crate) seconds: f64,
    pub(crate) certificates_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    pub(crate) server_cpu_ms_per_certificate: f64,
    pub(crate) generator_cpu_ms_per_certificate: f64,
}

impl Level {
    fn new(connections: usize, outcome: &Outcome) -> Self {
        let certificates = outcome.latencies.len();
        let count = certificates.max(1) as f64;
        Self {
            connections,
            certificates,
            seconds: outcome.elapsed.as_secs_f64(),
            certificates_per_second: count / outcome.elapsed.as_secs_f64(),
            p50_ms: milliseconds(percentile(&outcome.latencies, 50)),
            p99_ms: milliseconds(percentile(&outcome.latencies, 99)),
            max_ms: milliseconds(percentile(&outcome.latencies, 100)),
            server_cpu_ms_per_certificate: milliseconds(outcome.server_cpu) / count,
            generator_cpu_ms_per_certificate: milliseconds(outcome.generator_cpu) / count,
        }
    }
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The smallest value that `percent` of the sorted values do not exceed.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let hundred: Vec<_> = (1..=100).map(Duration::from_millis).collect();

        assert_eq!(percentile(&hundred, 50), Duration::from_millis(50));
        assert_eq!(percentile(&hundred, 99), Duration::from_millis(99));
        assert_eq!(percentile(&hundred, 100), Duration::from_millis(100));
        assert_eq!(percentile(&hundred[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn a_budget_of_requests_is_spent_exactly() {
        let budget = Budget::new(Extent::Requests(3));

        let granted = (0..10).filter(|_| budget.has_more(Instant::now())).count();

        assert_eq!(granted, 3);
    }
}
