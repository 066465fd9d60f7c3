//! The counts side by side.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::counted::{Call, Kind, Row, Rows, longest_chain};
use crate::acme::transport::Step;
use crate::error::BenchError;

/// What the servers did for the same requests.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    pub(super) stepless: Rows,
    #[serde(rename = "step-ca")]
    pub(super) step_ca: Rows,
}

impl Table {
    /// For people, in Markdown.
    pub(super) fn text(&self) -> String {
        let mut text = String::from(
            "\nOne http-01 order. First: the first order of a new account, and what comes before it; later: another one \
             of the same client.\nIn sequence: the longest chain of calls to table or database that wait for each other.\n\n\
             | request | stepless, first: calls | in sequence | later: calls | in sequence | KMS | step-ca: reads | writes | \
             in sequence |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for step in Step::ALL {
            let counts = self.counts(|rows| of_step(rows, step));
            let _ = writeln!(text, "| {step} | {counts} |");
        }
        let whole = self.counts(|rows| rows.iter().filter(|row| row.request.is_of_an_order()).collect());
        let _ = writeln!(text, "| **the order** | {whole} |");
        for (name, rows) in [("stepless", &self.stepless), ("step-ca", &self.step_ca)] {
            let _ = write!(text, "\n{name}, later:\n{}", operations(&rows.later, &[]));
            let _ =
                write!(text, "{name}, where the first differs:\n{}", operations(&rows.first, &rows.later));
        }
        text
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), BenchError> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|source| BenchError::Json { what: "the report", source })?;
        fs::write(path, json + "\n").map_err(BenchError::file(path))
    }

    /// The cells of a line, of the rows that `pick` picks.
    fn counts<'a>(&'a self, pick: impl Fn(&'a [Row]) -> Vec<&'a Row>) -> String {
        let (first, later) = (pick(&self.stepless.first), pick(&self.stepless.later));
        // Only the first order is preceded by the requests that make an account.
        let step_ca = Some(pick(&self.step_ca.later)).filter(|rows| !rows.is_empty());
        let step_ca = step_ca.unwrap_or_else(|| pick(&self.step_ca.first));
        let stepless = if later.is_empty() { &first } else { &later };
        let cells = [
            number(&first, |row| count(row, |kind| kind != Kind::Signature)),
            number(&first, chain),
            number(&later, |row| count(row, |kind| kind != Kind::Signature)),
            number(&later, chain),
            number(stepless, |row| count(row, |kind| kind == Kind::Signature)),
            number(&step_ca, |row| count(row, |kind| kind == Kind::Read)),
            number(&step_ca, |row| count(row, |kind| kind == Kind::Write)),
            number(&step_ca, chain),
        ];
        cells.join(" | ")
    }
}

/// A line a request that made calls, without those that made the same in `known`.
fn operations(rows: &[Row], known: &[Row]) -> String {
    let line = |row: &Row| {
        let calls: Vec<_> = row.calls.iter().map(Call::to_string).collect();
        format!("  {}: {}\n", row.request, calls.join(", "))
    };
    let known: Vec<_> = known.iter().map(line).collect();
    let lines = rows.iter().filter(|row| !row.calls.is_empty()).map(line);
    lines.filter(|line| !known.contains(line)).collect()
}

/// A request may come several times: whoever polls asks until the answer is another.
fn of_step(rows: &[Row], step: Step) -> Vec<&Row> {
    rows.iter().filter(|row| row.request == step).collect()
}

fn number(rows: &[&Row], of: impl Fn(&Row) -> usize) -> String {
    if rows.is_empty() {
        return "-".to_owned();
    }
    rows.iter().map(|row| of(row)).sum::<usize>().to_string()
}

fn count(row: &Row, wanted: impl Fn(Kind) -> bool) -> usize {
    row.calls.iter().filter(|call| wanted(call.kind)).count()
}

fn chain(row: &Row) -> usize {
    longest_chain(row.calls.iter().filter(|call| call.kind != Kind::Signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(request: Step, kinds: &[Kind]) -> Row {
        let calls = kinds.iter().map(|&kind| Call::instant("Get", &["orders"], kind)).collect();
        Row { request, calls }
    }

    #[test]
    fn an_order_is_the_sum_of_its_requests_without_the_account() {
        let order = vec![
            row(Step::NewOrder, &[Kind::Read, Kind::Write]),
            row(Step::Finalize, &[Kind::Read, Kind::Write, Kind::Signature, Kind::Write]),
        ];
        let first = [vec![row(Step::NewAccount, &[Kind::Read])], order.clone()].concat();
        let rows = Rows { first, later: order };
        let table = Table { stepless: rows.clone(), step_ca: rows };

        let text = table.text();

        assert!(text.contains("| newAccount | 1 | 1 | - | - | 0 | 1 | 0 | 1 |"), "{text}");
        assert!(text.contains("| finalize | 3 | 3 | 3 | 3 | 1 | 1 | 2 | 3 |"), "{text}");
        assert!(text.contains("| **the order** | 5 | 5 | 5 | 5 | 1 | 2 | 3 | 5 |"), "{text}");
    }
}
