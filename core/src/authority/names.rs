//! Step 6, names: what a token allows against what a certificate request asks for.

use std::collections::BTreeSet;

use super::Refusal;
use crate::provisioner::AuthorizedToken;
use crate::x509::{
    CertificateRequest, DistinguishedName, MAX_NAMES, SanError, SubjectAltName, SubjectAltNames,
};

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
        let sans = classify(&texts)?;
        Ok(Self { subject, texts, sans })
    }

    /// The names as they are certified.
    pub(super) fn sans(&self) -> &SubjectAltNames {
        &self.sans
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
        for (kind, plural) in KINDS {
            let found = of_kind(csr.sans(), kind);
            let allowed = of_kind(&self.sans, kind);
            if !found.is_empty() && found != allowed {
                let list = |names: BTreeSet<&SubjectAltName>| names.iter().map(ToString::to_string).collect();
                return Err(Refusal::Names { kind: plural, found: list(found), allowed: list(allowed) });
            }
        }
        Ok(())
    }
}

/// Names that come without their kinds, if they fit into one certificate.
pub(super) fn classify(texts: &[String]) -> Result<SubjectAltNames, Refusal> {
    if texts.len() > MAX_NAMES {
        return Err(Refusal::Name(SanError::TooMany));
    }
    let names = texts.iter().map(|text| SubjectAltName::classify(text)).collect::<Result<Vec<_>, _>>();
    names.map(SubjectAltNames::from).map_err(Refusal::Name)
}

/// The names of a certificate as records keep them.
pub(super) fn recorded(subject: &DistinguishedName, sans: &SubjectAltNames) -> Vec<String> {
    match sans.names.as_slice() {
        [] => subject.common_name().map(str::to_owned).into_iter().collect(),
        names => names.iter().map(ToString::to_string).collect(),
    }
}

/// The kinds of names as [`SubjectAltName::kind`] tells them, and their plurals.
const KINDS: [(&str, &str); 4] =
    [("dns", "DNS names"), ("email", "email addresses"), ("ip", "IP addresses"), ("uri", "URIs")];

fn of_kind<'a>(sans: &'a SubjectAltNames, kind: &str) -> BTreeSet<&'a SubjectAltName> {
    sans.names.iter().filter(|name| name.kind() == kind).collect()
}
