//! One function: its package, its start, its first request and its warm ones.

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::certificate;
use super::event;
use super::function::Function;
use super::package;
use super::relay::Call;
use super::world::{Programs, World};
use crate::error::BenchError;
use crate::load::{milliseconds, percentile};
use crate::report::{mebibytes, median};

/// Which function, and so which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Info,
    Sign,
    Renew,
    Revoke,
    /// It runs by itself, and nobody waits for it: only its package and its start are looked at.
    EndpointCertificate,
}

impl Kind {
    /// The name of the binary.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Info => "stepless-info",
            Self::Sign => "stepless-sign",
            Self::Renew => "stepless-renew",
            Self::Revoke => "stepless-revoke",
            Self::EndpointCertificate => "stepless-endpoint-certificate",
        }
    }

    /// The status of an answer that did what was asked.
    fn success(self) -> u16 {
        match self {
            Self::Revoke | Self::EndpointCertificate => 200,
            Self::Info | Self::Sign | Self::Renew => 201,
        }
    }

    /// Different events, each good for one request.
    fn events(self, world: &World, programs: &Programs, count: usize) -> Result<Vec<Vec<u8>>, BenchError> {
        match self {
            Self::Info => Ok(vec![event::http_api("GET", "/roots", None, None); count]),
            Self::Sign => (0..count).map(|number| world.sign_event(number)).collect(),
            Self::Renew => {
                let leaves = leaves(world, programs, 1)?;
                let renew = |leaf: &String| event::http_api("POST", "/1.0/renew", None, Some(leaf));
                Ok(leaves.iter().cycle().take(count).map(renew).collect())
            }
            Self::Revoke => {
                let leaves = leaves(world, programs, count)?;
                leaves.iter().map(|leaf| world.revoke_event(&certificate::serial(leaf)?)).collect()
            }
            Self::EndpointCertificate => Ok(Vec::new()),
        }
    }
}

/// What was measured of a function; times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) function: &'static str,
    pub(super) binary_octets: u64,
    pub(super) zipped_octets: u64,
    /// From the start of the process to its first question for an event.
    pub(super) first_poll_ms: f64,
    /// The part of it in which no call was under way.
    pub(super) first_poll_own_ms: f64,
    /// The calls before it.
    pub(super) calls_at_start: Vec<String>,
    pub(super) requests: Option<Requests>,
    pub(super) resident_mib: f64,
    pub(super) peak_mib: f64,
}

/// What was measured of a function's requests; times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Requests {
    pub(super) first_ms: f64,
    pub(super) first_own_ms: f64,
    pub(super) warm_p50_ms: f64,
    pub(super) warm_p99_ms: f64,
    /// What a warm request takes beside its calls.
    pub(super) own_p50_ms: f64,
    pub(super) own_p99_ms: f64,
    /// The calls of a warm request.
    pub(super) calls: Vec<String>,
}

/// Measures a function: `starts` cold starts with one request each, then `requests` to the last of them.
pub(super) fn measure(
    kind: Kind,
    programs: &Programs,
    world: &World,
    starts: u32,
    requests: u32,
) -> Result<Row, BenchError> {
    let program = programs.functions.join(kind.program());
    let (binary_octets, zipped_octets) = package::sizes(&program)?;
    let (starts, requests) = (starts as usize, requests as usize);
    let mut events = kind.events(world, programs, starts + requests)?.into_iter();

    let (mut polls, mut firsts) = (Vec::new(), Vec::new());
    let mut started: Option<Function> = None;
    let mut calls_at_start = Vec::new();
    for _ in 0..starts {
        drop(started.take());
        world.relay.take();
        let function = Function::start(&program, world)?;
        let calls = world.relay.take();
        polls.push(Sample::new(function.first_poll(), &calls));
        calls_at_start = operations(&calls);
        if let Some(event) = events.next() {
            firsts.push(ask(kind, &function, world, &event)?.0);
        }
        started = Some(function);
    }
    let function = started.ok_or(BenchError::NothingToMeasure)?;
    let (mut warm, mut calls) = (Vec::new(), Vec::new());
    for event in events {
        let (sample, made) = ask(kind, &function, world, &event)?;
        warm.push(sample);
        calls = made;
    }
    let memory = function.memory()?;
    Ok(Row {
        function: kind.program(),
        binary_octets,
        zipped_octets,
        first_poll_ms: middle(&polls, |sample| sample.took),
        first_poll_own_ms: middle(&polls, |sample| sample.own),
        calls_at_start,
        requests: (!warm.is_empty()).then(|| Requests {
            first_ms: middle(&firsts, |sample| sample.took),
            first_own_ms: middle(&firsts, |sample| sample.own),
            warm_p50_ms: of_hundred(50, &warm, |sample| sample.took),
            warm_p99_ms: of_hundred(99, &warm, |sample| sample.took),
            own_p50_ms: of_hundred(50, &warm, |sample| sample.own),
            own_p99_ms: of_hundred(99, &warm, |sample| sample.own),
            calls,
        }),
        resident_mib: mebibytes(memory.resident),
        peak_mib: mebibytes(memory.peak),
    })
}

fn middle(samples: &[Sample], of: fn(&Sample) -> Duration) -> f64 {
    median(samples.iter().map(|sample| milliseconds(of(sample))).collect()).unwrap_or_default()
}

fn of_hundred(percent: usize, samples: &[Sample], of: fn(&Sample) -> Duration) -> f64 {
    let mut times: Vec<_> = samples.iter().map(of).collect();
    times.sort_unstable();
    milliseconds(percentile(&times, percent))
}

/// What something took, and how much of that was not spent in calls.
struct Sample {
    took: Duration,
    own: Duration,
}

impl Sample {
    fn new(took: Duration, calls: &[Call]) -> Self {
        Self { took, own: took.saturating_sub(super::relay::under_way(calls)) }
    }
}

fn ask(
    kind: Kind,
    function: &Function,
    world: &World,
    event: &[u8],
) -> Result<(Sample, Vec<String>), BenchError> {
    world.relay.take();
    let (_, took) = function.ask(event, kind.success())?;
    let calls = world.relay.take();
    Ok((Sample::new(took, &calls), operations(&calls)))
}

/// Without the service and its version.
fn operations(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| call.operation.rsplit('.').next().unwrap_or_default().to_owned()).collect()
}

/// Certificates of the authority, in PEM.
fn leaves(world: &World, programs: &Programs, count: usize) -> Result<Vec<String>, BenchError> {
    let sign = Function::start(&programs.functions.join(Kind::Sign.program()), world)?;
    (0..count)
        .map(|number| {
            let (answer, _) = sign.ask(&world.sign_event(number)?, Kind::Sign.success())?;
            certificate::leaf(&answer).map(str::to_owned)
        })
        .collect()
}
