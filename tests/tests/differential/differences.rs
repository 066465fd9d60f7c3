//! `docs/differences.md`, read as the list of differences that are wanted.

use std::{collections::BTreeSet, fs, path::Path};

use crate::compare::Difference;

/// The rows of the file.
pub(crate) struct Documented {
    rows: Vec<Row>,
}

/// One wanted difference: which cases show it, and in what they may differ.
struct Row {
    id: String,
    aspects: BTreeSet<String>,
    cases: Cases,
}

enum Cases {
    /// These.
    Named(BTreeSet<String>),
    /// Whichever case has an answer.
    Every,
}

impl Documented {
    /// Reads the file of this repository.
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/differences.md");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for line in text.lines().filter(|line| line.starts_with("| D-")) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [id, _, _, _, aspects, cases] = cells[..] else { panic!("a row has six cells: {line}") };
            assert!(rows.iter().all(|row| row.id != id), "two rows are {id}");
            rows.push(Row {
                id: id.into(),
                aspects: quoted(aspects).map(Into::into).collect(),
                cases: match cases {
                    EVERY_CASE => Cases::Every,
                    cases => Cases::Named(quoted(cases).map(Into::into).collect()),
                },
            });
        }
        Self { rows }
    }

    /// What is wrong: a difference without a row, a row without its difference, a row for no case.
    pub(crate) fn judge(&self, found: &[Difference], names: &[&str]) -> Vec<String> {
        let mut complaints: Vec<String> = found
            .iter()
            .filter(|difference| !self.rows.iter().any(|row| row.covers(difference)))
            .map(ToString::to_string)
            .collect();
        for row in &self.rows {
            let cases = match &row.cases {
                Cases::Named(cases) => cases,
                Cases::Every => {
                    if !found.iter().any(|difference| row.covers(difference)) {
                        complaints.push(format!("nothing differs any more as {} says", row.id));
                    }
                    continue;
                }
            };
            for case in cases {
                if !names.contains(&case.as_str()) {
                    complaints.push(format!("`{case}` stands in {}, but no case has that name", row.id));
                } else if !found.iter().any(|difference| difference.case == *case && row.covers(difference)) {
                    complaints.push(format!("`{case}` no longer differs as {} says", row.id));
                }
            }
        }
        complaints
    }
}

impl Row {
    fn covers(&self, difference: &Difference) -> bool {
        let is_named = match &self.cases {
            Cases::Named(cases) => cases.contains(&difference.case),
            Cases::Every => true,
        };
        is_named && self.aspects.contains(&difference.aspect)
    }
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// What a row says instead of names when every answer shows its difference.
const EVERY_CASE: &str = "every case";

#[cfg(test)]
mod tests {
    use super::Documented;
    use crate::compare::Difference;

    const FILE: &str = "| D-001 | 200 | 400 | stricter | `status` `keys` | `a/b`, `a/c` |";

    fn difference(case: &str, aspect: &str) -> Difference {
        let aspect = aspect.into();
        Difference { case: case.into(), step: 0, aspect, reference: "x".into(), tested: "y".into() }
    }

    #[test]
    fn documented_differences_pass() {
        let found: Vec<_> = ["a/b", "a/c"]
            .iter()
            .flat_map(|case| [difference(case, "status"), difference(case, "keys")])
            .collect();
        assert_eq!(Documented::parse(FILE).judge(&found, &["a/b", "a/c"]), Vec::<String>::new());
    }

    #[test]
    fn a_difference_without_a_row_a_row_without_its_difference_and_a_row_for_no_case_fail() {
        let found = [difference("a/b", "message")];
        let complaints = Documented::parse(FILE).judge(&found, &["a/b"]);
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].starts_with("`a/b` step 0, message"));
        assert_eq!(complaints[1], "`a/b` no longer differs as D-001 says");
        assert_eq!(complaints[2], "`a/c` stands in D-001, but no case has that name");
    }

    #[test]
    fn a_row_for_every_case_covers_its_aspect_alone_and_has_to_be_seen() {
        let file = "| D-001 | none | one | safer | `headers` | every case |";
        let found = [difference("a/b", "headers"), difference("a/c", "status")];
        assert_eq!(Documented::parse(file).judge(&found, &["a/b", "a/c"]).len(), 1);
        assert_eq!(Documented::parse(file).judge(&[], &["a/b"]), ["nothing differs any more as D-001 says"]);
    }
}
