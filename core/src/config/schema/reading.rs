//! The pass over a document as written: types, spelling, unknown keys.

use super::super::provisioner::all_kinds;
use crate::x509::ProvisionerKind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::duration::GoDuration;
use super::super::error::{ConfigError, ConfigWarning};
use super::super::node::Node;
use super::super::path::{Excerpt, JsonPath};
use super::{CA, Field, Shape, provisioner_fields};
use crate::secret::SecretBytes;

/// Turns a document as written into one in which every member is known, rightly spelt and of its type.
pub(in super::super) fn read(document: Node) -> Result<(Node, Vec<ConfigWarning>), ConfigError> {
    let mut reading = Reading::default();
    let document = reading.value(document, &Shape::Object(CA), &JsonPath::root())?;
    if reading.unlisted > 0 {
        reading.warnings.push(ConfigWarning::MoreUnknownKeys { count: reading.unlisted });
    }
    Ok((document, reading.warnings))
}

#[derive(Default)]
struct Reading {
    warnings: Vec<ConfigWarning>,
    unknown: usize,
    unlisted: usize,
}

impl Reading {
    fn value(&mut self, node: Node, shape: &Shape, path: &JsonPath) -> Result<Node, ConfigError> {
        match (shape, node) {
            (Shape::Secret, Node::Text(text)) => Ok(Node::Secret(SecretBytes::new(text.into_bytes()))),
            (Shape::Word(words), Node::Text(text))
                if words.iter().any(|word| word.eq_ignore_ascii_case(&text)) =>
            {
                Ok(Node::Text(text))
            }
            (Shape::Duration, Node::Text(text)) => match text.parse::<GoDuration>() {
                Ok(duration) => Ok(Node::Text(duration.to_string())),
                Err(_) => Err(wrong(&Node::Text(text), shape, path)),
            },
            (Shape::Base64, Node::Text(text)) if STANDARD.decode(&text).is_ok() => Ok(Node::Text(text)),
            (Shape::Text | Shape::TextOrTexts, node @ Node::Text(_))
            | (Shape::Flag, node @ Node::Bool(_))
            | (Shape::Decimal, node @ Node::Number(_))
            | (Shape::Free, node @ Node::Object(_)) => Ok(node),
            (Shape::Count, Node::Number(number)) if number.is_i64() || number.is_u64() => {
                Ok(Node::Number(number))
            }
            (Shape::List(element), Node::Array(nodes)) => self.list(nodes, element, path),
            (Shape::TextOrTexts, Node::Array(nodes)) => self.list(nodes, &Shape::Text, path),
            (Shape::Object(fields), Node::Object(members)) => self.object(members, fields, path),
            (Shape::Named(shape), Node::Object(members)) => self.named(members, shape, path),
            (Shape::PublicJwk, Node::Object(members)) => public_jwk(members, path),
            (Shape::Provisioner, Node::Object(members)) => self.provisioner(members, path),
            (shape, node) => Err(wrong(&node, shape, path)),
        }
    }

    fn list(&mut self, nodes: Vec<Node>, element: &Shape, path: &JsonPath) -> Result<Node, ConfigError> {
        nodes
            .into_iter()
            .enumerate()
            .map(|(index, node)| self.value(node, element, &path.index(index)))
            .collect::<Result<_, _>>()
            .map(Node::Array)
    }

