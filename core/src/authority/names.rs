//! Step 6, names: what a token allows against what a certificate request asks for.

use std::collections::BTreeSet;

use super::Refusal;
use crate::provisioner::AuthorizedToken;
use crate::x509::{CertificateRequest, SubjectAltName, SubjectAltNames};

/// The names of a token: its subject, and its `sans`, or its subject in their place.
pub(super) struct TokenNames {
    subject: String,
    texts: Vec<String>,
    sans: SubjectAltNames,
}

impl TokenNames {
    /// The names of `token`, each of the kind that it reads as.
    pub(super) fn new(token: &AuthorizedToken) -> Result<Self, Refusal> {
        let subject = token.subject().to_owned();
        let texts = match token.claims().sans() {
            Some(sans) if !sans.is_empty() => sans.into_iter().map(str::to_owned).collect(),
            _ => vec![subject.clone()],
        };
        let names = texts.iter().map(|text| SubjectAltName::classify(text)).collect::<Result<_, _>>();
        let sans = SubjectAltNames { names: names.map_err(Refusal::Name)?, others: Vec::new() };
        Ok(Self { subject, texts, sans })
    }

    /// The names as they are certified.
    pub(super) fn sans(&self) -> &SubjectAltNames {
        &self.sans
    }

    /// The names as records keep them.
    pub(super) fn as_text(&self) -> Vec<String> {
        names_as_text(&self.sans)
    }

    /// Whether a request asks for nothing else: its common name, if any, is one of the token's names, and its names of
    /// each kind, if any, are exactly the token's.
    pub(super) fn check(&self, csr: &CertificateRequest) -> Result<(), Refusal> {
        if let Some(found) = csr.common_name() {
            let allowed = || std::iter::once(&self.subject).chain(&self.texts);
            if !allowed().any(|name| name == found) {
                let allowed = allowed().cloned().collect();
                return Err(Refusal::CommonName { found: found.to_owned(), allowed });
            }
        }
        for (kind, label) in [
            (Kind::Dns, "DNS names"),
            (Kind::Email, "email addresses"),
            (Kind::Ip, "IP addresses"),
            (Kind::Uri, "URIs"),
        ] {
            let found = kind.texts(csr.sans());
            let allowed = kind.texts(&self.sans);
            if !found.is_empty() && found != allowed {
                let list = |names: BTreeSet<String>| names.into_iter().collect();
                return Err(Refusal::Names { kind: label, found: list(found), allowed: list(allowed) });
            }
        }
        Ok(())
    }
}

/// Names as records keep them.
pub(super) fn names_as_text(sans: &SubjectAltNames) -> Vec<String> {
    sans.names.iter().map(ToString::to_string).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Dns,
    Email,
    Ip,
    Uri,
}

impl Kind {
    fn of(name: &SubjectAltName) -> Self {
        match name {
            SubjectAltName::Dns(_) => Self::Dns,
            SubjectAltName::Email(_) => Self::Email,
            SubjectAltName::Ip(_) => Self::Ip,
            SubjectAltName::Uri(_) => Self::Uri,
        }
    }

    fn texts(self, sans: &SubjectAltNames) -> BTreeSet<String> {
        sans.names.iter().filter(|name| Self::of(name) == self).map(ToString::to_string).collect()
    }
}
