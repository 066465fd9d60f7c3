//! `stepless-bench` measures servers that speak step-ca's protocol: how many certificates a second they sign with fresh
//! JWK tokens over keep-alive TLS, how long a request takes, and what it costs them in CPU time and memory.
//!
//! One run makes one CA folder with `step ca init`, gives every server under test a copy of it, and measures them in
//! turns on the same machine, so that the ratios mean something even where the figures do not. The generator is made
//! to be cheap, for it runs on the same cores: one blocking thread a connection, requests made before, and no more of
//! an answer read than is needed to know that it is a certificate.

mod authority;
mod credentials;
mod error;
mod http;
mod load;
mod process;
mod report;
mod serverless;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::authority::AuthorityFolder;
use crate::error::BenchError;
use crate::load::{Extent, Target};
use crate::process::{Kind, Program, Running};
use crate::report::{Report, Round};

/// Measures servers that speak step-ca's protocol, in turns, with the same keys, on the same machine.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    servers: ServerArguments,
}

/// What else can be measured.
#[derive(Debug, Subcommand)]
enum Mode {
    Serverless(serverless::ServerlessArguments),
}

/// Servers, and the load on them.
#[derive(Debug, Args)]
struct ServerArguments {
    /// The `step` program, which makes the CA folder.
    #[arg(long, env = "STEPLESS_BENCH_STEP", value_name = "PROGRAM", default_value = "step")]
    step: PathBuf,
    /// A `step-ca` program to measure.
    #[arg(long, env = "STEPLESS_BENCH_STEP_CA", value_name = "PROGRAM")]
    step_ca: Option<PathBuf>,
    /// A `stepless` program to measure.
    #[arg(long, env = "STEPLESS_BENCH_STEPLESS", value_name = "PROGRAM")]
    stepless: Option<PathBuf>,
    /// Connections at one time; one measurement for each number.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,16,64")]
    connections: Vec<usize>,
    /// How long one measurement lasts.
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = positive)]
    seconds: f64,
    /// How many certificates one measurement signs, instead of a time.
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    requests: Option<u64>,
    /// How long a fresh server is warmed up before it is measured.
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = positive)]
    warm_up: f64,
    /// How often each server is started anew and measured; the report has the medians.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where to write the report as JSON.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("a number of seconds above 0 and up to a day".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let measured = match &arguments.mode {
        None => run(&arguments.servers),
        Some(Mode::Serverless(arguments)) => serverless::run(arguments),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stepless-bench: {}", error::chain(&error));
            if let BenchError::Explained { log, .. } = &error {
                eprintln!("the server's log ends with:\n{log}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &ServerArguments) -> Result<(), BenchError> {
    let programs = arguments.programs()?;
    let extent = match arguments.requests {
        Some(requests) => Extent::Requests(requests),
        None => Extent::Time(Duration::from_secs_f64(arguments.seconds)),
    };
    let warm_up = Extent::Time(Duration::from_secs_f64(arguments.warm_up));
    let folder = AuthorityFolder::make(&arguments.step)?;

    let mut report = Report::new(&programs, extent, arguments.rounds)?;
    for number in 1..=arguments.rounds {
        for program in &programs {
            eprintln!("round {number} of {}: {}", arguments.rounds, program.kind);
            let round = measure(program, &folder, &arguments.connections, warm_up, extent)?;
            eprint!("{}", round.summary());
            report.add(round);
        }
    }
    print!("{}", report.table());
    if let Some(out) = &arguments.out {
        report.write(out)?;
    }
    Ok(())
}

impl ServerArguments {
    fn programs(&self) -> Result<Vec<Program>, BenchError> {
        let step_ca = self.step_ca.clone().map(|path| Program { kind: Kind::StepCa, path });
        let stepless = self.stepless.clone().map(|path| Program { kind: Kind::Stepless, path });
        let programs: Vec<_> = step_ca.into_iter().chain(stepless).collect();
        if programs.is_empty() {
            return Err(BenchError::NothingToMeasure);
        }
        Ok(programs)
    }
}

/// One round of one server: a fresh copy of the folder, a fresh process, every number of connections.
fn measure(
    program: &Program,
    folder: &AuthorityFolder,
    connections: &[usize],
    warm_up: Extent,
    extent: Extent,
) -> Result<Round, BenchError> {
    let copy = folder.copy()?;
    let running = Running::start(program, copy)?;
    let target = Arc::new(Target::new(&running, folder)?);
    let start = running.wait_for_first_certificate(&target)?;
    let resident_at_start = running.memory()?.resident;

    let most = connections.iter().copied().max().unwrap_or(1);
    running.explain(load::run(&target, most, warm_up))?;
    let mut levels = Vec::with_capacity(connections.len());
    for &connections in connections {
        levels.push(load::measure(&running, &target, connections, extent)?);
    }
    let peak = running.memory()?.peak;
    Ok(Round { server: program.kind, start, resident_at_start, peak, levels })
}