    fn object(
        &mut self,
        members: Vec<(String, Node)>,
        fields: &'static [Field],
        path: &JsonPath,
    ) -> Result<Node, ConfigError> {
        let mut found: Vec<(String, &'static Field, Node)> = Vec::new();
        for (written, node) in members {
            let place = path.member(&written);
            let Some(field) = fields.iter().find(|field| is_same_key(field.name, &written)) else {
                self.unknown(place, &written, fields);
                continue;
            };
            if let Some((other, ..)) = found.iter().find(|(_, known, _)| known.name == field.name) {
                return Err(ConfigError::DuplicateSpelling {
                    path: place,
                    other: Excerpt(other).to_string(),
                    right: field.name,
                });
            }
            if written != field.name {
                self.warnings.push(ConfigWarning::Spelling { path: place.clone(), right: field.name });
            }
            let node =
                if matches!(node, Node::Null) { node } else { self.value(node, &field.shape, &place)? };
            found.push((written, field, node));
        }
        let members = found
            .into_iter()
            .filter(|(.., node)| !matches!(node, Node::Null))
            .map(|(_, field, node)| (field.name.to_owned(), node));
        Ok(Node::Object(members.collect()))
    }

    fn named(
        &mut self,
        members: Vec<(String, Node)>,
        shape: &Shape,
        path: &JsonPath,
    ) -> Result<Node, ConfigError> {
        members
            .into_iter()
            .filter(|(_, node)| !matches!(node, Node::Null))
            .map(|(name, node)| {
                let place = path.member(&name);
                Ok((name, self.value(node, shape, &place)?))
            })
            .collect::<Result<_, _>>()
            .map(Node::Object)
    }

    fn provisioner(&mut self, members: Vec<(String, Node)>, path: &JsonPath) -> Result<Node, ConfigError> {
        let place = path.member("type");
        let written = members.iter().find(|(name, _)| is_same_key("type", name)).map(|(_, node)| node);
        match written {
            Some(Node::Text(text)) if !text.is_empty() => match ProvisionerKind::from_name(text) {
                Some(kind) => self.object(members, provisioner_fields(kind), path),
                None => {
                    let found = Excerpt(text).to_string();
                    self.warnings.push(ConfigWarning::UnknownProvisionerType { path: place, found });
                    Ok(Node::Null)
                }
            },
            Some(other) if !other.is_empty() => Err(wrong(other, &Shape::Text, &place)),
            _ => Err(ConfigError::Missing { path: place, allowed: all_kinds() }),
        }
    }

    fn unknown(&mut self, path: JsonPath, written: &str, fields: &'static [Field]) {
        if self.unknown == MAX_LISTED_UNKNOWN_KEYS {
            self.unlisted += 1;
            return;
        }
        self.unknown += 1;
        let meant = fields.iter().map(|field| field.name).find(|name| is_like(name, written));
        self.warnings.push(ConfigWarning::UnknownKey { path, meant });
    }
}

/// Keeps the public members. Others, such as `key_ops`, say nothing here, and step drops them as well; but a private
/// key must never get into the list that `/provisioners` publishes.
fn public_jwk(members: Vec<(String, Node)>, path: &JsonPath) -> Result<Node, ConfigError> {
    let mut public = Vec::new();
    for (name, node) in members {
        let place = path.member(&name);
        if PRIVATE_JWK_MEMBERS.contains(&name.as_str()) {
            return Err(ConfigError::Value {
                path: place,
                found: "a part of a private or symmetric key".to_owned(),
                allowed: "a public key only, for everyone can read it at /provisioners".to_owned(),
            });
        }
        if let Some(field) = super::JWK.iter().find(|field| field.name == name) {
            let is_right = match field.shape {
                Shape::List(_) => {
                    matches!(&node, Node::Array(all) if all.iter().all(|one| matches!(one, Node::Text(_))))
                }
                _ => matches!(node, Node::Text(_)),
            };
            if !is_right {
                return Err(wrong(&node, &field.shape, &place));
            }
            public.push((name, node));
        }
    }
    if !public.iter().any(|(name, _)| name == "kty") {
        return Err(ConfigError::Missing { path: path.member("kty"), allowed: "the key type".to_owned() });
    }
    Ok(Node::Object(public))
}

/// Whether Go's `encoding/json` takes `written` for the key `name`: upper and lower case are one, and so are the two
/// letters beyond ASCII that fold to an ASCII letter.
fn is_same_key(name: &str, written: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(fold).eq(written.chars().map(fold))
}

/// Whether `written` is probably a slip of the pen for `name`.
fn is_like(name: &str, written: &str) -> bool {
    let (name, written) = (name.to_ascii_lowercase(), written.to_ascii_lowercase());
    let allowed = if name.len() < 5 { 1 } else { 2 };
    written.is_ascii()
        && name.len().abs_diff(written.len()) <= allowed
        && edits(name.as_bytes(), written.as_bytes()) <= allowed
}

/// How many letters must be put in, left out or changed to turn one word into the other.
fn edits(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, a) in from.iter().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (b, above) in to.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(a != b)).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

fn wrong(found: &Node, shape: &Shape, path: &JsonPath) -> ConfigError {
    let found = match (shape, found) {
        (Shape::Secret, node) => node.type_name().to_owned(),
        (_, Node::Text(text)) => format!("the string {}", Excerpt(text)),
        (_, Node::Bool(value)) => value.to_string(),
        (_, Node::Number(number)) => format!("the number {number}"),
        (_, node) => node.type_name().to_owned(),
    };
    ConfigError::Value { path: path.clone(), found, allowed: shape.allowed() }
}

impl Shape {
    /// What may stand there, for a message.
    fn allowed(&self) -> String {
        match self {
            Self::Text | Self::Secret => "a string".to_owned(),
            Self::Word(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::Flag => "true or false".to_owned(),
            Self::Count => "a whole number".to_owned(),
            Self::Decimal => "a number".to_owned(),
            Self::Duration => {
                "a duration such as \"24h\" or \"1h30m\" (units ns, us, ms, s, m, h)".to_owned()
            }
            Self::Base64 => "a string in standard base64".to_owned(),
            Self::List(element) => format!("an array, each element {}", element.allowed()),
            Self::TextOrTexts => "a string or an array of strings".to_owned(),
            Self::Object(_) | Self::Free | Self::Provisioner => "an object".to_owned(),
            Self::Named(shape) => format!("an object, each member {}", shape.allowed()),
            Self::PublicJwk => "an object: a public key as a JWK".to_owned(),
        }
    }
}

const PRIVATE_JWK_MEMBERS: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// So that a file of another kind does not fill the log.
const MAX_LISTED_UNKNOWN_KEYS: usize = 50;
