//! Reading a checked document: one look at one place, which knows its path.

use std::ops::RangeInclusive;

use super::claims::{ClaimOverrides, LifetimeOverrides};
use super::duration::GoDuration;
use super::error::ConfigError;
use super::node::Node;
use super::path::{Excerpt, JsonPath};
use crate::secret::SecretBytes;

/// A place in a document that follows the schema. What is absent and what is empty look alike, as they do to Go.
#[derive(Clone)]
pub(super) struct View<'a> {
    node: Option<&'a Node>,
    path: JsonPath,
}

impl<'a> View<'a> {
    pub(super) fn new(node: &'a Node, path: JsonPath) -> Self {
        Self { node: Some(node), path }
    }

    pub(super) fn at(&self, name: &str) -> Self {
        Self { node: self.node.and_then(|node| node.get(name)), path: self.path.member(name) }
    }

    pub(super) fn path(&self) -> &JsonPath {
        &self.path
    }

    pub(super) fn node(&self) -> Option<&'a Node> {
        self.node
    }

    pub(super) fn is_present(&self) -> bool {
        self.node.is_some()
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match self.node {
            Some(Node::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A word that may be written in any case, in lower case; empty when absent.
    pub(super) fn word(&self) -> String {
        self.text().unwrap_or_default().to_ascii_lowercase()
    }

    pub(super) fn owned_text(&self) -> String {
        self.text().unwrap_or_default().to_owned()
    }

    pub(super) fn required_text(&self, allowed: &str) -> Result<&'a str, ConfigError> {
        self.text().ok_or_else(|| self.missing(allowed))
    }

    pub(super) fn secret(&self) -> Option<SecretBytes> {
        match self.node {
            Some(Node::Secret(secret)) if !secret.expose().is_empty() => Some(secret.clone()),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> bool {
        self.optional_flag().unwrap_or_default()
    }

    pub(super) fn optional_flag(&self) -> Option<bool> {
        match self.node {
            Some(Node::Bool(set)) => Some(*set),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self.node {
            Some(Node::Number(number)) => number.as_f64(),
            _ => None,
        }
    }

    pub(super) fn duration(&self) -> Option<GoDuration> {
        self.text().and_then(|text| text.parse().ok())
    }

    /// The duration, if there is one, which then lies in this range.
    pub(super) fn duration_within(
        &self,
        range: RangeInclusive<GoDuration>,
    ) -> Result<Option<GoDuration>, ConfigError> {
        match self.duration() {
            Some(found) if !range.contains(&found) => {
                Err(self.wrong(format!("a duration from {} to {}", range.start(), range.end())))
            }
            found => Ok(found),
        }
    }

    /// The whole number, if there is one, which then lies in this range.
    pub(super) fn whole_within(&self, range: RangeInclusive<u32>) -> Result<Option<u32>, ConfigError> {
        let Some(Node::Number(number)) = self.node else {
            return Ok(None);
        };
        let found = number.as_u64().and_then(|number| u32::try_from(number).ok());
        match found.filter(|found| range.contains(found)) {
            None => Err(self.wrong(format!("a whole number from {} to {}", range.start(), range.end()))),
            found => Ok(found),
        }
    }

    /// The members of an object, in its order.
    pub(super) fn members(&self) -> Vec<(&'a str, Self)> {
        match self.node {
            Some(Node::Object(members)) => members
                .iter()
                .map(|(name, node)| (name.as_str(), Self { node: Some(node), path: self.path.member(name) }))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The elements of an array; a lone text counts as an array of one.
    pub(super) fn elements(&self) -> Vec<Self> {
        match self.node {
            Some(Node::Array(nodes)) => nodes
                .iter()
                .enumerate()
                .map(|(index, node)| Self { node: Some(node), path: self.path.index(index) })
                .collect(),
            Some(Node::Text(_)) => vec![self.clone()],
            _ => Vec::new(),
        }
    }

    /// The texts of an array, none of them empty.
    pub(super) fn texts(&self, allowed: &str) -> Result<Vec<&'a str>, ConfigError> {
        self.elements().iter().map(|element| element.required_text(allowed)).collect()
    }

    pub(super) fn claims(&self) -> ClaimOverrides {
        let lifetimes = |kind: &str| LifetimeOverrides {
            min: self.at(&format!("min{kind}CertDuration")).duration(),
            default: self.at(&format!("default{kind}CertDuration")).duration(),
            max: self.at(&format!("max{kind}CertDuration")).duration(),
        };
        ClaimOverrides {
            tls: lifetimes("TLS"),
            user_ssh: lifetimes("UserSSH"),
            host_ssh: lifetimes("HostSSH"),
            enable_ssh_ca: self.at("enableSSHCA").optional_flag(),
            disable_renewal: self.at("disableRenewal").optional_flag(),
            allow_renewal_after_expiry: self.at("allowRenewalAfterExpiry").optional_flag(),
            disable_smallstep_extensions: self.at("disableSmallstepExtensions").optional_flag(),
        }
    }

    pub(super) fn missing(&self, allowed: &str) -> ConfigError {
        ConfigError::Missing { path: self.path.clone(), allowed: allowed.to_owned() }
    }

    /// This place holds a value of the right type that is not among those allowed.
    pub(super) fn wrong(&self, allowed: impl Into<String>) -> ConfigError {
        let found = match self.node {
            Some(Node::Text(text)) => format!("the string {}", Excerpt(text)),
            Some(Node::Number(number)) => format!("the number {number}"),
            Some(Node::Bool(set)) => set.to_string(),
            Some(other) => other.type_name().to_owned(),
            None => "nothing".to_owned(),
        };
        ConfigError::Value { path: self.path.clone(), found, allowed: allowed.into() }
    }
}
