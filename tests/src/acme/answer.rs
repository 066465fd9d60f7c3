//! An answer of an ACME server, and what a test asks of it.

use serde_json::Value;

use crate::Response;

/// Status, headers and body, as they came.
#[derive(Clone, Debug)]
pub struct Answer(pub Response);

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    /// Every header of that (lower-case) name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.0.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        self.0.json().unwrap_or_default()
    }

    /// A member of the JSON body as text; empty if it is none.
    pub fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_default().to_owned()
    }

    /// The `Location`.
    #[track_caller]
    pub fn location(&self) -> String {
        self.header("location").unwrap_or_else(|| panic!("no Location: {self}")).to_owned()
    }

    /// The `Replay-Nonce`.
    #[track_caller]
    pub fn nonce(&self) -> String {
        self.header("replay-nonce").unwrap_or_else(|| panic!("no Replay-Nonce: {self}")).to_owned()
    }

    /// The targets of the `Link` headers with that relation.
    pub fn links(&self, relation: &str) -> Vec<String> {
        self.headers("link")
            .into_iter()
            .flat_map(|header| header.split(','))
            .filter_map(|link| {
                let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
                let wanted = format!("rel={relation}");
                parameters.split(';').any(|one| one.trim().replace('"', "") == wanted).then(|| target.into())
            })
            .collect()
    }

    /// What kind of problem it is: the last part of the problem document's type; empty if it is no problem.
    pub fn problem(&self) -> String {
        problem_of(&self.json())
    }

    /// The answer has this status.
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status(), status, "{self}");
        self
    }
}

/// What kind of problem a problem document, or a part of one, describes; empty if it is none.
pub fn problem_of(document: &Value) -> String {
    let kind = document["type"].as_str().unwrap_or_default();
    kind.strip_prefix(ACME_ERROR).unwrap_or_default().to_owned()
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.0.status)?;
        for (name, value) in &self.0.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.0.body))
    }
}

/// What stands before every type of the registry ([RFC 8555 §6.7](https://www.rfc-editor.org/rfc/rfc8555#section-6.7)).
pub const ACME_ERROR: &str = "urn:ietf:params:acme:error:";
