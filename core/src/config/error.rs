//! What can be wrong with a configuration, always with the place in it.

use super::claims::ClaimsError;
use super::path::JsonPath;

/// Why a configuration is not used at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not JSON, or nested deeper than a configuration can be.
    #[error("the configuration is not valid JSON (line {line}, column {column})")]
    Syntax {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1.
        column: usize,
        /// What the JSON parser says.
        #[source]
        source: serde_json::Error,
    },
    /// One object has a member twice, so that two readers could see two configurations.
    #[error("{path} is there twice; keep one")]
    Duplicate {
        /// The member.
        path: JsonPath,
    },
    /// Two members differ only by upper and lower case, which step-ca reads as one.
    #[error("{path} and {other} are the same key; keep {right}")]
    DuplicateSpelling {
        /// The second of them.
        path: JsonPath,
        /// The first of them, as written.
        other: String,
        /// How the key is spelt.
        right: &'static str,
    },
    /// A value has the wrong type or is none of those allowed.
    #[error("{path}: found {found}, allowed is {allowed}")]
    Value {
        /// Where.
        path: JsonPath,
        /// What stands there, cut and escaped; of a secret only its type.
        found: String,
        /// What may stand there.
        allowed: String,
    },
    /// Something that a CA cannot start without is absent or empty.
    #[error("{path} is missing: {allowed} is required")]
    Missing {
        /// Where.
        path: JsonPath,
        /// What must stand there.
        allowed: String,
    },
    /// The authority's claims contradict each other.
    #[error("{path} cannot be used")]
    Claims {
        /// The claims object.
        path: JsonPath,
        /// Which rule they break.
        #[source]
        source: ClaimsError,
    },
    /// Two provisioners could not be told apart.
    #[error("{path} and {first} have the same {what}")]
    NotUnique {
        /// The later provisioner.
        path: JsonPath,
        /// The earlier provisioner.
        first: JsonPath,
        /// What they share: their name or the id in their tokens.
        what: &'static str,
    },
    /// The file asks for something that this version cannot do and may not leave out.
    #[error("{path}: {reason}")]
    NotBuilt {
        /// What asks for it.
        path: JsonPath,
        /// Why starting without it would be wrong.
        reason: String,
    },
    /// In strict mode, the first thing that would otherwise be a warning about the text itself.
    #[error("refused in strict mode: {0}")]
    Strict(ConfigWarning),
}

/// What an operator should know about a configuration that is used nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// A key that neither step-ca nor this program reads.
    #[error("{path} is not a known key and has no effect{}", hint(*.meant))]
    UnknownKey {
        /// Where.
        path: JsonPath,
        /// The known key that it resembles.
        meant: Option<&'static str>,
    },
    /// A key in other upper and lower case than its own; it is read as step-ca reads it.
    #[error("{path} is read as {right}, which is its right spelling")]
    Spelling {
        /// Where.
        path: JsonPath,
        /// The right spelling.
        right: &'static str,
    },
    /// A provisioner type that is not known; it is skipped, as step-ca does.
    #[error("{path}: {found} is not a known provisioner type, so this provisioner is not there")]
    UnknownProvisionerType {
        /// Where.
        path: JsonPath,
        /// The type as written.
        found: String,
    },
    /// A section that has no effect in this version, where that is harmless.
    #[error("{path} has no effect: {reason}")]
    NoEffect {
        /// Where.
        path: JsonPath,
        /// Why, and why it is harmless.
        reason: String,
    },
    /// A provisioner that is listed but refuses service.
    #[error("provisioner {name} refuses service: {path}: {reason}")]
    ProvisionerRefused {
        /// The provisioner, quoted.
        name: String,
        /// What in its configuration is the reason.
        path: JsonPath,
        /// Why.
        reason: String,
    },
    /// An ACME provisioner that fails its clients on purpose.
    #[error("provisioner {name} is hostile to its clients, for tests of clients: {path} asks for that")]
    HostileToClients {
        /// The provisioner, quoted.
        name: String,
        /// What asks for it.
        path: JsonPath,
    },
    /// More unknown keys than a log should list.
    #[error("{count} more keys are not known and have no effect")]
    MoreUnknownKeys {
        /// How many are not listed.
        count: usize,
    },
}

impl ConfigWarning {
    /// Whether the text itself is doubtful (strict mode refuses that), rather than asking for something not built.
    pub fn is_doubt_about_the_text(&self) -> bool {
        match self {
            Self::UnknownKey { .. }
            | Self::Spelling { .. }
            | Self::UnknownProvisionerType { .. }
            | Self::MoreUnknownKeys { .. } => true,
            Self::NoEffect { .. } | Self::ProvisionerRefused { .. } | Self::HostileToClients { .. } => false,
        }
    }
}

fn hint(meant: Option<&str>) -> String {
    meant.map(|right| format!("; did you mean {right}?")).unwrap_or_default()
}
