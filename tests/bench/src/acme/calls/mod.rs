//! What one order makes a server ask of its store: stepless on Lambda, its calls to table and KMS; step-ca, its calls to
//! its database.

mod counted;
mod functions;
mod statements;
mod table;

use std::path::PathBuf;

use clap::Args;

use super::name_server::NameServer;
use super::responder::Responder;
use crate::error::BenchError;
use crate::serverless::Programs;
use table::Table;

/// Counts the calls of one http-01 order, request by request.
#[derive(Debug, Args)]
pub(crate) struct CallsArguments {
    /// The `step` program, which makes the CA folder.
    #[arg(long, env = "STEPLESS_BENCH_STEP", value_name = "PROGRAM", default_value = "step")]
    step: PathBuf,
    /// step-ca with a record of its database, built from tests/bench/statements.
    #[arg(long, value_name = "PROGRAM")]
    statements: Option<PathBuf>,
    /// The `stepless` program, which makes the authority of the functions.
    #[arg(long, env = "STEPLESS_BENCH_STEPLESS", value_name = "PROGRAM", default_value = "stepless")]
    stepless: PathBuf,
    /// Folder of the Lambda binaries.
    #[arg(long, value_name = "FOLDER")]
    functions: Option<PathBuf>,
    /// The template of the platform, for its table and keys.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// The port that names are validated on. Functions know no other than 80.
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    http_port: u16,
    /// The port of the name server. Functions ask the one in /etc/resolv.conf, which has to be this one.
    #[arg(long, value_name = "PORT", default_value_t = 53)]
    dns_port: u16,
    /// Where to write the report as JSON.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Counts, and prints the table.
pub(crate) fn count_calls(arguments: &CallsArguments) -> Result<(), BenchError> {
    let responder = Responder::start(arguments.http_port)?;
    let name_server = NameServer::start(arguments.dns_port)?;
    let mut table = Table::default();
    if let Some(functions) = &arguments.functions {
        eprintln!("counting the calls of stepless");
        let programs = Programs {
            step: arguments.step.clone(),
            stepless: arguments.stepless.clone(),
            functions: functions.clone(),
            template: arguments.template.clone(),
        };
        table.stepless = functions::count(&programs, &responder)?;
    }
    if let Some(program) = &arguments.statements {
        eprintln!("counting the calls of step-ca");
        table.step_ca = statements::count(program, &arguments.step, &responder, name_server)?;
    }
    print!("{}", table.text());
    match &arguments.out {
        Some(out) => table.write(out),
        None => Ok(()),
    }
}
