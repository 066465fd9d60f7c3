//! The rows as a table and as JSON.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::crowd::Crowd;
use super::row::Row;
use crate::error::BenchError;
use crate::report::Machine;

/// A run of the serverless mode.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    machine: Machine,
    starts_each: u32,
    warm_requests_each: u32,
    pub(super) rows: Vec<Row>,
    pub(super) crowds: Vec<Crowd>,
}

impl Report {
    pub(super) fn new(starts: u32, requests: u32) -> Self {
        let machine = Machine::look();
        Self {
            machine,
            starts_each: starts,
            warm_requests_each: requests,
            rows: Vec::new(),
            crowds: Vec::new(),
        }
    }

    /// For people, in Markdown.
    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "\n{}\nMedians of {} starts, {} warm requests; own: what was not spent in calls to KMS and the table\n\n",
            self.machine, self.starts_each, self.warm_requests_each
        );
        text.push_str(
            "| function | zipped, MB | start to first poll (own), ms | first request (own), ms | warm p50 / p99, ms | \
             own p50 / p99, ms | resident / peak, MiB | calls of a warm request |\n| --- | --- | --- | --- | --- | --- \
             | --- | --- |\n",
        );
        for row in &self.rows {
            let _ = write!(
                text,
                "| `{}` | {:.2} | {:.1} ({:.1}) |",
                row.function,
                row.zipped_octets as f64 / 1e6,
                row.first_poll_ms,
                row.first_poll_own_ms,
            );
            let _ = match &row.requests {
                Some(requests) => write!(
                    text,
                    " {:.1} ({:.1}) | {:.2} / {:.2} | {:.2} / {:.2} |",
                    requests.first_ms,
                    requests.first_own_ms,
                    requests.warm_p50_ms,
                    requests.warm_p99_ms,
                    requests.own_p50_ms,
                    requests.own_p99_ms,
                ),
                None => write!(text, " - | - | - |"),
            };
            let calls = match &row.requests {
                Some(requests) if requests.calls.is_empty() => "none".to_owned(),
                Some(requests) => requests.calls.join(", "),
                None => "-".to_owned(),
            };
            let _ = writeln!(text, " {:.1} / {:.1} | {calls} |", row.resident_mib, row.peak_mib);
        }
        text.push_str(
            "\n| functions at once | certificates | a second | p50 / p99, ms | one token to all: issued, refused |\n\
             | --- | --- | --- | --- | --- |\n",
        );
        for crowd in &self.crowds {
            let _ = writeln!(
                text,
                "| {} | {} | {:.0} | {:.1} / {:.1} | {}, {} |",
                crowd.functions,
                crowd.certificates,
                crowd.certificates_per_second,
                crowd.p50_ms,
                crowd.p99_ms,
                crowd.one_token.issued,
                crowd.one_token.refused,
            );
        }
        text
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), BenchError> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|source| BenchError::Json { what: "the report", source })?;
        fs::write(path, json + "\n").map_err(BenchError::file(path))
    }
}
