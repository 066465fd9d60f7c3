//! Medians of the rounds, ratios of the servers, as a table and as JSON.

use std::fmt::{self, Write};
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::error::BenchError;
use crate::load::{Extent, Level};
use crate::process::{Kind, Program, StartTimes};

/// What is measured, in words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// What one client gets again and again.
    pub(crate) one: &'static str,
    /// The same, many of them.
    pub(crate) many: &'static str,
    /// How it is asked for.
    pub(crate) how: &'static str,
}

/// One server's measurements between one start and one end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Round {
    pub(crate) server: Kind,
    #[serde(flatten)]
    pub(crate) start: StartTimes,
    #[serde(rename = "resident_at_start_kib")]
    pub(crate) resident_at_start: u64,
    #[serde(rename = "peak_kib")]
    pub(crate) peak: u64,
    pub(crate) levels: Vec<Level>,
}

impl Round {
    /// The round in a few lines.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!(
            "  first answer {:.0} ms, first certificate {:.0} ms, memory {:.0} MiB at start, {:.0} MiB at most\n",
            self.start.first_answer_ms,
            self.start.first_certificate_ms,
            mebibytes(self.resident_at_start),
            mebibytes(self.peak),
        );
        for level in &self.levels {
            let _ = writeln!(
                text,
                "  {:>3} at a time: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, server CPU {:.3} ms, generator CPU {:.3} ms",
                level.connections,
                level.certificates_per_second,
                level.p50_ms,
                level.p99_ms,
                level.server_cpu_ms_per_certificate,
                level.generator_cpu_ms_per_certificate,
            );
        }
        text
    }
}

/// All rounds of a run, and under which circumstances.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    measurement: String,
    rounds_each: u32,
    servers: Vec<Server>,
    #[serde(skip)]
    subject: Subject,
    /// Every figure's median over a server's rounds.
    medians: Vec<Figure>,
    rounds: Vec<Round>,
}

#[derive(Debug, Serialize)]
struct Server {
    name: Kind,
    version: String,
}

/// The machine of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    processors: usize,
    processor: String,
    kernel: String,
    /// Processes that wanted to run in the minute before: far above zero, times and rates say little but in ratios.
    load_before: String,
}

/// One row of the table.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<usize>,
    name: String,
    #[serde(rename = "step-ca", skip_serializing_if = "Option::is_none")]
    step_ca: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stepless: Option<f64>,
    /// Of stepless to step-ca.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

impl Report {
    pub(crate) fn new(
        subject: Subject,
        programs: &[Program],
        extent: Extent,
        rounds: u32,
    ) -> Result<Self, BenchError> {
        let servers = programs
            .iter()
            .map(|program| Ok(Server { name: program.kind, version: program.version()? }))
            .collect::<Result<_, BenchError>>()?;
        Ok(Self {
            machine: Machine::look(),
            measurement: match extent {
                Extent::Time(time) => format!("{} s", time.as_secs_f64()),
                Extent::Requests(requests) => format!("{requests} {}", subject.many),
            },
            rounds_each: rounds,
            servers,
            subject,
            medians: Vec::new(),
            rounds: Vec::new(),
        })
    }

    pub(crate) fn add(&mut self, round: Round) {
        self.rounds.push(round);
        self.medians = figures(self.subject, &self.rounds);
    }

    /// The medians, for people.
    pub(crate) fn table(&self) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "\n{machine}\nMedian of {} rounds, {} each measurement; {}, HTTP/1.1 over TLS 1.3\n",
            self.rounds_each, self.measurement, self.subject.how,
        );
        for server in &self.servers {
            let _ = writeln!(text, "{}: {}", server.name, server.version);
        }
        let _ = writeln!(text, "\n{:<34}{:>12}{:>12}{:>22}", "", "step-ca", "stepless", "stepless / step-ca");
        let mut connections = None;
        for figure in &self.medians {
            if figure.connections != connections {
                connections = figure.connections;
                let _ = match connections {
                    Some(1) => writeln!(text, "1 connection"),
                    Some(number) => writeln!(text, "{number} connections"),
                    None => writeln!(text, "the process"),
                };
            }
            let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), digits);
            let ratio = figure.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
            let _ = writeln!(
                text,
                "  {:<32}{:>12}{:>12}{:>22}",
                figure.name,
                cell(figure.step_ca),
                cell(figure.stepless),
                ratio
            );
        }
        text
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), BenchError> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|source| BenchError::Json { what: "the report", source })?;
        fs::write(path, json + "\n").map_err(BenchError::file(path))
    }
}

