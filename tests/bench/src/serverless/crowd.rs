//! Many functions at once: processes that know nothing of each other, and one table.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::certificate;
use super::event;
use super::function::Function;
use super::world::{Programs, World};
use crate::error::BenchError;
use crate::load::{milliseconds, percentile};

/// What so many functions came to; times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Crowd {
    pub(super) functions: usize,
    pub(super) certificates: usize,
    pub(super) certificates_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Of answers to one token that all functions got at the same time.
    pub(super) one_token: OneToken,
}

/// How the answers to one token were divided.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct OneToken {
    pub(super) issued: usize,
    pub(super) refused: usize,
}

/// Lets `count` functions sign `certificates` certificates, each with a token of its own, and then try one token all
/// together.
pub(super) fn measure(
    count: usize,
    certificates: usize,
    programs: &Programs,
    world: &World,
) -> Result<Crowd, BenchError> {
    let program = programs.functions.join("stepless-sign");
    let mut functions: Vec<_> =
        (0..count).map(|_| Function::start(&program, world)).collect::<Result<_, _>>()?;

    let next = AtomicUsize::new(0);
    let work = |function: &Function| -> Result<Vec<(String, Duration)>, BenchError> {
        let mut signed = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= certificates {
                return Ok(signed);
            }
            let (answer, took) = function.ask(&world.sign_event(number)?, 201)?;
            signed.push((certificate::serial(certificate::leaf(&answer)?)?, took));
        }
    };
    let started = Instant::now();
    let signed = together(&mut functions, &work)?;
    let elapsed = started.elapsed();
    let signed: Vec<_> = signed.into_iter().flatten().collect();

    let serials: HashSet<_> = signed.iter().map(|(serial, _)| serial).collect();
    if serials.len() != signed.len() {
        return Err(BenchError::Broken { what: "a serial number was given twice".to_owned() });
    }
    let mut times: Vec<_> = signed.iter().map(|(_, took)| *took).collect();
    times.sort_unstable();
    let crowd = Crowd {
        functions: count,
        certificates: signed.len(),
        certificates_per_second: signed.len() as f64 / elapsed.as_secs_f64(),
        p50_ms: milliseconds(percentile(&times, 50)),
        p99_ms: milliseconds(percentile(&times, 99)),
        one_token: one_token(&mut functions, world)?,
    };
    Ok(crowd)
}

/// The same event for everybody at the same time: one of them issues, the others refuse.
fn one_token(functions: &mut [Function], world: &World) -> Result<OneToken, BenchError> {
    let event = world.sign_event(0)?;
    let answers = together(functions, &|function| Ok(function.invoke(&event)?.0))?;
    let mut divided = OneToken::default();
    for answer in answers {
        if event::body(&answer, 201).is_ok() {
            divided.issued += 1;
        } else {
            // Spent, or being spent at this moment.
            let status = serde_json::from_slice::<Value>(&answer).ok();
            let status = status.and_then(|answer| answer.get("statusCode")?.as_u64());
            match status {
                Some(401 | 503) => divided.refused += 1,
                other => {
                    let what = format!("a token that others had too was answered with {other:?}");
                    return Err(BenchError::Broken { what });
                }
            }
        }
    }
    match divided.issued {
        1 => Ok(divided),
        issued => Err(BenchError::Broken { what: format!("one token was good for {issued} certificates") }),
    }
}

/// Each function has a thread that asks it.
fn together<T: Send>(
    functions: &mut [Function],
    work: &(impl Fn(&Function) -> Result<T, BenchError> + Sync),
) -> Result<Vec<T>, BenchError> {
    thread::scope(|scope| {
        let workers: Vec<_> =
            functions.iter_mut().map(|function| scope.spawn(move || work(function))).collect();
        workers.into_iter().map(|worker| worker.join().map_err(|_panic| BenchError::Thread)?).collect()
    })
}
