//! The serverless mode: the real Lambda binaries, each over a runtime API of its own, their keys and their table in an
//! emulator of AWS behind a relay that takes the time of every call. One row a function, and then many functions at
//! once.

mod certificate;
mod crowd;
pub(crate) mod event;
mod function;
mod package;
pub(crate) mod relay;
mod report;
mod row;
mod runtime_api;
mod wire;
mod world;

use std::path::PathBuf;

use clap::Args;

pub(crate) use function::Function;
pub(crate) use world::{Programs, World};

use crate::authority::Provisioners;
use crate::error::BenchError;
use report::Report;

/// Measures the Lambda binaries over the Lambda runtime API, against an emulator of KMS and DynamoDB.
#[derive(Debug, Args)]
pub(crate) struct ServerlessArguments {
    /// The `step` program, which decrypts the provisioner's key.
    #[arg(long, env = "STEPLESS_BENCH_STEP", value_name = "PROGRAM", default_value = "step")]
    step: PathBuf,
    /// The `stepless` program, which makes the authority.
    #[arg(long, env = "STEPLESS_BENCH_STEPLESS", value_name = "PROGRAM", default_value = "stepless")]
    stepless: PathBuf,
    /// Folder of the Lambda binaries.
    #[arg(long, value_name = "FOLDER")]
    functions: PathBuf,
    /// The template of the platform, for its table and keys.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// Which functions have a row.
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        default_value = "info,sign,renew,revoke,endpoint-certificate"
    )]
    rows: Vec<row::Kind>,
    /// How often each function is started; the report has the medians.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// How many warm requests each function is measured with.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// How many functions sign at one time; one measurement for each number.
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1,8,32")]
    at_once: Vec<usize>,
    /// How many certificates they sign together in a measurement.
    #[arg(long, value_name = "N", default_value_t = 640)]
    certificates: usize,
    /// Where to write the report as JSON.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Measures, and prints the report.
pub(crate) fn run(arguments: &ServerlessArguments) -> Result<(), BenchError> {
    let programs = Programs {
        step: arguments.step.clone(),
        stepless: arguments.stepless.clone(),
        functions: arguments.functions.clone(),
        template: arguments.template.clone(),
    };
    let mut report = Report::new(arguments.starts, arguments.requests);
    eprintln!("making an authority in the emulator");
    let world = World::make(&programs, Provisioners::Jwk)?;
    for &kind in &arguments.rows {
        eprintln!("measuring {}", kind.program());
        report.rows.push(row::measure(kind, &programs, &world, arguments.starts, arguments.requests)?);
    }
    for &functions in &arguments.at_once {
        eprintln!("{functions} functions at once");
        report.crowds.push(crowd::measure(functions, arguments.certificates, &programs, &world)?);
    }
    print!("{}", report.table());
    match &arguments.out {
        Some(out) => report.write(out),
        None => Ok(()),
    }
}
