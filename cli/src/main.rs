//! The `stepless` command: makes a certificate authority, serves it, changes its configuration,
//! manages its ACME, and shows a newcomer around.

mod acme;
mod args;
mod authority;
mod config;
mod error;
mod files;
mod init;
mod logging;
mod password;
mod quickstart;
mod serve;
mod server_certificate;
mod shell;
mod store;
mod validation;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Arguments, Command};
use crate::error::CliError;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), CliError> {
    match arguments.command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Quickstart(arguments) => quickstart::run(&arguments),
        Command::Config { command } => config::run(&command),
        Command::Acme { command } => acme::run(&command),
        Command::Completion { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "stepless", &mut std::io::stdout());
            Ok(())
        }
    }
}
