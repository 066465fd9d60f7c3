//! `stepless-bench` measures servers that speak step-ca's protocol: how many certificates a second they sign with fresh
//! JWK tokens, or issue by ACME, over keep-alive TLS, how long that takes, and what it costs them in CPU time and memory.
//!
//! One run makes one CA folder with `step ca init`, gives every server under test a copy of it, and measures them in
//! turns on the same machine, so that the ratios mean something even where the figures do not. The generator is made
//! to be cheap, for it runs on the same cores: one blocking thread a connection, requests made before, and no more of
//! an answer read than is needed to know that it is a certificate.

mod acme;
mod authority;
mod compare;
mod credentials;
mod error;
mod http;
mod load;
mod process;
mod report;
mod serverless;
mod sign;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::authority::{AuthorityFolder, Provisioners};
use crate::compare::{CompareArguments, Comparison};
use crate::error::BenchError;
use crate::report::Subject;
use crate::sign::Sign;

/// Measures servers that speak step-ca's protocol, in turns, with the same keys, on the same machine.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    mode: Option<Mode>,
    #[command(flatten)]
    sign: CompareArguments,
}

/// What else can be measured.
#[derive(Debug, Subcommand)]
enum Mode {
    /// Measures the servers with ACME orders, proved by http-01.
    Acme(CompareArguments),
    AcmeCalls(acme::CallsArguments),
    Serverless(serverless::ServerlessArguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let measured = match &arguments.mode {
        None => sign(&arguments.sign),
        Some(Mode::Acme(arguments)) => acme::compare(arguments),
        Some(Mode::AcmeCalls(arguments)) => acme::count_calls(arguments),
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

/// Certificates for JWK tokens.
fn sign(arguments: &CompareArguments) -> Result<(), BenchError> {
    let folder = AuthorityFolder::make(arguments.step(), Provisioners::Jwk)?;
    let comparison = Comparison {
        subject: Subject { one: "certificate", many: "certificates", how: "P-256 keys, a fresh token each" },
        folder: &folder,
        flags: Vec::new(),
        load: &|copy| Sign::new(copy.port, &folder),
    };
    comparison.run(arguments)
}
