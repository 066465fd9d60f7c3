//! Load: so many connections that get one certificate after the other, and what that took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use serde::Serialize;

use crate::authority::HOST;
use crate::error::BenchError;
use crate::http::{self, Connection};
use crate::process::{self, Running};

/// How much load.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    Time(Duration),
    Requests(u64),
}

/// A server, as its clients know it.
pub(crate) struct Server {
    port: u16,
    tls: Arc<ClientConfig>,
}

impl Server {
    /// The server on this loopback port, whose certificates lead to `root`.
    pub(crate) fn new(port: u16, root: &CertificateDer<'static>) -> Result<Self, BenchError> {
        Ok(Self { port, tls: http::tls(root)? })
    }

    /// Host and port, as requests name them.
    pub(crate) fn host(&self) -> String {
        format!("{HOST}:{}", self.port)
    }

    pub(crate) fn connect(&self) -> Result<Connection, BenchError> {
        Connection::open(self.port, &self.tls)
    }

    /// Whether the server says that it is well.
    pub(crate) fn check_health(&self, connection: &mut Connection) -> Result<(), BenchError> {
        let request = format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", self.host());
        let answer = connection.exchange(request.as_bytes())?;
        if answer.status != 200 {
            return Err(answer.refused());
        }
        Ok(())
    }
}

/// A way to get certificates from a server.
pub(crate) trait Load: Sync {
    /// What a client keeps from one certificate to the next.
    type Client;

    fn server(&self) -> &Server;

    /// A client over this connection that is ready to get its first certificate.
    fn client(&self, connection: Connection) -> Result<Self::Client, BenchError>;

    /// Gets one certificate, and says what that took. `number` chooses among what was prepared.
    fn certificate(&self, client: &mut Self::Client, number: usize) -> Result<Duration, BenchError>;
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
pub(crate) fn run(load: &impl Load, connections: usize, extent: Extent) -> Result<(), BenchError> {
    outcome(load, connections, extent, || Ok(Duration::ZERO)).map(drop)
}

/// Loads the server and measures it.
pub(crate) fn measure(
    running: &Running,
    load: &impl Load,
    connections: usize,
    extent: Extent,
) -> Result<Level, BenchError> {
    let outcome = running.explain(outcome(load, connections, extent, || running.cpu_time()))?;
    Ok(Level::new(connections, &outcome))
}

fn outcome(
    load: &impl Load,
    connections: usize,
    extent: Extent,
    server_cpu: impl Fn() -> Result<Duration, BenchError>,
) -> Result<Outcome, BenchError> {
    let budget = Budget::new(extent);
    let ready = Barrier::new(connections + 1);
    let (budget, ready) = (&budget, &ready);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|worker| {
                scope.spawn(move || {
                    let client = load.server().connect().and_then(|connection| load.client(connection));
                    // Once while everybody waits, and once when the clocks have been read.
                    ready.wait();
                    ready.wait();
                    work(load, client?, budget, worker)
                })
            })
            .collect();

        ready.wait();
        let before = process::own_cpu_time().and_then(|own| Ok((own, server_cpu()?)));
        let started = Instant::now();
        // Whatever became of the clocks, nobody may be left waiting.
        ready.wait();
        let (generator_before, server_before) = before?;
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
    })
}

fn work<L: Load>(
    load: &L,
    mut client: L::Client,
    budget: &Budget,
    worker: usize,
) -> Result<Vec<Duration>, BenchError> {
    let started = Instant::now();
    let mut latencies = Vec::new();
    // Each worker begins elsewhere, so that no two ask for the same name at one time.
    let mut number = worker * WORKERS_APART;
    while budget.has_more(started) {
        latencies.push(load.certificate(&mut client, number)?);
        number += 1;
    }
    Ok(latencies)
}

/// How far apart workers begin; odd, so that they spread over whatever number was prepared.
const WORKERS_APART: usize = 33;

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
