//! step-ca's calls to its database, from the record that the program in tests/bench/statements keeps.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::counted::{self, Call, Rows, two_orders};
use crate::acme::name_server::NameServer;
use crate::acme::responder::Responder;
use crate::acme::transport::Tls;
use crate::acme::{Orders, flags};
use crate::authority::{AuthorityFolder, Provisioners};
use crate::error::BenchError;
use crate::load::Load;
use crate::process::{Kind, Program, Running};

/// Two orders from a fresh authority.
pub(super) fn count(
    program: &Path,
    step: &Path,
    responder: &Responder,
    name_server: NameServer,
) -> Result<Rows, BenchError> {
    let folder = AuthorityFolder::make(step, Provisioners::JwkAndAcme)?;
    let copy = folder.copy()?;
    let record = copy.path().join(RECORD);
    let orders = Orders::new(copy.port, &folder, responder.clone())?;
    let program = Program { kind: Kind::StepCa, path: program.to_owned() };
    let running = Running::start(&program, copy, &flags(responder, name_server))?;
    running.wait_for_first_certificate(&orders)?;
    let count = || {
        let mut record = Record::open(&record)?;
        let server = orders.server();
        two_orders(Tls::new(server.connect()?, server.host()), responder, || record.take())
    };
    running.explain(count())
}

/// In the server's folder.
const RECORD: &str = "statements.jsonl";

/// A line of the record.
#[derive(Deserialize)]
struct Line {
    operation: String,
    tables: Vec<String>,
    /// In nanoseconds.
    began: u64,
    ended: u64,
}

struct Record {
    file: BufReader<File>,
}

impl Record {
    fn open(path: &Path) -> Result<Self, BenchError> {
        let file = File::open(path).map_err(BenchError::file(path))?;
        Ok(Self { file: BufReader::new(file) })
    }

    /// The calls since the last look. A call is written down before its request is answered.
    fn take(&mut self) -> Result<Vec<Call>, BenchError> {
        let mut calls = Vec::new();
        let mut line = String::new();
        while self.file.read_line(&mut line).map_err(BenchError::file(RECORD))? > 0 {
            let Line { operation, tables, began, ended } = serde_json::from_str(&line)
                .map_err(|source| BenchError::Json { what: "step-ca's record", source })?;
            let (began, ended) = (Duration::from_nanos(began), Duration::from_nanos(ended));
            let kind = match operation.as_str() {
                "read" | "list" => counted::Kind::Read,
                _ => counted::Kind::Write,
            };
            calls.push(Call { operation, kind, tables, began, ended });
            line.clear();
        }
        Ok(calls)
    }
}
