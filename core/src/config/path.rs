//! Where in a JSON document a value stands, as people write it: `authority.provisioners[0].claims`.

use std::fmt;

/// The way from the top of a JSON document to one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Index(usize),
}

impl JsonPath {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The member `name` of the object at this path.
    pub fn member(&self, name: &str) -> Self {
        self.with(Step::Member(name.to_owned()))
    }

    /// The element `index` of the array at this path.
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the document");
        }
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Member(name) if is_plain(name) => {
                    write!(f, "{}{name}", if depth == 0 { "" } else { "." })?;
                }
                // A name from the file may hold line breaks or escape sequences, and this goes to logs.
                Step::Member(name) => write!(f, "[{}]", Excerpt(name))?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    (1..=MAX_SHOWN_CHARS).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'#'))
}

/// A text of the file on its way to a message: quoted, escaped, and cut when it is long.
pub(super) struct Excerpt<'a>(pub(super) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MAX_SHOWN_CHARS) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}...", self.0.get(..end).unwrap_or_default()),
        }
    }
}

/// Longest text of the file that a message repeats: enough to recognise it, too short to flood a log line.
const MAX_SHOWN_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_people_write_it() {
        let path = JsonPath::root().member("authority").member("provisioners").index(0).member("claims");

        assert_eq!(path.to_string(), "authority.provisioners[0].claims");
        assert_eq!(JsonPath::root().to_string(), "the document");
    }

    #[test]
    fn o7_a_name_with_a_line_break_cannot_forge_a_log_line() {
        let path = JsonPath::root().member("a").member("b\nERROR \u{1b}[2J");

        assert_eq!(path.to_string(), r#"a["b\nERROR \u{1b}[2J"]"#);
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(
            JsonPath::root().member(&"é".repeat(65)).to_string(),
            format!("[\"{}\"...]", "é".repeat(64))
        );
    }
}
