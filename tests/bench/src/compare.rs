//! Servers in turns: each started anew in every round, with a copy of the same CA folder, under the same load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::authority::{AuthorityFolder, ServerFolder};
use crate::error::BenchError;
use crate::load::{self, Extent, Load};
use crate::process::{Kind, Program, Running};
use crate::report::{Report, Round, Subject};

/// Servers, and how much load.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// The `step` program, which makes the CA folder.
    #[arg(long, env = "STEPLESS_BENCH_STEP", value_name = "PROGRAM", default_value = "step")]
    step: PathBuf,
    /// A `step-ca` program to measure.
    #[arg(long, env = "STEPLESS_BENCH_STEP_CA", value_name = "PROGRAM")]
    step_ca: Option<PathBuf>,
    /// A `stepless` program to measure.
    #[arg(long, env = "STEPLESS_BENCH_STEPLESS", value_name = "PROGRAM")]
    stepless: Option<PathBuf>,
    /// Connections at one time, each of a client of its own; one measurement for each number.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,16,64")]
    connections: Vec<usize>,
    /// How long one measurement lasts.
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = positive)]
    seconds: f64,
    /// How many certificates one measurement gets, instead of a time.
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

impl CompareArguments {
    pub(crate) fn step(&self) -> &Path {
        &self.step
    }

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

/// What the servers are compared by.
pub(crate) struct Comparison<'a, L> {
    pub(crate) subject: Subject,
    /// What every server gets a copy of.
    pub(crate) folder: &'a AuthorityFolder,
    /// Flags that both servers know.
    pub(crate) flags: Vec<String>,
    /// The load on a server that has this copy.
    pub(crate) load: &'a dyn Fn(&ServerFolder) -> Result<L, BenchError>,
}

impl<L: Load> Comparison<'_, L> {
    /// Measures, and prints the report.
    pub(crate) fn run(&self, arguments: &CompareArguments) -> Result<(), BenchError> {
        let programs = arguments.programs()?;
        let extent = match arguments.requests {
            Some(requests) => Extent::Requests(requests),
            None => Extent::Time(Duration::from_secs_f64(arguments.seconds)),
        };
        let mut report = Report::new(self.subject, &programs, extent, arguments.rounds)?;
        for number in 1..=arguments.rounds {
            for program in &programs {
                eprintln!("round {number} of {}: {}", arguments.rounds, program.kind);
                let round = self.round(program, arguments, extent)?;
                eprint!("{}", round.summary());
                report.add(round);
            }
        }
        print!("{}", report.table());
        match &arguments.out {
            Some(out) => report.write(out),
            None => Ok(()),
        }
    }

    /// One round of one server: a fresh copy of the folder, a fresh process, every number of connections.
    fn round(
        &self,
        program: &Program,
        arguments: &CompareArguments,
        extent: Extent,
    ) -> Result<Round, BenchError> {
        let copy = self.folder.copy()?;
        // Made before the server starts, so that its start is not measured with it.
        let load = (self.load)(&copy)?;
        let running = Running::start(program, copy, &self.flags)?;
        let start = running.wait_for_first_certificate(&load)?;
        let resident_at_start = running.memory()?.resident;

        let most = arguments.connections.iter().copied().max().unwrap_or(1);
        let warm_up = Extent::Time(Duration::from_secs_f64(arguments.warm_up));
        running.explain(load::run(&load, most, warm_up))?;
        let mut levels = Vec::with_capacity(arguments.connections.len());
        for &connections in &arguments.connections {
            levels.push(load::measure(&running, &load, connections, extent)?);
        }
        let peak = running.memory()?.peak;
        Ok(Round { server: program.kind, start, resident_at_start, peak, levels })
    }
}