impl Machine {
    pub(crate) fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            processor: model.map_or("processor", |(_, name)| name.trim()).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: read("/proc/loadavg").split_whitespace().next().unwrap_or("?").to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processors, processor, kernel, load_before } = self;
        write!(f, "{processors} x {processor}, Linux {kernel}, load before {load_before}")
    }
}

type OfLevel = fn(&Level) -> f64;
type OfRound = fn(&Round) -> f64;

fn level_figures(subject: Subject) -> [(String, OfLevel); 5] {
    let Subject { one, many, .. } = subject;
    [
        (format!("{many} / s"), |level| level.certificates_per_second),
        ("p50 ms".to_owned(), |level| level.p50_ms),
        ("p99 ms".to_owned(), |level| level.p99_ms),
        (format!("server CPU ms / {one}"), |level| level.server_cpu_ms_per_certificate),
        (format!("generator CPU ms / {one}"), |level| level.generator_cpu_ms_per_certificate),
    ]
}

const ROUND_FIGURES: [(&str, OfRound); 4] = [
    ("start to first answer ms", |round| round.start.first_answer_ms),
    ("start to first certificate ms", |round| round.start.first_certificate_ms),
    ("memory at start MiB", |round| mebibytes(round.resident_at_start)),
    ("peak memory MiB", |round| mebibytes(round.peak)),
];

fn figures(subject: Subject, rounds: &[Round]) -> Vec<Figure> {
    let levels: Vec<_> = rounds.first().map(|round| &round.levels).into_iter().flatten().collect();
    let mut figures = Vec::new();
    for level in levels {
        let connections = level.connections;
        for (name, of_level) in level_figures(subject) {
            figures.push(Figure::new(Some(connections), name, |server| {
                rounds
                    .iter()
                    .filter(|round| round.server == server)
                    .flat_map(|round| &round.levels)
                    .filter(|level| level.connections == connections)
                    .map(of_level)
                    .collect()
            }));
        }
    }
    for (name, of_round) in ROUND_FIGURES {
        figures.push(Figure::new(None, name.to_owned(), |server| {
            rounds.iter().filter(|round| round.server == server).map(of_round).collect()
        }));
    }
    figures
}

impl Figure {
    fn new(connections: Option<usize>, name: String, values: impl Fn(Kind) -> Vec<f64>) -> Self {
        let (step_ca, stepless) = (median(values(Kind::StepCa)), median(values(Kind::Stepless)));
        let ratio = stepless.zip(step_ca).map(|(ours, theirs)| ours / theirs);
        Self { connections, name, step_ca, stepless, ratio }
    }
}

/// The middle one, or between the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

pub(crate) fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

/// Three or four digits that say something.
fn digits(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    #[test]
    fn medians_are_taken_per_server_and_the_ratio_is_ours_to_theirs() {
        let round = |server, first_answer_ms| Round {
            server,
            start: StartTimes { first_answer_ms, first_certificate_ms: 1.0 },
            resident_at_start: 1024,
            peak: 2048,
            levels: Vec::new(),
        };

        let subject = Subject { one: "certificate", many: "certificates", how: "by a test" };
        let figures = figures(
            subject,
            &[
                round(Kind::StepCa, 80.0),
                round(Kind::Stepless, 10.0),
                round(Kind::StepCa, 90.0),
                round(Kind::Stepless, 20.0),
                round(Kind::StepCa, 100.0),
                round(Kind::Stepless, 30.0),
            ],
        );

        let first = &figures[0];
        assert_eq!((first.step_ca, first.stepless), (Some(90.0), Some(20.0)));
        assert_eq!(first.ratio, Some(20.0 / 90.0));
    }
}
